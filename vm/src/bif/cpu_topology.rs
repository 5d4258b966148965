//! The processors of the machine, as the system tells them.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;

use crate::heap::Heap;
use crate::term::Term;

/// How many logical processors this process may use.
pub fn available() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// How many logical processors are switched on.
pub fn online() -> usize {
    list("/sys/devices/system/cpu/online").map_or_else(available, |online| online.len())
}

/// How many logical processors there are.
pub fn configured() -> usize {
    list("/sys/devices/system/cpu/present").map_or_else(online, |present| present.len())
}

/// The numbers in a list such as `0-3,8`.
fn list(file: &str) -> Option<Vec<usize>> {
    let text = std::fs::read_to_string(file).ok()?;
    let mut numbers = Vec::new();
    for range in text.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        numbers.extend(first.parse::<usize>().ok()?..=last.parse().ok()?);
    }
    (!numbers.is_empty()).then_some(numbers)
}

/// Processors, their cores, and the threads of each.
type Topology = BTreeMap<usize, BTreeMap<usize, Vec<usize>>>;

fn detect() -> Topology {
    let cpus = list("/sys/devices/system/cpu/online").unwrap_or_else(|| (0..available()).collect());
    let mut topology = Topology::new();
    for cpu in cpus {
        let number = |name: &str| {
            let file = format!("/sys/devices/system/cpu/cpu{cpu}/topology/{name}");
            let text = std::fs::read_to_string(file).ok()?;
            text.trim().parse::<usize>().ok()
        };
        let processor = number("physical_package_id").unwrap_or(0);
        let core = number("core_id").unwrap_or(cpu);
        topology
            .entry(processor)
            .or_default()
            .entry(core)
            .or_default()
            .push(cpu);
    }
    topology
}

/// A logical processor's place: numbers of its processor, of the core in that, of the thread in that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The processor, from 0.
    pub processor: usize,
    /// The core in its processor, from 0.
    pub core: usize,
    /// The thread in its core, from 0.
    pub thread: usize,
    /// The system's number.
    pub logical: usize,
}

/// All logical processors in the order of the topology.
pub fn places() -> Vec<Place> {
    let mut places = Vec::new();
    for (processor, cores) in detect().into_values().enumerate() {
        for (core, threads) in cores.into_values().enumerate() {
            places.extend(
                threads
                    .into_iter()
                    .enumerate()
                    .map(|(thread, logical)| Place {
                        processor,
                        core,
                        thread,
                        logical,
                    }),
            );
        }
    }
    places
}

/// What `system_info(cpu_topology)` gives.
pub fn term<'h>(heap: Heap<'h>) -> Term<'h> {
    let atom = |name: &'static str| Term::atom(crate::atom::Atom::from_static(name));
    let entry = |name: &'static str, value: Term<'h>| heap.tuple(&[atom(name), value]);
    let logical = |cpu: usize| entry("logical", Term::size(cpu));
    let topology = detect();
    let processors = topology.values().map(|cores| {
        let cores = cores.values().map(|threads| match threads[..] {
            [only] => entry("core", logical(only)),
            _ => {
                let threads = threads.iter().map(|&cpu| entry("thread", logical(cpu)));
                entry("core", heap.list_from(threads))
            }
        });
        entry("processor", heap.list_from(cores))
    });
    heap.list_from(processors)
}
