//! Settings of the node that BIFs report or obey: how file names are encoded, what counts as printable, where
//! the warnings of `error_logger` go. The command line sets them once.

#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicU8, Ordering};

use crate::atom::{Atom, well_known};

/// How the names of files are encoded (`+fnl`, `+fnu`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameEncoding {
    /// `latin1`.
    Latin1,
    /// `utf8`.
    Utf8,
}

/// What is done about names of files that are not in the encoding (`+fnuw`, `+fnui`, `+fnue`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameWarning {
    /// `warning`: a warning is logged.
    Warning,
    /// `ignore`: they are left out.
    Ignore,
    /// `error`: it is an error.
    Error,
}

/// Which level `error_logger:warning_msg` has (`+We`, `+Wi`, `+Ww`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarningMap {
    /// `error`.
    Error,
    /// `info`.
    Info,
    /// `warning`.
    Warning,
}

static NAME_ENCODING: AtomicU8 = AtomicU8::new(1);
static NAME_WARNING: AtomicU8 = AtomicU8::new(0);
static PRINTABLE_UNICODE: AtomicU8 = AtomicU8::new(0);
static WARNING_MAP: AtomicU8 = AtomicU8::new(2);

/// How the names of files are encoded: UTF-8 unless set.
pub fn name_encoding() -> NameEncoding {
    match NAME_ENCODING.load(Ordering::Relaxed) {
        0 => NameEncoding::Latin1,
        _ => NameEncoding::Utf8,
    }
}

/// Sets how the names of files are encoded.
pub fn set_name_encoding(encoding: NameEncoding) {
    NAME_ENCODING.store(encoding as u8, Ordering::Relaxed);
}

/// The atom that says what is done about names of files that are not in the encoding.
pub fn name_warning() -> Atom {
    match NAME_WARNING.load(Ordering::Relaxed) {
        0 => crate::atom!("warning"),
        1 => crate::atom!("ignore"),
        _ => well_known::ERROR,
    }
}

/// Sets what is done about names of files that are not in the encoding.
pub fn set_name_warning(warning: NameWarning) {
    NAME_WARNING.store(warning as u8, Ordering::Relaxed);
}

/// Whether all of Unicode counts as printable (`+pc unicode`), not only Latin-1.
pub fn printable_unicode() -> bool {
    PRINTABLE_UNICODE.load(Ordering::Relaxed) == 1
}

/// Sets whether all of Unicode counts as printable.
pub fn set_printable_unicode(unicode: bool) {
    PRINTABLE_UNICODE.store(u8::from(unicode), Ordering::Relaxed);
}

/// The atom that `error_logger:warning_map/0` gives.
pub fn warning_map() -> Atom {
    match WARNING_MAP.load(Ordering::Relaxed) {
        0 => well_known::ERROR,
        1 => crate::atom!("info"),
        _ => crate::atom!("warning"),
    }
}

/// Sets the level of warnings.
pub fn set_warning_map(map: WarningMap) {
    WARNING_MAP.store(map as u8, Ordering::Relaxed);
}

/// A setting that is on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// `+ec`: every ETS table is a compressed one.
    EtsCompressed,
    /// `+spp`: a port is parallel unless its `open_port` says otherwise.
    PortParallelism,
    /// `+L`: modules are loaded without their line numbers.
    NoLines,
}

/// One bit for each [`Switch`].
static SWITCHES: AtomicU8 = AtomicU8::new(0);

/// Whether a setting is on; all are off unless set.
pub fn is_on(switch: Switch) -> bool {
    SWITCHES.load(Ordering::Relaxed) & (1 << switch as u8) != 0
}

/// Turns a setting on.
pub fn turn_on(switch: Switch) {
    SWITCHES.fetch_or(1 << switch as u8, Ordering::Relaxed);
}

/// Which OTP the node runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// `system_info(otp_release)`.
    pub otp: String,
    /// `system_info(version)`: that of the application `erts`.
    pub erts: String,
}

static RELEASE: std::sync::OnceLock<Release> = std::sync::OnceLock::new();

/// Says which OTP the node runs (once, at boot).
pub fn set_release(release: Release) {
    let _ = RELEASE.set(release);
}

/// Which OTP the node runs: 25 unless set.
pub fn release() -> &'static Release {
    RELEASE.get_or_init(|| Release {
        otp: "25".to_owned(),
        erts: "13.1.5".to_owned(),
    })
}

static ARGUMENTS: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();

/// Says with which command line the machine was started (`system_info(emu_args)`).
pub fn set_arguments(arguments: Vec<String>) {
    let _ = ARGUMENTS.set(arguments);
}

/// The machine's command line.
pub fn arguments() -> &'static [String] {
    ARGUMENTS.get_or_init(|| std::env::args().collect())
}
