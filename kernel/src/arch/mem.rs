//! The memory functions that the compiler calls. No library provides them here.

use core::arch::global_asm;

global_asm!(
    r#"
    .text
    .balign 16
    .global memcpy
memcpy:
    mov rax, rdi
    mov rcx, rdx
    shr rcx, 3
    rep movsq
    mov ecx, edx
    and ecx, 7
    rep movsb
    ret

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
