//! What `/proc`, `/sys` and `/dev` hold, and the folders a program expects.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Write;
use core::sync::atomic::Ordering;

use super::file::File;
use super::node::{Dynamic, Kind, Node, S_IFCHR, S_IFDIR, S_IFLNK, S_IFREG};
use super::path::{Place, resolve};
use super::{dev, tree, tty};
use crate::arch::cpu::cpuid;
use crate::arch::{percpu, tsc};
use crate::mm::{frames, space};
use crate::sys::errno::{ENOENT, Result};
use crate::task::process::{self, COMMAND, FDS};
use crate::task::sched;
use crate::task::thread::THREADS;
use crate::time::{Clock, SECOND};

fn make_dir(path: &str, permissions: u32) -> Arc<Node> {
    let mut here = tree::root().clone();
    let names: Vec<&str> = path.split('/').filter(|n| !n.is_empty()).collect();
    for (n, name) in names.iter().enumerate() {
        here = match here.find(name.as_bytes()) {
            Ok(node) if node.is_dir() => node,
            _ => {
                let mode = if n + 1 == names.len() {
                    permissions
                } else {
                    0o755
                };
                let node = Node::directory(mode, Arc::downgrade(&here));
                add(&here, name, node.clone());
                node
            }
        };
    }
    here
}

fn add(dir: &Arc<Node>, name: &str, node: Arc<Node>) {
    if let Ok(mut entries) = dir.dir() {
        entries.remove(name.as_bytes());
    }
    let place = Place {
        parent: dir.clone(),
        name: name.as_bytes().to_vec(),
        node: None,
        dir_wanted: false,
    };
    let _ = tree::link(&place, &node);
}

fn device(dir: &Arc<Node>, name: &str, rdev: u64, open: fn() -> Arc<dyn File>) {
    let node = Node::new(S_IFCHR | 0o666, Kind::Device(open));
    node.meta.lock().rdev = rdev;
    add(dir, name, node);
}

fn generated(dir: &Arc<Node>, name: &str, content: fn() -> Vec<u8>) {
    add(
        dir,
        name,
        Node::new(S_IFREG | 0o444, Kind::Generated(content)),
    );
}

fn computed(target: impl Fn() -> Result<Vec<u8>> + Send + Sync + 'static) -> Arc<Node> {
    Node::new(S_IFLNK | 0o777, Kind::Computed(Box::new(target)))
}

/// Makes the folders and files that are not the image's.
pub fn populate() {
    make_dir("/tmp", 0o1777);
    make_dir("/run", 0o755);
    let dev = make_dir("/dev", 0o755);
    make_dir("/dev/shm", 0o1777);
    device(&dev, "null", 1 << 8 | 3, dev::null);
    device(&dev, "zero", 1 << 8 | 5, dev::zero);
    device(&dev, "full", 1 << 8 | 7, dev::full);
    device(&dev, "random", 1 << 8 | 8, dev::random);
    device(&dev, "urandom", 1 << 8 | 9, dev::random);
    device(&dev, "tty", 5 << 8, tty::open);
    device(&dev, "console", 5 << 8 | 1, tty::open);
    device(&dev, "ttyS0", 4 << 8 | 64, tty::open);
    for (name, n) in [("stdin", 0), ("stdout", 1), ("stderr", 2)] {
        add(
            &dev,
            name,
            Node::new(
                S_IFLNK | 0o777,
                Kind::Symlink(format!("/proc/self/fd/{n}").into_bytes().into()),
            ),
        );
    }
    add(
        &dev,
        "fd",
        Node::new(S_IFLNK | 0o777, Kind::Symlink(b"/proc/self/fd"[..].into())),
    );
    populate_proc();
    populate_sys();
    if resolve(tree::root(), b"/etc/mtab", false).is_err() {
        let etc = make_dir("/etc", 0o755);
        add(
            &etc,
            "mtab",
            Node::new(
                S_IFLNK | 0o777,
                Kind::Symlink(b"/proc/self/mounts"[..].into()),
            ),
        );
    }
}

fn populate_proc() {
    let proc = make_dir("/proc", 0o555);
    generated(&proc, "meminfo", meminfo);
    generated(&proc, "stat", stat);
    generated(&proc, "loadavg", loadavg);
    generated(&proc, "uptime", uptime);
    generated(&proc, "cpuinfo", cpuinfo);
    generated(&proc, "version", || {
        b"Linux version 6.1.0-lintel (kernel) #1 SMP\n".to_vec()
    });
    generated(&proc, "filesystems", || {
        b"nodev\ttmpfs\nnodev\tproc\nnodev\tsysfs\n".to_vec()
    });
    generated(&proc, "vmstat", || {
        format!("pgfault {}\n", space::fault_count()).into_bytes()
    });
    generated(&proc, "mounts", mounts);
    let pid = process::pid();
    for dir in ["/proc/self", &format!("/proc/{pid}")] {
        let own = make_dir(dir, 0o555);
        generated(&own, "maps", || space::maps().into_bytes());
        generated(&own, "stat", self_stat);
        generated(&own, "statm", statm);
        generated(&own, "status", self_status);
        generated(&own, "mounts", mounts);
        generated(&own, "mountinfo", mount_info);
        generated(&own, "cmdline", || joined(&COMMAND.lock().args));
        generated(&own, "environ", || joined(&COMMAND.lock().env));
        generated(&own, "comm", || {
            let first = THREADS
                .lock()
                .get(&process::pid())
                .map_or([0; 16], |t| *t.name.lock());
            let mut name: Vec<u8> = first.iter().copied().take_while(|&b| b != 0).collect();
            name.push(b'\n');
            name
        });
        generated(&own, "limits", || {
            format!("Limit                     Soft Limit           Hard Limit           Units     \nMax open files            {0:<20} {0:<20} files     \n", FDS.lock().limit()).into_bytes()
        });
        generated(&own, "cgroup", || b"0::/\n".to_vec());
        add(
            &own,
            "exe",
            computed(|| Ok(COMMAND.lock().exe.clone().into_bytes())),
        );
        add(&own, "cwd", computed(|| tree::path_of(&super::path::cwd())));
        add(&own, "root", computed(|| Ok(b"/".to_vec())));
        add(
            &own,
            "fd",
            Node::new(
                S_IFDIR | 0o500,
                Kind::Dynamic(Dynamic {
                    find: find_fd,
                    list: list_fds,
                }),
            ),
        );
        add(
            &own,
            "task",
            Node::new(
                S_IFDIR | 0o555,
                Kind::Dynamic(Dynamic {
                    find: find_task,
                    list: list_tasks,
                }),
            ),
        );
    }
    let sys = make_dir("/proc/sys/kernel", 0o555);
    generated(&sys, "osrelease", || b"6.1.0-lintel\n".to_vec());
    generated(&sys, "ostype", || b"Linux\n".to_vec());
    generated(&sys, "hostname", || {
        let mut name = crate::sys::misc::hostname();
        name.push(b'\n');
        name
    });
    generated(&sys, "pid_max", || b"4194304\n".to_vec());
    generated(&sys, "threads-max", || b"65536\n".to_vec());
    let random = make_dir("/proc/sys/kernel/random", 0o555);
    generated(&random, "boot_id", || {
        b"6c696e74-656c-4b65-8e65-6c0000000001\n".to_vec()
    });
    let vm = make_dir("/proc/sys/vm", 0o555);
    generated(&vm, "overcommit_memory", || b"1\n".to_vec());
    generated(&vm, "max_map_count", || b"65530\n".to_vec());
    let net = make_dir("/proc/sys/net/core", 0o555);
    generated(&net, "somaxconn", || b"4096\n".to_vec());
    let fs = make_dir("/proc/sys/fs", 0o555);
    generated(&fs, "file-max", || b"1048576\n".to_vec());
    make_dir("/proc/net", 0o555);
}

fn populate_sys() {
    let cpu = make_dir("/sys/devices/system/cpu", 0o555);
    for name in ["online", "possible", "present"] {
        generated(&cpu, name, online);
    }
    for n in 0..crate::dev::acpi::tables().processors.len().max(1) {
        let topology = make_dir(&format!("/sys/devices/system/cpu/cpu{n}/topology"), 0o555);
        generated(&topology, "physical_package_id", || b"0\n".to_vec());
        let text = Kind::Regular(crate::arch::sync::SpinLock::new(
            super::regular::Data::empty(),
        ));
        let core = Node::new(S_IFREG | 0o444, text);
        let line = format!("{n}\n");
        let _ = super::regular::Regular(core.clone())
            .write(&mut super::io::Feed::Kernel(line.as_bytes(), 0), Some(0));
        add(&topology, "core_id", core);
    }
    let node = make_dir("/sys/devices/system/node", 0o555);
    generated(&node, "online", || b"0\n".to_vec());
    generated(&node, "possible", || b"0\n".to_vec());
    let thp = make_dir("/sys/kernel/mm/transparent_hugepage", 0o555);
    generated(&thp, "enabled", || b"[always] madvise never\n".to_vec());
    generated(&thp, "hpage_pmd_size", || b"2097152\n".to_vec());
}

fn joined(texts: &[Vec<u8>]) -> Vec<u8> {
    texts
        .iter()
        .flat_map(|t| t.iter().copied().chain([0]))
        .collect()
}

fn online() -> Vec<u8> {
    match percpu::count() {
        1 => b"0\n".to_vec(),
        n => format!("0-{}\n", n - 1).into_bytes(),
    }
}

fn meminfo() -> Vec<u8> {
    let (free, total) = frames::counts();
    let (free, total) = (free * 4, total * 4);
    let mut text = String::new();
    for (name, value) in [
        ("MemTotal", total),
        ("MemFree", free),
        ("MemAvailable", free),
        ("Buffers", 0),
        ("Cached", 0),
        ("SwapCached", 0),
        ("Active", total - free),
        ("Inactive", 0),
        ("SwapTotal", 0),
        ("SwapFree", 0),
        ("Shmem", 0),
        ("Slab", 0),
        ("CommitLimit", total),
        ("Committed_AS", space::mapped_bytes() / 1024),
    ] {
        let _ = writeln!(text, "{:<15} {value:>8} kB", format!("{name}:"));
    }
    text.into_bytes()
}

/// Hundredths of a second.
fn ticks(ns: u64) -> u64 {
    ns / (SECOND / 100)
}

fn stat() -> Vec<u8> {
    let now = tsc::now();
    let mut text = String::new();
    let idle = |c: &percpu::PerCpu| {
        let since = if c.idle.load(Ordering::Relaxed) {
            now.saturating_sub(c.idle_since.load(Ordering::Relaxed))
        } else {
            0
        };
        c.idle_ns.load(Ordering::Relaxed) + since
    };
    let all: u64 = percpu::all().map(idle).sum();
    let busy = (now * percpu::count() as u64).saturating_sub(all);
    let _ = writeln!(text, "cpu  {} 0 0 {} 0 0 0 0 0 0", ticks(busy), ticks(all));
    for c in percpu::all() {
        let _ = writeln!(
            text,
            "cpu{} {} 0 0 {} 0 0 0 0 0 0",
            c.index,
            ticks(now.saturating_sub(idle(c))),
            ticks(idle(c))
        );
    }
    let switches: u64 = percpu::all()
        .map(|c| c.switches.load(Ordering::Relaxed))
        .sum();
    let started = (Clock::Realtime.now() - now) / SECOND;
    let _ = writeln!(
        text,
        "intr 0\nctxt {switches}\nbtime {started}\nprocesses 1\nprocs_running {}\nprocs_blocked 0",
        sched::runnable() + 1
    );
    text.into_bytes()
}

fn loadavg() -> Vec<u8> {
    let threads = THREADS.lock().len();
    let running = sched::runnable() + 1;
    format!(
        "{running}.00 {running}.00 {running}.00 {running}/{threads} {}\n",
        process::pid()
    )
    .into_bytes()
}

fn uptime() -> Vec<u8> {
    let now = tsc::now();
    let idle: u64 = percpu::all()
        .map(|c| c.idle_ns.load(Ordering::Relaxed))
        .sum();
    let hundredths = |ns: u64| (ns / SECOND, ns % SECOND / 10_000_000);
    let ((a, b), (c, d)) = (hundredths(now), hundredths(idle));
    format!("{a}.{b:02} {c}.{d:02}\n").into_bytes()
}

fn cpuinfo() -> Vec<u8> {
    let id = cpuid(0, 0);
    let vendor: Vec<u8> = [id.ebx, id.edx, id.ecx]
        .iter()
        .flat_map(|r| r.to_le_bytes())
        .collect();
    let vendor = String::from_utf8_lossy(&vendor).into_owned();
    let brand: Vec<u8> = (0x8000_0002u32..=0x8000_0004)
        .flat_map(|leaf| {
            let r = cpuid(leaf, 0);
            [r.eax, r.ebx, r.ecx, r.edx]
        })
        .flat_map(u32::to_le_bytes)
        .take_while(|&b| b != 0)
        .collect();
    let brand: String = String::from_utf8_lossy(&brand).trim().into();
    let mut text = String::new();
    for c in percpu::all() {
        let _ = writeln!(
            text,
            "processor\t: {0}\nvendor_id\t: {vendor}\nmodel name\t: {brand}\ncpu MHz\t\t: {1}.000\nphysical id\t: 0\nsiblings\t: {2}\ncore id\t\t: {0}\ncpu cores\t: {2}\n",
            c.index,
            tsc::hertz() / 1_000_000,
            percpu::count()
        );
    }
    text.into_bytes()
}

/// What is mounted: source, place, type. Only the first has a size.
const MOUNTS: [[&str; 3]; 4] = [
    ["rootfs", "/", "tmpfs"],
    ["proc", "/proc", "proc"],
    ["sysfs", "/sys", "sysfs"],
    ["devtmpfs", "/dev", "devtmpfs"],
];

fn mounts() -> Vec<u8> {
    let line = |[source, at, kind]: [&str; 3]| format!("{source} {at} {kind} rw,relatime 0 0\n");
    MOUNTS.map(line).concat().into_bytes()
}

fn mount_info() -> Vec<u8> {
    let line = |(n, [source, at, kind]): (usize, [&str; 3])| {
        let (id, parent) = (n + 1, usize::from(n > 0));
        format!("{id} {parent} 0:{id} / {at} rw,relatime - {kind} {source} rw\n")
    };
    let lines: Vec<String> = MOUNTS.into_iter().enumerate().map(line).collect();
    lines.concat().into_bytes()
}

fn used_pages() -> u64 {
    let (free, total) = frames::counts();
    total - free
}

fn self_stat() -> Vec<u8> {
    let pid = process::pid();
    let used = ticks(Clock::Process.now());
    let threads = THREADS.lock().len();
    let exe = COMMAND.lock().exe.clone();
    let name = exe
        .rsplit('/')
        .next()
        .unwrap_or("")
        .chars()
        .take(15)
        .collect::<String>();
    format!(
        "{pid} ({name}) R 0 {pid} {pid} 1025 {pid} 4194304 {} 0 0 0 {used} 0 0 0 20 0 {threads} 0 {} {} {} 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
        space::fault_count(),
        ticks(process::STARTED.load(Ordering::Relaxed)),
        space::mapped_bytes(),
        used_pages(),
    )
    .into_bytes()
}

fn statm() -> Vec<u8> {
    format!(
        "{} {} 0 0 0 0 0\n",
        space::mapped_bytes() / 4096,
        used_pages()
    )
    .into_bytes()
}

fn self_status() -> Vec<u8> {
    let pid = process::pid();
    let exe = COMMAND.lock().exe.clone();
    let name = exe.rsplit('/').next().unwrap_or("");
    format!(
        "Name:\t{name}\nState:\tR (running)\nTgid:\t{pid}\nPid:\t{pid}\nPPid:\t0\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nVmSize:\t{:>8} kB\nVmRSS:\t{:>8} kB\nThreads:\t{}\nCpus_allowed:\t{:x}\n",
        space::mapped_bytes() / 1024,
        used_pages() * 4,
        THREADS.lock().len(),
        percpu::online_mask(),
    )
    .into_bytes()
}

fn number(name: &[u8]) -> Option<u64> {
    core::str::from_utf8(name).ok()?.parse().ok()
}

fn find_fd(name: &[u8]) -> Option<Arc<Node>> {
    let fd = number(name)?;
    FDS.lock().get(fd).ok()?;
    Some(computed(move || {
        let open = FDS.lock().get(fd).map_err(|_| ENOENT)?.open.clone();
        Ok(open.path.clone())
    }))
}

fn list_fds() -> Vec<Vec<u8>> {
    FDS.lock()
        .numbers()
        .iter()
        .map(|n| format!("{n}").into_bytes())
        .collect()
}

fn find_task(name: &[u8]) -> Option<Arc<Node>> {
    let tid = u32::try_from(number(name)?).ok()?;
    THREADS
        .lock()
        .contains_key(&tid)
        .then(|| Node::directory(0o555, Arc::downgrade(tree::root())))
}

fn list_tasks() -> Vec<Vec<u8>> {
    THREADS
        .lock()
        .keys()
        .map(|n| format!("{n}").into_bytes())
        .collect()
}
