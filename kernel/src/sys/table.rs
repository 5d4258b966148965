//! The table of system calls: number, name, arguments, function; and the dispatch.
//!
//! A family's file writes its rows with [`calls!`]; the table joins them. What is in no row answers ENOSYS
//! and is named on the console once.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::errno::{ENOSYS, Result};
use crate::arch::current;
use crate::arch::entry::TrapFrame;
use crate::println;

/// A system call's arguments and the registers it was made with.
pub struct Call<'a> {
    /// The six argument registers.
    pub args: [u64; 6],
    /// All registers.
    pub frame: &'a mut TrapFrame,
}

/// One row.
pub struct Row {
    /// Its number.
    pub number: u16,
    /// Its name and those of its arguments, with blanks between.
    pub names: &'static str,
    /// What it does.
    pub function: fn(&mut Call<'_>) -> Result<usize>,
}

/// Writes a family's rows: `number name(arguments) = function;`. The function takes the arguments as
/// words; one written `function(call)` takes the whole [`Call`].
macro_rules! calls {
    ($($number:literal $name:ident($($arg:ident),*) = $function:ident $(($call:ident))?;)*) => {
        /// This family's rows.
        pub const CALLS: &[$crate::sys::table::Row] = &[$(
            $crate::sys::table::Row {
                number: $number,
                names: concat!(stringify!($name) $(, " ", stringify!($arg))*),
                function: $crate::sys::table::calls!(@ $function [$($arg)*] $($call)?),
            },
        )*];
    };
    (@ $function:ident [$($arg:ident)*] $call:ident) => { |c| $function(c) };
    (@ $function:ident [$($arg:ident)*]) => {
        |c| {
            let [$($arg,)* ..] = c.args;
            $function($($arg),*)
        }
    };
}
pub(crate) use calls;

const SIZE: usize = 512;

static TABLE: [Option<&Row>; SIZE] = {
    let families: &[&'static [Row]] = &[
        super::mem::CALLS,
        super::thread::CALLS,
        super::time::CALLS,
        super::signal::CALLS,
        super::file::CALLS,
        super::io::CALLS,
        super::poll::CALLS,
        super::net::CALLS,
        super::misc::CALLS,
    ];
    let mut table: [Option<&Row>; SIZE] = [None; SIZE];
    let mut f = 0;
    while f < families.len() {
        let mut n = 0;
        while n < families[f].len() {
            let row = &families[f][n];
            assert!(
                table[row.number as usize].is_none(),
                "two rows with one number"
            );
            table[row.number as usize] = Some(row);
            n += 1;
        }
        f += 1;
    }
    table
};

static TRACE: AtomicBool = AtomicBool::new(false);
/// Unknown calls that were named already.
static NAMED: [AtomicU64; SIZE / 64] = [const { AtomicU64::new(0) }; SIZE / 64];

static COUNT: AtomicU64 = AtomicU64::new(0);

/// System calls so far.
pub fn count() -> u64 {
    COUNT.load(Ordering::Relaxed)
}

/// Prints every call, or stops doing so.
pub fn set_trace(on: bool) {
    TRACE.store(on, Ordering::Relaxed);
}

/// Makes the call that the registers ask for, and puts the answer into them.
pub fn call(frame: &mut TrapFrame) {
    let number = frame.rax;
    COUNT.fetch_add(1, Ordering::Relaxed);
    // The number is kept, so that the call can be made again after a signal.
    frame.error = number;
    let args = [
        frame.rdi, frame.rsi, frame.rdx, frame.r10, frame.r8, frame.r9,
    ];
    let result = match TABLE.get(number as usize) {
        Some(Some(row)) => {
            let result = (row.function)(&mut Call { args, frame });
            if TRACE.load(Ordering::Relaxed) {
                trace(row, &args, result);
            }
            result
        }
        _ => unknown(number, &args),
    };
    // `rt_sigreturn` and `execve` set all registers themselves; they answer the new `rax`.
    frame.rax = match result {
        Ok(value) => value as u64,
        Err(error) => u64::from(error.0).wrapping_neg(),
    };
}

fn unknown(number: u64, args: &[u64; 6]) -> Result<usize> {
    let n = (number as usize).min(SIZE - 1);
    let bit = 1 << (n % 64);
    if NAMED[n / 64].fetch_or(bit, Ordering::Relaxed) & bit == 0 {
        println!(
            "system call {number} ({:#x}, {:#x}, {:#x}) is not implemented",
            args[0], args[1], args[2]
        );
    }
    Err(ENOSYS)
}

fn trace(row: &Row, args: &[u64; 6], result: Result<usize>) {
    let mut words = row.names.split(' ');
    let name = words.next().unwrap_or_default();
    let mut text = alloc::string::String::new();
    for (argument, value) in words.zip(args) {
        let _ = core::fmt::Write::write_fmt(&mut text, format_args!(" {argument}={value:#x}"));
    }
    let (sign, value) = match result {
        Ok(value) => ("", value),
        Err(error) => ("error ", usize::from(error.0)),
    };
    println!("[{}] {name}{text} = {sign}{value:#x}", current::get().tid);
}
