//! The crate's island of unsafe code: calls to the C library that no safe wrapper covers.
//!
//! Each file wraps one subject into functions that are safe for any argument.

pub mod interfaces;
pub mod process;
pub mod resolver;
pub mod services;
pub mod signal;
pub mod socket;
pub mod system;
pub mod terminal;
