//! Starting the other processors.

use core::sync::atomic::{AtomicU32, Ordering};

use super::boot::{TRAMPOLINE, set_ap_start, trampoline};
use super::{apic, fpu, paging, percpu, phys, trap, tsc};
use crate::mm::stacks::KernelStack;
use crate::task::sched;

static STARTED: AtomicU32 = AtomicU32::new(0);
static STARTING_ID: AtomicU32 = AtomicU32::new(0);

/// Starts the processors with these APIC numbers, one after the other.
pub fn start(ids: &[u32]) {
    if ids.is_empty() {
        return;
    }
    phys::write_bytes(TRAMPOLINE, trampoline());
    for (i, &id) in ids.iter().take(percpu::MAX_CPUS - 1).enumerate() {
        let index = i as u32 + 1;
        let Some(stack) = KernelStack::new() else {
            return;
        };
        set_ap_start(stack.top(), paging::root());
        core::mem::forget(stack);
        STARTING_ID.store(id, Ordering::Release);
        STARTED.store(index << 1, Ordering::Release);
        apic::send_init(id);
        tsc::spin(100_000);
        for _ in 0..2 {
            apic::send_startup(id, (TRAMPOLINE >> 12) as u32);
            let end = tsc::now() + 200_000_000;
            while STARTED.load(Ordering::Acquire) & 1 == 0 && tsc::now() < end {
                core::hint::spin_loop();
            }
            if STARTED.load(Ordering::Acquire) & 1 != 0 {
                break;
            }
        }
        if STARTED.load(Ordering::Acquire) & 1 == 0 {
            crate::println!("processor {id} does not start");
            return;
        }
    }
}

#[unsafe(no_mangle)]
extern "C" fn ap_entry() -> ! {
    let index = STARTED.load(Ordering::Acquire) >> 1;
    percpu::init(index, STARTING_ID.load(Ordering::Acquire));
    trap::load();
    fpu::init();
    apic::init_local();
    sched::start_processor(|| {
        STARTED.fetch_or(1, Ordering::AcqRel);
    })
}
