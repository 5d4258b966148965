//! The options of `ets:new/2`.
//!
//! OTP 25: later options win over earlier ones, but `set` and `protected` only say what is so at the beginning, and
//! take nothing back; a private table has no use for concurrency.

use crate::atom::well_known as w;
use crate::bif::settings::{self, Switch};
use crate::bif::{Stop, badarg};
use crate::ets::{Options, Protection, Type, WriteConcurrency};
use crate::heap::OwnedTerm;
use crate::term::{Kind, Pid, Term};

/// The most locks that a table can be told to have.
const MAX_LOCKS: usize = 32_768;
/// The fewest that it has.
const MIN_LOCKS: usize = 64;

/// What `ets:new/2` was told.
pub(super) struct Wanted {
    pub options: Options,
    pub protection: Protection,
    pub heir: Option<(Pid, OwnedTerm)>,
    decentralized: bool,
    decentralized_option: Option<bool>,
}

/// Reads the list of options; `badarg` for what is none.
pub(super) fn read<'p>(list: Term<'p>) -> Result<Wanted, Stop<'p>> {
    let mut wanted = Wanted {
        options: Options {
            kind: Type::Set,
            key_position: 1,
            named: false,
            read_concurrency: false,
            write_concurrency: WriteConcurrency::Off,
            decentralized_counters: false,
            compressed: settings::is_on(Switch::EtsCompressed),
        },
        protection: Protection::Protected,
        heir: None,
        decentralized: false,
        decentralized_option: None,
    };
    for option in list.proper_list().ok_or_else(badarg)? {
        wanted.option(option).ok_or_else(badarg)?;
    }
    wanted.settle().ok_or_else(badarg)
}

impl Wanted {
    fn option(&mut self, option: Term<'_>) -> Option<()> {
        match option.kind() {
            Kind::Atom(w::SET | w::PROTECTED) => {}
            Kind::Atom(w::ORDERED_SET) => {
                self.decentralized = true;
                self.options.kind = Type::OrderedSet;
            }
            Kind::Atom(w::BAG) => self.options.kind = Type::Bag,
            Kind::Atom(w::DUPLICATE_BAG) => self.options.kind = Type::DuplicateBag,
            Kind::Atom(w::PUBLIC) => self.protection = Protection::Public,
            Kind::Atom(w::PRIVATE) => self.protection = Protection::Private,
            Kind::Atom(w::NAMED_TABLE) => self.options.named = true,
            Kind::Atom(w::COMPRESSED) => self.options.compressed = true,
            Kind::Tuple(tuple) => match *tuple.elements() {
                [key, value] => self.pair(key, value)?,
                [key, pid, data] if key.is_atom(w::HEIR) => {
                    self.heir = Some((pid.as_pid()?, OwnedTerm::copy_of(data)));
                }
                _ => return None,
            },
            _ => return None,
        }
        Some(())
    }

    fn pair(&mut self, key: Term<'_>, value: Term<'_>) -> Option<()> {
        match key.as_atom()? {
            w::KEYPOS => self.options.key_position = value.as_usize().filter(|&at| at > 0)?,
            w::READ_CONCURRENCY => self.options.read_concurrency = value.as_bool()?,
            w::WRITE_CONCURRENCY => self.write_concurrency(value)?,
            w::DECENTRALIZED_COUNTERS => self.decentralized_option = Some(value.as_bool()?),
            w::HEIR if value.is_atom(w::NONE) => self.heir = None,
            _ => return None,
        }
        Some(())
    }

    fn write_concurrency(&mut self, value: Term<'_>) -> Option<()> {
        self.options.write_concurrency = match value.kind() {
            Kind::Atom(w::AUTO) => {
                self.decentralized = true;
                WriteConcurrency::Auto
            }
            Kind::Atom(w::TRUE) => {
                self.decentralized &= self.options.kind == Type::OrderedSet;
                WriteConcurrency::On
            }
            Kind::Atom(w::FALSE) => WriteConcurrency::Off,
            Kind::Tuple(_) => {
                let [what, locks] = value.as_tuple_of()?;
                let locks = locks
                    .as_usize()
                    .filter(|&locks| locks > 0 && locks <= MAX_LOCKS)?;
                if !what.is_atom(crate::atom!("debug_hash_fixed_number_of_locks")) {
                    return None;
                }
                self.decentralized = true;
                // A power of two.
                WriteConcurrency::Locks((1 << locks.ilog2()).max(MIN_LOCKS))
            }
            _ => return None,
        };
        Some(())
    }

    fn settle(mut self) -> Option<Wanted> {
        let ordered = self.options.kind == Type::OrderedSet;
        if ordered && matches!(self.options.write_concurrency, WriteConcurrency::Locks(_)) {
            return None;
        }
        if self.protection == Protection::Private {
            self.options.read_concurrency = false;
            self.options.write_concurrency = WriteConcurrency::Off;
        }
        self.options.decentralized_counters = self.options.write_concurrency
            != WriteConcurrency::Off
            && self.decentralized_option.unwrap_or(self.decentralized);
        Some(self)
    }
}
