//! The machine: everything that knows x86-64. One of the two islands of `unsafe` (with `mm`).
//!
//! Above this layer nothing names a register, a port or a page-table bit. The kernel runs with
//! interrupts off from entry to exit; only the idle loop and the program run with them on.

#![allow(
    unsafe_code,
    reason = "the machine's island: ports, page tables, context switches"
)]

pub mod apic;
pub mod boot;
pub mod context;
pub mod cpu;
pub mod current;
pub mod entry;
pub mod fpu;
pub mod mem;
pub mod paging;
pub mod percpu;
pub mod phys;
pub mod port;
pub mod smp;
pub mod sync;
pub mod trap;
pub mod tsc;
pub mod user;

/// Size of a page and of a frame.
pub const PAGE: u64 = 4096;
/// Size of a large page.
pub const LARGE: u64 = 2 << 20;
/// Where the kernel image is linked: physical address plus this.
pub const KERNEL_BASE: u64 = 0xffff_ffff_8000_0000;
/// Where all physical memory is mapped.
pub const DIRECT: u64 = 0xffff_8000_0000_0000;
/// Where kernel stacks are mapped, with unmapped gaps between them.
pub const STACKS: u64 = 0xffff_c000_0000_0000;
/// First address that the program may not use.
pub const USER_END: u64 = 0x7fff_ffff_f000;
/// Lowest address that the program may map.
pub const USER_START: u64 = 0x1_0000;
