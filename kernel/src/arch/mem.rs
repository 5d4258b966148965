//! The memory functions that the compiler calls. No library provides them here.

use core::arch::global_asm;

global_asm!(
    r#"
    .text
    .balign 16
    .global memcpy
memcpy:
    # The last bytes are read before anything is written and may be written twice: no loop over them, and
    # `memmove` may come here when the target lies below the source.
    mov rax, rdi
    cmp rdx, 16
    jb 7f
    mov r8, [rsi + rdx - 8]
    lea r9, [rdi + rdx - 8]
    mov rcx, rdx
    shr rcx, 3
    rep movsq
    mov [r9], r8
    ret
7:  cmp edx, 8
    jb 8f
    mov rcx, [rsi]
    mov r8, [rsi + rdx - 8]
    mov [rdi], rcx
    mov [rdi + rdx - 8], r8
    ret
8:  cmp edx, 4
    jb 9f
    mov ecx, [rsi]
    mov r8d, [rsi + rdx - 4]
    mov [rdi], ecx
    mov [rdi + rdx - 4], r8d
    ret
9:  test edx, edx
    jz 10f
    mov r10d, edx
    shr r10d, 1
    movzx ecx, byte ptr [rsi]
    movzx r9d, byte ptr [rsi + r10]
    movzx r8d, byte ptr [rsi + rdx - 1]
    mov [rdi], cl
    mov [rdi + r10], r9b
    mov [rdi + rdx - 1], r8b
10: ret

    .balign 16
    .global memmove
memmove:
    mov rax, rdi
    mov rcx, rdi
    sub rcx, rsi
    cmp rcx, rdx
    jae memcpy
    std
    lea rdi, [rdi + rdx - 1]
    lea rsi, [rsi + rdx - 1]
    mov ecx, edx
    and ecx, 7
    rep movsb
    sub rdi, 7
    sub rsi, 7
    mov rcx, rdx
    shr rcx, 3
    rep movsq
    cld
    ret

    .balign 16
    .global memset
memset:
    mov r8, rdi
    movzx eax, sil
    movabs rcx, 0x0101010101010101
    imul rax, rcx
    mov rcx, rdx
    shr rcx, 3
    rep stosq
    mov ecx, edx
    and ecx, 7
    rep stosb
    mov rax, r8
    ret

    .balign 16
    .global memcmp
    .global bcmp
memcmp:
bcmp:
    xor eax, eax
1:  cmp rdx, 8
    jb 3f
    mov rcx, [rdi]
    mov r8, [rsi]
    cmp rcx, r8
    jne 2f
    add rdi, 8
    add rsi, 8
    sub rdx, 8
    jmp 1b
2:  bswap rcx
    bswap r8
    cmp rcx, r8
    sbb eax, eax
    or eax, 1
    ret
3:  test rdx, rdx
    jz 4f
    movzx eax, byte ptr [rdi]
    movzx ecx, byte ptr [rsi]
    sub eax, ecx
    jne 4f
    inc rdi
    inc rsi
    dec rdx
    jmp 3b
4:  ret

    .balign 16
    .global strlen
strlen:
    xor eax, eax
5:  cmp byte ptr [rdi + rax], 0
    je 6f
    inc rax
    jmp 5b
6:  ret
"#
);

/// Unwinding never happens (panics abort); the precompiled library only names this.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// As above.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    super::cpu::stop()
}
