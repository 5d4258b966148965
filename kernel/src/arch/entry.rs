//! The ways into the kernel, in assembly: system calls, interrupts, exceptions; and the ways back.
//!
//! All three build the same [`TrapFrame`]. Program and kernel both run in ring 0, so the processor
//! switches no stack by itself: SYSCALL takes the stack from the per-processor block, interrupts use
//! IST 1 (the current thread's kernel stack, empty while the program runs) and exceptions IST 2, from
//! which a frame of the program is moved to the thread's kernel stack. The compiler uses SSE registers
//! in kernel code, so they are part of the frame.

use core::arch::global_asm;
use core::mem::offset_of;

/// The program's registers at its entry into the kernel.
#[repr(C, align(16))]
#[derive(Clone, Copy)]
#[allow(missing_docs, reason = "the registers of the processor")]
pub struct TrapFrame {
    pub xmm: [u128; 16],
    pub r15: u64,
    pub r14: u64,
    pub r13: u64,
    pub r12: u64,
    pub r11: u64,
    pub r10: u64,
    pub r9: u64,
    pub r8: u64,
    pub rbp: u64,
    pub rdi: u64,
    pub rsi: u64,
    pub rdx: u64,
    pub rcx: u64,
    pub rbx: u64,
    pub rax: u64,
    /// Vector number, [`SYSCALL`] for system calls.
    pub vector: u64,
    pub error: u64,
    pub rip: u64,
    pub cs: u64,
    pub rflags: u64,
    pub rsp: u64,
    pub ss: u64,
}

/// The vector number of a system call.
pub const SYSCALL: u64 = 0x100;

impl TrapFrame {
    /// A frame of all zeros that would run the program with interrupts on.
    pub fn new(rip: u64, rsp: u64) -> TrapFrame {
        TrapFrame {
            xmm: [0; 16],
            r15: 0,
            r14: 0,
            r13: 0,
            r12: 0,
            r11: 0,
            r10: 0,
            r9: 0,
            r8: 0,
            rbp: 0,
            rdi: 0,
            rsi: 0,
            rdx: 0,
            rcx: 0,
            rbx: 0,
            rax: 0,
            vector: 0,
            error: 0,
            rip,
            cs: 0x08,
            rflags: 0x202,
            rsp,
            ss: 0x10,
        }
    }

    /// Whether the program, not the kernel, was running.
    pub fn of_program(&self) -> bool {
        self.rip >> 63 == 0
    }
}

const _: () = assert!(
    size_of::<TrapFrame>() == 432
        && offset_of!(TrapFrame, rip) == 392
        && offset_of!(TrapFrame, vector) == 376
);

global_asm!(
    r#"
    .macro SAVE_REGISTERS
    push rax
    push rbx
    push rcx
    push rdx
    push rsi
    push rdi
    push rbp
    push r8
    push r9
    push r10
    push r11
    push r12
    push r13
    push r14
    push r15
    sub rsp, 256
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    movaps [rsp + 16*\n], xmm\n
    .endr
    .endm

    .macro RESTORE_REGISTERS
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    movaps xmm\n, [rsp + 16*\n]
    .endr
    add rsp, 256
    pop r15
    pop r14
    pop r13
    pop r12
    pop r11
    pop r10
    pop r9
    pop r8
    pop rbp
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rbx
    pop rax
    add rsp, 16
    .endm

    .text
    .balign 16
    .global syscall_entry
syscall_entry:
    mov gs:[16], rsp
    mov rsp, gs:[8]
    push 0x10
    push gs:[16]
    push r11
    push 8
    push rcx
    push 0
    push 0x100
    SAVE_REGISTERS
    mov rdi, rsp
    call handle_syscall
    test al, al
    jnz trap_return
    RESTORE_REGISTERS
    pop rcx
    add rsp, 8
    and qword ptr [rsp], ~0x200
    popfq
    pop rsp
    sti
    jmp rcx

    .balign 16
trap_common:
    SAVE_REGISTERS
    cld
    cmp qword ptr [rsp + 376], 32
    jae 2f
    bt qword ptr [rsp + 392], 63
    jc 2f
    mov rsi, rsp
    mov rdi, gs:[8]
    sub rdi, 432
    mov rdx, rdi
    mov ecx, 54
    rep movsq
    mov rsp, rdx
2:  mov rdi, rsp
    call handle_trap
    .global trap_return
trap_return:
    RESTORE_REGISTERS
    iretq

    .balign 16
    .global trap_stubs
trap_stubs:
    .set vector, 0
    .rept 256
    .balign 16
    .if (vector != 8) && ((vector < 10) || (vector > 14)) && (vector != 17) && (vector != 21) && (vector != 29) && (vector != 30)
    push 0
    .endif
    push vector
    jmp trap_common
    .set vector, vector + 1
    .endr

    # switch_stacks(&mut old_rsp, new_rsp)
    .balign 16
    .global switch_stacks
switch_stacks:
    push rbp
    push rbx
    push r12
    push r13
    push r14
    push r15
    mov [rdi], rsp
    mov rsp, rsi
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbx
    pop rbp
    ret

    # First code of a new thread of the program: its trap frame lies on the stack.
    .global thread_start
thread_start:
    call finish_first_switch
    jmp trap_return

    # First code of a kernel thread: r12 is the function.
    .global kernel_thread_start
kernel_thread_start:
    call finish_first_switch
    call r12
    ud2
    .text
"#
);

unsafe extern "C" {
    /// Entry of SYSCALL.
    pub fn syscall_entry();
    /// Start of the 256 entries, 16 bytes each.
    pub static trap_stubs: u8;
    /// Continues a program from the frame at the stack pointer.
    pub fn thread_start();
    /// Starts a kernel thread.
    pub fn kernel_thread_start();
    /// Saves the callee's registers and changes to another kernel stack.
    pub fn switch_stacks(old_rsp: *mut u64, new_rsp: u64);
}
