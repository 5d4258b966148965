//! The Erlang machine: terms, heaps, processes, code and the interpreter, without threads, clock or I/O.
//!
//! [`term`] says what a value is, [`heap`] where it is built and collected, [`code`] what runs, [`process`]
//! who runs it, [`bif`] what is written in Rust. Unsafe code stands in `term`, `heap`, `binary`, `atom`,
//! `code`, `process` and `interp` only.

pub mod arithmetic;
pub mod atom;
pub mod bif;
pub mod binary;
pub mod code;
pub mod environment;
pub mod etf;
pub mod ets;
pub mod fatal;
pub mod heap;
pub mod interp;
pub mod map;
pub mod match_spec;
pub mod microstate;
pub mod node_name;
pub mod numeric;
pub mod process;
pub mod reference;
pub mod regex;
pub mod resource;
pub mod term;
pub mod text;
pub mod trace;
