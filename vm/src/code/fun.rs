//! Fun entries: what a fun made by `fun … end` points to. Like exports they live as long as the node; the
//! code they point to comes and goes with its module.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use parking_lot::Mutex;

use super::instr::Instr;
use crate::atom::{Atom, well_known};

/// What identifies a fun: its module's name and MD5, and its place in the module (`fun_info`: `new_uniq`,
/// `new_index`, `uniq`, `index`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FunId {
    /// The module.
    pub module: Atom,
    /// The MD5 of the module's code.
    pub new_uniq: [u8; 16],
    /// Its index in the module's table of funs.
    pub new_index: u32,
    /// The old-style unique number.
    pub uniq: u32,
    /// The old-style index.
    pub index: u32,
    /// The number of arguments that a caller gives.
    pub arity: u32,
}

/// A fun's code.
pub struct FunEntry {
    /// What identifies it.
    pub id: FunId,
    /// The entry of its code, null while no module that has it is loaded.
    address: AtomicPtr<Instr>,
    /// The entry of its code while that is being purged, so that nobody may call it.
    purged: AtomicPtr<Instr>,
    /// The index of the name that `fun_info` shows.
    function: AtomicU32,
    /// How many free variables it has.
    pub num_free: u32,
}

/// The number of free variables belongs to the key: bytes from elsewhere may claim any, and then are of no fun.
type Table = hashbrown::HashMap<(FunId, u32), &'static FunEntry, rustc_hash::FxBuildHasher>;
static TABLE: LazyLock<Mutex<Table>> = LazyLock::new(Mutex::default);

impl FunEntry {
    /// The entry of a fun, made without code if there is none yet. Who has only the external format of a fun
    /// does not know its name, and gives `undefined`.
    pub fn of(id: FunId, function: Atom, num_free: u32) -> &'static FunEntry {
        let mut table = TABLE.lock();
        let entry = table.entry((id, num_free)).or_insert_with(|| {
            Box::leak(Box::new(FunEntry {
                id,
                address: AtomicPtr::new(std::ptr::null_mut()),
                purged: AtomicPtr::new(std::ptr::null_mut()),
                function: AtomicU32::new(function.index()),
                num_free,
            }))
        });
        if function != well_known::UNDEFINED {
            entry.function.store(function.index(), Ordering::Relaxed);
        }
        entry
    }

    /// The name that `fun_info` shows.
    pub fn function(&self) -> Atom {
        Atom::at(self.function.load(Ordering::Relaxed)).expect("the index of an atom")
    }

    /// The code's entry; none while it is not loaded.
    #[inline(always)]
    pub fn address(&self) -> *const Instr {
        self.address.load(Ordering::Acquire)
    }

    /// Sets (or, with null, removes) the code.
    pub fn set_address(&self, address: *const Instr) {
        self.address.store(address.cast_mut(), Ordering::Release);
    }

    /// Whether its code is being purged: who calls it must wait ([`purge::wait`](super::purge::wait)).
    pub fn is_purged(&self) -> bool {
        !self.purged.load(Ordering::Acquire).is_null()
    }

    /// Keeps everybody from calling it.
    pub(super) fn begin_purge(&self) {
        // `AcqRel`: whoever finds no address finds the purge.
        self.purged
            .store(self.address.load(Ordering::Acquire), Ordering::Release);
        self.address.swap(std::ptr::null_mut(), Ordering::AcqRel);
    }

    /// Lets it be called again, unless newer code has taken its place.
    pub(super) fn abort_purge(&self) {
        let address = self.purged.load(Ordering::Acquire);
        let _ = self.address.compare_exchange(
            std::ptr::null_mut(),
            address,
            Ordering::AcqRel,
            Ordering::Acquire,
        );
        self.finish_purge();
    }

    /// Its code is gone.
    pub(super) fn finish_purge(&self) {
        self.purged.store(std::ptr::null_mut(), Ordering::Release);
    }
}
