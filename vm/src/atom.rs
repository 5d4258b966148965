//! The atom table: names to indexes and back, shared by the whole node.
//!
//! An atom is never removed. Looking up a name by index takes no lock: names stand in chunks that are
//! published once and never move. Looking up an index by name takes a read lock on one of
//! [`SHARDS`] shards. The limit (`+t`) is OTP's: 1,048,576 by default.
//!
//! [`well_known`] holds the atoms that Rust code names; their indexes are constants.

use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use hashbrown::HashTable;
use parking_lot::{Mutex, RwLock};

/// How many characters an atom may have (OTP: `MAX_ATOM_CHARACTERS`).
pub const MAX_CHARACTERS: usize = 255;
/// The limit of the table unless `+t` says otherwise.
pub const DEFAULT_LIMIT: u32 = 1_048_576;

const SHARDS: usize = 32;
const CHUNK: usize = 4096;
/// The most atoms that `+t` can allow (OTP: `MAX_ATOM_INDEX`, bounded by our chunk directory).
pub const MAX_LIMIT: u32 = (CHUNK * CHUNKS) as u32;
const CHUNKS: usize = 1 << 15;

/// An atom.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Atom(pub(crate) u32);

/// Why an atom could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtomError {
    /// More than [`MAX_CHARACTERS`] characters.
    TooLong,
    /// The table is full.
    TableFull,
}

struct Table {
    shards: [RwLock<HashTable<u32>>; SHARDS],
    chunks: Box<[AtomicPtr<Chunk>]>,
    count: Mutex<u32>,
    published: AtomicU32,
    limit: AtomicU32,
    hasher: rustc_hash::FxBuildHasher,
}

struct Chunk([AtomicPtr<Name>; CHUNK]);

struct Name {
    text: Box<str>,
    /// The first four bytes, big-endian: most comparisons are decided by it.
    ordinal: u32,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let table = Table {
        shards: std::array::from_fn(|_| RwLock::new(HashTable::new())),
        chunks: (0..CHUNKS)
            .map(|_| AtomicPtr::new(std::ptr::null_mut()))
            .collect(),
        count: Mutex::new(0),
        published: AtomicU32::new(0),
        limit: AtomicU32::new(DEFAULT_LIMIT),
        hasher: rustc_hash::FxBuildHasher,
    };
    for (index, name) in well_known::NAMES.iter().enumerate() {
        let atom = table
            .intern(name)
            .expect("the well-known atoms fit the table");
        assert_eq!(
            atom.0 as usize, index,
            "the well-known atom {name} is listed twice"
        );
    }
    table
});

impl Table {
    fn hash(&self, name: &str) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(name.as_bytes());
        hasher.finish()
    }

    fn name(&self, index: u32) -> &'static Name {
        let chunk = self.chunks[index as usize / CHUNK].load(Ordering::Acquire);
        // SAFETY:
        // 1. An index is handed out only after its chunk and its name were published (`intern`).
        // 2. Neither is ever freed or replaced.
        unsafe { &*(&(*chunk).0)[index as usize % CHUNK].load(Ordering::Acquire) }
    }

    fn existing(&self, name: &str) -> Option<Atom> {
        let hash = self.hash(name);
        let shard = self.shards[(hash >> 57) as usize % SHARDS].read();
        shard
            .find(hash, |&index| &*self.name(index).text == name)
            .map(|&index| Atom(index))
    }

    fn intern(&self, name: &str) -> Result<Atom, AtomError> {
        if let Some(atom) = self.existing(name) {
            return Ok(atom);
        }
        if name.chars().count() > MAX_CHARACTERS {
            return Err(AtomError::TooLong);
        }
        let hash = self.hash(name);
        let mut shard = self.shards[(hash >> 57) as usize % SHARDS].write();
        if let Some(&index) = shard.find(hash, |&index| &*self.name(index).text == name) {
            return Ok(Atom(index));
        }
        let index = {
            let mut count = self.count.lock();
            if *count >= self.limit.load(Ordering::Relaxed) {
                return Err(AtomError::TableFull);
            }
            let slot = &self.chunks[*count as usize / CHUNK];
            if slot.load(Ordering::Acquire).is_null() {
                let chunk = Box::new(Chunk(std::array::from_fn(|_| {
                    AtomicPtr::new(std::ptr::null_mut())
                })));
                slot.store(Box::into_raw(chunk), Ordering::Release);
            }
            let mut first = [0; 4];
            let prefix = &name.as_bytes()[..name.len().min(4)];
            first[..prefix.len()].copy_from_slice(prefix);
            let name = Box::new(Name {
                text: name.into(),
                ordinal: u32::from_be_bytes(first),
            });
            // SAFETY: the chunk was just seen or made, and is never freed.
            let cell = unsafe { &(&(*slot.load(Ordering::Acquire)).0)[*count as usize % CHUNK] };
            cell.store(Box::into_raw(name), Ordering::Release);
            *count += 1;
            self.published.store(*count, Ordering::Release);
            *count - 1
        };
        shard.insert_unique(hash, index, |&other| self.hash(&self.name(other).text));
        Ok(Atom(index))
    }
}

impl Atom {
    /// The atom of a name, made if there is none yet.
    pub fn new(name: &str) -> Result<Atom, AtomError> {
        TABLE.intern(name)
    }

    /// The atom of a name that this program itself writes down.
    ///
    /// # Panics
    /// Where the table is full: the node cannot go on without it.
    pub fn from_static(name: &'static str) -> Atom {
        TABLE
            .intern(name)
            .expect("room in the atom table for a name of the VM's own")
    }

    /// The atom of a name, if it exists already.
    pub fn existing(name: &str) -> Option<Atom> {
        TABLE.existing(name)
    }

    /// The atom of a Latin-1 name, made if there is none yet.
    pub fn from_latin1(name: &[u8]) -> Result<Atom, AtomError> {
        Atom::new(&name.iter().map(|&byte| byte as char).collect::<String>())
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        &TABLE.name(self.0).text
    }

    /// Its place in the table; stable for the life of the node.
    pub const fn index(self) -> u32 {
        self.0
    }

    /// The atom at an index, if there is one.
    pub fn at(index: u32) -> Option<Atom> {
        (index < count()).then_some(Atom(index))
    }

    /// How two atoms compare in the order of terms: by the code points of their names.
    pub fn compare(self, other: Atom) -> std::cmp::Ordering {
        if self == other {
            return std::cmp::Ordering::Equal;
        }
        let (a, b) = (TABLE.name(self.0), TABLE.name(other.0));
        // UTF-8 orders as its code points do.
        a.ordinal
            .cmp(&b.ordinal)
            .then_with(|| a.text.as_bytes().cmp(b.text.as_bytes()))
    }
}

impl fmt::Debug for Atom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", self.name())
    }
}

impl fmt::Display for Atom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How many atoms there are.
pub fn count() -> u32 {
    TABLE.published.load(Ordering::Acquire)
}

/// Makes room for so many more atoms, so that the table need not grow step by step.
pub fn reserve(more: usize) {
    for shard in &TABLE.shards {
        let mut shard = shard.write();
        shard.reserve(more / SHARDS * 5 / 4, |&index| {
            TABLE.hash(&TABLE.name(index).text)
        });
    }
}

/// How many atoms there may be.
pub fn limit() -> u32 {
    TABLE.limit.load(Ordering::Relaxed)
}

/// Sets how many atoms there may be (`+t`); takes effect for atoms not yet made.
pub fn set_limit(limit: u32) {
    TABLE.limit.store(limit.min(MAX_LIMIT), Ordering::Relaxed);
}

/// The atom of a name written in the source, looked up once per place: `atom!("badarg")`.
#[macro_export]
macro_rules! atom {
    ($name:expr) => {{
        static CACHE: std::sync::OnceLock<$crate::atom::Atom> = std::sync::OnceLock::new();
        *CACHE.get_or_init(|| $crate::atom::Atom::from_static($name))
    }};
}

macro_rules! well_known {
    ($($constant:ident = $name:literal),* $(,)?) => {
        /// Atoms that the VM itself names, at fixed indexes. Add to the list freely; order does not matter.
        pub mod well_known {
            use super::Atom;
            #[allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "the names become constants below")]
            #[repr(u32)]
            enum Index { $($constant),* }
            $(#[doc = concat!("`", $name, "`")] pub const $constant: Atom = Atom(Index::$constant as u32);)*
            pub(super) const NAMES: &[&str] = &[$($name),*];
            /// How many there are: the first index of any other atom.
            pub const COUNT: u32 = NAMES.len() as u32;
        }
    };
}
include!("atom_names.rs");
