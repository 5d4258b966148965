//! Writing the parts of the external format that contain no other terms: atoms, numbers, identifiers.

use super::encode::{EncodeOptions, Writer};
use super::sink::Sink;
use super::{parts, tags};
use crate::atom::Atom;
use crate::node_name;
use crate::numeric::float;
use crate::reference;
use crate::resource;
use crate::term::{Kind, Term};

/// The largest number of a port that is written in 32 bits (OTP: `ERTS_MAX_V3_PORT_NUMBER`).
const MAX_SHORT_PORT: u64 = (1 << 28) - 1;

#[allow(private_bounds, reason = "sinks are this folder's own")]
impl<'h, S: Sink> Writer<'h, S> {
    pub(super) fn atom(&mut self, atom: Atom, options: &EncodeOptions<'_>) {
        if let Some(&index) = options.cache.and_then(|cache| cache.get(&atom)) {
            return self.out.bytes(&[tags::ATOM_CACHE_REF, index]);
        }
        let name = atom.name();
        if !options.utf8_atoms && name.is_ascii() {
            self.out.byte(tags::ATOM);
            self.out.u16(name.len() as u16);
            return self.out.bytes(name.as_bytes());
        }
        if !options.utf8_atoms && name.chars().all(|char| u32::from(char) < 256) {
            let latin1: Vec<u8> = name.chars().map(|char| char as u8).collect();
            self.out.byte(tags::ATOM);
            self.out.u16(latin1.len() as u16);
            return self.out.bytes(&latin1);
        }
        match u8::try_from(name.len()) {
            Ok(len) => self.out.bytes(&[tags::SMALL_ATOM_UTF8, len]),
            Err(_) => {
                self.out.byte(tags::ATOM_UTF8);
                self.out.u16(name.len() as u16);
            }
        }
        self.out.bytes(name.as_bytes());
    }

    pub(super) fn small(&mut self, value: i64) {
        if let Ok(byte) = u8::try_from(value) {
            self.out.bytes(&[tags::SMALL_INTEGER, byte]);
        } else if let Ok(value) = i32::try_from(value) {
            self.out.tag_u32(tags::INTEGER, value as u32);
        } else {
            self.big(value < 0, &[value.unsigned_abs()]);
        }
    }

    pub(super) fn big(&mut self, negative: bool, limbs: &[u64]) {
        let top = limbs.last().map_or(0, |limb| limb.leading_zeros() / 8);
        let len = limbs.len() * 8 - top as usize;
        match u8::try_from(len) {
            Ok(len) => self.out.bytes(&[tags::SMALL_BIG, len]),
            Err(_) => self.out.tag_u32(tags::LARGE_BIG, len as u32),
        }
        self.out.byte(negative.into());
        let mut left = len;
        for limb in limbs {
            let count = left.min(8);
            self.out.bytes(&limb.to_le_bytes()[..count]);
            left -= count;
        }
    }

    pub(super) fn float(&mut self, value: f64, options: &EncodeOptions<'_>) {
        if options.new_floats {
            self.out.byte(tags::NEW_FLOAT);
            return self.out.bytes(&value.to_be_bytes());
        }
        let mut text = Vec::with_capacity(31);
        float::print(value, float::Format::DEFAULT, &mut text)
            .expect("twenty decimals are not too many");
        text.resize(31, 0);
        self.out.byte(tags::FLOAT);
        self.out.bytes(&text);
    }

    /// A pid, port or reference of this node or another.
    pub(super) fn identifier(&mut self, term: Term<'h>, options: &EncodeOptions<'_>) {
        let (this, this_creation) = node_name::this();
        match term.kind() {
            Kind::Pid(pid) => {
                let number = pid.0 & ((1 << parts::PID_NUMBER_BITS) - 1);
                let serial = pid.0 >> parts::PID_NUMBER_BITS;
                self.pid((this, this_creation), number as u32, serial as u32, options);
            }
            Kind::ExternalPid(id) => {
                let (node, number) = (id.node(), id.data()[0]);
                let node = (node.name, node.creation);
                self.pid(node, number as u32, (number >> 32) as u32, options);
            }
            Kind::Port(port) => self.port((this, this_creation), port.0, options),
            Kind::ExternalPort(id) => {
                self.port((id.node().name, id.node().creation), id.data()[0], options);
            }
            Kind::Ref(reference) => {
                if let Some(resource) = reference.resource() {
                    resource::remember(reference.number(), resource);
                }
                let mut words = reference::display_words(reference.number());
                words.reverse();
                let words = words.into_iter();
                self.reference((this, this_creation), words, options);
            }
            Kind::ExternalRef(id) => {
                let words = id.data()[1..].iter().map(|&word| word as u32);
                self.reference((id.node().name, id.node().creation), words, options);
            }
            _ => unreachable!("all other kinds were written"),
        }
    }

    fn pid(
        &mut self,
        (name, creation): (Atom, u32),
        number: u32,
        serial: u32,
        options: &EncodeOptions<'_>,
    ) {
        self.out.byte(tags::NEW_PID);
        self.atom(name, options);
        self.out.u32(number);
        self.out.u32(serial);
        self.out.u32(creation);
    }

    fn port(&mut self, (name, creation): (Atom, u32), number: u64, options: &EncodeOptions<'_>) {
        if number > MAX_SHORT_PORT {
            self.out.byte(tags::V4_PORT);
            self.atom(name, options);
            self.out.bytes(&number.to_be_bytes());
        } else {
            self.out.byte(tags::NEW_PORT);
            self.atom(name, options);
            self.out.u32(number as u32);
        }
        self.out.u32(creation);
    }

    fn reference(
        &mut self,
        (name, creation): (Atom, u32),
        words: impl ExactSizeIterator<Item = u32>,
        options: &EncodeOptions<'_>,
    ) {
        self.out.byte(tags::NEWER_REFERENCE);
        self.out.u16(words.len() as u16);
        self.atom(name, options);
        self.out.u32(creation);
        for word in words {
            self.out.u32(word);
        }
    }
}
