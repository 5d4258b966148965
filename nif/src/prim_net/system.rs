//! The C library's questions about names and interfaces, with safe answers.

use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr;

use rustix::io::Errno;

/// Not in the bindings: "address family for host not supported".
pub const EAI_ADDRFAMILY: c_int = -9;

/// One answer of `getaddrinfo(3)`.
pub struct AddressInfo {
    /// `AF_…`.
    pub family: i32,
    /// `SOCK_…`.
    pub kind: i32,
    /// `IPPROTO_…`.
    pub protocol: i32,
    /// The address in the system's form.
    pub address: Vec<u8>,
}

/// The addresses of a host and a service; or `EAI_…`.
pub fn address_info(
    host: Option<&CStr>,
    service: Option<&CStr>,
) -> Result<Vec<AddressInfo>, c_int> {
    let text = |text: Option<&CStr>| text.map_or(ptr::null(), CStr::as_ptr);
    let mut list = ptr::null_mut();
    let mut found = Vec::new();
    // SAFETY:
    // 1. Both texts are terminated or null; no hints are given.
    // 2. On success the list is walked to its end and freed once; each address is as long as it says.
    unsafe {
        let code = libc::getaddrinfo(text(host), text(service), ptr::null(), &raw mut list);
        if code != 0 {
            return Err(code);
        }
        let mut at = list;
        while let Some(entry) = at.as_ref() {
            let length = entry.ai_addrlen as usize;
            let address = std::slice::from_raw_parts(entry.ai_addr.cast::<u8>(), length);
            found.push(AddressInfo {
                family: entry.ai_family,
                kind: entry.ai_socktype,
                protocol: entry.ai_protocol,
                address: address.to_vec(),
            });
            at = entry.ai_next;
        }
        libc::freeaddrinfo(list);
    }
    Ok(found)
}

/// Why `getnameinfo(3)` has no name.
pub enum NoName {
    /// `EAI_…`.
    Code(c_int),
    /// A system call failed.
    System(Errno),
}

/// The names of an address's host and service.
pub fn name_info(address: &[u8], flags: c_int) -> Result<(Vec<u8>, Vec<u8>), NoName> {
    // Aligned and long enough for any family, whatever the caller's bytes are.
    // SAFETY: the type is plain data, for which zeroes are valid.
    let mut storage: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
    let length = address.len().min(size_of_val(&storage));
    let (mut host, mut service) = ([0_u8; 1025], [0_u8; 256]);
    // SAFETY:
    // 1. No more bytes are copied than the storage has.
    // 2. Both buffers are as long as is said, and end with a zero on success.
    let code = unsafe {
        ptr::copy_nonoverlapping(address.as_ptr(), (&raw mut storage).cast::<u8>(), length);
        libc::getnameinfo(
            (&raw const storage).cast(),
            length as libc::socklen_t,
            host.as_mut_ptr().cast::<c_char>(),
            host.len() as libc::socklen_t,
            service.as_mut_ptr().cast::<c_char>(),
            service.len() as libc::socklen_t,
            flags,
        )
    };
    let text = |bytes: &[u8]| {
        let end = bytes.iter().position(|&byte| byte == 0);
        bytes[..end.unwrap_or(bytes.len())].to_vec()
    };
    match code {
        0 => Ok((text(&host), text(&service))),
        libc::EAI_SYSTEM => Err(NoName::System(last_error())),
        code => Err(NoName::Code(code)),
    }
}

fn last_error() -> Errno {
    std::io::Error::last_os_error()
        .raw_os_error()
        .map_or(Errno::IO, Errno::from_raw_os_error)
}

/// One address of an interface.
pub struct Interface {
    /// Its name.
    pub name: Option<Vec<u8>>,
    /// `IFF_…`.
    pub flags: u32,
    /// Its address, in the system's form.
    pub address: Option<Vec<u8>>,
    /// The network's mask.
    pub mask: Option<Vec<u8>>,
    /// The broadcast address, or the other end's.
    pub other: Option<Vec<u8>>,
}

/// The addresses of all interfaces.
pub fn interfaces() -> Result<Vec<Interface>, Errno> {
    let mut list = ptr::null_mut();
    let mut found = Vec::new();
    // SAFETY:
    // 1. The list is what `getifaddrs` made; it is walked to its end and freed once.
    // 2. Names are terminated, addresses are as long as those of their family.
    unsafe {
        if libc::getifaddrs(&raw mut list) != 0 {
            return Err(last_error());
        }
        let mut at = list;
        while let Some(entry) = at.as_ref() {
            let name = (!entry.ifa_name.is_null()).then(|| CStr::from_ptr(entry.ifa_name));
            found.push(Interface {
                name: name.map(|name| name.to_bytes().to_vec()),
                flags: entry.ifa_flags,
                address: address(entry.ifa_addr),
                mask: address(entry.ifa_netmask),
                other: address(entry.ifa_ifu),
            });
            at = entry.ifa_next;
        }
        libc::freeifaddrs(list);
    }
    Ok(found)
}

/// # Safety
/// The pointer is null or points to an address that is as long as those of its family.
unsafe fn address(at: *const libc::sockaddr) -> Option<Vec<u8>> {
    if at.is_null() {
        return None;
    }
    // SAFETY: as the caller vouches.
    let family = i32::from(unsafe { (*at).sa_family });
    let length = match family {
        libc::AF_INET => size_of::<libc::sockaddr_in>(),
        libc::AF_INET6 => size_of::<libc::sockaddr_in6>(),
        libc::AF_PACKET => size_of::<libc::sockaddr_ll>(),
        _ => size_of::<libc::sockaddr>(),
    };
    // SAFETY: as the caller vouches.
    Some(unsafe { std::slice::from_raw_parts(at.cast::<u8>(), length) }.to_vec())
}

/// The number of an interface.
pub fn index_of(name: &CStr) -> Result<u32, Errno> {
    // SAFETY: the name is terminated.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(last_error()),
        index => Ok(index),
    }
}

/// The name of an interface.
pub fn name_of(index: u32) -> Option<CString> {
    let mut name = [0_u8; libc::IFNAMSIZ + 1];
    // SAFETY: there is room for the longest name and its zero.
    let found = unsafe { libc::if_indextoname(index, name.as_mut_ptr().cast::<c_char>()) };
    if found.is_null() {
        return None;
    }
    CStr::from_bytes_until_nul(&name).ok().map(CStr::to_owned)
}

/// Numbers and names of all interfaces.
pub fn names() -> Result<Vec<(u32, CString)>, Errno> {
    let mut found = Vec::new();
    // SAFETY: the array ends with an entry without a name, and is freed once.
    unsafe {
        let list = libc::if_nameindex();
        if list.is_null() {
            return Err(last_error());
        }
        let mut at = list;
        while !(*at).if_name.is_null() {
            found.push(((*at).if_index, CStr::from_ptr((*at).if_name).to_owned()));
            at = at.add(1);
        }
        libc::if_freenameindex(list);
    }
    Ok(found)
}
