//! BIFs about time, timers and the schedulers.

pub mod statistics;
pub mod system;
pub mod system_flag;
pub mod system_info;
pub mod time;
pub mod timer;

use vm::bif::BifEntry;

/// The tables of the files here.
pub fn tables() -> Vec<&'static [BifEntry]> {
    vec![
        statistics::BIFS,
        system::BIFS,
        system_flag::BIFS,
        time::BIFS,
        timer::BIFS,
    ]
}
