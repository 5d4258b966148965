//! System calls on threads: making and ending them, futexes, scheduling, process identity.

use alloc::vec::Vec;
use core::sync::atomic::Ordering;

use super::errno::{EAGAIN, ECHILD, EFAULT, EINVAL, ENOENT, ENOSYS, EPERM, ESRCH, Result};
use super::table::{Call, calls};
use super::time::read_timespec;
use crate::arch::context::{self, Context};
use crate::arch::entry::TrapFrame;
use crate::arch::{USER_END, current, percpu, user};
use crate::exec::image;
use crate::fs::fd;
use crate::mm::space;
use crate::mm::stacks::KernelStack;
use crate::task::process::{self, FDS};
use crate::task::signal::{ACTIONS, Signals};
use crate::task::thread::{self, THREADS, Thread};
use crate::task::wait;
use crate::task::{asleep, futex, sched};
use crate::time::Clock;

calls! {
    24 sched_yield() = sched_yield;
    39 getpid() = getpid;
    56 clone(flags, stack, parent, child, tls) = clone(call);
    57 fork() = fork;
    58 vfork() = fork;
    59 execve(path, args, env) = execve(call);
    60 exit(code) = exit;
    61 wait4(pid, status, options, usage) = wait4;
    102 getuid() = zero;
    104 getgid() = zero;
    105 setuid(id) = set_id;
    106 setgid(id) = set_id;
    107 geteuid() = zero;
    108 getegid() = zero;
    109 setpgid(pid, group) = setpgid;
    110 getppid() = zero;
    111 getpgrp() = getpid;
    112 setsid() = setsid;
    113 setreuid(a, b) = set_ids;
    114 setregid(a, b) = set_ids;
    115 getgroups(len, list) = getgroups;
    116 setgroups(len, list) = set_ids;
    117 setresuid(a, b, c) = set_three;
    118 getresuid(a, b, c) = get_three;
    119 setresgid(a, b, c) = set_three;
    120 getresgid(a, b, c) = get_three;
    121 getpgid(pid) = getpgid;
    124 getsid(pid) = getpgid;
    140 getpriority(which, who) = getpriority;
    141 setpriority(which, who, value) = setpriority;
    142 sched_setparam(pid, param) = sched_setparam;
    143 sched_getparam(pid, param) = sched_getparam;
    144 sched_setscheduler(pid, policy, param) = sched_setscheduler;
    145 sched_getscheduler(pid) = sched_getscheduler;
    146 sched_get_priority_max(policy) = priority_max;
    147 sched_get_priority_min(policy) = priority_min;
    157 prctl(option, a, b, c, d) = prctl;
    158 arch_prctl(code, at) = arch_prctl;
    186 gettid() = gettid;
    202 futex(at, op, value, timeout, second, value3) = futex;
    203 sched_setaffinity(pid, len, mask) = sched_setaffinity;
    204 sched_getaffinity(pid, len, mask) = sched_getaffinity;
    218 set_tid_address(at) = set_tid_address;
    231 exit_group(code) = exit_group;
    247 waitid(kind, id, info, options) = waitid;
    273 set_robust_list(head, len) = set_robust_list;
    274 get_robust_list(pid, head, len) = get_robust_list;
    309 getcpu(cpu, node) = getcpu;
    435 clone3(args, size) = clone3(call);
}

const CLONE_VM: u64 = 0x100;
const CLONE_THREAD: u64 = 0x10000;
const CLONE_SETTLS: u64 = 0x80000;
const CLONE_PARENT_SETTID: u64 = 0x10_0000;
const CLONE_CHILD_CLEARTID: u64 = 0x20_0000;
const CLONE_CHILD_SETTID: u64 = 0x100_0000;

fn sched_yield() -> Result<usize> {
    sched::yield_now();
    Ok(0)
}

fn getpid() -> Result<usize> {
    Ok(process::pid() as usize)
}

fn gettid() -> Result<usize> {
    Ok(current::get().tid as usize)
}

fn zero() -> Result<usize> {
    Ok(0)
}

/// What the clone calls ask for.
struct NewThread {
    flags: u64,
    stack: u64,
    tls: u64,
    parent_tid: u64,
    child_tid: u64,
}

fn clone(call: &mut Call<'_>) -> Result<usize> {
    let [flags, stack, parent_tid, child_tid, tls, _] = call.args;
    new_thread(
        call.frame,
        &NewThread {
            flags,
            stack,
            tls,
            parent_tid,
            child_tid,
        },
    )
}

fn clone3(call: &mut Call<'_>) -> Result<usize> {
    let [at, size, ..] = call.args;
    if !(64..=4096).contains(&size) {
        return Err(EINVAL);
    }
    let mut words = [0u64; 8];
    for (n, word) in words.iter_mut().enumerate() {
        *word = user::read(at + 8 * n as u64)?;
    }
    let [
        flags,
        _pidfd,
        child_tid,
        parent_tid,
        _signal,
        stack,
        stack_size,
        tls,
    ] = words;
    let stack = if stack == 0 { 0 } else { stack + stack_size };
    new_thread(
        call.frame,
        &NewThread {
            flags,
            stack,
            tls,
            parent_tid,
            child_tid,
        },
    )
}

fn new_thread(frame: &TrapFrame, new: &NewThread) -> Result<usize> {
    let needed = CLONE_VM | CLONE_THREAD;
    if new.flags & needed != needed {
        return asleep::make();
    }
    let me = current::get();
    let stack = KernelStack::new().ok_or(EAGAIN)?;
    let mut start = *frame;
    start.rax = 0;
    if new.stack != 0 {
        start.rsp = new.stack;
    }
    let tls = if new.flags & CLONE_SETTLS != 0 {
        new.tls
    } else {
        me.context.fs_base.load(Ordering::Relaxed)
    };
    let tid = thread::new_tid();
    if new.flags & CLONE_PARENT_SETTID != 0 {
        user::write(new.parent_tid, &tid)?;
    }
    if new.flags & CLONE_CHILD_SETTID != 0 {
        user::write(new.child_tid, &tid)?;
    }
    let context = Context::program(stack, &start, tls, true);
    let signals = Signals::with_mask(me.signals.lock().mask);
    let affinity = me.affinity.load(Ordering::Relaxed);
    let name = *me.name.lock();
    let thread = Thread::new(tid, context, affinity, name, signals);
    if new.flags & CLONE_CHILD_CLEARTID != 0 {
        thread.clear_tid.store(new.child_tid, Ordering::Relaxed);
    }
    THREADS.lock().insert(tid, thread.clone());
    sched::start(thread);
    Ok(tid as usize)
}

fn fork() -> Result<usize> {
    asleep::make()
}

/// Replaces the program: other threads end, the space is emptied, descriptors marked so are closed.
fn execve(call: &mut Call<'_>) -> Result<usize> {
    let [path_at, args_at, env_at, ..] = call.args;
    let path = user::read_string(path_at, 4096)?.ok_or(ENOENT)?;
    let args = read_strings(args_at)?;
    let env = read_strings(env_at)?;
    image::executable(&path)?;
    process::kill_others();
    space::clear();
    let numbers = FDS.lock().numbers();
    for n in numbers {
        if FDS.lock().get(n as u64).is_ok_and(|d| d.close_on_exec) {
            let _ = fd::close(n as u64);
        }
    }
    for action in ACTIONS.lock().iter_mut().filter(|a| a.handler > 1) {
        action.handler = 0;
    }
    let me = current::get();
    me.clear_tid.store(0, Ordering::Relaxed);
    me.robust.store(0, Ordering::Relaxed);
    me.signals.lock().alternate = (0, 0, 2);
    *me.name.lock() = crate::exec::short_name(&path);
    context::set_fs_base(&me.context, 0);
    match image::load(&path, args, env) {
        Ok(start) => {
            *call.frame = start;
            Ok(0)
        }
        Err(error) => {
            // The old program is gone: there is nobody to tell.
            crate::println!(
                "the program that was started cannot be loaded: error {}",
                error.0
            );
            process::exit_group(127)
        }
    }
}

fn read_strings(at: u64) -> Result<Vec<Vec<u8>>> {
    let mut list = Vec::new();
    if at == 0 {
        return Ok(list);
    }
    loop {
        let text = user::read::<u64>(at + 8 * list.len() as u64)?;
        if text == 0 {
            return Ok(list);
        }
        list.push(user::read_string(text, user::STRING_MAX)?.ok_or(super::errno::E2BIG)?);
    }
}

fn exit(code: u64) -> Result<usize> {
    process::exit_thread(code as i32)
}

fn exit_group(code: u64) -> Result<usize> {
    process::exit_group(code as i32)
}

fn wait4(_pid: u64, _status: u64, _options: u64, _usage: u64) -> Result<usize> {
    Err(ECHILD)
}

fn waitid(_kind: u64, _id: u64, _info: u64, _options: u64) -> Result<usize> {
    Err(ECHILD)
}

/// The program is root and stays so.
fn set_id(id: u64) -> Result<usize> {
    if id as u32 == u32::MAX {
        Err(EINVAL)
    } else {
        Ok(0)
    }
}

fn set_ids(_a: u64, _b: u64) -> Result<usize> {
    Ok(0)
}

fn set_three(_a: u64, _b: u64, _c: u64) -> Result<usize> {
    Ok(0)
}

fn get_three(a: u64, b: u64, c: u64) -> Result<usize> {
    for at in [a, b, c] {
        user::write(at, &0u32)?;
    }
    Ok(0)
}

fn getgroups(len: u64, list: u64) -> Result<usize> {
    if len > 0 {
        user::write(list, &0u32)?;
    }
    Ok(1)
}

fn setpgid(pid: u64, _group: u64) -> Result<usize> {
    check_pid(pid).map(|()| 0)
}

fn setsid() -> Result<usize> {
    Err(EPERM)
}

fn getpgid(pid: u64) -> Result<usize> {
    check_pid(pid)?;
    getpid()
}

fn check_pid(pid: u64) -> Result<()> {
    if pid as u32 == 0 || thread::find(pid as u32).is_some() {
        Ok(())
    } else {
        Err(ESRCH)
    }
}

/// Nice 0, in the interface's own counting.
fn getpriority(which: u64, _who: u64) -> Result<usize> {
    if which > 2 { Err(EINVAL) } else { Ok(20) }
}

fn setpriority(which: u64, _who: u64, _value: u64) -> Result<usize> {
    if which > 2 { Err(EINVAL) } else { Ok(0) }
}

fn sched_setparam(pid: u64, param: u64) -> Result<usize> {
    check_pid(pid)?;
    if user::read::<u32>(param)? == 0 {
        Ok(0)
    } else {
        Err(EINVAL)
    }
}

fn sched_getparam(pid: u64, param: u64) -> Result<usize> {
    check_pid(pid)?;
    user::write(param, &0u32).map(|()| 0)
}

fn sched_setscheduler(pid: u64, policy: u64, param: u64) -> Result<usize> {
    check_pid(pid)?;
    let priority = user::read::<u32>(param)?;
    match (policy, priority) {
        (0 | 3 | 5, 0) => Ok(0),
        (1 | 2, 1..=99) => Err(EPERM),
        _ => Err(EINVAL),
    }
}

fn sched_getscheduler(pid: u64) -> Result<usize> {
    check_pid(pid).map(|()| 0)
}

fn priority_max(policy: u64) -> Result<usize> {
    match policy {
        0 | 3 | 5 => Ok(0),
        1 | 2 => Ok(99),
        _ => Err(EINVAL),
    }
}

fn priority_min(policy: u64) -> Result<usize> {
    priority_max(policy).map(|n| n.min(1))
}

fn prctl(option: u64, a: u64, _b: u64, _c: u64, _d: u64) -> Result<usize> {
    const SET_DUMPABLE: u64 = 4;
    const GET_DUMPABLE: u64 = 3;
    const SET_NAME: u64 = 15;
    const GET_NAME: u64 = 16;
    match option {
        SET_NAME => {
            let mut name = [0u8; 16];
            let got = user::read_some(a, &mut name[..15]);
            let len = name[..got].iter().position(|&b| b == 0).unwrap_or(got);
            name[len..].fill(0);
            *current::get().name.lock() = name;
            Ok(0)
        }
        GET_NAME => {
            let name = *current::get().name.lock();
            user::write_bytes(a, &name).map(|()| 0)
        }
        GET_DUMPABLE => Ok(usize::from(process::dumpable().load(Ordering::Relaxed))),
        SET_DUMPABLE => {
            process::dumpable().store(a != 0, Ordering::Relaxed);
            Ok(0)
        }
        // PDEATHSIG, TIMERSLACK, CHILD_SUBREAPER, NO_NEW_PRIVS, THP_DISABLE, VMA names: accepted, no effect.
        1 | 29 | 36 | 38 | 41 | 0x5356_4d41 => Ok(0),
        30 => Ok(50_000),
        39 => Ok(0),
        _ => Err(EINVAL),
    }
}

fn arch_prctl(code: u64, at: u64) -> Result<usize> {
    const SET_FS: u64 = 0x1002;
    const GET_FS: u64 = 0x1003;
    match code {
        SET_FS if at < USER_END => {
            context::set_fs_base(&current::get().context, at);
            Ok(0)
        }
        SET_FS => Err(EPERM),
        GET_FS => {
            user::write(at, &current::get().context.fs_base.load(Ordering::Relaxed)).map(|()| 0)
        }
        _ => Err(EINVAL),
    }
}

fn futex(at: u64, op: u64, value: u64, timeout: u64, second: u64, value3: u64) -> Result<usize> {
    const WAIT: u64 = 0;
    const WAKE: u64 = 1;
    const REQUEUE: u64 = 3;
    const CMP_REQUEUE: u64 = 4;
    const WAKE_OP: u64 = 5;
    const WAIT_BITSET: u64 = 9;
    const WAKE_BITSET: u64 = 10;
    const CLOCK_REALTIME: u64 = 256;
    if at >= USER_END {
        return Err(EFAULT);
    }
    let command = op & 127;
    let value = value as u32;
    let count = value as i32 as usize;
    match command {
        WAIT | WAIT_BITSET => {
            let deadline = match timeout {
                0 => None,
                t => {
                    let ns = read_timespec(t)?;
                    Some(if command == WAIT {
                        wait::after(ns)
                    } else if op & CLOCK_REALTIME != 0 {
                        Clock::Realtime.to_monotonic(ns)
                    } else {
                        ns
                    })
                }
            };
            let bits = if command == WAIT {
                u32::MAX
            } else {
                value3 as u32
            };
            futex::wait(at, value, bits, deadline)
        }
        WAKE => futex::wake(at, count.max(1), u32::MAX),
        WAKE_BITSET => futex::wake(at, count.max(1), value3 as u32),
        REQUEUE => futex::requeue(at, second, count, timeout as u32 as usize, None),
        CMP_REQUEUE => futex::requeue(
            at,
            second,
            count,
            timeout as u32 as usize,
            Some(value3 as u32),
        ),
        WAKE_OP => futex::wake_op(at, second, count, timeout as u32 as usize, value3 as u32),
        _ => Err(ENOSYS),
    }
}

fn target(pid: u64) -> Result<alloc::sync::Arc<Thread>> {
    if pid as u32 == 0 {
        Ok(current::arc())
    } else {
        thread::find(pid as u32).ok_or(ESRCH)
    }
}

fn sched_setaffinity(pid: u64, len: u64, mask: u64) -> Result<usize> {
    let mut bytes = [0u8; 8];
    user::read_bytes(mask, &mut bytes[..len.min(8) as usize])?;
    let mask = u64::from_le_bytes(bytes) & percpu::online_mask();
    if mask == 0 {
        return Err(EINVAL);
    }
    sched::set_affinity(&target(pid)?, mask);
    Ok(0)
}

fn sched_getaffinity(pid: u64, len: u64, mask: u64) -> Result<usize> {
    if len < 8 || !len.is_multiple_of(8) {
        return Err(EINVAL);
    }
    let value = target(pid)?.affinity.load(Ordering::Relaxed) & percpu::online_mask();
    user::write(mask, &value)?;
    Ok(8)
}

fn set_tid_address(at: u64) -> Result<usize> {
    current::get().clear_tid.store(at, Ordering::Relaxed);
    gettid()
}

fn set_robust_list(head: u64, len: u64) -> Result<usize> {
    if len != 24 {
        return Err(EINVAL);
    }
    current::get().robust.store(head, Ordering::Relaxed);
    Ok(0)
}

fn get_robust_list(pid: u64, head: u64, len: u64) -> Result<usize> {
    user::write(head, &target(pid)?.robust.load(Ordering::Relaxed))?;
    user::write(len, &24u64).map(|()| 0)
}

fn getcpu(cpu: u64, node: u64) -> Result<usize> {
    if cpu != 0 {
        user::write(cpu, &percpu::index())?;
    }
    if node != 0 {
        user::write(node, &0u32)?;
    }
    Ok(0)
}
