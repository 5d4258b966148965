//! One file that boots: the kernel, the VM, the shared libraries it needs, and a release of Erlang/OTP.
//!
//! [`build`] makes it: [`release`] says which files belong to the release, [`tree`] gathers and packs them into
//! the kernel's file system, [`kernel`] joins that with the kernel. [`run`] starts an emulator on it. Nothing
//! here needs root, loop devices or KVM.

#![forbid(unsafe_code)]

mod beam;
mod build;
mod elf;
mod error;
mod kernel;
mod libraries;
mod release;
pub mod run;
mod tree;

pub use build::{Beam, Link, Options, Summary, build};
pub use error::Error;
pub use release::Otp;
