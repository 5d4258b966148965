//! The first instructions: the PVH entry in 32-bit mode, early page tables, the way to `kernel_main`,
//! and the real-mode trampoline that other processors start at.
//!
//! Early tables map the first 4 GiB at 0 (until the kernel's own tables are loaded), at [`super::DIRECT`],
//! and the first GiB at [`super::KERNEL_BASE`].

use core::arch::global_asm;

/// Physical address that the trampoline is copied to; a start-up IPI names it by page number.
pub const TRAMPOLINE: u64 = 0x8000;

global_asm!(
    r#"
    .section .note.pvh, "a", @note
    .balign 4
    .long 4, 8, 18
    .asciz "Xen"
    .quad pvh_start
    # Where an image lies that became part of this file: its builder finds the note and fills it in.
    .balign 4
    .long 7, 16, 1
    .asciz "Lintel"
    .balign 4
    .global image_place
image_place:
    .quad 0, 0

    .section .bootbss, "aw", @nobits
    .balign 4096
boot_pml4: .skip 4096
boot_pdpt_low: .skip 4096
boot_pdpt_high: .skip 4096
boot_pds: .skip 4096*4

    .section .boot, "awx"
    .balign 16
boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff   # 08: 64-bit code
    .quad 0x00cf93000000ffff   # 10: data
    .quad 0x00cf9b000000ffff   # 18: 32-bit code
boot_gdt_end:
boot_gdtr:
    .word boot_gdt_end - boot_gdt - 1
    .quad boot_gdt

    .code32
    .global pvh_start
pvh_start:
    cli
    cld
    mov edi, ebx
    mov esp, offset boot_stack_top - 0x80000000 - 0xffffffff00000000
    # Page directories: 4 GiB in large pages.
    mov ecx, offset boot_pds
    mov eax, 0x83
    xor edx, edx
2:  mov [ecx], eax
    mov dword ptr [ecx + 4], 0
    add eax, 0x200000
    add ecx, 8
    inc edx
    cmp edx, 2048
    jne 2b
    # Pointers to them.
    mov eax, offset boot_pds
    or eax, 3
    mov ecx, offset boot_pdpt_low
    mov edx, 4
3:  mov [ecx], eax
    add eax, 4096
    add ecx, 8
    dec edx
    jnz 3b
    mov eax, offset boot_pds
    or eax, 3
    mov [boot_pdpt_high + 510*8], eax
    mov eax, offset boot_pdpt_low
    or eax, 3
    mov [boot_pml4], eax
    mov [boot_pml4 + 256*8], eax
    mov eax, offset boot_pdpt_high
    or eax, 3
    mov [boot_pml4 + 511*8], eax
    lgdt [boot_gdtr]
    call boot_enable_long
    push 8
    mov eax, offset boot_64
    push eax
    retf

    # CR4: PAE, OSFXSR, OSXMMEXCPT. EFER: SCE, LME, NXE. CR0: PG, WP, NE, MP, PE.
boot_enable_long:
    mov eax, cr4
    or eax, 0x620
    mov cr4, eax
    mov eax, offset boot_pml4
    mov cr3, eax
    mov ecx, 0xc0000080
    rdmsr
    or eax, 0x901
    wrmsr
    mov eax, cr0
    and eax, 0xfffffff3
    or eax, 0x80010023
    mov cr0, eax
    ret

    .code64
boot_64:
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov ss, eax
    xor eax, eax
    mov fs, eax
    mov gs, eax
    mov edi, edi
    movabs rsp, offset boot_stack_top
    xor ebp, ebp
    movabs rax, offset kernel_entry
    call rax
5:  hlt
    jmp 5b

    # Entered by other processors after the trampoline, in 32-bit mode.
    .code32
ap_32:
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov esp, 0x8f00
    call boot_enable_long
    push 8
    mov eax, offset ap_64
    push eax
    retf
    .code64
ap_64:
    xor eax, eax
    mov fs, eax
    mov gs, eax
    movabs rax, offset ap_high
    jmp rax

    .section .rodata.trampoline, "a"
    .global ap_trampoline
    .global ap_trampoline_end
    .balign 16
    .code16
ap_trampoline:
    cli
    cld
    xor ax, ax
    mov ds, ax
    .byte 0x66, 0x0f, 0x01, 0x16     # lgdtl [disp16]
    .word 0x8000 + ap_gdtr - ap_trampoline
    mov eax, cr0
    or al, 1
    mov cr0, eax
    .byte 0x66, 0xea                  # ljmpl 0x18:ap_32
    .long ap_32
    .word 0x18
    .balign 8
ap_gdtr:
    .word boot_gdt_end - boot_gdt - 1
    .long boot_gdt
ap_trampoline_end:
    .code64

    # The kernel's own tables map its stacks, but not the code at its physical address.
    .text
ap_high:
    mov rax, [rip + ap_root]
    mov cr3, rax
    mov rsp, [rip + ap_stack]
    xor ebp, ebp
    call ap_entry
6:  hlt
    jmp 6b

    .section .bss.bootstack, "aw", @nobits
    .balign 16
    .global ap_stack
    .global ap_root
ap_stack: .skip 8
ap_root: .skip 8
    .balign 4096
    .skip 262144
boot_stack_top:
    .text
"#
);

unsafe extern "C" {
    static ap_trampoline: u8;
    static ap_trampoline_end: u8;
    static mut ap_stack: u64;
    static mut ap_root: u64;
    static kernel_start: u8;
    static kernel_end: u8;
    static image_place: u8;
}

/// The trampoline's bytes.
pub fn trampoline() -> &'static [u8] {
    let start = &raw const ap_trampoline;
    let end = &raw const ap_trampoline_end;
    // SAFETY: both symbols delimit one read-only object of the image above.
    unsafe { core::slice::from_raw_parts(start, end as usize - start as usize) }
}

/// Sets the stack and the page tables that the next processor to start will run on.
pub fn set_ap_start(top: u64, root: u64) {
    // SAFETY: processors are started one at a time, and the one started before has left this stack word.
    unsafe {
        (&raw mut ap_stack).write_volatile(top);
        (&raw mut ap_root).write_volatile(root);
    }
}

/// Physical extent of the kernel image.
pub fn kernel_extent() -> (u64, u64) {
    (&raw const kernel_start as u64, &raw const kernel_end as u64)
}

/// Physical address and length of the image that is part of the kernel's file, if there is one.
pub fn own_image() -> Option<(u64, u64)> {
    let place = super::phys::bytes(&raw const image_place as u64, 16);
    let (at, len) = place.split_at(8);
    let word = |bytes: &[u8]| bytes.first_chunk().map_or(0, |b| u64::from_le_bytes(*b));
    (word(len) != 0).then(|| (word(at), word(len)))
}

/// Loader's entry in 64-bit mode: the physical address of the PVH start info in the first argument.
#[unsafe(no_mangle)]
extern "C" fn kernel_entry(start_info: u64) -> ! {
    crate::kernel_main(start_info)
}
