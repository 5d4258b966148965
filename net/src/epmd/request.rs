//! What is asked and what is answered. Bytes are checked here; what is no request has no answer.

use super::names::{LARGE_CREATIONS, Names, Node};

const ALIVE2_REQ: u8 = b'x';
const ALIVE2_RESP: u8 = b'y';
const ALIVE2_X_RESP: u8 = b'v';
const PORT2_REQ: u8 = b'z';
const PORT2_RESP: u8 = b'w';
const NAMES_REQ: u8 = b'n';
const DUMP_REQ: u8 = b'd';
const KILL_REQ: u8 = b'k';
const STOP_REQ: u8 = b's';

/// The creation number of a node that is not registered.
const NO_CREATION: u32 = 99;
/// The longest name that can be looked up, in characters.
const LOOKED_UP_CHARACTERS: usize = 254;

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Asker {
    /// Its connection's number.
    pub connection: usize,
    /// And descriptor.
    pub fd: i32,
    /// It is on this machine.
    pub local: bool,
}

/// How this `epmd` is.
#[derive(Clone, Copy, Debug)]
pub struct Situation {
    /// The port it listens on.
    pub port: u16,
    /// Nodes can be unregistered and left behind.
    pub relaxed: bool,
    /// The time, in seconds.
    pub seconds: u32,
}

/// What follows from a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What is sent back.
    pub answer: Vec<u8>,
    /// The connection stays open: while it does, the node is registered.
    pub keep: bool,
    /// A connection to close because its node was unregistered.
    pub close: Option<usize>,
    /// This `epmd` ends.
    pub end: bool,
}

impl Outcome {
    fn answered(answer: impl Into<Vec<u8>>) -> Self {
        Self {
            answer: answer.into(),
            ..Self::default()
        }
    }
}

/// Does what a request (without its length) says.
pub fn serve(request: &[u8], asker: Asker, situation: Situation, names: &mut Names) -> Outcome {
    match (request.first(), asker.local) {
        (Some(&ALIVE2_REQ), true) => register(request, asker, situation, names).unwrap_or_default(),
        (Some(&PORT2_REQ), _) => look_up(request, names).unwrap_or_default(),
        (Some(&NAMES_REQ), _) => Outcome::answered(list(situation, names)),
        (Some(&DUMP_REQ), true) => Outcome::answered(dump(situation, names)),
        (Some(&KILL_REQ), true) => {
            let end = situation.relaxed || names.registered().next().is_none();
            Outcome {
                end,
                ..Outcome::answered(if end { b"OK" } else { b"NO" })
            }
        }
        (Some(&STOP_REQ), true) if situation.relaxed && request.len() > 1 => {
            let name = request[1..]
                .split(|&byte| byte == 0)
                .next()
                .unwrap_or_default();
            let close = names.unregister(name);
            // As the original does, also after it has found no such node.
            let answer = if close.is_some() {
                &b"STOPPED"[..]
            } else {
                b"NOEXISTSTOPPED"
            };
            Outcome {
                close,
                ..Outcome::answered(answer)
            }
        }
        _ => Outcome::default(),
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn register(
    request: &[u8],
    asker: Asker,
    situation: Situation,
    names: &mut Names,
) -> Option<Outcome> {
    let name_len = usize::from(number(request, 9)?);
    let name = request.get(11..11 + name_len)?;
    let extra_len = usize::from(number(request, 11 + name_len)?);
    let extra = request.get(13 + name_len..13 + name_len + extra_len)?;
    if request.len() <= 13 || name.contains(&0) {
        return None;
    }
    let highest = number(request, 5)?;
    let node = Node {
        name: name.to_vec(),
        port: number(request, 1)?,
        kind: request[3],
        protocol: request[4],
        highest,
        lowest: number(request, 7)?,
        extra: extra.to_vec(),
    };
    let entry = names.register(node, asker.connection, asker.fd, situation.seconds);
    let (result, creation) = entry.map_or((1, NO_CREATION), |entry| (0, entry.creation()));
    let creation = creation.to_be_bytes();
    let answer = if highest >= LARGE_CREATIONS {
        [&[ALIVE2_X_RESP, result], &creation[..]].concat()
    } else {
        [&[ALIVE2_RESP, result], &creation[2..]].concat()
    };
    Some(Outcome {
        keep: true,
        ..Outcome::answered(answer)
    })
}

fn look_up(request: &[u8], names: &Names) -> Option<Outcome> {
    let name = &request[1..];
    let name = name.strip_suffix(&[0]).unwrap_or(name);
    let characters = std::str::from_utf8(name).ok()?.chars().count();
    if name.is_empty() || name.contains(&0) || characters > LOOKED_UP_CHARACTERS {
        return None;
    }
    let Some(entry) = names.find(name) else {
        return Some(Outcome::answered([PORT2_RESP, 1]));
    };
    let node = &entry.node;
    let mut answer = vec![PORT2_RESP, 0];
    answer.extend(node.port.to_be_bytes());
    answer.extend([node.kind, node.protocol]);
    answer.extend(node.highest.to_be_bytes());
    answer.extend(node.lowest.to_be_bytes());
    for field in [&node.name, &node.extra] {
        answer.extend((field.len() as u16).to_be_bytes());
        answer.extend_from_slice(field);
    }
    Some(Outcome::answered(answer))
}

fn list(situation: Situation, names: &Names) -> Vec<u8> {
    let mut answer = u32::from(situation.port).to_be_bytes().to_vec();
    for entry in names.registered() {
        answer.extend_from_slice(b"name ");
        answer.extend_from_slice(&entry.node.name);
        answer.extend_from_slice(format!(" at port {}\n", entry.node.port).as_bytes());
    }
    answer
}

/// Lines end with a zero here.
fn dump(situation: Situation, names: &Names) -> Vec<u8> {
    let mut answer = u32::from(situation.port).to_be_bytes().to_vec();
    for entry in names.registered() {
        answer.extend_from_slice(b"active name     <");
        answer.extend_from_slice(&entry.node.name);
        answer.extend_from_slice(
            format!("> at port {}, fd = {}\n\0", entry.node.port, entry.fd).as_bytes(),
        );
    }
    for entry in names.remembered() {
        answer.extend_from_slice(b"old/unused name <");
        answer.extend_from_slice(&entry.node.name);
        answer.extend_from_slice(
            format!(">, port = {}, fd = {} \n\0", entry.node.port, entry.fd).as_bytes(),
        );
    }
    answer
}
