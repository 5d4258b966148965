//! System calls. [`table`] dispatches; each family has a file that begins with its rows.

pub mod errno;
pub mod file;
pub mod io;
pub mod mem;
pub mod misc;
pub mod net;
pub mod poll;
pub mod signal;
pub mod table;
pub mod thread;
pub mod time;
