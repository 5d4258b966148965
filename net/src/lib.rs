//! The inet driver, sockets, the resolver, epmd and distribution.

pub mod epmd;
