//! A loaded module: its code, and what is looked up by an address in it.
//!
//! The loader hands over [`Parts`]; [`Module::new`] gives code and tables their final addresses, which
//! never change while the module lives. Everything but the entries of functions that a native library
//! replaces is immutable. Which modules there are, and which of their generations is current, is the
//! subject of [`table`](super::table).

use std::cell::UnsafeCell;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, MutexGuard};

use super::instr::{Jump, Links, Table};
use super::shadow::Shadow;
use super::{FunEntry, Instr, Mfa};
use crate::atom::Atom;
use crate::heap::literal::LiteralArea;
use crate::term::word::Word;

pub use super::table::{find, find_module};

/// A function of a module.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// Its name.
    pub name: Atom,
    /// Its arity.
    pub arity: u8,
    /// The index of its entry; its `FuncInfo` stands before it.
    pub entry: u32,
    /// Whether a native library may replace it.
    pub is_native: bool,
}

/// From this instruction on the code comes from this line.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// The index of the first instruction.
    pub at: u32,
    /// An index into the module's files.
    pub file: u32,
    /// The line, 0 where it is not known.
    pub line: u32,
}

/// A function that others can call by name.
#[derive(Clone, Copy, Debug)]
pub struct Exported {
    /// Its name.
    pub name: Atom,
    /// Its arity.
    pub arity: u8,
    /// The index of its entry.
    pub entry: u32,
}

/// A module as the loader makes it.
///
/// The interpreter trusts code: whoever makes parts answers for every register, jump and table in them.
pub struct Parts {
    /// Its name.
    pub name: Atom,
    /// Its instructions, jumps resolved. A [`Table`] holds an index into `data`.
    pub code: Vec<Instr>,
    /// The operands that stand in no instruction.
    pub data: Vec<Word>,
    /// The bytes that `data` points into.
    pub strings: Arc<[u8]>,
    /// The constant terms.
    pub literals: LiteralArea,
    /// The functions in the order of their entries.
    pub functions: Vec<Function>,
    /// Source lines in the order of the instructions.
    pub lines: Vec<Line>,
    /// The files that `lines` name; the first is the module's own.
    pub files: Vec<Arc<str>>,
    /// The functions that can be called by name, in the file's order.
    pub exports: Vec<Exported>,
    /// The functions that funs are made of, and their entries.
    pub funs: Vec<(&'static FunEntry, u32)>,
    /// The entry of the function that runs when the module is loaded.
    pub on_load: Option<u32>,
    /// `Attr` and `CInf` in the external format; empty if there are none.
    pub attributes: Box<[u8]>,
    /// The compilation information.
    pub compile_info: Box<[u8]>,
    /// The MD5 of the module.
    pub md5: [u8; 16],
}

/// A loaded module.
pub struct Module {
    /// Its name.
    pub name: Atom,
    code: NonNull<[UnsafeCell<Instr>]>,
    data: NonNull<[Word]>,
    /// Held for `data`, which points into it.
    _strings: Arc<[u8]>,
    literals: Mutex<Option<LiteralArea>>,
    functions: Box<[Function]>,
    lines: Box<[Line]>,
    files: Box<[Arc<str>]>,
    exports: Box<[Exported]>,
    funs: Box<[(&'static FunEntry, u32)]>,
    on_load: Option<u32>,
    attributes: Box<[u8]>,
    compile_info: Box<[u8]>,
    md5: [u8; 16],
    /// The functions that native libraries have replaced, by index, with what stood at their entries.
    replaced: Mutex<Vec<(usize, Instr)>>,
    /// The copy that is run where functions have breakpoints, once one had.
    shadow: OnceLock<Shadow>,
}

// SAFETY:
// 1. Code and data are this value's alone, and are written by `new`, by `replace_entry` while nobody runs the
//    function, and by `set_breakpoint`, which stores two bytes at once.
// 2. All else is `Send + Sync`.
unsafe impl Send for Module {}
// SAFETY: as for `Send`.
unsafe impl Sync for Module {}

/// Where an instruction comes from in the source.
#[derive(Clone, Debug)]
pub struct SourceLocation {
    /// The file's name.
    pub file: Arc<str>,
    /// The line.
    pub line: u32,
}

/// The function that an instruction belongs to.
#[derive(Clone, Debug)]
pub struct CodeLocation {
    /// The function.
    pub mfa: Mfa,
    /// Where in the source, if the compiler said.
    pub location: Option<SourceLocation>,
}

/// Gives tables their addresses.
struct Relocate {
    data: *const Word,
}

impl Links for Relocate {
    fn jump(&mut self, _jump: &mut Jump) {}

    fn table(&mut self, table: &mut Table) {
        table.0 = self.data.wrapping_add(table.0 as usize);
    }
}

impl Module {
    /// The module of its parts.
    pub fn new(parts: Parts) -> Arc<Module> {
        let data = NonNull::from(Box::leak(parts.data.into_boxed_slice()));
        let mut relocate = Relocate {
            data: data.as_ptr() as *const Word,
        };
        let code: Box<[UnsafeCell<Instr>]> = parts
            .code
            .into_iter()
            .map(|mut instruction| {
                instruction.link(&mut relocate);
                UnsafeCell::new(instruction)
            })
            .collect();
        Arc::new(Module {
            name: parts.name,
            code: NonNull::from(Box::leak(code)),
            data,
            _strings: parts.strings,
            literals: Mutex::new(Some(parts.literals)),
            functions: parts.functions.into_boxed_slice(),
            lines: parts.lines.into_boxed_slice(),
            files: parts.files.into_boxed_slice(),
            exports: parts.exports.into_boxed_slice(),
            funs: parts.funs.into_boxed_slice(),
            on_load: parts.on_load,
            attributes: parts.attributes,
            compile_info: parts.compile_info,
            md5: parts.md5,
            replaced: Mutex::new(Vec::new()),
            shadow: OnceLock::new(),
        })
    }

    fn start(&self) -> *const Instr {
        self.code.as_ptr().cast::<Instr>()
    }

    /// The addresses of its code: the first instruction, and one past the last.
    pub fn range(&self) -> std::ops::Range<*const Instr> {
        let start = self.start();
        start..start.wrapping_add(self.code.len())
    }

    /// How many instructions it has.
    pub fn len(&self) -> usize {
        self.code.len()
    }

    /// Whether it has no instructions.
    pub fn is_empty(&self) -> bool {
        self.code.len() == 0
    }

    /// Whether an address lies in its code.
    #[inline]
    pub fn contains(&self, at: *const Instr) -> bool {
        self.range().contains(&at)
            || self
                .shadow
                .get()
                .is_some_and(|shadow| shadow.range().contains(&at))
    }

    /// The address of the instruction at an index.
    ///
    /// # Panics
    /// If there is none.
    pub fn address(&self, index: u32) -> *const Instr {
        assert!(
            (index as usize) < self.code.len(),
            "an instruction of the module"
        );
        self.start().wrapping_add(index as usize)
    }

    /// A copy of the instruction at an index.
    pub fn instruction(&self, index: usize) -> Instr {
        // SAFETY: `address` checks the index; entries are only replaced while nobody looks (`replace_entry`).
        unsafe { *self.address(index as u32) }
    }

    /// The words of a table from one of its instructions on, to the end of the module's data.
    pub fn table(&self, table: Table) -> &[Word] {
        // SAFETY: immutable after `new`, alive as long as `self`.
        let data = unsafe { self.data.as_ref() };
        let offset = (table.0 as usize).wrapping_sub(data.as_ptr() as usize) / 8;
        data.get(offset..).unwrap_or_default()
    }

    /// Its functions in the order of the code.
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// The functions that can be called by name, in the file's order.
    pub fn exports(&self) -> &[Exported] {
        &self.exports
    }

    /// The funs that it makes, and the entries of their functions.
    pub fn funs(&self) -> &[(&'static FunEntry, u32)] {
        &self.funs
    }

    /// The address of the function that runs when it is loaded, if there is one.
    pub fn on_load(&self) -> Option<*const Instr> {
        self.on_load.map(|entry| self.address(entry))
    }

    /// Its attributes in the external format; empty if it has none.
    pub fn attributes(&self) -> &[u8] {
        &self.attributes
    }

    /// How it was compiled, in the external format; empty if the file does not say.
    pub fn compile_info(&self) -> &[u8] {
        &self.compile_info
    }

    /// Its MD5.
    pub fn md5(&self) -> [u8; 16] {
        self.md5
    }

    /// The function that an address lies in.
    pub fn function_at(&self, at: *const Instr) -> Option<&Function> {
        let index = self.index_of(at)?;
        // The `FuncInfo` before an entry is the function's too.
        let after = self
            .functions
            .partition_point(|function| function.entry as usize <= index + 1);
        self.functions.get(after.checked_sub(1)?)
    }

    /// The function and the line of an instruction.
    pub fn locate(&self, at: *const Instr) -> Option<CodeLocation> {
        let index = self.index_of(at)?;
        let function = self.function_at(at)?;
        let after = self.lines.partition_point(|line| line.at as usize <= index);
        let line = after.checked_sub(1).map(|before| self.lines[before]);
        let location = line
            .filter(|line| line.at + 1 >= function.entry && line.line > 0)
            .map(|line| SourceLocation {
                file: self.files[line.file as usize].clone(),
                line: line.line,
            });
        let mfa = Mfa {
            module: self.name,
            function: function.name,
            arity: function.arity.into(),
        };
        Some(CodeLocation { mfa, location })
    }

    fn index_of(&self, at: *const Instr) -> Option<usize> {
        if self.range().contains(&at) {
            return Some((at as usize - self.start() as usize) / size_of::<Instr>());
        }
        let shadow = self.shadow.get()?;
        shadow
            .range()
            .contains(&at)
            .then(|| shadow.original(at) as usize)
    }

    /// The number of the function that an address lies in.
    pub fn function_number(&self, at: *const Instr) -> Option<usize> {
        let index = self.index_of(at)?;
        self.functions
            .partition_point(|function| function.entry as usize <= index + 1)
            .checked_sub(1)
    }

    /// The copy of its code that has breakpoints, if it was ever made.
    pub fn shadow(&self) -> Option<&Shadow> {
        self.shadow.get()
    }

    /// The copy of its code that has breakpoints, made if there is none; true where it was made now, so that
    /// its addresses are not known to [`find_module`] yet.
    pub(super) fn shadow_or_new(&self) -> (&Shadow, bool) {
        let made = self.shadow.get().is_none();
        let shadow = self.shadow.get_or_init(|| {
            let code = (0..self.len()).map(|index| self.instruction(index));
            Shadow::new(code, &self.functions)
        });
        (shadow, made)
    }

    /// Puts a breakpoint at the entry of a function, or takes it away. The copy must have been made.
    pub(super) fn set_breakpoint(&self, function: usize, on: bool) {
        let shadow = self
            .shadow
            .get()
            .expect("the copy is made before breakpoints");
        let number = if on {
            Instr::Breakpoint.number()
        } else {
            // SAFETY: an address in the copy, which lives as long as `self`.
            unsafe { *shadow.body(function) }.number()
        };
        let entry = self.address(self.functions[function].entry);
        // SAFETY:
        // 1. The address is that of an instruction of this module, in memory that is written to through
        //    `UnsafeCell` only; an instruction begins with its number, in two bytes that are aligned.
        // 2. Those who run the code read the number at once, and find the operands of the instruction that
        //    stood there first: `Breakpoint` has none of its own.
        let place = unsafe { AtomicU16::from_ptr(entry.cast_mut().cast()) };
        place.store(number, Ordering::Release);
    }

    /// The functions that native libraries have replaced.
    pub fn natives(&self) -> Vec<Function> {
        self.replaced
            .lock()
            .iter()
            .map(|&(function, _)| self.functions[function])
            .collect()
    }

    /// Replaces the first instruction of a function by one that runs a native function.
    ///
    /// # Safety
    /// No process runs code of this function, and none can begin to: the module is being loaded, or all
    /// schedulers stand still. The instruction fits the function.
    pub unsafe fn replace_entry(&self, function: usize, instruction: Instr) {
        let entry = self.functions[function].entry as usize;
        let mut replaced = self.replaced.lock();
        if !replaced.iter().any(|&(known, _)| known == function) {
            replaced.push((function, self.instruction(entry)));
        }
        // SAFETY: an entry is an index of the code; by contract nobody reads it now.
        unsafe {
            (*self.code.as_ptr().cast::<UnsafeCell<Instr>>().add(entry))
                .get()
                .write(instruction)
        };
    }

    /// Keeps its literals from being freed, for those who look at the constants in its code.
    pub(super) fn hold_literals(&self) -> MutexGuard<'_, Option<LiteralArea>> {
        self.literals.lock()
    }

    /// Takes its literals, which must outlive its code until no process can hold them (`purge`).
    pub(super) fn take_literals(&self) -> Option<LiteralArea> {
        self.literals.lock().take()
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        // SAFETY: leaked from boxes in `new`, and nothing reads them after this.
        unsafe {
            drop(Box::from_raw(self.code.as_ptr()));
            drop(Box::from_raw(self.data.as_ptr()));
        }
    }
}

impl std::fmt::Debug for Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Module({}, {} instructions)", self.name, self.len())
    }
}
