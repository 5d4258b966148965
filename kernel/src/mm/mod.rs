//! Memory: frames, the kernel heap, kernel stacks, the program's address space. The second island of
//! `unsafe`.
//!
//! Ranks: the space's lock is taken before the frames' lock; the heap's lock before the frames' lock.

#![allow(
    unsafe_code,
    reason = "the memory island: frames are handled as raw memory"
)]

pub mod frames;
pub mod heap;
pub mod page;
pub mod space;
pub mod stacks;
pub mod tlb;
pub mod vma;
