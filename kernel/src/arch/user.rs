//! Access to the program's memory: the only place that touches it.
//!
//! A fault here is resolved like one of the program (demand paging); where it cannot be, the access ends
//! early and the caller sees EFAULT. No lock may be held by a caller: the fault takes the space's lock.

use core::arch::global_asm;
use core::mem::MaybeUninit;

use super::USER_END;
use super::entry::TrapFrame;
use crate::sys::errno::{EFAULT, Errno};
use alloc::vec::Vec;

global_asm!(
    r#"
    .text
    .global user_copy, user_load, user_exchange, user_words, user_bytes, user_copied, user_words_fault, user_bytes_fault, user_load_end, user_load_fault, user_exchange_end
    .balign 16
    # user_copy(to, from, len) -> bytes not copied
user_copy:
    mov rcx, rdx
    shr rcx, 3
    and edx, 7
user_words:
    rep movsq
    mov ecx, edx
user_bytes:
    rep movsb
user_copied:
    xor eax, eax
    ret
user_words_fault:
    lea rax, [rdx + rcx*8]
    ret
user_bytes_fault:
    mov rax, rcx
    ret

    # user_load(at) -> value, or all ones above 32 bits
user_load:
    mov eax, [rdi]
    ret
user_load_end:
user_load_fault:
    mov rax, -1
    ret

    # user_exchange(at, old, new) -> value found, or all ones above 32 bits
user_exchange:
    mov eax, esi
    lock cmpxchg [rdi], edx
    mov eax, eax
    ret
user_exchange_end:
"#
);

unsafe extern "C" {
    fn user_copy(to: *mut u8, from: *const u8, len: usize) -> usize;
    fn user_load(at: u64) -> u64;
    fn user_exchange(at: u64, old: u32, new: u32) -> u64;
    static user_words: u8;
    static user_bytes: u8;
    static user_copied: u8;
    static user_words_fault: u8;
    static user_bytes_fault: u8;
    static user_load_end: u8;
    static user_load_fault: u8;
    static user_exchange_end: u8;
}

/// Sends a kernel frame that faulted in one of the accesses above to its error path.
pub fn fix(frame: &mut TrapFrame) -> bool {
    let at = |symbol: *const u8| symbol as u64;
    let rip = frame.rip;
    frame.rip = if (at(&raw const user_words)..at(&raw const user_bytes)).contains(&rip) {
        at(&raw const user_words_fault)
    } else if (at(&raw const user_bytes)..at(&raw const user_copied)).contains(&rip) {
        at(&raw const user_bytes_fault)
    } else if (user_load as *const () as u64..at(&raw const user_load_end)).contains(&rip)
        || (user_exchange as *const () as u64..at(&raw const user_exchange_end)).contains(&rip)
    {
        at(&raw const user_load_fault)
    } else {
        return false;
    };
    true
}

fn check(at: u64, len: usize) -> Result<(), Errno> {
    match at.checked_add(len as u64) {
        Some(end) if end <= USER_END => Ok(()),
        _ => Err(EFAULT),
    }
}

/// Copies from the program; the count of bytes that could be read.
pub fn read_some(from: u64, to: &mut [u8]) -> usize {
    if check(from, to.len()).is_err() {
        return 0;
    }
    // SAFETY: the source is checked to be the program's and faults are caught; the target is ours.
    to.len() - unsafe { user_copy(to.as_mut_ptr(), from as *const u8, to.len()) }
}

/// Copies from the program.
pub fn read_bytes(from: u64, to: &mut [u8]) -> Result<(), Errno> {
    if read_some(from, to) == to.len() {
        Ok(())
    } else {
        Err(EFAULT)
    }
}

/// Copies to the program; the count of bytes that could be written.
pub fn write_some(to: u64, from: &[u8]) -> usize {
    if check(to, from.len()).is_err() {
        return 0;
    }
    // SAFETY: the target is checked to be the program's and faults are caught; the source is ours.
    from.len() - unsafe { user_copy(to as *mut u8, from.as_ptr(), from.len()) }
}

/// Copies to the program.
pub fn write_bytes(to: u64, from: &[u8]) -> Result<(), Errno> {
    if write_some(to, from) == from.len() {
        Ok(())
    } else {
        Err(EFAULT)
    }
}

/// A type of which every bit pattern is a value and that has no padding: what may cross the border.
///
/// # Safety
/// Implementors promise exactly that.
pub unsafe trait Plain: Copy {}

macro_rules! plain {
    ($($t:ty),* $(,)?) => { $(
        // SAFETY: integers, or C structures of integers laid out without padding.
        #[allow(unsafe_code, reason = "the interface's structures are declared where they are used")]
        unsafe impl $crate::arch::user::Plain for $t {}
    )* };
}
pub(crate) use plain;

plain!(
    u8, u16, u32, u64, i32, i64, [u32; 2], [u64; 2], [u64; 4], [u64; 3], [u32; 3]
);

/// Reads a value of the program.
pub fn read<T: Plain>(from: u64) -> Result<T, Errno> {
    check(from, size_of::<T>())?;
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: as in `read_some`; after a complete copy every byte is initialised, and `T` takes any bytes.
    unsafe {
        if user_copy(value.as_mut_ptr().cast(), from as *const u8, size_of::<T>()) != 0 {
            return Err(EFAULT);
        }
        Ok(value.assume_init())
    }
}

/// Writes a value to the program.
pub fn write<T: Plain>(to: u64, value: &T) -> Result<(), Errno> {
    write_bytes(to, bytes_of(value))
}

/// The bytes of a plain value.
pub fn bytes_of<T: Plain>(value: &T) -> &[u8] {
    // SAFETY: plain types have no padding.
    unsafe { core::slice::from_raw_parts((value as *const T).cast(), size_of::<T>()) }
}

/// Reads a word of a futex, in one access.
pub fn load_u32(at: u64) -> Result<u32, Errno> {
    check(at, 4)?;
    // SAFETY: the address is the program's; faults are caught.
    u32::try_from(unsafe { user_load(at) }).map_err(|_| EFAULT)
}

/// Compares and exchanges a word of the program; the value found.
pub fn compare_exchange(at: u64, old: u32, new: u32) -> Result<u32, Errno> {
    check(at, 4)?;
    // SAFETY: the address is the program's; faults are caught.
    u32::try_from(unsafe { user_exchange(at, old, new) }).map_err(|_| EFAULT)
}

/// Longest path and argument text taken.
pub const STRING_MAX: usize = 128 << 10;

/// Reads a text that ends with a zero byte, at most `max` bytes long.
pub fn read_string(from: u64, max: usize) -> Result<Option<Vec<u8>>, Errno> {
    let mut text = Vec::new();
    let mut at = from;
    loop {
        let mut piece = [0u8; 128];
        let room = (super::PAGE - at % super::PAGE).min(128) as usize;
        let got = read_some(at, &mut piece[..room]);
        if let Some(end) = piece[..got].iter().position(|&b| b == 0) {
            text.extend_from_slice(&piece[..end]);
            return Ok((text.len() <= max).then_some(text));
        }
        if got < room {
            return Err(EFAULT);
        }
        text.extend_from_slice(&piece[..room]);
        if text.len() > max {
            return Ok(None);
        }
        at += room as u64;
    }
}
