//! The network: the stack with its card, and the socket objects of the program.
//!
//! Rank: the stack's lock comes after the objects' map and before event sources; nothing of the program is
//! touched under it.

pub mod address;
pub mod inet;
pub mod interfaces;
pub mod socket;
pub mod unix;

use crate::map::Map;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;

use crate::arch::sync::SpinLock;
use crate::arch::tsc;
use crate::boot::CommandLine;
use crate::dev::virtio::net::Card;
use crate::fs::file::File;
use crate::fs::io::Feed;
use crate::fs::node::Node;
use crate::fs::path::{self, Place};
use crate::fs::regular::{Regular, truncate};
use crate::fs::tree;
use crate::mm::frames;
use crate::println;
use crate::sys::errno::ENOENT;
use crate::sys::misc;
use crate::task::timer::{self, Action, Key, Timed};
use inet::Inet;
use stack::{Addresses, Id, Mode, Settings, Stack};

/// The stack type of this kernel.
pub type NetStack = Stack<Card>;

static CARD: SpinLock<Option<Card>> = SpinLock::new(None);
/// On the heap: it is large, and would stand in the kernel's file.
static STACK: SpinLock<Option<Box<NetStack>>> = SpinLock::new(None);
static OBJECTS: SpinLock<Map<Id, Weak<Inet>>> = SpinLock::new(Map::new());
static TIMER: SpinLock<Option<(u64, Key)>> = SpinLock::new(None);

/// A card was found. The first is used.
pub fn set_card(card: Card) {
    CARD.lock().get_or_insert(card);
}

/// Makes the stack, as the option `ip=` says: `dhcp` (also without the option), `none`, or addresses.
pub fn init(line: &CommandLine) {
    let mode = Mode::parse(line.option("ip").unwrap_or("dhcp")).unwrap_or_else(|| {
        println!("the option ip= is not understood");
        Mode::None
    });
    let mut seed = [0; 8];
    crate::random::fill(&mut seed);
    let (_, total) = frames::counts();
    let large = total > (256 << 20) / 4096;
    let settings = Settings {
        seed: u64::from_le_bytes(seed),
        receive_buffer: if large { 128 << 10 } else { 32 << 10 },
        send_buffer: if large { 64 << 10 } else { 32 << 10 },
    };
    let card = CARD.lock().take();
    let stack = Stack::new(card, mode.clone(), settings, now_us());
    let addresses = stack.addresses().clone();
    *STACK.lock() = Some(Box::new(stack));
    if matches!(mode, Mode::Static(_)) {
        write_resolver(&addresses);
    }
    poll();
}

fn now_us() -> i64 {
    (tsc::now() / 1000) as i64
}

/// Does something with the stack, moves packets on, and tells the sockets that changed.
pub fn with<T>(f: impl FnOnce(&mut NetStack) -> T) -> T {
    let mut guard = STACK.lock();
    let stack = guard
        .as_mut()
        .expect("the stack is made before anything runs");
    let result = f(stack);
    let new = stack.poll(now_us()).then(|| stack.addresses().clone());
    let changed = stack.take_changed();
    let delay = stack.poll_delay(now_us());
    drop(guard);
    tell(&changed);
    if let Some(addresses) = new {
        configured(&addresses);
    }
    if let Some(us) = delay {
        arm(tsc::now().saturating_add(us.max(1).saturating_mul(1000)));
    }
    result
}

/// Looks at the stack without moving packets.
pub fn look<T>(f: impl FnOnce(&mut NetStack) -> T) -> T {
    f(STACK
        .lock()
        .as_mut()
        .expect("the stack is made before anything runs"))
}

/// Moves packets and timers on.
pub fn poll() {
    with(|_| {});
}

/// The card has an interrupt.
pub fn interrupt() {
    with(|stack| {
        if let Some(card) = stack.nic() {
            card.acknowledge();
        }
    });
}

struct Poll;

impl Timed for Poll {
    fn expire(self: Arc<Self>, _now: u64) {
        *TIMER.lock() = None;
        poll();
    }
}

/// Sees to it that the stack is polled at a time.
fn arm(at: u64) {
    let mut timer = TIMER.lock();
    if let Some((before, key)) = *timer {
        if before <= at {
            return;
        }
        timer::cancel(key);
    }
    *timer = Some((at, timer::add(at, Action::Call(Arc::new(Poll)))));
}

/// Adds an object, to be told of changes.
pub fn register(id: Id, object: &Arc<Inet>) {
    OBJECTS.lock().insert(id, Arc::downgrade(object));
}

/// Forgets an object.
pub fn forget(id: Id) {
    OBJECTS.lock().remove(&id);
}

fn tell(changed: &[Id]) {
    if changed.is_empty() {
        return;
    }
    let objects: Vec<Arc<Inet>> = {
        let map = OBJECTS.lock();
        changed
            .iter()
            .filter_map(|id| map.get(id)?.upgrade())
            .collect()
    };
    for object in objects {
        if let Some(source) = object.source() {
            source.notify(object.ready());
        }
    }
}

/// New addresses: the resolver's file and the host's name follow.
fn configured(addresses: &Addresses) {
    if let Some(name) = &addresses.host_name {
        misc::set_hostname(name.as_bytes());
    }
    write_resolver(addresses);
    for cidr in &addresses.own {
        println!("network address {cidr}");
    }
}

fn write_resolver(addresses: &Addresses) {
    let lines: Vec<String> = addresses
        .dns
        .iter()
        .map(|server| format!("nameserver {server}\n"))
        .collect();
    let text = lines.concat();
    if text.is_empty() {
        return;
    }
    let Ok(etc) = path::resolve(tree::root(), b"/etc", true) else {
        return;
    };
    let node = match etc.find(b"resolv.conf") {
        Ok(node) => node,
        Err(_) => {
            let node = Node::regular(0o644);
            let place = Place {
                parent: etc,
                name: b"resolv.conf".to_vec(),
                node: None,
                dir_wanted: false,
            };
            if tree::link(&place, &node) == Err(ENOENT) {
                return;
            }
            node
        }
    };
    if truncate(&node, 0).is_ok() {
        let _ = Regular(node).write(&mut Feed::Kernel(text.as_bytes(), 0), Some(0));
    }
}
