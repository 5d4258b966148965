//! The C library's resolver: the very functions that OTP's `inet_gethost` calls, in their re-entrant
//! forms.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::{mem, ptr};

unsafe extern "C" {
    fn gethostbyname_r(
        name: *const c_char,
        found: *mut libc::hostent,
        buffer: *mut c_char,
        len: usize,
        result: *mut *mut libc::hostent,
        error: *mut c_int,
    ) -> c_int;
    fn gethostbyaddr_r(
        address: *const c_void,
        address_len: libc::socklen_t,
        family: c_int,
        found: *mut libc::hostent,
        buffer: *mut c_char,
        len: usize,
        result: *mut *mut libc::hostent,
        error: *mut c_int,
    ) -> c_int;
}

/// The largest answer that is waited for. Bytes.
const LARGEST_ANSWER: usize = 1 << 20;

/// `h_errno` values of `netdb.h`.
pub mod h_errno {
    /// No such host.
    pub const HOST_NOT_FOUND: i32 = 1;
    /// The server did not answer.
    pub const TRY_AGAIN: i32 = 2;
    /// The server refused.
    pub const NO_RECOVERY: i32 = 3;
    /// The name exists without an address.
    pub const NO_DATA: i32 = 4;
    /// Something else.
    pub const NETDB_INTERNAL: i32 = -1;
}

/// What is known of a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostEntry {
    /// Addresses of 4 or 16 bytes.
    pub addresses: Vec<Vec<u8>>,
    /// Its name, then its aliases.
    pub names: Vec<CString>,
}

/// The IPv4 addresses of a name. The error is an [`h_errno`].
pub fn by_name(name: &CStr) -> Result<HostEntry, i32> {
    // SAFETY: the name is terminated; the other arguments are `entry`'s.
    entry(|found, buffer, len, result, error| unsafe {
        gethostbyname_r(name.as_ptr(), found, buffer, len, result, error)
    })
}

/// The names of an IPv4 address. The error is an [`h_errno`].
pub fn by_address(address: [u8; 4]) -> Result<HostEntry, i32> {
    // SAFETY: the address has the length given, and the other arguments are `entry`'s.
    entry(|found, buffer, len, result, error| unsafe {
        gethostbyaddr_r(
            address.as_ptr().cast(),
            4,
            libc::AF_INET,
            found,
            buffer,
            len,
            result,
            error,
        )
    })
}

/// Calls one of the functions above with ever more room, and takes what it found.
fn entry(
    call: impl Fn(*mut libc::hostent, *mut c_char, usize, *mut *mut libc::hostent, *mut c_int) -> c_int,
) -> Result<HostEntry, i32> {
    let mut room = 1024;
    loop {
        let mut buffer: Vec<c_char> = vec![0; room];
        // SAFETY: plain data, for which zeros are valid.
        let mut found: libc::hostent = unsafe { mem::zeroed() };
        let mut result = ptr::null_mut();
        let mut error = h_errno::NETDB_INTERNAL;
        let status = call(
            &raw mut found,
            buffer.as_mut_ptr(),
            room,
            &raw mut result,
            &raw mut error,
        );
        if status == libc::ERANGE && room < LARGEST_ANSWER {
            room *= 2;
        } else if status != 0 || result.is_null() {
            return Err(error);
        } else {
            // SAFETY: the call succeeded, so `found` and what it points to in `buffer` are valid.
            return Ok(unsafe { take(&found) });
        }
    }
}

/// # Safety
/// The entry was filled in by the resolver, and its buffer lives.
unsafe fn take(found: &libc::hostent) -> HostEntry {
    // SAFETY: both lists end with a null pointer; addresses have `h_length` bytes; names are terminated.
    unsafe {
        let len = usize::try_from(found.h_length).unwrap_or(0);
        let addresses = pointers(found.h_addr_list)
            .into_iter()
            .map(|address| std::slice::from_raw_parts(address.cast::<u8>(), len).to_vec())
            .collect();
        let names = std::iter::once(found.h_name)
            .chain(pointers(found.h_aliases))
            .map(|name| CStr::from_ptr(name).to_owned())
            .collect();
        HostEntry { addresses, names }
    }
}

/// # Safety
/// The list is null or ends with a null pointer.
unsafe fn pointers(list: *mut *mut c_char) -> Vec<*mut c_char> {
    let mut all = Vec::new();
    if !list.is_null() {
        // SAFETY: nothing is read behind the null pointer.
        unsafe {
            let mut at = list;
            while !(*at).is_null() {
                all.push(*at);
                at = at.add(1);
            }
        }
    }
    all
}

/// The IPv6 addresses of a name. The error is an `EAI_` number.
pub fn by_name_v6(name: &CStr) -> Result<HostEntry, i32> {
    // SAFETY:
    // 1. Zeros are valid hints.
    // 2. The list is what `getaddrinfo` made, is walked to its end and freed once.
    // 3. Of each element only the kind of address that its family says is read.
    unsafe {
        let mut hints: libc::addrinfo = mem::zeroed();
        hints.ai_flags = libc::AI_CANONNAME;
        hints.ai_socktype = libc::SOCK_STREAM;
        hints.ai_family = libc::AF_INET6;
        let mut list = ptr::null_mut();
        let error = libc::getaddrinfo(name.as_ptr(), ptr::null(), &raw const hints, &raw mut list);
        if error != 0 {
            return Err(error);
        }
        let mut entry = HostEntry::default();
        let mut at = list;
        while let Some(info) = at.as_ref() {
            if info.ai_family == libc::AF_INET6 {
                if let Some(address) = info.ai_addr.cast::<libc::sockaddr_in6>().as_ref() {
                    entry.addresses.push(address.sin6_addr.s6_addr.to_vec());
                }
                if !info.ai_canonname.is_null() {
                    entry
                        .names
                        .push(CStr::from_ptr(info.ai_canonname).to_owned());
                }
            }
            at = info.ai_next;
        }
        libc::freeaddrinfo(list);
        Ok(entry)
    }
}

/// The name of an IPv6 address. The error is an `EAI_` number.
pub fn by_address_v6(address: [u8; 16]) -> Result<HostEntry, i32> {
    let mut name = [0u8; libc::NI_MAXHOST as usize];
    // SAFETY: the structure is plain data of the length given; the name has the room given.
    let error = unsafe {
        let mut socket: libc::sockaddr_in6 = mem::zeroed();
        socket.sin6_family = libc::AF_INET6 as libc::sa_family_t;
        socket.sin6_addr.s6_addr = address;
        libc::getnameinfo(
            (&raw const socket).cast(),
            mem::size_of::<libc::sockaddr_in6>() as libc::socklen_t,
            name.as_mut_ptr().cast(),
            name.len() as libc::socklen_t,
            ptr::null_mut(),
            0,
            libc::NI_NAMEREQD,
        )
    };
    match CStr::from_bytes_until_nul(&name) {
        Ok(name) if error == 0 => Ok(HostEntry {
            addresses: vec![address.to_vec()],
            names: vec![name.to_owned()],
        }),
        _ => Err(error),
    }
}
