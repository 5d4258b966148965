//! The C library's view of characters and terminals: locale, widths, signals, restoring at exit.

use std::ffi::{CStr, c_int};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, Ordering::SeqCst};
use std::{io, mem, ptr};

unsafe extern "C" {
    fn wcwidth(character: libc::wchar_t) -> c_int;
}

/// A descriptor that a user named by number. If it is not open, calls on it answer `EBADF`.
///
/// # Panics
/// For a negative number.
pub fn borrow(fd: RawFd) -> BorrowedFd<'static> {
    assert!(fd >= 0, "descriptor {fd}");
    // SAFETY: the number is not negative, which is all that the type's representation asks. That it
    // stays open is the port's user's promise; a number that is closed meanwhile makes calls fail, and
    // none of them touches memory through it.
    unsafe { BorrowedFd::borrow_raw(fd) }
}

/// Makes a descriptor number stand for another open file.
pub fn dup2(from: &OwnedFd, to: RawFd) -> rustix::io::Result<()> {
    // SAFETY: a system call on two numbers. The caller replaces a user's descriptor on purpose.
    match unsafe { libc::dup2(from.as_raw_fd(), to) } {
        0.. => Ok(()),
        _ => Err(
            rustix::io::Errno::from_io_error(&io::Error::last_os_error())
                .unwrap_or(rustix::io::Errno::BADF),
        ),
    }
}

/// Takes the environment's locale for characters; whether it is UTF-8.
pub fn take_locale() -> bool {
    // SAFETY: both answer null or a C string that is read at once. The locale is taken once, when the
    // terminal is opened.
    unsafe {
        if libc::setlocale(libc::LC_CTYPE, c"".as_ptr()).is_null() {
            return false;
        }
        let codeset = libc::nl_langinfo(libc::CODESET);
        !codeset.is_null() && CStr::from_ptr(codeset) == c"UTF-8"
    }
}

/// The columns of a character in the locale; negative when it cannot be printed.
pub fn width(character: u32) -> i32 {
    // SAFETY: a function of a number and the locale.
    unsafe { wcwidth(character.cast_signed()) }
}

/// Whether the locale can print a byte.
pub fn is_printable(byte: u8) -> bool {
    // SAFETY: a function of a number in the range of `unsigned char`.
    unsafe { libc::isprint(byte.into()) != 0 }
}

/// Set by `SIGWINCH`.
static RESIZED: AtomicBool = AtomicBool::new(false);
/// The terminal, or -1, and what `SIGCONT` and the program's end set it to.
static TERMINAL: AtomicI32 = AtomicI32::new(-1);
static RAW: AtomicPtr<libc::termios> = AtomicPtr::new(ptr::null_mut());
static ORIGINAL: AtomicPtr<libc::termios> = AtomicPtr::new(ptr::null_mut());

/// Whether the window was resized since the last call.
pub fn take_resized() -> bool {
    RESIZED.swap(false, SeqCst)
}

/// Remembers a terminal's two modes and listens to `SIGWINCH` and `SIGCONT`. At the program's end,
/// and by [`release`], it is set back.
pub fn keep(
    fd: RawFd,
    original: &rustix::termios::Termios,
    raw: &rustix::termios::Termios,
) -> io::Result<()> {
    static AT_EXIT: Once = Once::new();
    // The handlers may read the old values at any time, so they are never freed: a terminal is opened
    // once or twice in a program's life.
    ORIGINAL.store(Box::into_raw(Box::new(to_libc(fd, original)?)), SeqCst);
    RAW.store(Box::into_raw(Box::new(to_libc(fd, raw)?)), SeqCst);
    TERMINAL.store(fd, SeqCst);
    // SAFETY: registers a function without arguments that does not unwind.
    AT_EXIT.call_once(|| unsafe {
        libc::atexit(restore_at_exit);
    });
    handle(libc::SIGWINCH, resized);
    handle(libc::SIGCONT, continued);
    Ok(())
}

/// Sets the terminal back and stops listening to its signals.
pub fn release() {
    restore();
    TERMINAL.store(-1, SeqCst);
    for signal in [libc::SIGWINCH, libc::SIGCONT] {
        // SAFETY: the default action needs no handler.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
        }
    }
}

/// Sets the terminal that is kept, if any, back to its original mode.
pub fn restore() {
    set(&ORIGINAL);
}

/// Sets the terminal that is kept, if any, to its raw mode again.
pub fn reenter() {
    set(&RAW);
}

/// Makes the interrupt key of the terminal on the standard input a key like others.
pub fn disable_interrupt_key() {
    use rustix::termios::{OptionalActions, SpecialCodeIndex};
    let input = borrow(0);
    if let Ok(mut mode) = rustix::termios::tcgetattr(input) {
        mode.special_codes[SpecialCodeIndex::VINTR] = 0;
        // If the terminal does not take it, the key goes on interrupting.
        let _ = rustix::termios::tcsetattr(input, OptionalActions::Now, &mode);
    }
}

fn set(mode: &AtomicPtr<libc::termios>) {
    let (fd, mode) = (TERMINAL.load(SeqCst), mode.load(SeqCst));
    if fd >= 0 && !mode.is_null() {
        // SAFETY: the pointer came from a box that is never freed; the call is safe in a handler.
        unsafe {
            libc::tcsetattr(fd, libc::TCSANOW, mode);
        }
    }
}

extern "C" fn restore_at_exit() {
    restore();
}

extern "C" fn resized(_: c_int) {
    RESIZED.store(true, SeqCst);
}

extern "C" fn continued(_: c_int) {
    set(&RAW);
}

fn handle(signal: c_int, handler: extern "C" fn(c_int)) {
    // SAFETY: both handlers only load and store atomics and call an async-signal-safe function.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        action.sa_sigaction = handler as usize;
        action.sa_flags = libc::SA_RESTART;
        libc::sigemptyset(&raw mut action.sa_mask);
        libc::sigaction(signal, &raw const action, ptr::null_mut());
    }
}

/// The C library's form of a terminal's mode: the current one's, with the flags replaced.
fn to_libc(fd: RawFd, mode: &rustix::termios::Termios) -> io::Result<libc::termios> {
    use rustix::termios::SpecialCodeIndex as Code;
    // SAFETY: the structure is plain data and is filled in by the call.
    let mut all: libc::termios = unsafe {
        let mut all = mem::zeroed();
        if libc::tcgetattr(fd, &raw mut all) < 0 {
            return Err(io::Error::last_os_error());
        }
        all
    };
    all.c_iflag = mode.input_modes.bits();
    all.c_oflag = mode.output_modes.bits();
    all.c_lflag = mode.local_modes.bits();
    all.c_cc[libc::VMIN] = mode.special_codes[Code::VMIN];
    all.c_cc[libc::VTIME] = mode.special_codes[Code::VTIME];
    all.c_cc[libc::VEOF] = mode.special_codes[Code::VEOF];
    Ok(all)
}
