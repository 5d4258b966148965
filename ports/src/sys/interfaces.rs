//! Network interfaces: `getifaddrs(3)` and the `ioctl`s of `netdevice(7)`.

use super::socket::check;
use rustix::io::Errno;
use std::ffi::CStr;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

/// The size of a name, its terminating zero included.
pub const NAME_SIZE: usize = libc::IFNAMSIZ;
/// The size of what is asked and answered besides the name.
pub const VALUE_SIZE: usize = mem::size_of::<libc::ifreq>() - NAME_SIZE;

/// One address of an interface, all addresses in the kernel's form.
#[derive(Clone, Debug, Default)]
pub struct InterfaceAddress {
    /// The interface.
    pub name: Vec<u8>,
    /// `IFF_…`.
    pub flags: u32,
    /// The address.
    pub address: Option<Vec<u8>>,
    /// The network's mask.
    pub mask: Option<Vec<u8>>,
    /// The broadcast address, or the other end's.
    pub other: Option<Vec<u8>>,
}

/// The addresses of all interfaces.
///
/// # Errors
/// Of `getifaddrs(3)`.
pub fn all() -> Result<Vec<InterfaceAddress>, Errno> {
    let mut list = ptr::null_mut();
    let mut found = Vec::new();
    // SAFETY:
    // 1. The list is what `getifaddrs` made; it is walked to its end and freed once.
    // 2. Names are terminated; addresses are read at the length of their family.
    unsafe {
        check(libc::getifaddrs(&raw mut list).into())?;
        let mut at = list;
        while let Some(entry) = at.as_ref() {
            found.push(InterfaceAddress {
                name: CStr::from_ptr(entry.ifa_name).to_bytes().to_vec(),
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
    // SAFETY: the caller's promise.
    unsafe {
        let len = match i32::from(at.as_ref()?.sa_family) {
            libc::AF_INET => mem::size_of::<libc::sockaddr_in>(),
            libc::AF_INET6 => mem::size_of::<libc::sockaddr_in6>(),
            libc::AF_PACKET => mem::size_of::<libc::sockaddr_ll>(),
            _ => mem::size_of::<libc::sa_family_t>(),
        };
        Some(std::slice::from_raw_parts(at.cast::<u8>(), len).to_vec())
    }
}

/// What an `ioctl` of an interface is given and answers: a name, then a value.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// The interface's name.
    pub name: [u8; NAME_SIZE],
    /// The value.
    pub value: [u8; VALUE_SIZE],
}

const _: () = assert!(mem::size_of::<Request>() == mem::size_of::<libc::ifreq>());

/// The `ioctl`s of interfaces that take a [`Request`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// `SIOCGIFADDR`.
    GetAddress,
    /// `SIOCGIFDSTADDR`.
    GetOther,
    /// `SIOCGIFBRDADDR`.
    GetBroadcast,
    /// `SIOCGIFNETMASK`.
    GetMask,
    /// `SIOCGIFHWADDR`.
    GetHardware,
    /// `SIOCGIFMTU`.
    GetMtu,
    /// `SIOCGIFFLAGS`.
    GetFlags,
    /// `SIOCSIFADDR`.
    SetAddress,
    /// `SIOCSIFDSTADDR`.
    SetOther,
    /// `SIOCSIFBRDADDR`.
    SetBroadcast,
    /// `SIOCSIFNETMASK`.
    SetMask,
    /// `SIOCSIFHWADDR`.
    SetHardware,
    /// `SIOCSIFMTU`.
    SetMtu,
    /// `SIOCSIFFLAGS`.
    SetFlags,
}

impl Call {
    fn number(self) -> libc::c_ulong {
        let number = match self {
            Self::GetAddress => libc::SIOCGIFADDR,
            Self::GetOther => libc::SIOCGIFDSTADDR,
            Self::GetBroadcast => libc::SIOCGIFBRDADDR,
            Self::GetMask => libc::SIOCGIFNETMASK,
            Self::GetHardware => libc::SIOCGIFHWADDR,
            Self::GetMtu => libc::SIOCGIFMTU,
            Self::GetFlags => libc::SIOCGIFFLAGS,
            Self::SetAddress => libc::SIOCSIFADDR,
            Self::SetOther => libc::SIOCSIFDSTADDR,
            Self::SetBroadcast => libc::SIOCSIFBRDADDR,
            Self::SetMask => libc::SIOCSIFNETMASK,
            Self::SetHardware => libc::SIOCSIFHWADDR,
            Self::SetMtu => libc::SIOCSIFMTU,
            Self::SetFlags => libc::SIOCSIFFLAGS,
        };
        number as libc::c_ulong
    }
}

/// Asks something of an interface, or sets it.
///
/// # Errors
/// Of `ioctl(2)`.
pub fn call(fd: BorrowedFd<'_>, what: Call, request: &mut Request) -> Result<(), Errno> {
    // SAFETY: each of these calls reads and writes an `ifreq`, whose size and alignment this has; none
    // follows a pointer in it.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), what.number() as _, &raw mut *request) };
    check(result.into()).map(drop)
}

/// The interfaces that have an address of the socket's family, as `SIOCGIFCONF` lists them.
///
/// # Errors
/// Of `ioctl(2)`.
pub fn configured(fd: BorrowedFd<'_>) -> Result<Vec<Request>, Errno> {
    const EMPTY: Request = Request {
        name: [0; NAME_SIZE],
        value: [0; VALUE_SIZE],
    };
    let mut list = vec![EMPTY; 100];
    loop {
        let size = mem::size_of_val(&list[..]);
        // SAFETY: zeros are valid; the buffer is as long as said, and made of plain data.
        let used = unsafe {
            let mut header: libc::ifconf = mem::zeroed();
            header.ifc_len = size as i32;
            header.ifc_ifcu.ifcu_buf = list.as_mut_ptr().cast();
            check(libc::ioctl(fd.as_raw_fd(), libc::SIOCGIFCONF as _, &raw mut header).into())?;
            header.ifc_len as usize
        };
        if used < size {
            list.truncate(used / mem::size_of::<Request>());
            return Ok(list);
        }
        // There may be more.
        list.resize(list.len() * 2, EMPTY);
    }
}
