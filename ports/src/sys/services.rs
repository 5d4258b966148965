//! The C library's table of services, in the re-entrant forms.

use std::ffi::{CStr, c_char, c_int};
use std::{mem, ptr};

unsafe extern "C" {
    fn getservbyname_r(
        name: *const c_char,
        protocol: *const c_char,
        found: *mut libc::servent,
        buffer: *mut c_char,
        len: usize,
        result: *mut *mut libc::servent,
    ) -> c_int;
    fn getservbyport_r(
        port: c_int,
        protocol: *const c_char,
        found: *mut libc::servent,
        buffer: *mut c_char,
        len: usize,
        result: *mut *mut libc::servent,
    ) -> c_int;
}

/// Room for an entry with its aliases, in bytes.
const ROOM: usize = 4096;

/// The port of a service.
pub fn by_name(name: &CStr, protocol: &CStr) -> Option<u16> {
    let mut buffer = [0; ROOM];
    let mut result = ptr::null_mut();
    // SAFETY:
    // 1. Zeros are valid for the entry, which is plain data.
    // 2. The texts are terminated, and the buffer is as long as said.
    // 3. The entry is read only if the call says that it was filled in.
    unsafe {
        let mut found: libc::servent = mem::zeroed();
        let status = getservbyname_r(
            name.as_ptr(),
            protocol.as_ptr(),
            &raw mut found,
            buffer.as_mut_ptr(),
            ROOM,
            &raw mut result,
        );
        (status == 0 && !result.is_null()).then(|| u16::from_be(found.s_port as u16))
    }
}

/// The name of the service at a port.
pub fn by_port(port: u16, protocol: &CStr) -> Option<Vec<u8>> {
    let mut buffer = [0; ROOM];
    let mut result = ptr::null_mut();
    // SAFETY: as in `by_name`; the name is terminated and stands in the buffer.
    unsafe {
        let mut found: libc::servent = mem::zeroed();
        let status = getservbyport_r(
            port.to_be().into(),
            protocol.as_ptr(),
            &raw mut found,
            buffer.as_mut_ptr(),
            ROOM,
            &raw mut result,
        );
        if status != 0 || result.is_null() {
            return None;
        }
        Some(CStr::from_ptr(found.s_name).to_bytes().to_vec())
    }
}
