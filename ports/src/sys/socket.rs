//! Sockets, with addresses and options as the bytes that the kernel knows them by.
//!
//! A missing descriptor is `EBADF`, as it is for a closed one.

use rustix::io::Errno;
use std::io::IoSlice;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::{mem, ptr};

/// The room for an address: `sockaddr_storage`.
const ADDRESS_ROOM: usize = mem::size_of::<libc::sockaddr_storage>();

/// What a call of the C library said.
pub(super) fn check(result: i64) -> Result<usize, Errno> {
    usize::try_from(result).map_err(|_| last_error())
}

fn last_error() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}

fn length(bytes: &[u8]) -> libc::socklen_t {
    libc::socklen_t::try_from(bytes.len()).unwrap_or(libc::socklen_t::MAX)
}

/// A new socket: non-blocking, closed in programs.
///
/// # Errors
/// Of `socket(2)`.
pub fn open(family: i32, kind: i32, protocol: i32) -> Result<OwnedFd, Errno> {
    let kind = kind | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: a call with numbers only; its result is a descriptor that nobody else owns.
    unsafe {
        let fd = check(libc::socket(family, kind, protocol).into())?;
        Ok(OwnedFd::from_raw_fd(fd as i32))
    }
}

/// Names a socket.
///
/// # Errors
/// Of `bind(2)`.
pub fn bind(fd: BorrowedFd<'_>, address: &[u8]) -> Result<(), Errno> {
    // SAFETY: the kernel reads the bytes given, and checks what they say.
    let result = unsafe { libc::bind(fd.as_raw_fd(), address.as_ptr().cast(), length(address)) };
    check(result.into()).map(drop)
}

/// Begins to connect a socket.
///
/// # Errors
/// Of `connect(2)`.
pub fn connect(fd: BorrowedFd<'_>, address: &[u8]) -> Result<(), Errno> {
    // SAFETY: as in `bind`.
    let result = unsafe { libc::connect(fd.as_raw_fd(), address.as_ptr().cast(), length(address)) };
    check(result.into()).map(drop)
}

/// Takes the next connection, non-blocking.
///
/// # Errors
/// Of `accept4(2)`.
pub fn accept(fd: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: null pointers ask for no address; the result is a descriptor that nobody else owns.
    unsafe {
        let fd = libc::accept4(fd.as_raw_fd(), ptr::null_mut(), ptr::null_mut(), flags);
        Ok(OwnedFd::from_raw_fd(check(fd.into())? as i32))
    }
}

/// The socket's own address.
///
/// # Errors
/// Of `getsockname(2)`.
pub fn name(fd: Option<BorrowedFd<'_>>) -> Result<Vec<u8>, Errno> {
    address(fd, libc::getsockname)
}

/// The other side's address.
///
/// # Errors
/// Of `getpeername(2)`.
pub fn peer(fd: Option<BorrowedFd<'_>>) -> Result<Vec<u8>, Errno> {
    address(fd, libc::getpeername)
}

type AddressCall =
    unsafe extern "C" fn(i32, *mut libc::sockaddr, *mut libc::socklen_t) -> libc::c_int;

fn address(fd: Option<BorrowedFd<'_>>, call: AddressCall) -> Result<Vec<u8>, Errno> {
    let fd = fd.ok_or(Errno::BADF)?;
    let mut bytes = vec![0; ADDRESS_ROOM];
    let mut size = length(&bytes);
    // SAFETY: the buffer is as long as `size` says.
    let result = unsafe { call(fd.as_raw_fd(), bytes.as_mut_ptr().cast(), &raw mut size) };
    check(result.into())?;
    bytes.truncate(size as usize);
    Ok(bytes)
}

/// Reads an option into `value`, which holds what the option wants to be given; the answer's length.
///
/// # Errors
/// Of `getsockopt(2)`.
pub fn option(
    fd: Option<BorrowedFd<'_>>,
    level: i32,
    name: i32,
    value: &mut [u8],
) -> Result<usize, Errno> {
    let fd = fd.ok_or(Errno::BADF)?;
    let mut size = length(value);
    // SAFETY: the buffer is as long as `size` says.
    let result = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            level,
            name,
            value.as_mut_ptr().cast(),
            &raw mut size,
        )
    };
    check(result.into())?;
    Ok((size as usize).min(value.len()))
}

/// An option that is a number.
///
/// # Errors
/// Of `getsockopt(2)`.
pub fn number_option(fd: Option<BorrowedFd<'_>>, level: i32, name: i32) -> Result<i32, Errno> {
    let mut value = [0; 4];
    option(fd, level, name, &mut value)?;
    Ok(i32::from_ne_bytes(value))
}

/// Sets an option.
///
/// # Errors
/// Of `setsockopt(2)`.
pub fn set_option(
    fd: Option<BorrowedFd<'_>>,
    level: i32,
    name: i32,
    value: &[u8],
) -> Result<(), Errno> {
    let fd = fd.ok_or(Errno::BADF)?;
    // SAFETY: the kernel reads the bytes given, and checks what they say.
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            level,
            name,
            value.as_ptr().cast(),
            length(value),
        )
    };
    check(result.into()).map(drop)
}

/// Sends a message to an address (or where the socket is connected to), with control messages.
///
/// # Errors
/// Of `sendmsg(2)`.
pub fn send_message(
    fd: BorrowedFd<'_>,
    address: Option<&[u8]>,
    control: &[u8],
    data: &[IoSlice<'_>],
    flags: i32,
) -> Result<usize, Errno> {
    // SAFETY:
    // 1. Zeros are valid for the header.
    // 2. Every pointer in it comes with the length of what it points to, which outlives the call.
    // 3. The kernel only reads through them; `IoSlice` is laid out as `iovec`.
    unsafe {
        let mut header: libc::msghdr = mem::zeroed();
        if let Some(address) = address {
            header.msg_name = address.as_ptr().cast_mut().cast();
            header.msg_namelen = length(address);
        }
        if !control.is_empty() {
            header.msg_control = control.as_ptr().cast_mut().cast();
            header.msg_controllen = control.len() as _;
        }
        header.msg_iov = data.as_ptr().cast_mut().cast();
        header.msg_iovlen = data.len() as _;
        check(libc::sendmsg(
            fd.as_raw_fd(),
            &raw const header,
            flags | libc::MSG_NOSIGNAL,
        ) as i64)
    }
}

/// Receives into `buffer`.
///
/// # Errors
/// Of `recv(2)`.
pub fn receive(fd: BorrowedFd<'_>, buffer: &mut [u8], flags: i32) -> Result<usize, Errno> {
    // SAFETY: the buffer is as long as is said.
    let result = unsafe {
        libc::recv(
            fd.as_raw_fd(),
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            flags,
        )
    };
    check(result as i64)
}

/// What [`receive_message`] got.
pub struct Received {
    /// How many bytes of the buffer are filled.
    pub len: usize,
    /// From whom; empty if the sender has no address.
    pub address: Vec<u8>,
    /// Control messages, as the kernel lays them out.
    pub control: Vec<u8>,
    /// `MSG_…`: what happened to the message.
    pub flags: i32,
}

/// Receives a message into `buffer`, with at most `control` bytes of control messages.
///
/// # Errors
/// Of `recvmsg(2)`.
pub fn receive_message(
    fd: BorrowedFd<'_>,
    buffer: &mut [u8],
    control: usize,
    flags: i32,
) -> Result<Received, Errno> {
    let mut address = vec![0; ADDRESS_ROOM];
    // In words, so that the control messages are aligned.
    let mut words = vec![0u64; control.div_ceil(8)];
    // SAFETY:
    // 1. Zeros are valid for the header.
    // 2. Every pointer in it comes with the length of what it points to, which outlives the call.
    let (len, address_len, control_len, flags) = unsafe {
        let mut part = libc::iovec {
            iov_base: buffer.as_mut_ptr().cast(),
            iov_len: buffer.len(),
        };
        let mut header: libc::msghdr = mem::zeroed();
        header.msg_name = address.as_mut_ptr().cast();
        header.msg_namelen = length(&address);
        header.msg_iov = &raw mut part;
        header.msg_iovlen = 1;
        if control > 0 {
            header.msg_control = words.as_mut_ptr().cast();
            header.msg_controllen = control as _;
        }
        let len = check(libc::recvmsg(fd.as_raw_fd(), &raw mut header, flags) as i64)?;
        (
            len,
            header.msg_namelen as usize,
            header.msg_controllen as usize,
            header.msg_flags,
        )
    };
    address.truncate(address_len);
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    bytes.truncate(control_len);
    Ok(Received {
        len,
        address,
        control: bytes,
        flags,
    })
}

/// Runs something while this thread is in the network namespace of a file.
///
/// # Errors
/// Of `open(2)` and `setns(2)`, or what the function fails with.
pub fn in_namespace<T>(file: &[u8], run: impl FnOnce() -> Result<T, Errno>) -> Result<T, Errno> {
    use rustix::fs::{Mode, OFlags, open};
    use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let old = open("/proc/thread-self/ns/net", flags, Mode::empty())?;
    let new = open(file, flags, Mode::empty())?;
    let enter = |namespace: &OwnedFd| {
        use std::os::fd::AsFd;
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
    };
    enter(&new)?;
    let result = run();
    enter(&old)?;
    result
}
