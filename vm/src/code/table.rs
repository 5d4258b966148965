//! The table of modules: which are loaded, in which generations, and whose an address of code is.
//!
//! A module has up to two generations: the *current* one, which calls by name go to, and the *old* one,
//! which processes may still run until it is purged (see [`purge`](super::purge)). A module with an
//! `on_load` function is *pending* until that has returned.
//!
//! Changing the table takes the right to write code ([`Writer`]), of which there is one; who does not get it
//! tries again later. Looking up an address takes no lock: the ranges are an immutable sorted snapshot,
//! replaced as a whole.

use std::collections::HashSet;
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use std::sync::{Arc, LazyLock};

use crossbeam_epoch::{self as epoch, Atomic, Owned};
use parking_lot::{Mutex, MutexGuard, RwLock};

use super::module::{CodeLocation, Module};
use super::shadow::Shadow;
use super::{Export, Instr, Mfa};
use crate::atom::Atom;
use crate::trace::points::{self, Point};

/// The generations of a module.
#[derive(Clone, Default)]
pub struct Generations {
    /// What calls by name go to.
    pub current: Option<Arc<Module>>,
    /// What was current before, until it is purged.
    pub old: Option<Arc<Module>>,
    /// What will be current when its `on_load` function has returned `ok`.
    pub pending: Option<Arc<Module>>,
}

#[derive(Default)]
struct Modules {
    /// In the order in which the names came up.
    rows: Vec<(Atom, Generations)>,
    places: hashbrown::HashMap<Atom, usize, rustc_hash::FxBuildHasher>,
}

impl Modules {
    fn row(&mut self, name: Atom) -> &mut Generations {
        let place = *self.places.entry(name).or_insert_with(|| {
            self.rows.push((name, Generations::default()));
            self.rows.len() - 1
        });
        &mut self.rows[place].1
    }

    fn get(&self, name: Atom) -> Option<&Generations> {
        Some(&self.rows[*self.places.get(&name)?].1)
    }
}

/// Rank: below `WRITING`, above nothing.
static MODULES: LazyLock<RwLock<Modules>> = LazyLock::new(Default::default);
/// The right to write code. Rank: the first to be taken of all locks.
static WRITING: Mutex<()> = Mutex::new(());
static RANGES: LazyLock<Atomic<Ranges>> = LazyLock::new(|| Atomic::new(Vec::new()));
static PRELOADED: RwLock<Vec<Atom>> = RwLock::new(Vec::new());

/// The modules by the addresses of their code.
type Ranges = Vec<(usize, Arc<Module>)>;

/// The module that an address of code belongs to, current or not.
pub fn find_module(at: *const Instr) -> Option<Arc<Module>> {
    let guard = epoch::pin();
    // SAFETY: never null, and what was replaced is destroyed only after all pins of now.
    let ranges = unsafe { RANGES.load(Acquire, &guard).deref() };
    let after = ranges.partition_point(|(start, _)| *start <= at as usize);
    let (_, module) = ranges.get(after.checked_sub(1)?)?;
    module.contains(at).then(|| module.clone())
}

/// The function and place of an instruction.
pub fn find(at: *const Instr) -> Option<CodeLocation> {
    find_module(at)?.locate(at)
}

/// The generations of a module.
pub fn generations(name: Atom) -> Generations {
    MODULES.read().get(name).cloned().unwrap_or_default()
}

/// The current generation of a module.
pub fn current(name: Atom) -> Option<Arc<Module>> {
    MODULES.read().get(name)?.current.clone()
}

/// The old generation of a module.
pub fn old(name: Atom) -> Option<Arc<Module>> {
    MODULES.read().get(name)?.old.clone()
}

/// The modules that have current or old code, the one that came up last first (`erlang:loaded/0`).
pub fn loaded() -> Vec<Atom> {
    let modules = MODULES.read();
    let has_code = |row: &&(Atom, Generations)| row.1.current.is_some() || row.1.old.is_some();
    modules
        .rows
        .iter()
        .filter(has_code)
        .map(|row| row.0)
        .rev()
        .collect()
}

/// Says which modules were loaded before anything ran (`erlang:pre_loaded/0`).
pub fn set_preloaded(modules: Vec<Atom>) {
    *PRELOADED.write() = modules;
}

/// The modules that were loaded before anything ran.
pub fn preloaded() -> Vec<Atom> {
    PRELOADED.read().clone()
}

/// Why modules cannot become current.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// These occur more than once.
    Duplicated(Vec<Atom>),
    /// These have both generations already.
    NotPurged(Vec<Atom>),
}

/// The right to change which code is loaded.
pub struct Writer {
    _writing: MutexGuard<'static, ()>,
}

impl Writer {
    /// The right, if nobody has it.
    #[must_use]
    pub fn try_seize() -> Option<Writer> {
        Some(Writer {
            _writing: WRITING.try_lock()?,
        })
    }

    /// The right, as soon as nobody has it: for those who are no process.
    pub fn seize() -> Writer {
        Writer {
            _writing: WRITING.lock(),
        }
    }

    /// Makes modules current, or pending if they have an `on_load` function; these are returned. Either all
    /// become so or none.
    pub fn load(&self, modules: &[Arc<Module>]) -> Result<Vec<Atom>, Refused> {
        let mut seen = HashSet::new();
        let twice = names(modules, |module| !seen.insert(module.name));
        if !twice.is_empty() {
            return Err(Refused::Duplicated(twice));
        }
        let both = |module: &Module| {
            let generations = generations(module.name);
            generations.current.is_some() && generations.old.is_some()
        };
        let unpurged = names(modules, both);
        if !unpurged.is_empty() {
            return Err(Refused::NotPurged(unpurged));
        }
        publish_ranges(|ranges| {
            ranges.extend(modules.iter().map(|module| (start(module), module.clone())))
        });
        for module in modules {
            if module.on_load().is_some() {
                MODULES.write().row(module.name).pending = Some(module.clone());
                // OTP 25: the breakpoints of the code in use go already now, and stay away if the function fails.
                if let Some(current) = generations(module.name).current {
                    points::forget(self, &current);
                }
            } else {
                self.make_current(module);
            }
        }
        Ok(names(modules, |module| module.on_load().is_some()))
    }

    /// Sees that a module has the copy that breakpoints are in.
    pub fn shadow<'m>(&self, module: &'m Arc<Module>) -> &'m Shadow {
        let (shadow, made) = module.shadow_or_new();
        if made {
            publish_ranges(|ranges| {
                ranges.push((shadow.range().start as usize, module.clone()));
            });
        }
        shadow
    }

    /// Gives a function of a module its breakpoint, or none.
    pub fn set_point(&self, module: &Arc<Module>, function: usize, point: Option<Arc<Point>>) {
        if point.is_none() && module.shadow().is_none() {
            return;
        }
        let on = point.is_some();
        self.shadow(module).set_point(function, point);
        module.set_breakpoint(function, on);
    }

    /// Lets calls by name and funs go to a module; what was current becomes old.
    ///
    /// The table says so last. Whoever sees there that a module is loaded relies on its exports: the error handler
    /// calls a function again that was missing, or says `undef`, by what `module_loaded/1` and `function_exported/3`
    /// tell it. [`delete`](Self::delete) goes the other way for the same reason.
    fn make_current(&self, module: &Arc<Module>) {
        for &(fun, entry) in module.funs() {
            fun.set_address(module.address(entry));
        }
        for exported in module.exports() {
            let export = Export::of(mfa(module, exported.name, exported.arity));
            if !export.is_native() {
                export.set_address(module.address(exported.entry));
            }
        }
        let before = {
            let mut modules = MODULES.write();
            let row = modules.row(module.name);
            let before = row.current.replace(module.clone());
            if before.is_some() {
                row.old = before.clone();
            }
            before
        };
        if let Some(before) = before {
            withdraw_exports(&before);
            points::forget(self, &before);
        }
        points::module_loaded(self, module);
    }

    /// Ends a pending load: with `keep` the module becomes current, else its code is left to be purged as
    /// pending (`purge_module(_, prepare_on_load)`). False if nothing is pending.
    #[must_use]
    pub fn finish_on_load(&self, name: Atom, keep: bool) -> bool {
        let Some(module) = generations(name).pending else {
            return false;
        };
        if keep {
            MODULES.write().row(name).pending = None;
            self.make_current(&module);
        }
        true
    }

    /// Makes the current code of a module old, so that there is none. `Ok(false)` if the name never had any.
    pub fn delete(&self, name: Atom) -> Result<bool, Refused> {
        let module = {
            let mut modules = MODULES.write();
            if modules.get(name).is_none() {
                return Ok(false);
            }
            let row = modules.row(name);
            if row.old.is_some() {
                return Err(Refused::NotPurged(vec![name]));
            }
            row.old = row.current.take();
            row.old.clone()
        };
        if let Some(module) = module {
            withdraw_exports(&module);
            points::forget(self, &module);
        }
        Ok(true)
    }

    /// Puts a pending module, if there is one, in the place of the old one, which is returned: so that the
    /// pending one can be purged.
    pub(super) fn pending_to_old(&self, name: Atom) -> Option<Arc<Module>> {
        let mut modules = MODULES.write();
        let row = modules.row(name);
        let pending = row.pending.take()?;
        row.old.replace(pending)
    }

    /// Forgets the old code of a module, and puts `saved` in its place.
    pub(super) fn remove_old(&self, name: Atom, saved: Option<Arc<Module>>) -> Option<Arc<Module>> {
        let module = std::mem::replace(&mut MODULES.write().row(name).old, saved)?;
        publish_ranges(|ranges| ranges.retain(|(_, other)| !Arc::ptr_eq(other, &module)));
        Some(module)
    }
}

fn start(module: &Module) -> usize {
    module.range().start as usize
}

fn mfa(module: &Module, function: Atom, arity: u8) -> Mfa {
    Mfa {
        module: module.name,
        function,
        arity: arity.into(),
    }
}

/// The names of modules for which something holds, the last first, as the stock VM lists them.
fn names(modules: &[Arc<Module>], mut holds: impl FnMut(&Module) -> bool) -> Vec<Atom> {
    let mut names: Vec<_> = modules
        .iter()
        .filter(|module| holds(module))
        .map(|module| module.name)
        .collect();
    names.reverse();
    names
}

/// Lets calls of what a module exported go to the error handler, unless they go elsewhere by now.
fn withdraw_exports(module: &Module) {
    for exported in module.exports() {
        let export = Export::of(mfa(module, exported.name, exported.arity));
        if module.contains(export.untraced_address()) {
            export.undefine();
        }
    }
}

/// Replaces the snapshot of the ranges. Only the one writer calls this.
fn publish_ranges(change: impl FnOnce(&mut Ranges)) {
    let guard = epoch::pin();
    // SAFETY: as in `find_module`.
    let mut ranges = unsafe { RANGES.load(Acquire, &guard).deref() }.clone();
    change(&mut ranges);
    ranges.sort_unstable_by_key(|(start, _)| *start);
    // `AcqRel`: readers see the modules that the new snapshot names.
    let before = RANGES.swap(Owned::new(ranges), AcqRel, &guard);
    // SAFETY: nobody can load it any more, and those who have are pinned.
    unsafe { guard.defer_destroy(before) };
}
