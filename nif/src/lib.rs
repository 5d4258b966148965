//! Native functions: the modules built in, and the table by which `erlang:load_nif/2` finds them.
//!
//! A built-in native module is a table like that of BIFs ([`vm::bifs!`]), under the name that its Erlang
//! module passes to `load_nif`.

pub mod blocking;
pub mod erl_tracer;
pub mod errno;
pub mod load;
pub mod owners;
pub mod prim_buffer;
pub mod prim_file;
pub mod prim_net;
pub mod prim_socket;
pub mod sockaddr;
pub mod zlib;

use vm::bif::BifEntry;
use vm::term::Term;

/// The tables of this crate's BIFs.
pub fn bif_tables() -> Vec<&'static [BifEntry]> {
    vec![load::BIFS]
}

/// A native module that is linked in.
pub struct NativeModule {
    /// The name that `load_nif` is called with.
    pub name: &'static str,
    /// Its functions.
    pub functions: &'static [BifEntry],
    /// Takes what `load_nif` is given for it; false where the module cannot do with that.
    pub load: fn(Term<'_>) -> bool,
}

/// For modules that take nothing.
fn load_plain(_: Term<'_>) -> bool {
    true
}

/// The native modules that are linked in.
pub static MODULES: &[NativeModule] = &[
    NativeModule {
        name: "erl_tracer",
        functions: erl_tracer::BIFS,
        load: load_plain,
    },
    NativeModule {
        name: "net",
        functions: prim_net::BIFS,
        load: load_plain,
    },
    NativeModule {
        name: "prim_buffer",
        functions: prim_buffer::BIFS,
        load: load_plain,
    },
    NativeModule {
        name: "prim_file",
        functions: prim_file::BIFS,
        load: load_plain,
    },
    NativeModule {
        name: "prim_socket",
        functions: prim_socket::BIFS,
        load: prim_socket::load,
    },
    NativeModule {
        name: "zlib",
        functions: zlib::BIFS,
        load: load_plain,
    },
];
