//! Workers, run queues, timers and dirty pools.
