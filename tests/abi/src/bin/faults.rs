//! Faults of a thread of native code, one for each word that it can be told: the system's word on them differs, so
//! this is no program to compare.

use std::hint::black_box;

/// Touches every page of a stack that grows without end.
fn deep(n: u64) -> u64 {
    let room = black_box([n; 512]);
    if n == u64::MAX { 0 } else { deep(n + 1) + room[(n % 512) as usize] }
}

/// Reads an address that nothing is at.
fn read(address: usize) {
    // SAFETY: none: the fault is what is wanted.
    black_box(unsafe { std::ptr::read_volatile(address as *const u64) });
}

fn main() {
    let what = std::env::args().nth(1).unwrap_or_default();
    println!("faults: {what}");
    let thread = std::thread::Builder::new().name("native".into());
    let native = thread.spawn(move || match what.as_str() {
        "null" => read(16),
        "far" => read(0xdead_beef_0000_0000),
        "stack" => {
            black_box(deep(0));
        }
        "code" => {
            // SAFETY: none: the fault is what is wanted.
            unsafe { std::arch::asm!("ud2") }
        }
        _ => std::process::exit(2),
    });
    // The thread takes the process with it.
    let _ = native.expect("a thread").join();
}
