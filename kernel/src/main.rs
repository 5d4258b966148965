//! The unikernel: runs one Linux x86-64 program in ring 0, in one address space.
//!
//! It implements the subset of Linux's system calls that programs make; it knows nothing of what the
//! program is. Layers, each using only those before it: `arch` and `mm` (the machine and memory: all
//! `unsafe` code), `task` (threads), `dev`, `fs`, `net`, `exec` (programs), `sys` (system calls).
//!
//! Throughout: kernel code runs with interrupts off and is never preempted; locks spin and are taken in
//! the order that README.md lists; memory of the program is touched only through `arch::user`.

#![no_std]
#![no_main]

extern crate alloc;

mod arch;
mod boot;
mod console;
mod dev;
mod exec;
mod fs;
mod map;
mod mm;
mod net;
mod random;
mod sys;
mod task;
mod time;
mod timeline;

use alloc::vec::Vec;
use core::fmt::Write;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering};

use arch::{PAGE, apic, boot as start, cpu, fpu, paging, percpu, phys, smp, trap, tsc};
use boot::{CommandLine, StartInfo};
use dev::{acpi, power, serial};
use imagefs::{Image, Kind as ImageKind};
use task::sched;

/// The image's file with words that stand before those of the loader's command line.
const COMMAND_LINE: &[u8] = b"/boot/cmdline";

/// Called by the entry code on the first processor, with early page tables.
pub fn kernel_main(start_info: u64) -> ! {
    let boot_tsc = cpu::rdtsc();
    serial::init();
    let info = boot::read(start_info);
    let place = info.module.or_else(start::own_image);
    let mut line = init_memory(&info, place);
    percpu::init(0, 0);
    task::futex::init();
    trap::init();
    trap::load();
    fpu::init();
    acpi::init(info.rsdp);
    tsc::init(boot_tsc, acpi::tables().timer);
    apic::init();
    for &(at, first) in &acpi::tables().io_apics {
        apic::add_io_apic(at, first);
    }
    time::init();
    random::init();
    let image = place.and_then(|(at, len)| open_image(at, len));
    if let Some(ImageKind::File { bytes, .. }) =
        image.and_then(|image| Some(image.node(image.find(COMMAND_LINE)?).kind))
    {
        line = CommandLine::parse(bytes).extended(line);
    }
    apply_options(&line);
    timeline::init(&line);
    timeline::mark("memory");
    fs::tree::plant(image);
    fs::proc::populate();
    let others: Vec<u32> = acpi::tables()
        .processors
        .iter()
        .copied()
        .filter(|&id| id != apic::local_id())
        .collect();
    if line.option("maxcpus").is_none_or(|n| n != "1") {
        smp::start(&others);
    }
    let (interrupt, level, low) = acpi::isa_interrupt(4);
    serial::enable_input(interrupt, level, low);
    dev::virtio::init(&line);
    net::init(&line);
    timeline::mark("devices");
    sched::start_processor(move || exec::start_first(&line))
}

/// Frames, page tables and heap; returns the command line, which lies in memory the loader owns.
fn init_memory(info: &StartInfo, image: Option<(u64, u64)>) -> CommandLine {
    let (kernel_start, kernel_end) = start::kernel_extent();
    let image = image.map_or((0, 0), |(at, len)| (at, at + len));
    // What stays as it is: the first megabyte, the kernel, the image.
    let kept = [(0, 1 << 20), (kernel_start, kernel_end), image];
    let mut free = [(0u64, 0u64); 80];
    let mut n = 0;
    let mut top = 0;
    for region in info.regions[..info.count].iter().filter(|r| r.usable) {
        top = top.max(region.end);
        let mut at = region.start.next_multiple_of(PAGE);
        let end = region.end & !(PAGE - 1);
        while at < end && n < free.len() {
            // The next kept range that reaches into what is left.
            let hit = kept
                .iter()
                .filter(|k| k.1 > at && k.0 < end && k.0 < k.1)
                .min_by_key(|k| k.0);
            let until = hit.map_or(end, |k| k.0.max(at) & !(PAGE - 1));
            if until > at {
                free[n] = (at, until);
                n += 1;
            }
            at = hit.map_or(end, |k| k.1.next_multiple_of(PAGE));
        }
    }
    mm::frames::init(&mut free[..n], top);
    paging::init(top);
    mm::frames::init_high(&free[..n]);
    CommandLine::parse(info.command)
}

fn open_image(at: u64, len: u64) -> Option<Image<'static>> {
    match Image::open(phys::bytes(at, len as usize)) {
        Ok(image) => Some(image),
        Err(error) => {
            println!("what was loaded is no image: {error:?}");
            None
        }
    }
}

fn apply_options(line: &CommandLine) {
    console::set_quiet(line.option("quiet").is_some());
    sys::table::set_trace(line.option("strace").is_some());
    task::asleep::allow(line.option("fork") == Some("asleep"));
    if let Some(name) = line.option("hostname") {
        sys::misc::set_hostname(name.as_bytes());
    }
    if let Some(port) = line.option("debug_exit") {
        let digits = port.trim_start_matches("0x");
        power::set_exit_port(u16::from_str_radix(digits, 16).unwrap_or(0));
    }
}

/// Our own bug: say where, and end the machine.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    static PANICKING: AtomicBool = AtomicBool::new(false);
    if !PANICKING.swap(true, Ordering::SeqCst) {
        serial::break_lock();
        let _ = writeln!(Serial, "\r\nkernel panic: {info}\r");
        power::off(255);
    }
    cpu::stop()
}

struct Serial;

impl Write for Serial {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        serial::write(text.as_bytes());
        Ok(())
    }
}
