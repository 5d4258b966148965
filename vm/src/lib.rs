//! Terms, heaps, processes, code and the interpreter: the Erlang machine without threads, clock or I/O.

pub mod numeric;
pub mod text;
