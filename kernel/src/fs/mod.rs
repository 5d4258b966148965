//! Files: the tree (an image's files in place, changes in memory above them), descriptors, pipes, events,
//! terminals, and the generated files of `/proc` and `/sys`.
//!
//! Ranks: the tree's lock, then a directory's, then a file's data, then its description. The address
//! space's lock comes before a file's data (a fault asks for a page). No lock is held while the program's
//! memory is touched.

pub mod dev;
pub mod epoll;
pub mod event;
pub mod fd;
pub mod file;
pub mod generated;
pub mod io;
pub mod node;
pub mod path;
pub mod pipe;
pub mod proc;
pub mod regular;
pub mod tree;
pub mod tty;
