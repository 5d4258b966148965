//! Signals: handlers, masks, alternate stacks, restarts, faults, threads.

use abi::{check, show};
use libc::*;
use std::mem::zeroed;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

static COUNT: AtomicI32 = AtomicI32::new(0);
static ADDRESS: AtomicUsize = AtomicUsize::new(0);
static STACK: AtomicUsize = AtomicUsize::new(0);

extern "C" fn count(_: c_int) {
    let here = 0u8;
    STACK.store(&raw const here as usize, Ordering::SeqCst);
    COUNT.fetch_add(1, Ordering::SeqCst);
}

extern "C" fn fault(_: c_int, info: *mut siginfo_t, _: *mut c_void) {
    unsafe {
        ADDRESS.store((*info).si_addr() as usize, Ordering::SeqCst);
        let page = ADDRESS.load(Ordering::SeqCst) & !4095;
        mprotect(page as *mut c_void, 4096, PROT_READ | PROT_WRITE);
    }
}

fn install(signal: i32, handler: usize, flags: i32) -> std::io::Result<i64> {
    unsafe {
        let mut action: sigaction = zeroed();
        action.sa_sigaction = handler;
        action.sa_flags = flags;
        check(sigaction(signal, &action, null_mut()).into())
    }
}

fn main() {
    unsafe {
        show("install", install(SIGUSR1, count as *const () as usize, 0));
        show("kill", install(SIGKILL, count as *const () as usize, 0));
        let mut sum = 0.0f64;
        for n in 0..100 {
            sum += f64::from(n) * 0.5;
            raise(SIGUSR1);
        }
        println!("handled {} sum {sum}", COUNT.load(Ordering::SeqCst));

        let mut set: sigset_t = zeroed();
        sigaddset(&mut set, SIGUSR1);
        sigprocmask(SIG_BLOCK, &set, null_mut());
        raise(SIGUSR1);
        raise(SIGUSR1);
        let mut pending: sigset_t = zeroed();
        sigpending(&mut pending);
        println!("blocked {} pending {}", COUNT.load(Ordering::SeqCst), sigismember(&pending, SIGUSR1));
        sigprocmask(SIG_UNBLOCK, &set, null_mut());
        println!("unblocked {}", COUNT.load(Ordering::SeqCst));

        let stack = vec![0u8; 65536];
        let alternate = stack_t { ss_sp: stack.as_ptr() as *mut c_void, ss_flags: 0, ss_size: stack.len() };
        show("stack", check(sigaltstack(&alternate, null_mut()).into()));
        install(SIGUSR2, count as *const () as usize, SA_ONSTACK).unwrap();
        raise(SIGUSR2);
        println!("on it {}", stack.as_ptr_range().contains(&(STACK.load(Ordering::SeqCst) as *const u8)));

        install(SIGSEGV, fault as *const () as usize, SA_SIGINFO).unwrap();
        let page: *mut u8 = mmap(null_mut(), 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0).cast();
        page.add(100).write_volatile(9);
        println!("fault {} value {}", ADDRESS.load(Ordering::SeqCst) == page as usize + 100, page.add(100).read_volatile());

        let mut fds = [0; 2];
        pipe(fds.as_mut_ptr());
        let (r, w) = (fds[0], fds[1]);
        let me = pthread_self();
        for (flags, name) in [(0, "interrupted"), (SA_RESTART, "restarted")] {
            install(SIGUSR1, count as *const () as usize, flags).unwrap();
            let sender = thread::spawn(move || {
                thread::sleep(Duration::from_millis(20));
                pthread_kill(me, SIGUSR1);
                thread::sleep(Duration::from_millis(20));
                write(w, [1u8].as_ptr().cast(), 1);
            });
            let mut byte = [0u8];
            show(name, check(read(r, byte.as_mut_ptr().cast(), 1) as i64));
            sender.join().unwrap();
            if flags == 0 {
                read(r, byte.as_mut_ptr().cast(), 1);
            }
        }
        println!("total {}", COUNT.load(Ordering::SeqCst));
        let worker = thread::spawn(|| {
            let mut set: sigset_t = zeroed();
            sigaddset(&mut set, SIGTERM);
            pthread_sigmask(SIG_BLOCK, &set, null_mut());
            let mut number = 0;
            sigwait(&set, &mut number);
            number
        });
        sigaddset(&mut set, SIGTERM);
        pthread_sigmask(SIG_BLOCK, &set, null_mut());
        thread::sleep(Duration::from_millis(20));
        kill(getpid(), SIGTERM);
        println!("waited for {}", worker.join().unwrap());
        install(SIGALRM, count as *const () as usize, 0).unwrap();
        let timer = itimerval { it_interval: zeroed(), it_value: timeval { tv_sec: 0, tv_usec: 20_000 } };
        setitimer(ITIMER_REAL, &timer, null_mut());
        show("pause", check(pause().into()));
        show("nobody", check(kill(99999, 0).into()));
        show("bad", check(kill(getpid(), 77).into()));
    }
}
