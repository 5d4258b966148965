//! The port programs of OTP, in-thread.
//!
//! Each is a driver that answers byte for byte what the C program of that name answers, but for what
//! a program alone does: exit statuses are reported as a program's, and what it would print on its
//! standard error goes to this program's. `registry` says which command lines they serve.

pub mod cpu_sup;
mod df;
pub mod disksup;
pub mod heart;
pub mod inet_gethost;
mod link;
pub mod memsup;
