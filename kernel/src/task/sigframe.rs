//! The frame on the program's stack that a signal handler runs on, and the return from it.
//!
//! Layout as Linux's `rt_sigframe` for x86-64: return address, `ucontext`, `siginfo`, and above them the
//! floating-point state, aligned to 64.

use super::signal::{Action, Info, SA_NODEFER, SA_ONSTACK, bit, maskable, set_mask};
use super::thread::Thread;
use crate::arch::entry::TrapFrame;
use crate::arch::user::{self, plain};
use crate::arch::{current, fpu};
use crate::sys::errno::Result;
use core::sync::atomic::Ordering;

#[repr(C)]
#[derive(Clone, Copy)]
struct Context {
    flags: u64,
    link: u64,
    stack: [u64; 3],
    /// r8–r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags.
    registers: [u64; 18],
    segments: u64,
    error: u64,
    trap: u64,
    old_mask: u64,
    cr2: u64,
    fpu: u64,
    reserved: [u64; 8],
    mask: u64,
}

plain!(Context, SigInfo);

#[repr(C)]
#[derive(Clone, Copy)]
struct SigInfo {
    number: i32,
    errno: i32,
    code: i32,
    pad: i32,
    fields: [u64; 14],
}

const MAGIC1: u32 = 0x4650_5853;
const MAGIC2: u32 = 0x4650_5845;
const SOFTWARE: usize = 464;

fn info_bytes(info: &Info) -> SigInfo {
    let mut fields = [0; 14];
    fields[0] = info.address_or_pid;
    fields[1] = info.value;
    SigInfo {
        number: info.number as i32,
        errno: 0,
        code: info.code,
        pad: 0,
        fields,
    }
}

/// Writes a `siginfo` for `sigtimedwait`.
pub fn write_info(at: u64, info: &Info) -> Result<()> {
    user::write(at, &info_bytes(info))
}

/// Whether a stack pointer lies on the alternate stack.
fn on_alternate(rsp: u64, (base, size, flags): (u64, u64, u32)) -> bool {
    flags & 2 == 0 && rsp > base && rsp - base <= size
}

/// `sigaltstack` flags as the program sees them.
pub fn alternate_flags(rsp: u64, alternate: (u64, u64, u32)) -> u32 {
    if on_alternate(rsp, alternate) {
        1
    } else {
        alternate.2
    }
}

/// Pushes a frame and points the registers at the handler.
pub fn push(frame: &mut TrapFrame, me: &Thread, info: &Info, action: &Action) -> Result<()> {
    let (old_mask, alternate) = {
        let mut signals = me.signals.lock();
        let now = signals.mask;
        let old = signals.saved_mask.take().unwrap_or(now);
        let own = if action.flags & SA_NODEFER != 0 {
            0
        } else {
            bit(info.number)
        };
        signals.mask = maskable(now | action.mask | own);
        (old, signals.alternate)
    };
    let mut sp = frame.rsp - 128;
    if action.flags & SA_ONSTACK != 0 && alternate.2 & 2 == 0 && !on_alternate(frame.rsp, alternate)
    {
        sp = alternate.0 + alternate.1;
    }
    let size = fpu::size();
    let fpu_at = (sp - size as u64 - 4) & !63;
    write_fpu(frame, fpu_at, size)?;
    let at = ((fpu_at - (size_of::<SigInfo>() + size_of::<Context>()) as u64) & !15) - 8;
    let context_at = at + 8;
    let info_at = context_at + size_of::<Context>() as u64;
    let fault = info.code > 0 && matches!(info.number, 4 | 5 | 7 | 8 | 11);
    let context = Context {
        flags: 7,
        link: 0,
        stack: [
            alternate.0,
            u64::from(alternate_flags(frame.rsp, alternate)),
            alternate.1,
        ],
        registers: [
            frame.r8,
            frame.r9,
            frame.r10,
            frame.r11,
            frame.r12,
            frame.r13,
            frame.r14,
            frame.r15,
            frame.rdi,
            frame.rsi,
            frame.rbp,
            frame.rbx,
            frame.rdx,
            frame.rax,
            frame.rcx,
            frame.rsp,
            frame.rip,
            frame.rflags,
        ],
        segments: 0x002b_0000_0000_0033,
        error: if fault { frame.error } else { 0 },
        trap: if fault { frame.vector } else { 0 },
        old_mask,
        cr2: if fault { info.address_or_pid } else { 0 },
        fpu: fpu_at,
        reserved: [0; 8],
        mask: old_mask,
    };
    user::write(at, &action.restorer)?;
    user::write(context_at, &context)?;
    user::write(info_at, &info_bytes(info))?;
    frame.rip = action.handler;
    frame.rsp = at;
    frame.rdi = u64::from(info.number);
    frame.rsi = info_at;
    frame.rdx = context_at;
    frame.rax = 0;
    frame.rflags &= !0x400;
    Ok(())
}

fn write_fpu(frame: &TrapFrame, at: u64, size: usize) -> Result<()> {
    let mut state = fpu::State::new();
    state.save();
    state.take_frame(frame);
    let extended = fpu::mask() != 0;
    if extended {
        let words = [
            MAGIC1,
            size as u32 + 4,
            fpu::mask() as u32,
            (fpu::mask() >> 32) as u32,
            size as u32,
        ];
        for (i, word) in words.iter().enumerate() {
            state.bytes_mut()[SOFTWARE + 4 * i..SOFTWARE + 4 * i + 4]
                .copy_from_slice(&word.to_le_bytes());
        }
        user::write(at + size as u64, &MAGIC2)?;
    }
    user::write_bytes(at, state.bytes())
}

/// Returns from a handler: takes the registers from the frame that the stack pointer is at.
pub fn pop(frame: &mut TrapFrame) -> Result<()> {
    let context: Context = user::read(frame.rsp)?;
    let r = context.registers;
    [
        frame.r8, frame.r9, frame.r10, frame.r11, frame.r12, frame.r13, frame.r14, frame.r15,
        frame.rdi, frame.rsi, frame.rbp, frame.rbx, frame.rdx, frame.rax, frame.rcx, frame.rsp,
        frame.rip,
    ] = r.first_chunk::<17>().copied().unwrap_or_default();
    frame.rflags = r[17] & 0xcd5 | 0x202;
    if context.fpu != 0 {
        let mut state = fpu::State::new();
        user::read_bytes(context.fpu, state.bytes_mut())?;
        state.sanitize();
        state.restore();
        state.give_frame(frame);
    }
    let me = current::get();
    me.attention.store(true, Ordering::SeqCst);
    set_mask(context.mask);
    Ok(())
}
