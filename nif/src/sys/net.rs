//! Names and addresses of hosts, services, protocols and network interfaces, as the C library knows them.
//!
//! Addresses are the bytes of the kernel's structures (`sockaddr_in` and its relatives), copied.

use std::ffi::{CStr, CString, c_char, c_int, c_uint};
use std::io;
use std::{mem, ptr};

/// The most bytes of a hardware address that the C libraries store.
const LONGEST_HARDWARE_ADDRESS: usize = 24;
/// Where the hardware address begins in `sockaddr_ll`. Bytes.
pub const HARDWARE_ADDRESS_AT: usize = 12;
/// The room for a host's or service's name with its zero byte; OTP 25, prim_net_nif.c. Bytes.
const NAME_ROOM: usize = 256;

/// One answer of [`address_info`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressInfo {
    /// `AF_…`.
    pub family: i32,
    /// `SOCK_…`.
    pub socket_type: i32,
    /// `IPPROTO_…`.
    pub protocol: i32,
    /// The address.
    pub address: Vec<u8>,
}

/// `getaddrinfo` without hints. May block.
///
/// # Errors
/// An `EAI_` number.
pub fn address_info(host: Option<&CStr>, service: Option<&CStr>) -> Result<Vec<AddressInfo>, i32> {
    let text = |text: Option<&CStr>| text.map_or(ptr::null(), CStr::as_ptr);
    let mut list = ptr::null_mut();
    // SAFETY: both texts are null or end with a zero byte; there are no hints; `list` has room for a pointer.
    let error = unsafe { libc::getaddrinfo(text(host), text(service), ptr::null(), &raw mut list) };
    if error != 0 {
        return Err(error);
    }
    let mut all = Vec::new();
    let mut at: *const libc::addrinfo = list;
    // SAFETY: the call succeeded, so this is a list that ends with a null pointer, and is freed below only.
    while let Some(info) = unsafe { at.as_ref() } {
        // SAFETY: the address has the length that stands beside it.
        let address = unsafe { copy_bytes(info.ai_addr.cast(), info.ai_addrlen as usize) };
        all.push(AddressInfo {
            family: info.ai_family,
            socket_type: info.ai_socktype,
            protocol: info.ai_protocol,
            address,
        });
        at = info.ai_next;
    }
    // SAFETY: the list is what `getaddrinfo` made, and nothing of it is used any more.
    unsafe { libc::freeaddrinfo(list) };
    Ok(all)
}

/// `getnameinfo`: names of host and service. May block.
///
/// # Errors
/// An `EAI_` number.
pub fn name_info(address: &[u8], flags: i32) -> Result<(Vec<u8>, Vec<u8>), i32> {
    let (mut host, mut service) = ([0u8; NAME_ROOM], [0u8; NAME_ROOM]);
    // The kernel's structure is aligned, and never shorter than its family says.
    let mut aligned = [0u64; mem::size_of::<libc::sockaddr_storage>() / 8];
    let len = address.len().min(mem::size_of_val(&aligned));
    // SAFETY:
    // 1. `len` bytes are there on both sides, which do not overlap.
    // 2. The address lies within `aligned`, whose remainder is zeros.
    // 3. Both names have the room that is given.
    let error = unsafe {
        ptr::copy_nonoverlapping(address.as_ptr(), aligned.as_mut_ptr().cast(), len);
        libc::getnameinfo(
            aligned.as_ptr().cast(),
            len as libc::socklen_t,
            host.as_mut_ptr().cast(),
            NAME_ROOM as libc::socklen_t,
            service.as_mut_ptr().cast(),
            NAME_ROOM as libc::socklen_t,
            flags,
        )
    };
    if error == 0 {
        Ok((until_zero(&host), until_zero(&service)))
    } else {
        Err(error)
    }
}

fn until_zero(bytes: &[u8]) -> Vec<u8> {
    bytes
        .split(|&byte| byte == 0)
        .next()
        .unwrap_or_default()
        .to_vec()
}

/// One address of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The interface's name.
    pub name: Vec<u8>,
    /// `IFF_…`.
    pub flags: u32,
    /// The address.
    pub address: Option<Vec<u8>>,
    /// Which part of it is the network's.
    pub netmask: Option<Vec<u8>>,
    /// The broadcast address, or that of the other end, as the flags say.
    pub other: Option<Vec<u8>>,
}

/// `getifaddrs`.
///
/// # Errors
/// Of the system.
pub fn interfaces() -> io::Result<Vec<Interface>> {
    let mut list = ptr::null_mut();
    // SAFETY: `list` has room for a pointer.
    if unsafe { libc::getifaddrs(&raw mut list) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let mut all = Vec::new();
    let mut at: *const libc::ifaddrs = list;
    // SAFETY: the call succeeded, so this is a list that ends with a null pointer, and is freed below only.
    while let Some(entry) = unsafe { at.as_ref() } {
        // SAFETY: names end with a zero byte; addresses are null or those of the family they name.
        let interface = unsafe {
            Interface {
                name: CStr::from_ptr(entry.ifa_name).to_bytes().to_vec(),
                flags: entry.ifa_flags,
                address: copy_address(entry.ifa_addr),
                netmask: copy_address(entry.ifa_netmask),
                other: copy_address(entry.ifa_ifu),
            }
        };
        all.push(interface);
        at = entry.ifa_next;
    }
    // SAFETY: the list is what `getifaddrs` made, and nothing of it is used any more.
    unsafe { libc::freeifaddrs(list) };
    Ok(all)
}

/// An address of an interface; of a family that is not known only the family.
///
/// # Safety
/// Null, or an address with the size of the family that it names.
unsafe fn copy_address(address: *const libc::sockaddr) -> Option<Vec<u8>> {
    // SAFETY: null or an address, which begins with its family.
    let family = c_int::from(unsafe { address.as_ref() }?.sa_family);
    let size = match family {
        libc::AF_INET => mem::size_of::<libc::sockaddr_in>(),
        libc::AF_INET6 => mem::size_of::<libc::sockaddr_in6>(),
        libc::AF_PACKET => {
            // SAFETY: of this family it is a `sockaddr_ll`.
            let halen = unsafe { (*address.cast::<libc::sockaddr_ll>()).sll_halen };
            let hardware = usize::from(halen).min(LONGEST_HARDWARE_ADDRESS);
            (HARDWARE_ADDRESS_AT + hardware).max(mem::size_of::<libc::sockaddr_ll>())
        }
        _ => mem::size_of::<libc::sa_family_t>(),
    };
    // SAFETY: the size is that of the family; the C library gives hardware addresses the room they need.
    Some(unsafe { copy_bytes(address.cast(), size) })
}

/// # Safety
/// `len` bytes can be read, or the pointer is null.
unsafe fn copy_bytes(from: *const u8, len: usize) -> Vec<u8> {
    if from.is_null() {
        return Vec::new();
    }
    // SAFETY: by contract.
    unsafe { std::slice::from_raw_parts(from, len) }.to_vec()
}

/// The number of an interface.
///
/// # Errors
/// Of the system.
pub fn interface_index(name: &CStr) -> io::Result<u32> {
    // SAFETY: the name ends with a zero byte.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(io::Error::last_os_error()),
        index => Ok(index),
    }
}

/// The name of an interface's number.
#[must_use]
pub fn interface_name(index: u32) -> Option<Vec<u8>> {
    let mut name = [0u8; libc::IF_NAMESIZE];
    // SAFETY: the name has the room that the function asks for.
    let found = unsafe { libc::if_indextoname(index as c_uint, name.as_mut_ptr().cast()) };
    (!found.is_null()).then(|| until_zero(&name))
}

/// All interfaces: numbers and names.
///
/// # Errors
/// Of the system.
pub fn interface_names() -> io::Result<Vec<(u32, Vec<u8>)>> {
    // SAFETY: no arguments.
    let list = unsafe { libc::if_nameindex() };
    if list.is_null() {
        return Err(io::Error::last_os_error());
    }
    let mut all = Vec::new();
    let mut at = list;
    // SAFETY: the list ends with an entry of number 0 and no name, and is freed once, at the end.
    unsafe {
        while (*at).if_index != 0 && !(*at).if_name.is_null() {
            all.push((
                (*at).if_index,
                CStr::from_ptr((*at).if_name).to_bytes().to_vec(),
            ));
            at = at.add(1);
        }
        libc::if_freenameindex(list);
    }
    Ok(all)
}

/// An entry of the table of protocols.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// Its name, then its aliases.
    pub names: Vec<CString>,
    /// `IPPROTO_…`.
    pub number: i32,
}

#[repr(C)]
struct ProtocolEntry {
    p_name: *mut c_char,
    p_aliases: *mut *mut c_char,
    p_proto: c_int,
}

unsafe extern "C" {
    fn setprotoent(stay_open: c_int);
    fn endprotoent();
    fn getprotoent() -> *mut ProtocolEntry;
}

/// The system's table of protocols.
#[must_use]
pub fn protocols() -> Vec<Protocol> {
    // The table has one position for all threads.
    static POSITION: parking_lot::Mutex<()> = parking_lot::Mutex::new(());
    let _alone = POSITION.lock();
    let mut all = Vec::new();
    // SAFETY:
    // 1. The lock keeps others of this program from the position and from the entry.
    // 2. An entry is valid until the next is asked for, and is copied before.
    // 3. Names end with a zero byte, the list of aliases with a null pointer.
    unsafe {
        setprotoent(1);
        while let Some(entry) = getprotoent().as_ref() {
            let mut names = vec![CStr::from_ptr(entry.p_name).to_owned()];
            let mut alias = entry.p_aliases;
            while !alias.is_null() && !(*alias).is_null() {
                names.push(CStr::from_ptr(*alias).to_owned());
                alias = alias.add(1);
            }
            all.push(Protocol {
                names,
                number: entry.p_proto,
            });
        }
        endprotoent();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_is_there() {
        let names = interface_names().expect("interfaces are listed");
        let (index, name) = names
            .iter()
            .find(|(_, name)| name == b"lo")
            .expect("there is a loopback interface");
        assert_eq!(interface_name(*index).as_ref(), Some(name));
        assert_eq!(interface_index(c"lo").ok(), Some(*index));
        let all = interfaces().expect("addresses are listed");
        assert!(all.iter().any(|entry| &entry.name == name));
    }

    #[test]
    fn numbers_need_no_server() {
        let found = address_info(Some(c"127.0.0.1"), Some(c"80")).expect("numbers");
        let address = &found[0].address;
        assert_eq!(address[2..8], [0, 80, 127, 0, 0, 1]);
        let flags = libc::NI_NUMERICHOST | libc::NI_NUMERICSERV;
        let names = (b"127.0.0.1".to_vec(), b"80".to_vec());
        assert_eq!(name_info(address, flags), Ok(names));
        // Too short for any family, and longer than every family.
        assert!(name_info(&[], 0).is_err());
        assert!(name_info(&[0xff; 1000], 0).is_err());
    }
}
