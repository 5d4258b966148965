//! Error numbers of the system-call interface.

/// An error number, positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(pub u16);

macro_rules! errnos {
    ($($name:ident)*) => { $(
        #[doc = concat!("The error `", stringify!($name), "`.")]
        pub const $name: Errno = Errno(linux_raw_sys::errno::$name as u16);
    )* };
}

errnos! {
    EPERM ENOENT ESRCH EINTR ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT EBUSY
    EEXIST EXDEV ENODEV ENOTDIR EISDIR EINVAL EMFILE ENOTTY EFBIG ENOSPC ESPIPE EPIPE
    ERANGE ENAMETOOLONG ENOSYS ENOTEMPTY ELOOP ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT
    EOPNOTSUPP EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETUNREACH ECONNRESET ENOBUFS
    EISCONN ENOTCONN ETIMEDOUT ECONNREFUSED EALREADY EINPROGRESS ENOTSOCK EDESTADDRREQ
    EMSGSIZE EPROTOTYPE EOVERFLOW
}

/// Not an error of the interface: the call is to be repeated after a signal handler with `SA_RESTART`.
pub const ERESTART: Errno = Errno(512);

/// What a system call gives.
pub type Result<T> = core::result::Result<T, Errno>;
