//! The export table: every function that anything has ever called or exported by name, loaded or not.
//!
//! An entry lives as long as the node. A call by name goes through the entry's `address`, so loading a
//! module changes what callers run by one store; a function that does not exist has the address of its
//! own stub, which calls the error handler.

use std::hash::BuildHasher;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicPtr, Ordering};

use hashbrown::HashTable;
use parking_lot::RwLock;
use rustc_hash::FxBuildHasher;

use super::instr::Instr;
use crate::atom::Atom;
use crate::bif::BifEntry;
use crate::trace::saved_calls;

/// Module, function and arity.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Mfa {
    /// The module.
    pub module: Atom,
    /// The function.
    pub function: Atom,
    /// The number of arguments.
    pub arity: u32,
}

impl std::fmt::Display for Mfa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}/{}", self.module, self.function, self.arity)
    }
}

/// A function that can be called by name.
pub struct Export {
    /// Its name.
    pub mfa: Mfa,
    /// Where a call goes: the loaded code's entry, or one of the instructions in `stubs`.
    address: AtomicPtr<Instr>,
    /// The BIF that implements it, if one does.
    bif: AtomicPtr<BifEntry>,
    /// Code of the VM's own that calls go to whatever is loaded, if there is any.
    native: AtomicPtr<Instr>,
    /// While calls by name are traced: where they go on. Null else.
    behind: AtomicPtr<Instr>,
    /// What calls of the BIF run: it, or while it is traced an entry that leads to the tracing.
    active_bif: AtomicPtr<BifEntry>,
    /// Instructions of its own: `ExportUndefined`, `ExportBif` and `ExportTraced`, all naming this entry.
    stubs: Box<[Instr; 3]>,
}

const SHARDS: usize = 16;
static TABLE: LazyLock<[RwLock<HashTable<&'static Export>>; SHARDS]> =
    LazyLock::new(|| std::array::from_fn(|_| RwLock::new(HashTable::new())));

fn hash(mfa: &Mfa) -> u64 {
    FxBuildHasher.hash_one(mfa)
}

fn shard(hash: u64) -> &'static RwLock<HashTable<&'static Export>> {
    &TABLE[(hash >> 58) as usize % SHARDS]
}

impl Export {
    /// The entry of a name, made if there is none yet.
    pub fn of(mfa: Mfa) -> &'static Export {
        if let Some(export) = Export::existing(mfa) {
            return export;
        }
        let hash = hash(&mfa);
        let mut table = shard(hash).write();
        if let Some(&export) = table.find(hash, |export| export.mfa == mfa) {
            return export;
        }
        let export: &'static mut Export = Box::leak(Box::new(Export {
            mfa,
            address: AtomicPtr::new(std::ptr::null_mut()),
            bif: AtomicPtr::new(std::ptr::null_mut()),
            native: AtomicPtr::new(std::ptr::null_mut()),
            behind: AtomicPtr::new(std::ptr::null_mut()),
            active_bif: AtomicPtr::new(std::ptr::null_mut()),
            stubs: Box::new([const { Instr::NotLinked }; 3]),
        }));
        let this = std::ptr::from_ref(export) as u64;
        *export.stubs = [
            Instr::ExportUndefined { export: this },
            Instr::ExportBif { export: this },
            Instr::ExportTraced { export: this },
        ];
        let export: &'static Export = export;
        export.undefine();
        // Nobody else sees it yet. Who changes the diversion goes through the shards afterwards.
        export.set_traced(saved_calls::diverted());
        table.insert_unique(hash, export, |export| self::hash(&export.mfa));
        export
    }

    /// The entry of a name, if there is one.
    pub fn existing(mfa: Mfa) -> Option<&'static Export> {
        let hash = hash(&mfa);
        shard(hash)
            .read()
            .find(hash, |export| export.mfa == mfa)
            .copied()
    }

    /// All entries (a snapshot).
    pub fn all() -> Vec<&'static Export> {
        TABLE
            .iter()
            .flat_map(|shard| shard.read().iter().copied().collect::<Vec<_>>())
            .collect()
    }

    /// Where a call of it goes.
    #[inline(always)]
    pub fn address(&self) -> *const Instr {
        self.address.load(Ordering::Acquire)
    }

    /// Where a call of it goes when nobody traces it.
    #[inline]
    pub fn untraced_address(&self) -> *const Instr {
        let address = self.address();
        if std::ptr::eq(address, &self.stubs[2]) {
            self.behind.load(Ordering::Acquire)
        } else {
            address
        }
    }

    /// Lets calls go to loaded code. Only who may write code does.
    pub fn set_address(&self, address: *const Instr) {
        if self.is_traced() {
            self.behind.store(address.cast_mut(), Ordering::Release);
        } else {
            self.address.store(address.cast_mut(), Ordering::Release);
        }
    }

    /// Whether calls by name are traced.
    pub fn is_traced(&self) -> bool {
        std::ptr::eq(self.address(), &self.stubs[2])
    }

    /// Lets calls by name lead to the tracing first, or not any more. Only who may write code does.
    pub fn set_traced(&self, traced: bool) {
        if traced == self.is_traced() {
            return;
        }
        if traced {
            let address = self.address.load(Ordering::Acquire);
            self.behind.store(address, Ordering::Release);
            let stub = std::ptr::from_ref(&self.stubs[2]).cast_mut();
            self.address.store(stub, Ordering::Release);
        } else {
            let behind = self.behind.load(Ordering::Acquire);
            self.address.store(behind, Ordering::Release);
        }
    }

    /// Lets calls of the BIF lead to the tracing first, or not any more. Only who may write code does.
    pub fn set_bif_traced(&self, by: Option<&'static BifEntry>) {
        let active = by.map_or_else(
            || self.bif.load(Ordering::Acquire),
            |by| std::ptr::from_ref(by).cast_mut(),
        );
        self.active_bif.store(active, Ordering::Release);
    }

    /// What a call of the BIF runs.
    #[inline(always)]
    pub fn active_bif(&self) -> Option<&'static BifEntry> {
        let bif = self.active_bif.load(Ordering::Acquire);
        // SAFETY: null, or a `&'static BifEntry` from `set_bif` or `set_bif_traced`.
        unsafe { bif.as_ref() }
    }

    /// The instruction that runs its BIF as a last call.
    pub fn bif_stub(&self) -> *const Instr {
        &self.stubs[1]
    }

    /// Lets calls go to its BIF, whatever its module says.
    pub fn set_bif(&'static self, bif: &'static BifEntry) {
        self.bif
            .store(std::ptr::from_ref(bif).cast_mut(), Ordering::Release);
        self.set_bif_traced(None);
        self.set_native(&self.stubs[1]);
    }

    /// Lets calls go to code of the VM's own (`erlang:apply/3`), whatever its module says.
    pub fn set_native(&self, code: &'static Instr) {
        self.native
            .store(std::ptr::from_ref(code).cast_mut(), Ordering::Release);
        self.set_address(code);
    }

    /// Whether it is a BIF or other code of the VM's own, so that loading its module does not change it.
    pub fn is_native(&self) -> bool {
        !self.native.load(Ordering::Acquire).is_null()
    }

    /// The BIF that implements it.
    #[inline(always)]
    pub fn bif(&self) -> Option<&'static BifEntry> {
        let bif = self.bif.load(Ordering::Acquire);
        // SAFETY: null, or a `&'static BifEntry` from `set_bif`.
        unsafe { bif.as_ref() }
    }

    /// Lets calls go to the error handler.
    pub fn undefine(&self) {
        self.set_address(&self.stubs[0]);
    }

    /// Whether a call of it runs something: loaded code or a BIF.
    pub fn is_defined(&self) -> bool {
        !std::ptr::eq(self.untraced_address(), &self.stubs[0])
    }
}

// SAFETY: instructions are plain data, never written after the entry was published.
unsafe impl Sync for Export {}
// SAFETY: as for `Sync`.
unsafe impl Send for Export {}
