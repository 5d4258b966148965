//! System calls on signals.

use core::sync::atomic::Ordering;

use super::errno::{EAGAIN, EFAULT, EINTR, EINVAL, ENOMEM, EPERM, ESRCH, Result};
use super::table::{Call, calls};
use super::time::read_timespec;
use crate::arch::{current, user};
use crate::task::process;
use crate::task::signal::{self, ACTIONS, Action, Info, MAX, maskable, num};
use crate::task::{sigframe, thread, wait};

calls! {
    13 rt_sigaction(number, new, old, size) = rt_sigaction;
    14 rt_sigprocmask(how, new, old, size) = rt_sigprocmask;
    15 rt_sigreturn() = rt_sigreturn(call);
    34 pause() = pause;
    62 kill(pid, number) = kill;
    127 rt_sigpending(set, size) = rt_sigpending;
    128 rt_sigtimedwait(set, info, timeout, size) = rt_sigtimedwait;
    129 rt_sigqueueinfo(pid, number, info) = rt_sigqueueinfo;
    130 rt_sigsuspend(set, size) = rt_sigsuspend;
    131 sigaltstack(new, old) = sigaltstack(call);
    200 tkill(tid, number) = tkill;
    234 tgkill(pid, tid, number) = tgkill;
    297 rt_tgsigqueueinfo(pid, tid, number, info) = rt_tgsigqueueinfo;
}

const SI_TKILL: i32 = -6;

fn check(number: u64) -> Result<u32> {
    match number as u32 {
        n @ 1..=MAX => Ok(n),
        _ => Err(EINVAL),
    }
}

fn rt_sigaction(number: u64, new: u64, old: u64, size: u64) -> Result<usize> {
    let number = check(number)?;
    if size != 8 {
        return Err(EINVAL);
    }
    let wanted = if new == 0 {
        None
    } else {
        Some(user::read::<[u64; 4]>(new)?)
    };
    if wanted.is_some() && (number == num::SIGKILL || number == num::SIGSTOP) {
        return Err(EINVAL);
    }
    let before = {
        let mut actions = ACTIONS.lock();
        let before = actions[number as usize];
        if let Some([handler, flags, restorer, mask]) = wanted {
            actions[number as usize] = Action {
                handler,
                flags,
                restorer,
                mask: maskable(mask),
            };
        }
        before
    };
    if old != 0 {
        user::write(
            old,
            &[before.handler, before.flags, before.restorer, before.mask],
        )?;
    }
    Ok(0)
}

fn rt_sigprocmask(how: u64, new: u64, old: u64, size: u64) -> Result<usize> {
    if size != 8 {
        return Err(EINVAL);
    }
    let wanted = if new == 0 {
        None
    } else {
        Some(user::read::<u64>(new)?)
    };
    let before = current::get().signals.lock().mask;
    if let Some(set) = wanted {
        signal::set_mask(match how {
            0 => before | set,
            1 => before & !set,
            2 => set,
            _ => return Err(EINVAL),
        });
    }
    if old != 0 {
        user::write(old, &before)?;
    }
    Ok(0)
}

fn rt_sigreturn(call: &mut Call<'_>) -> Result<usize> {
    if sigframe::pop(call.frame).is_err() {
        signal::send_thread(&current::arc(), Info::user(num::SIGSEGV, 0x80));
        return Err(EFAULT);
    }
    // Not a system call any more: all registers count, and nothing is restarted.
    call.frame.vector = 0;
    Ok(call.frame.rax as usize)
}

fn pause() -> Result<usize> {
    loop {
        if wait::pause(None).is_err() {
            return Err(EINTR);
        }
    }
}

fn kill(pid: u64, number: u64) -> Result<usize> {
    let number = number as u32;
    if number > MAX {
        return Err(EINVAL);
    }
    let pid = pid as i32;
    if pid > 0 && pid.unsigned_abs() != process::pid() && thread::find(pid as u32).is_none() {
        return Err(ESRCH);
    }
    if pid < -1 && pid.unsigned_abs() != process::pid() {
        return Err(ESRCH);
    }
    if number != 0 {
        signal::send_process(Info::user(number, 0));
    }
    Ok(0)
}

fn to_thread(tid: u64, number: u64, info: Option<Info>) -> Result<usize> {
    if (tid as i32) <= 0 || number as u32 > MAX {
        return Err(EINVAL);
    }
    let info = (number != 0).then(|| info.unwrap_or(Info::user(number as u32, SI_TKILL)));
    if signal::send_tid(tid as u32, info) {
        Ok(0)
    } else {
        Err(ESRCH)
    }
}

fn tkill(tid: u64, number: u64) -> Result<usize> {
    to_thread(tid, number, None)
}

fn tgkill(pid: u64, tid: u64, number: u64) -> Result<usize> {
    if (pid as i32) <= 0 {
        return Err(EINVAL);
    }
    if pid as u32 != process::pid() {
        return Err(ESRCH);
    }
    to_thread(tid, number, None)
}

fn read_info(number: u64, at: u64) -> Result<Info> {
    let number = check(number)?;
    let [_, code_word, pid, value] = user::read::<[u64; 4]>(at)?;
    let code = code_word as u32 as i32;
    if code >= 0 || code == SI_TKILL {
        return Err(EPERM);
    }
    Ok(Info {
        number,
        code,
        address_or_pid: pid,
        value,
    })
}

fn rt_sigqueueinfo(pid: u64, number: u64, info: u64) -> Result<usize> {
    let info = read_info(number, info)?;
    if pid as u32 != process::pid() {
        return Err(ESRCH);
    }
    signal::send_process(info);
    Ok(0)
}

fn rt_tgsigqueueinfo(pid: u64, tid: u64, number: u64, info: u64) -> Result<usize> {
    let info = read_info(number, info)?;
    if pid as u32 != process::pid() {
        return Err(ESRCH);
    }
    to_thread(tid, number, Some(info))
}

fn rt_sigpending(set: u64, size: u64) -> Result<usize> {
    if size > 8 {
        return Err(EINVAL);
    }
    let pending = signal::pending_set() & current::get().signals.lock().mask;
    user::write(set, &pending).map(|()| 0)
}

fn rt_sigtimedwait(set: u64, info: u64, timeout: u64, size: u64) -> Result<usize> {
    if size != 8 {
        return Err(EINVAL);
    }
    let set: u64 = maskable(user::read(set)?);
    let deadline = if timeout == 0 {
        None
    } else {
        Some(wait::after(read_timespec(timeout)?))
    };
    loop {
        if let Some(taken) = signal::take(set) {
            if info != 0 {
                sigframe::write_info(info, &taken)?;
            }
            return Ok(taken.number as usize);
        }
        match wait::pause(deadline) {
            Ok(()) => {}
            Err(EAGAIN) => return Err(EAGAIN),
            Err(_) => return Err(EINTR),
        }
    }
}

/// Replaces the mask until a handler has run.
pub fn set_temporary_mask(set: u64) {
    let me = current::get();
    let mut signals = me.signals.lock();
    if signals.saved_mask.is_none() {
        signals.saved_mask = Some(signals.mask);
    }
    signals.mask = maskable(set);
    drop(signals);
    me.attention.store(true, Ordering::SeqCst);
}

fn rt_sigsuspend(set: u64, size: u64) -> Result<usize> {
    if size != 8 {
        return Err(EINVAL);
    }
    set_temporary_mask(user::read(set)?);
    pause()
}

fn sigaltstack(call: &mut Call<'_>) -> Result<usize> {
    const DISABLE: u32 = 2;
    let [new, old, ..] = call.args;
    let me = current::get();
    let before = me.signals.lock().alternate;
    let flags = sigframe::alternate_flags(call.frame.rsp, before);
    if new != 0 {
        if flags == 1 {
            return Err(EPERM);
        }
        let [base, flags, size] = user::read::<[u64; 3]>(new)?;
        let flags = flags as u32 & 0x7fff_ffff;
        me.signals.lock().alternate = match flags {
            DISABLE => (0, 0, DISABLE),
            0 | 1 if size < 2048 => return Err(ENOMEM),
            0 | 1 => (base, size, 0),
            _ => return Err(EINVAL),
        };
    }
    if old != 0 {
        user::write(old, &[before.0, u64::from(flags), before.1])?;
    }
    Ok(0)
}
