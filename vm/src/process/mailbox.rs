//! The mailbox: messages that a process has got and not yet received.
//!
//! A doubly linked list of the very nodes that the senders made. `current` is where the receive in progress
//! looks; null means "past the last", and the next message appended becomes current. A message is *seen*
//! when `receive` first looks at it: from then on its term is the process heap's, a root for the collector
//! (all seen terms stand in one vector, so that a collection does not walk the list).
//!
//! A receive marker is a node of the list without a message: "whatever carries the reference that is about
//! to be made comes after this". A receive that only wants such messages starts there.

use std::cell::{Cell, RefCell};
use std::ptr::null_mut;

use smallvec::SmallVec;

use super::lazy::Lazy;
use super::queue::Node;
use super::signal::{RefNumber, Signal};
use crate::heap::Heap;
use crate::term::Term;
use crate::term::word::{NO_VALUE, Word};

/// How many references can be bound to places at once (OTP: `ERTS_RECV_MARKER_BLOCK_SIZE`).
const MARKERS: usize = 8;

type NodePtr = *mut Node<Signal>;

struct Marker {
    /// What it was bound to.
    reference: Option<RefNumber>,
    number: u32,
    node: NodePtr,
}

/// The inner queue.
pub struct Mailbox {
    first: Cell<NodePtr>,
    last: Cell<NodePtr>,
    current: Cell<NodePtr>,
    len: Cell<usize>,
    seen: RefCell<Seen>,
    markers: Lazy<RefCell<Vec<Marker>>>,
    next_marker: Cell<u32>,
}

#[derive(Default)]
struct Seen {
    words: SmallVec<[Word; 2]>,
    nodes: SmallVec<[NodePtr; 2]>,
}

impl Mailbox {
    /// An empty one.
    pub fn new() -> Mailbox {
        Mailbox {
            first: Cell::new(null_mut()),
            last: Cell::new(null_mut()),
            current: Cell::new(null_mut()),
            len: Cell::new(0),
            seen: RefCell::new(Seen::default()),
            markers: Lazy::new(),
            next_marker: Cell::new(0),
        }
    }

    /// How many messages there are.
    pub fn len(&self) -> usize {
        self.len.get()
    }

    fn link_last(&self, node: NodePtr) {
        let last = self.last.get();
        // SAFETY: `node` is a live node in no list, `last` null or this list's; both are this process's alone.
        unsafe {
            (*node).next = null_mut();
            (*node).prev = last;
            if last.is_null() {
                self.first.set(node);
            } else {
                (*last).next = node;
            }
        }
        self.last.set(node);
        if self.current.get().is_null() {
            self.current.set(node);
        }
    }

    /// Takes a node out of the list.
    ///
    /// # Safety
    /// The node is in this list.
    unsafe fn unlink(&self, node: NodePtr) -> Box<Node<Signal>> {
        // SAFETY: by contract; its neighbours are live nodes of the list.
        unsafe {
            let (next, prev) = ((*node).next, (*node).prev);
            if self.current.get() == node {
                self.current.set(next);
            }
            if prev.is_null() {
                self.first.set(next);
            } else {
                (*prev).next = next;
            }
            if next.is_null() {
                self.last.set(prev);
            } else {
                (*next).prev = prev;
            }
            Box::from_raw(node)
        }
    }

    /// Appends a message (a node that carries [`Signal::Message`]).
    pub fn append(&self, node: Box<Node<Signal>>) {
        debug_assert!(matches!(
            node.item,
            Signal::Message(_) | Signal::Notice(_) | Signal::Traced { .. }
        ));
        self.len.set(self.len.get() + 1);
        self.link_last(Box::into_raw(node));
    }

    /// Whether there is a message that the receive in progress has not looked at.
    pub fn has_current(&self) -> bool {
        self.skip_markers();
        !self.current.get().is_null()
    }

    fn skip_markers(&self) {
        let mut node = self.current.get();
        // SAFETY: `current` is null or a node of the list.
        unsafe {
            while !node.is_null() && matches!((*node).item, Signal::Marker) {
                node = (*node).next;
            }
        }
        self.current.set(node);
    }

    /// The message that the receive in progress looks at, as a term of the process's heap.
    pub fn current<'p>(&self, heap: Heap<'p>) -> Option<Term<'p>> {
        self.skip_markers();
        let node = self.current.get();
        if node.is_null() {
            return None;
        }
        // SAFETY: `current` is a node of the list, this process's alone.
        Some(unsafe { self.see(node, heap) })
    }

    /// The term of a message.
    ///
    /// # Safety
    /// The node is in this list and carries a message.
    unsafe fn see<'p>(&self, node: NodePtr, heap: Heap<'p>) -> Term<'p> {
        let mut seen = self.seen.borrow_mut();
        // SAFETY: by contract.
        let item = unsafe { &mut (*node).item };
        if let Signal::Seen(at) | Signal::SeenNotice(at) | Signal::SeenPair(at) = *item {
            // SAFETY: a seen message's word is a root of this process's heap, kept current by the collector.
            let term = unsafe { Term::from_word(seen.words[at as usize]) };
            return if matches!(*item, Signal::SeenPair(_)) {
                message_of_pair(term)
            } else {
                term
            };
        }
        let at = u32::try_from(seen.words.len()).expect("fewer than 2^32 messages fit the memory");
        match std::mem::replace(item, Signal::Seen(at)) {
            Signal::Message(message) => {
                let term = message.adopt(heap);
                seen.words.push(term.word());
                seen.nodes.push(node);
                term
            }
            Signal::Notice(message) => {
                *item = Signal::SeenNotice(at);
                let term = message.adopt(heap);
                seen.words.push(term.word());
                seen.nodes.push(node);
                term
            }
            Signal::Traced { pair, .. } => {
                *item = Signal::SeenPair(at);
                let term = pair.adopt(heap);
                seen.words.push(term.word());
                seen.nodes.push(node);
                message_of_pair(term)
            }
            _ => unreachable!("the list holds messages and markers"),
        }
    }

    /// Takes the current message out; the next receive starts with the first.
    pub fn remove_current(&self) -> Removed {
        let node = self.current.get();
        assert!(!node.is_null(), "a message is current when it is removed");
        // SAFETY: `current` is a node of the list; nothing else points to it (a marker's node is no message).
        let removed = unsafe { self.unlink(node) };
        let pair = match removed.item {
            Signal::Seen(at) => {
                self.forget_seen(at as usize);
                Removed::WithoutToken
            }
            Signal::SeenPair(at) => Removed::Pair(self.forget_seen(at as usize)),
            Signal::SeenNotice(at) => {
                self.forget_seen(at as usize);
                Removed::Notice
            }
            _ => Removed::WithoutToken,
        };
        self.len.set(self.len.get() - 1);
        self.restart();
        pair
    }

    fn forget_seen(&self, at: usize) -> Word {
        let mut seen = self.seen.borrow_mut();
        let word = seen.words.swap_remove(at);
        seen.nodes.swap_remove(at);
        if let Some(&moved) = seen.nodes.get(at) {
            // SAFETY: the vector holds nodes of the list.
            let item = unsafe { &mut (*moved).item };
            *item = match item {
                Signal::SeenPair(_) => Signal::SeenPair(at as u32),
                Signal::SeenNotice(_) => Signal::SeenNotice(at as u32),
                _ => Signal::Seen(at as u32),
            };
        }
        word
    }

    /// Goes on to the next message.
    pub fn advance(&self) {
        let node = self.current.get();
        if !node.is_null() {
            // SAFETY: `current` is a node of the list.
            self.current.set(unsafe { (*node).next });
        }
    }

    /// The next receive starts with the first message.
    pub fn restart(&self) {
        self.current.set(self.first.get());
    }

    /// The receive in progress starts with the next message that comes.
    pub fn skip_all(&self) {
        self.current.set(null_mut());
    }

    /// Copies the literals of an area that messages not yet seen point to.
    pub fn copy_literals(&mut self, area: crate::heap::LiteralRange) {
        let mut node = self.first.get();
        while !node.is_null() {
            // SAFETY: a node of the list, which is held mutably.
            unsafe {
                if let Signal::Message(message)
                | Signal::Notice(message)
                | Signal::Traced { pair: message, .. } = &mut (*node).item
                {
                    message.copy_literals(area);
                }
                node = (*node).next;
            }
        }
    }

    /// Remembers the end of the list; the answer names the place.
    pub fn reserve_marker(&self) -> u32 {
        let mut markers = self.markers.made().borrow_mut();
        if let Some(unused) = markers.iter().position(|marker| marker.reference.is_none()) {
            self.drop_marker(&mut markers, unused);
        } else if markers.len() >= MARKERS {
            self.drop_marker(&mut markers, 0);
        }
        let number = self.next_marker.get();
        self.next_marker.set(number.wrapping_add(1) & 0x00ff_ffff);
        let node = Box::into_raw(Node::new(Signal::Marker));
        self.link_last(node);
        markers.push(Marker {
            reference: None,
            number,
            node,
        });
        number
    }

    /// Binds a place to a reference.
    pub fn bind_marker(&self, number: u32, reference: RefNumber) {
        let Some(markers) = self.markers.get() else {
            return;
        };
        let mut markers = markers.borrow_mut();
        if let Some(marker) = markers.iter_mut().find(|marker| marker.number == number) {
            marker.reference = Some(reference);
        }
    }

    /// Forgets a place that was not bound.
    pub fn clear_marker_number(&self, number: u32) {
        let Some(markers) = self.markers.get() else {
            return;
        };
        let mut markers = markers.borrow_mut();
        if let Some(at) = markers.iter().position(|marker| marker.number == number) {
            self.drop_marker(&mut markers, at);
        }
    }

    /// Forgets the place that is bound to a reference.
    pub fn clear_marker(&self, reference: RefNumber) {
        let Some(markers) = self.markers.get() else {
            return;
        };
        let mut markers = markers.borrow_mut();
        if let Some(at) = markers
            .iter()
            .position(|marker| marker.reference == Some(reference))
        {
            self.drop_marker(&mut markers, at);
        }
    }

    /// Starts the receive at the place that is bound to a reference, if one is.
    pub fn use_marker(&self, reference: RefNumber) {
        let Some(markers) = self.markers.get() else {
            return;
        };
        let markers = markers.borrow();
        if let Some(marker) = markers
            .iter()
            .find(|marker| marker.reference == Some(reference))
        {
            // SAFETY: a marker's node is in the list until the marker is dropped.
            self.current.set(unsafe { (*marker.node).next });
        }
    }

    fn drop_marker(&self, markers: &mut Vec<Marker>, at: usize) {
        let marker = markers.remove(at);
        // SAFETY: a marker's node is in the list until here.
        drop(unsafe { self.unlink(marker.node) });
    }

    /// The terms that the collector must keep.
    pub fn roots(&mut self) -> &mut [Word] {
        &mut self.seen.get_mut().words
    }

    /// Hands all messages to `visit`, oldest first, as terms of the process's heap.
    pub fn for_each<'p>(&self, heap: Heap<'p>, mut visit: impl FnMut(Term<'p>)) {
        let mut node = self.first.get();
        while !node.is_null() {
            // SAFETY: a node of the list; markers carry no message.
            unsafe {
                if !matches!((*node).item, Signal::Marker) {
                    visit(self.see(node, heap));
                }
                node = (*node).next;
            }
        }
    }

    /// Words of messages that are not in the process's heap yet.
    pub fn outside_words(&self) -> usize {
        let (mut node, mut words) = (self.first.get(), 0);
        while !node.is_null() {
            // SAFETY: a node of the list.
            unsafe {
                if let Signal::Message(message)
                | Signal::Notice(message)
                | Signal::Traced { pair: message, .. } = &(*node).item
                {
                    words += message.words();
                }
                node = (*node).next;
            }
        }
        words
    }

    /// Drops every message; returns how many words of them were outside the heap.
    pub fn clear(&self) {
        self.current.set(null_mut());
        let mut node = self.first.replace(null_mut());
        self.last.set(null_mut());
        self.len.set(0);
        if let Some(markers) = self.markers.get() {
            markers.borrow_mut().clear();
        }
        *self.seen.borrow_mut() = Seen::default();
        while !node.is_null() {
            // SAFETY: the list is this mailbox's alone, and was emptied above.
            unsafe {
                let next = (*node).next;
                drop(Box::from_raw(node));
                node = next;
            }
        }
    }
}

impl Default for Mailbox {
    fn default() -> Mailbox {
        Mailbox::new()
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.clear();
    }
}

/// What a message that was taken out says of the sequential token.
pub enum Removed {
    /// The receiver has none from now on.
    WithoutToken,
    /// The receiver keeps its own.
    Notice,
    /// The cell of message and token (`[]` for none), a word of the process's heap.
    Pair(Word),
}

/// The message of a cell that brought a token, too.
fn message_of_pair(pair: Term<'_>) -> Term<'_> {
    pair.as_cons()
        .expect("a message that brings a token is a cell")
        .head()
}

/// What stands where there is no term.
pub(super) const NOTHING: Word = NO_VALUE;
