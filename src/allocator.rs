//! The program's allocator.
//!
//! Messages are made by one thread and freed by another, and most of what a VM allocates is small and short-lived:
//! what the C library's allocator is slow at. It stays in use for the blocks of the smallest heaps
//! (`vm::heap::block`) and by the C libraries.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Gives memory that is free back to the system.
pub fn give_back() {
    // SAFETY: a call without pointers; it looks at what is free only.
    unsafe { libmimalloc_sys::mi_collect(true) }
}
