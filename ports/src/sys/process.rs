//! Starting an operating-system process from a program with many threads.
//!
//! [`spawn`] makes a child that shares the parent's memory until it executes its program (as
//! `posix_spawn` does), so that nothing is copied and no lock of the parent can be caught in the
//! child. Unlike `posix_spawn`, a program that cannot be executed is a process that exits with the
//! error number as its status, which is what `erl_child_setup` makes of it.

use rustix::fd::{FromRawFd, OwnedFd, RawFd};
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::io;
use std::ptr;

/// The stack of a child before it executes its program. Its own calls need a fraction.
const CHILD_STACK_BYTES: usize = 64 * 1024;

/// What a child is to become. Its descriptors 0, 1 and 2 are the parent's where nothing else is said.
pub struct Program<'a> {
    /// The file to execute.
    pub file: &'a CStr,
    /// Its arguments, its name first.
    pub args: &'a [CString],
    /// Its environment, `NAME=value`.
    pub env: &'a [CString],
    /// Where it starts; `None`: where the parent is.
    pub cd: Option<&'a CStr>,
    /// Descriptors it gets: the parent's, and the child's number for it. The parent's are above all
    /// the child's numbers, see [`above_child_numbers`].
    pub descriptors: &'a [(RawFd, RawFd)],
}

/// The first number that no descriptor of a child has.
const FIRST_FREE: RawFd = 5;

/// A running child.
pub struct Child {
    /// Its process id.
    pub pid: u32,
    /// Becomes readable when it ends.
    pub pidfd: OwnedFd,
}

/// Moves a descriptor out of the range that [`Program::descriptors`] assigns to.
///
/// # Errors
/// `EMFILE`.
pub fn above_child_numbers(fd: OwnedFd) -> rustix::io::Result<OwnedFd> {
    use rustix::fd::AsRawFd;
    if fd.as_raw_fd() >= FIRST_FREE {
        Ok(fd)
    } else {
        rustix::io::fcntl_dupfd_cloexec(&fd, FIRST_FREE)
    }
}

/// What the child's function reads; everything is prepared before the child exists.
struct Plan<'a> {
    program: &'a Program<'a>,
    argv: Vec<*const c_char>,
    envp: Vec<*const c_char>,
    /// What the child says when it cannot enter `cd`.
    complaint: Vec<u8>,
}

/// Starts a program in a session of its own, with all other descriptors closed.
///
/// # Errors
/// No process was made: `EAGAIN`, `ENOMEM`, `EMFILE`, or `ENOSYS` where there are none.
pub fn spawn(program: &Program<'_>) -> io::Result<Child> {
    let pointers = |strings: &[CString]| -> Vec<*const c_char> {
        strings
            .iter()
            .map(|s| s.as_ptr())
            .chain([ptr::null()])
            .collect()
    };
    let mut complaint = b"spawn: Could not cd to ".to_vec();
    complaint.extend_from_slice(program.cd.map_or(&[], CStr::to_bytes));
    complaint.extend_from_slice(b"\r\n");
    let plan = Plan {
        program,
        argv: pointers(program.args),
        envp: pointers(program.env),
        complaint,
    };

    // 16-byte units: the stack pointer's alignment on every supported machine.
    let mut stack = vec![0u128; CHILD_STACK_BYTES / 16];
    let mut pidfd: c_int = -1;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
    let blocked = SignalsBlocked::new();
    // SAFETY:
    // 1. The child runs on a stack of its own, whose end is passed and which outlives it: with
    //    CLONE_VFORK this thread continues only after the child executed or exited.
    // 2. `child` makes system calls only: it takes no lock, allocates nothing and cannot unwind.
    // 3. All signals are blocked, so no handler of this program runs in the child on shared memory.
    // 4. `plan` and `pidfd` live until the end of this function.
    let pid = unsafe {
        let top = stack.as_mut_ptr().add(stack.len()).cast::<c_void>();
        libc::clone(
            child,
            top,
            flags,
            ptr::from_ref(&plan).cast_mut().cast(),
            &raw mut pidfd,
        )
    };
    let error = io::Error::last_os_error();
    drop(blocked);
    let Ok(pid) = u32::try_from(pid) else {
        return Err(error);
    };
    // SAFETY: the kernel has just made this descriptor for us.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok(Child { pid, pidfd })
}

/// All signals blocked on this thread, while it lives.
struct SignalsBlocked(libc::sigset_t);

impl SignalsBlocked {
    fn new() -> Self {
        // SAFETY: both sets are valid for writing; a zeroed set is a valid one.
        unsafe {
            let mut all: libc::sigset_t = std::mem::zeroed();
            let mut before: libc::sigset_t = std::mem::zeroed();
            libc::sigfillset(&raw mut all);
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
            Self(before)
        }
    }
}

impl Drop for SignalsBlocked {
    fn drop(&mut self) {
        // SAFETY: the set was filled in by the system.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, ptr::null_mut());
        }
    }
}

/// The child, on shared memory: system calls only.
extern "C" fn child(plan: *mut c_void) -> c_int {
    // SAFETY:
    // 1. `plan` is the `Plan` of `spawn`, which is suspended and so changes nothing.
    // 2. Only async-signal-safe functions are called.
    // 3. `argv` and `envp` end with a null pointer, and their strings live in `Program`.
    unsafe {
        let plan = &*plan.cast::<Plan<'_>>();
        let program = plan.program;
        for &(from, to) in program.descriptors {
            if libc::dup2(from, to) < 0 {
                libc::_exit(errno());
            }
        }
        if let Some(cd) = program.cd
            && libc::chdir(cd.as_ptr()) < 0
        {
            let error = errno();
            libc::write(2, plan.complaint.as_ptr().cast(), plan.complaint.len());
            libc::_exit(error);
        }
        libc::setsid();
        // What this program inherited from its parent without the close-on-exec flag. Older kernels
        // lack the call, then it stays open.
        let first = program
            .descriptors
            .iter()
            .map(|&(_, to)| to + 1)
            .max()
            .unwrap_or(3)
            .max(3);
        libc::syscall(
            libc::SYS_close_range,
            first,
            libc::c_uint::MAX,
            CLOSE_RANGE_CLOEXEC,
        );
        default_signals();
        libc::execve(
            program.file.as_ptr(),
            plan.argv.as_ptr(),
            plan.envp.as_ptr(),
        );
        libc::_exit(errno());
    }
}

/// `CLOSE_RANGE_CLOEXEC` of Linux.
const CLOSE_RANGE_CLOEXEC: libc::c_uint = 4;

/// Gives every caught signal its default action and unblocks all. Ignored ones stay ignored
/// (`SIGPIPE`, as under the stock VM), but for `SIGTERM`.
///
/// # Safety
/// In the child only: its table of actions is its own.
unsafe fn default_signals() {
    // SAFETY: the structures are valid; actions and mask belong to the child alone.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        for signal in 1..=64 {
            if libc::sigaction(signal, ptr::null(), &raw mut action) == 0
                && (action.sa_sigaction != libc::SIG_IGN || signal == libc::SIGTERM)
                && action.sa_sigaction != libc::SIG_DFL
            {
                let mut default: libc::sigaction = std::mem::zeroed();
                default.sa_sigaction = libc::SIG_DFL;
                libc::sigaction(signal, &raw const default, ptr::null_mut());
            }
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
    }
}

/// The error number of the last call.
///
/// # Safety
/// After a call that failed, on the same thread.
unsafe fn errno() -> c_int {
    // SAFETY: the location is valid on every thread.
    unsafe { *libc::__errno_location() }
}
