//! Who is registered, and the numbers that tell a node from its predecessor of the same name.
//!
//! A name that was unregistered is remembered, so that its next node gets another creation number; of
//! those names only so many.

use std::collections::VecDeque;

/// The longest name, in characters.
pub const NAME_CHARACTERS: usize = 255;
/// The longest name or extra field, in bytes.
pub const NAME_BYTES: usize = NAME_CHARACTERS * 4;
/// How many unregistered names are remembered.
const REMEMBERED: usize = 1000;
/// Nodes of this version on understand creation numbers of 32 bits.
pub const LARGE_CREATIONS: u16 = 6;
/// The first large creation number; smaller ones are those of older nodes.
const FIRST_CREATION: u32 = 4;

/// What a node said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name, without the host's.
    pub name: Vec<u8>,
    /// Where it listens.
    pub port: u16,
    /// 77: a node as any; 72: hidden.
    pub kind: u8,
    /// 0: TCP over IPv4.
    pub protocol: u8,
    /// The highest version of the distribution protocol that it speaks.
    pub highest: u16,
    /// And the lowest.
    pub lowest: u16,
    /// Whatever else it said.
    pub extra: Vec<u8>,
}

/// A node and the connection that keeps it registered.
#[derive(Debug)]
pub struct Entry {
    /// What it said.
    pub node: Node,
    /// The connection's number.
    pub connection: usize,
    /// The connection's descriptor, for the dump.
    pub fd: i32,
    counter: u32,
}

impl Entry {
    /// Its creation number: 1 to 3 for older nodes.
    #[must_use]
    pub fn creation(&self) -> u32 {
        if self.node.highest >= LARGE_CREATIONS {
            self.counter
        } else {
            self.counter % 3 + 1
        }
    }
}

/// All names.
#[derive(Debug, Default)]
pub struct Names {
    /// The latest first.
    registered: VecDeque<Entry>,
    /// The latest last.
    remembered: VecDeque<Entry>,
}

impl Names {
    /// Registers a node. `seed` is where a new name's creation numbers begin.
    ///
    /// `None`: its name or extra field is too long or no text, or the name is taken.
    pub fn register(
        &mut self,
        node: Node,
        connection: usize,
        fd: i32,
        seed: u32,
    ) -> Option<&Entry> {
        let characters = std::str::from_utf8(&node.name).ok()?.chars().count();
        if node.name.len() > NAME_BYTES
            || characters > NAME_CHARACTERS
            || node.extra.len() > NAME_BYTES
        {
            return None;
        }
        if self.find(&node.name).is_some() {
            return None;
        }
        let known = self
            .remembered
            .iter()
            .position(|entry| entry.node.name == node.name);
        let counter = if let Some(known) = known.and_then(|at| self.remembered.remove(at)) {
            next(known.counter)
        } else if self.remembered.len() > REMEMBERED
            && let Some(oldest) = self.remembered.pop_front()
        {
            oldest.counter
        } else {
            next(seed)
        };
        self.registered.push_front(Entry {
            node,
            connection,
            fd,
            counter,
        });
        self.registered.front()
    }

    /// Unregisters a name; the connection that kept it.
    pub fn unregister(&mut self, name: &[u8]) -> Option<usize> {
        self.remove(|entry| entry.node.name == name)
    }

    /// A connection ended: unregisters its node, if it has one.
    pub fn connection_ended(&mut self, connection: usize) {
        self.remove(|entry| entry.connection == connection);
    }

    fn remove(&mut self, which: impl Fn(&Entry) -> bool) -> Option<usize> {
        let at = self.registered.iter().position(which)?;
        let entry = self.registered.remove(at)?;
        let connection = entry.connection;
        self.remembered.push_back(entry);
        Some(connection)
    }

    /// The node of a name.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<&Entry> {
        self.registered.iter().find(|entry| entry.node.name == name)
    }

    /// All registered, the latest first.
    pub fn registered(&self) -> impl Iterator<Item = &Entry> {
        self.registered.iter()
    }

    /// All remembered, the latest last.
    pub fn remembered(&self) -> impl Iterator<Item = &Entry> {
        self.remembered.iter()
    }
}

fn next(counter: u32) -> u32 {
    counter.wrapping_add(1).max(FIRST_CREATION)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, highest: u16) -> Node {
        Node {
            name: name.into(),
            port: 1,
            kind: 77,
            protocol: 0,
            highest,
            lowest: 5,
            extra: vec![],
        }
    }

    #[test]
    fn creations() {
        let mut names = Names::default();
        assert_eq!(
            names.register(node("a", 6), 1, 9, 100).map(Entry::creation),
            Some(101)
        );
        assert!(names.register(node("a", 6), 2, 9, 100).is_none());
        names.connection_ended(2);
        names.connection_ended(1);
        assert_eq!(
            names.register(node("a", 6), 3, 9, 500).map(Entry::creation),
            Some(102)
        );
        assert_eq!(names.unregister(b"a"), Some(3));
        assert_eq!(
            names.register(node("a", 5), 3, 9, 500).map(Entry::creation),
            Some(103 % 3 + 1)
        );
        assert_eq!(
            names
                .register(node("b", 6), 4, 9, u32::MAX)
                .map(Entry::creation),
            Some(4)
        );
        assert_eq!(names.unregister(b"c"), None);
    }

    #[test]
    fn limits() {
        let mut names = Names::default();
        assert!(names.register(node(&"x".repeat(256), 6), 1, 9, 0).is_none());
        assert!(names.register(node(&"é".repeat(255), 6), 1, 9, 0).is_some());
        let mut bad = node("", 6);
        bad.name = vec![0xff];
        assert!(names.register(bad, 2, 9, 0).is_none());
        for n in 0..2000 {
            let name = format!("n{n}");
            assert!(names.register(node(&name, 6), 3, 9, 0).is_some());
            names.unregister(name.as_bytes());
        }
        assert!(names.remembered().count() <= REMEMBERED + 1);
    }
}
