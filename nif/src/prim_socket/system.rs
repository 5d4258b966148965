//! Calls of the C library about sockets that nothing else wraps.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use rustix::io::Errno;

use super::socket::Descriptor;

/// Bytes of C's `struct ifreq`: a name of 16 bytes, and a union of 24.
pub(super) const REQUEST: usize = size_of::<libc::ifreq>();

fn last_error() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}

/// A descriptor that a program names by its number, and that stays open.
pub(super) fn lent(number: RawFd) -> Result<Descriptor, Errno> {
    if number < 0 {
        return Err(Errno::BADF);
    }
    // SAFETY: whether the number names an open descriptor is asked from the system before anything else is
    // done with it.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    rustix::io::fcntl_getfd(borrowed)?;
    // SAFETY: it is open, and `Descriptor` does not close it.
    Ok(Descriptor::new(
        unsafe { OwnedFd::from_raw_fd(number) },
        false,
    ))
}

/// Asks about an interface; the request's bytes are overwritten with the answer.
pub(super) fn interface(
    fd: BorrowedFd<'_>,
    request: i32,
    bytes: &mut [u8; REQUEST],
) -> Result<(), Errno> {
    // C's structure may need alignment that bytes do not have.
    // SAFETY: any bytes are a valid `ifreq`: it is plain data.
    let mut value: libc::ifreq = unsafe { std::ptr::read_unaligned(bytes.as_ptr().cast()) };
    // SAFETY: the requests of `table::IOCTL_REQUESTS` that come here read and write one `ifreq`.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), request as libc::Ioctl, &raw mut value) };
    if result < 0 {
        return Err(last_error());
    }
    // SAFETY: the array is as long as the structure.
    unsafe { std::ptr::write_unaligned(bytes.as_mut_ptr().cast(), value) };
    Ok(())
}

/// The interfaces that have IPv4 addresses: C's `struct ifreq`, one after the other.
pub(super) fn interfaces(fd: BorrowedFd<'_>) -> Result<Vec<u8>, Errno> {
    let mut room = 100 * REQUEST;
    loop {
        let mut buffer = vec![0_u8; room];
        // SAFETY: zeroes are valid for the structure; its pointer goes with the length of what it points to,
        // which outlives the call.
        let length = unsafe {
            let mut request: libc::ifconf = std::mem::zeroed();
            request.ifc_len = i32::try_from(room).unwrap_or(i32::MAX);
            request.ifc_ifcu.ifcu_buf = buffer.as_mut_ptr().cast();
            if libc::ioctl(fd.as_raw_fd(), libc::SIOCGIFCONF, &raw mut request) < 0 {
                return Err(last_error());
            }
            usize::try_from(request.ifc_len).unwrap_or(0)
        };
        // Filled to the end, there may be more.
        if length + REQUEST <= room {
            buffer.truncate(length);
            return Ok(buffer);
        }
        room *= 2;
    }
}
