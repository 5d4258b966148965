//! Text at the level of bytes, knowing nothing of terms.
//!
//! [`utf8`], [`wide`] (UTF-16 and UTF-32) and [`latin1`] are the encodings; [`chunks`] joins characters that
//! are cut between binaries, for the `unicode` module; [`atom`] holds the limits of atoms; [`display`]
//! writes atoms, strings and binaries as the virtual machine itself prints them. [`search`] finds patterns in
//! binaries; [`compose`] composes characters of file names; [`packet`] and [`http`] take packets apart.
#![forbid(unsafe_code)]

pub mod atom;
pub mod chunks;
pub mod compose;
pub mod display;
pub mod http;
pub mod latin1;
pub mod packet;
pub mod search;
pub mod utf8;
pub mod wide;
