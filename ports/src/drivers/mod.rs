//! The drivers that are linked into the stock VM.

pub mod fd;
pub mod forker;
pub mod inet;
pub mod ram_file;
pub(crate) mod reaper;
pub mod spawn;
pub mod tty;
