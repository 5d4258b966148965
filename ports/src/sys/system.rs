//! Numbers of the machine, exactly as the C library gives them, and its way to write a date.

use std::ffi::{CStr, c_int};

/// Physical pages, those available, and their size in bytes.
pub fn physical_pages() -> (u64, u64, u64) {
    (
        number(libc::_SC_PHYS_PAGES),
        number(libc::_SC_AVPHYS_PAGES),
        number(libc::_SC_PAGESIZE),
    )
}

/// Processors that are on line.
pub fn processors_online() -> u32 {
    u32::try_from(number(libc::_SC_NPROCESSORS_ONLN)).unwrap_or(1)
}

fn number(name: c_int) -> u64 {
    // SAFETY: a function of a number; an unknown one is answered by -1.
    u64::try_from(unsafe { libc::sysconf(name) }).unwrap_or(0)
}

/// Gives memory that is free back to the system.
pub fn give_back_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: a call without pointers; the allocator locks what it looks at.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// The local time as `ctime` writes it, without the line's end.
pub fn local_time() -> String {
    let mut text = [0u8; 64];
    // SAFETY: `ctime_r` wants room for 26 bytes and answers null or the terminated text within it.
    unsafe {
        let now = libc::time(std::ptr::null_mut());
        if libc::ctime_r(&raw const now, text.as_mut_ptr().cast()).is_null() {
            return String::new();
        }
    }
    CStr::from_bytes_until_nul(&text).map_or_else(
        |_| String::new(),
        |text| text.to_string_lossy().trim_end().to_owned(),
    )
}

/// Replaces this program by another. Returns only on failure.
pub fn exec(file: &CStr, args: &[&CStr]) -> std::io::Error {
    let pointers: Vec<_> = args
        .iter()
        .map(|arg| arg.as_ptr())
        .chain([std::ptr::null()])
        .collect();
    // SAFETY: the strings are terminated, and so is the array.
    unsafe {
        libc::execv(file.as_ptr(), pointers.as_ptr());
    }
    std::io::Error::last_os_error()
}
