//! A program's start: its file and interpreter mapped, its stack with arguments, environment and
//! auxiliary vector.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::elf::{Elf, read_at};
use super::terminated;
use crate::arch::cpu::cpuid;
use crate::arch::entry::TrapFrame;
use crate::arch::user;
use crate::fs::node::{Kind, Node};
use crate::fs::{path, tree};
use crate::mm::space::{self, Place, Request};
use crate::mm::vma::{READ, Source, WRITE};
use crate::random;
use crate::sys::errno::{E2BIG, EACCES, ELOOP, ENOEXEC, Result};
use crate::task::process::COMMAND;

/// Bytes of the first thread's stack, mapped as they are touched.
const STACK_SIZE: u64 = 8 << 20;
const STACK_TOP: u64 = 0x7fff_ffff_0000;
/// Where programs that may lie anywhere are put.
const PROGRAM_BASE: u64 = 0x5555_5555_4000;

/// A node that may be run.
pub fn executable(path_text: &[u8]) -> Result<Arc<Node>> {
    let node = path::resolve(&path::cwd(), path_text, true)?;
    if !matches!(node.kind, Kind::Regular(_)) || node.mode() & 0o111 == 0 {
        return Err(EACCES);
    }
    Ok(node)
}

/// Loads a program into an empty space; the registers to start it with.
pub fn load(path_text: &[u8], args: Vec<Vec<u8>>, env: Vec<Vec<u8>>) -> Result<TrapFrame> {
    let (node, path_text, args) = resolve_scripts(path_text, args)?;
    let full = absolute(&path_text);
    let elf = Elf::open(node)?;
    let program = elf.load(PROGRAM_BASE, &full)?;
    space::set_break(program.end);
    let mut entry = program.entry;
    let mut interpreter_base = 0;
    if let Some(interpreter) = &elf.interpreter {
        let loader =
            Elf::open(executable(interpreter)?)?.load(0, &String::from_utf8_lossy(interpreter))?;
        (entry, interpreter_base) = (loader.entry, loader.base);
    }
    let source = Source::Anonymous;
    space::map(Request {
        at: STACK_TOP - STACK_SIZE,
        len: STACK_SIZE,
        rights: READ | WRITE,
        source,
        place: Place::Fixed,
        populate: false,
    })?;
    let mut random = [0; 16];
    random::fill(&mut random);
    let mut at = STACK_TOP - 64;
    let mut push = |bytes: &[u8]| -> Result<u64> {
        at -= bytes.len() as u64;
        user::write_bytes(at, bytes).map(|()| at)
    };
    let random_at = push(&random)?;
    let name_at = push(&terminated(full.as_bytes()))?;
    let platform_at = push(b"x86_64\0")?;
    let env_at = env
        .iter()
        .map(|e| push(&terminated(e)))
        .collect::<Result<Vec<_>>>()?;
    let args_at = args
        .iter()
        .map(|a| push(&terminated(a)))
        .collect::<Result<Vec<_>>>()?;
    let vector = [
        (3, program.headers),
        (4, 56),
        (5, program.header_count),
        (6, 4096),
        (7, interpreter_base),
        (8, 0),
        (9, program.entry),
        (11, 0),
        (12, 0),
        (13, 0),
        (14, 0),
        (15, platform_at),
        (16, u64::from(cpuid(1, 0).edx)),
        (17, 100),
        (23, 0),
        (25, random_at),
        (26, 0),
        (31, name_at),
        (51, crate::arch::fpu::size() as u64 + 1024),
        (0, 0),
    ];
    let mut words = alloc::vec![args.len() as u64];
    words.extend(args_at);
    words.push(0);
    words.extend(env_at);
    words.push(0);
    words.extend(
        vector
            .iter()
            .filter(|&&(key, value)| key != 33 || value != 0)
            .flat_map(|&(key, value)| [key, value]),
    );
    let sp = (at - words.len() as u64 * 8) & !15;
    if sp < STACK_TOP - STACK_SIZE / 2 {
        return Err(E2BIG);
    }
    let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
    user::write_bytes(sp, &bytes)?;
    let mut command = COMMAND.lock();
    (command.exe, command.args, command.env) = (full, args, env);
    Ok(TrapFrame::new(entry, sp))
}

/// A program's file, its path, and its arguments.
type Resolved = (Arc<Node>, Vec<u8>, Vec<Vec<u8>>);

/// Follows `#!` lines to the program that is really run, and its arguments.
fn resolve_scripts(path_text: &[u8], args: Vec<Vec<u8>>) -> Result<Resolved> {
    let (mut path_text, mut args) = (path_text.to_vec(), args);
    for _ in 0..5 {
        let node = executable(&path_text)?;
        let head = read_at(&node, 0, 256)?;
        let Some(line) = head.strip_prefix(b"#!") else {
            return Ok((node, path_text, args));
        };
        let line = line
            .split(|&b| b == b'\n')
            .next()
            .unwrap_or(line)
            .trim_ascii();
        let (program, argument) = match line.iter().position(|&b| b == b' ' || b == b'\t') {
            Some(n) => (&line[..n], Some(line[n..].trim_ascii())),
            None => (line, None),
        };
        if program.is_empty() {
            return Err(ENOEXEC);
        }
        let mut new = alloc::vec![program.to_vec()];
        new.extend(argument.map(<[u8]>::to_vec));
        new.push(path_text);
        new.extend(args.into_iter().skip(1));
        (path_text, args) = (program.to_vec(), new);
    }
    Err(ELOOP)
}

/// A path from the root.
fn absolute(path_text: &[u8]) -> String {
    let text = String::from_utf8_lossy(path_text).into_owned();
    if text.starts_with('/') {
        return text;
    }
    let cwd = tree::path_of(&path::cwd()).unwrap_or_default();
    let cwd = String::from_utf8_lossy(&cwd).into_owned();
    alloc::format!("{}/{text}", cwd.trim_end_matches('/'))
}
