//! Ports, the driver trait, the command registry and the in-thread drivers.
