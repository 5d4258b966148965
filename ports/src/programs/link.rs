//! A port program's standard input and output.
//!
//! A program speaks packets with headers of its own size. When the port was opened with the same
//! `{packet, N}`, messages pass whole and no header is ever made; otherwise the headers are in the
//! bytes, as with the real program.

use crate::driver::FramedBy;
use crate::framing::{Deframer, Frame, Framing};
use crate::handle::PortHandle;
use crate::iovec::IoVec;
use crate::open::OpenOptions;
use bytes::Bytes;

/// Both directions.
pub struct Link {
    port: PortHandle,
    spoken: Framing,
    /// `None`: messages pass whole.
    raw: Option<Deframer>,
    /// The port was opened with `out` alone: nobody hears the program.
    muted: bool,
}

impl Link {
    /// The link of a program that speaks `spoken`.
    pub fn new(port: PortHandle, options: &OpenOptions, spoken: Framing) -> Self {
        let raw = (options.framing != spoken).then(|| Deframer::new(spoken));
        Self {
            port,
            spoken,
            raw,
            muted: !options.read,
        }
    }

    /// Who frames the port's messages.
    pub fn framed_by(&self) -> FramedBy {
        if self.raw.is_some() {
            FramedBy::Host
        } else {
            FramedBy::Driver
        }
    }

    /// The port.
    pub fn port(&self) -> &PortHandle {
        &self.port
    }

    /// The packets that arrived.
    pub fn receive(&mut self, data: IoVec) -> Vec<Bytes> {
        let data = data.into_bytes();
        match &mut self.raw {
            None => vec![data],
            Some(deframer) => deframer
                .push(data)
                .into_iter()
                .map(|frame| match frame {
                    Frame::Data(packet) | Frame::Eol(packet) | Frame::NoEol(packet) => packet,
                })
                .collect(),
        }
    }

    /// Sends a packet. One that is too long for the header is not sent.
    pub fn send(&self, packet: impl Into<Bytes>) {
        let packet = packet.into();
        if self.muted {
            return;
        }
        if self.raw.is_none() {
            self.port.output_data(packet);
        } else if let Ok(header) = self.spoken.header(packet.len()) {
            self.port
                .output_vec(&[], [header, packet].into_iter().collect());
        }
    }

    /// The program ends.
    pub fn exit(&self, status: i32) {
        self.port.exit_status(status);
        self.port.failure_eof();
    }
}
