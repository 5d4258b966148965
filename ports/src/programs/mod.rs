//! The port programs of OTP, in-thread.
