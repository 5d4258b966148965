//! What every socket can be asked, whatever its family.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::fs::file::{File, Open};
use crate::fs::io::{Feed, Sink};
use crate::fs::pipe;
use crate::sys::errno::{EPIPE, Result};

/// A received message.
#[derive(Default)]
pub struct Message {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Length of the whole datagram.
    pub full: usize,
    /// Who sent it.
    pub from: Vec<u8>,
    /// Descriptions that came with it.
    pub files: Vec<Arc<Open>>,
}

/// A socket. No call waits: EAGAIN asks the caller to wait on the file's source.
pub trait Socket: File {
    /// Domain, type, protocol.
    fn kind(&self) -> (u16, u32, u32);
    /// Binds to an address.
    fn bind(&self, address: &[u8]) -> Result<()>;
    /// Starts to listen.
    fn listen(&self, backlog: usize) -> Result<()>;
    /// Takes a connection, and the other side's address.
    fn accept(&self) -> Result<(Arc<dyn File>, Vec<u8>)>;
    /// Starts to connect; EINPROGRESS if that takes time.
    fn connect(&self, address: &[u8]) -> Result<()>;
    /// How the attempt to connect went; EAGAIN while it goes on.
    fn connected(&self) -> Result<()> {
        Ok(())
    }
    /// Sends.
    fn send(&self, bytes: &[u8], to: Option<&[u8]>, files: &[Arc<Open>]) -> Result<usize>;
    /// Receives.
    fn receive(&self, max: usize, peek: bool) -> Result<Message>;
    /// Ends directions.
    fn shutdown(&self, read: bool, write: bool) -> Result<()>;
    /// Its own address.
    fn name(&self) -> Result<Vec<u8>>;
    /// The other side's.
    fn peer(&self) -> Result<Vec<u8>>;
    /// Sets an option.
    fn set_option(&self, level: u32, name: u32, value: &[u8]) -> Result<()>;
    /// An option's value.
    fn option(&self, level: u32, name: u32) -> Result<Vec<u8>>;
    /// Whether bytes have no boundaries.
    fn is_stream(&self) -> bool {
        self.kind().1 == SOCK_STREAM
    }
}

/// A byte stream.
pub const SOCK_STREAM: u32 = 1;
/// Datagrams.
pub const SOCK_DGRAM: u32 = 2;
/// A stream of messages.
pub const SOCK_SEQPACKET: u32 = 5;

/// Most bytes that one call moves.
const CHUNK: usize = 64 << 10;

/// `read` of a socket.
pub fn read(socket: &dyn Socket, sink: &mut Sink<'_>) -> Result<usize> {
    let room = sink.room();
    if room == 0 && socket.is_stream() {
        return Ok(0);
    }
    let message = socket.receive(room.min(1 << 20), false)?;
    sink.put(&message.bytes)
}

/// `write` of a socket.
pub fn write(socket: &dyn Socket, feed: &mut Feed<'_>) -> Result<usize> {
    let max = if socket.is_stream() { CHUNK } else { 1 << 20 };
    let bytes = feed.take_vec(max)?;
    match socket.send(&bytes, None, &[]) {
        Ok(sent) => {
            feed.give_back(bytes.len() - sent);
            Ok(sent)
        }
        Err(EPIPE) if socket.is_stream() => pipe::broken(),
        Err(error) => {
            feed.give_back(bytes.len());
            Err(error)
        }
    }
}
