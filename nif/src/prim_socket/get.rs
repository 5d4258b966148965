//! Getting options.

use std::net::Ipv4Addr;
use std::os::fd::{AsFd, BorrowedFd};

use ports::socket as native;
use rustix::io::Errno;
use vm::bif::{BifResult, Call, badarg};
use vm::heap::Heap;
use vm::term::{Bits, Term};

use super::open::open_socket;
use super::set::{CONGESTION, DEVICE};
use super::socket::{Descriptor, Socket};
use super::table::{self, Access, Codec, Width};
use super::{
    atom, closed, control, int, int_argument, invalid, map_of, ok, otp, out_of_range, posix,
    socket, value,
};

/// Level and number of an option, arguments 1 and 2, or the result; `otp` is a level with its own.
fn option<'p>(call: Call<'p>, otp: bool) -> Result<(&'p Socket, i32, i32), BifResult<'p>> {
    let socket = socket(call).map_err(Err)?;
    let number = int_argument(call, 2)?;
    let level = call.arg(1);
    match value::decode_level(level) {
        Some(level) => Ok((socket, level, number)),
        None if otp && level.is_atom(vm::atom!("otp")) => Err(otp::get(call, socket, number)),
        None if level.is_integer() => Err(Ok(out_of_range(call.heap, level))),
        None => Err(Err(badarg())),
    }
}

pub(super) fn getopt_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let heap = call.heap;
    let (socket, level, number) = match option(call, true) {
        Ok(option) => option,
        Err(result) => return result,
    };
    let Some(fd) = open_socket(socket) else {
        return Ok(closed(heap));
    };
    let codec = match table::find(level, number) {
        Some((codec, Access::Get | Access::Both)) => codec,
        _ => return Ok(invalid(heap, atom("socket_option"))),
    };
    let option = Option {
        fd: fd.as_fd(),
        level,
        number,
    };
    let value = match codec {
        Codec::Protocol => option.number().map(|protocol| {
            match protocol == 0 && socket.facts.domain == libc::AF_UNIX {
                true => atom("default"),
                false => Term::int(protocol),
            }
        }),
        Codec::Messages => {
            let room = socket.lock().settings.receive_control;
            option
                .bytes(room)
                .map(|bytes| control::encode(heap, &bytes))
        }
        codec => option.decode(heap, codec),
    };
    Ok(value.map_or_else(|error| posix(heap, error), |value| ok(heap, value)))
}

/// An option of a descriptor.
struct Option<'f> {
    fd: BorrowedFd<'f>,
    level: i32,
    number: i32,
}

impl Option<'_> {
    fn number(&self) -> Result<i32, Errno> {
        native::number_option(Some(self.fd), self.level, self.number)
    }

    /// Its bytes, at most as many as there is room for.
    fn bytes(&self, room: usize) -> Result<Vec<u8>, Errno> {
        self.fill(vec![0; room])
    }

    /// Its bytes, in a buffer that may say what is wanted.
    fn fill(&self, mut buffer: Vec<u8>) -> Result<Vec<u8>, Errno> {
        let length = native::option(Some(self.fd), self.level, self.number, &mut buffer)?;
        buffer.truncate(length);
        Ok(buffer)
    }

    /// Its value as a term.
    fn decode<'h>(&self, heap: Heap<'h>, codec: Codec) -> Result<Term<'h>, Errno> {
        Ok(match codec {
            Codec::Bool => Term::bool(self.number()? != 0),
            Codec::Int | Codec::Hops => Term::int(self.number()?),
            Codec::Domain => value::encode_domain(self.number()?),
            Codec::Type => value::encode_type(self.number()?),
            Codec::Service => value::encode_service(self.number()?),
            Codec::Discovery => value::encode_discovery(self.number()?),
            Codec::Device => heap.byte_list(&self.bytes(DEVICE + 1)?, Term::NIL),
            Codec::Congestion => {
                let bytes = self.bytes(CONGESTION)?;
                let name = bytes.strip_suffix(&[0]).unwrap_or(&bytes);
                heap.byte_list(name, Term::NIL)
            }
            Codec::Interface => {
                let address = self.bytes(4)?;
                let address: [u8; 4] = address.try_into().map_err(|_| Errno::INVAL)?;
                value::encode_ip4(heap, Ipv4Addr::from(address))
            }
            Codec::Linger => {
                let value = self.bytes(8)?;
                let (on, seconds) = value.split_at_checked(4).ok_or(Errno::INVAL)?;
                let seconds = seconds.try_into().map_err(|_| Errno::INVAL)?;
                let seconds = i32::from_ne_bytes(seconds);
                let on = Term::bool(on != [0; 4]);
                map_of(heap, &[("onoff", on), ("linger", Term::int(seconds))])
            }
            Codec::Record(fields) => self.record(heap, fields)?,
            // These can only be set, or are looked at elsewhere.
            _ => return Err(Errno::NOPROTOOPT),
        })
    }

    /// A structure of numbers.
    fn record<'h>(
        &self,
        heap: Heap<'h>,
        fields: &[(&'static str, Width)],
    ) -> Result<Term<'h>, Errno> {
        let size = fields.iter().map(|(_, width)| match width {
            Width::Two => 2,
            Width::Four => 4,
        });
        let mut bytes = self.bytes(size.sum())?.into_iter();
        let mut next = || bytes.next().unwrap_or(0);
        let pairs: Vec<_> = fields
            .iter()
            .map(|&(name, width)| {
                let number = match width {
                    Width::Two => u16::from_ne_bytes([next(), next()]).into(),
                    Width::Four => u32::from_ne_bytes([next(), next(), next(), next()]),
                };
                (name, heap.unsigned(number.into()))
            })
            .collect();
        Ok(map_of(heap, &pairs))
    }
}

/// An option by number, its value as argument 3 says: so many bytes, a buffer, `integer` or `boolean`.
pub(super) fn getopt_4<'p>(call: Call<'p>) -> BifResult<'p> {
    let heap = call.heap;
    let (socket, level, number) = match option(call, false) {
        Ok(option) => option,
        Err(result) => return result,
    };
    let Some(fd): std::option::Option<std::sync::Arc<Descriptor>> = open_socket(socket) else {
        return Ok(closed(heap));
    };
    let option = Option {
        fd: fd.as_fd(),
        level,
        number,
    };
    let wanted = call.arg(3);
    let result = if let Some(size) = int(wanted) {
        match usize::try_from(size) {
            Ok(0) => return Ok(nothing(heap, &option)),
            Ok(size) => option.bytes(size).map(|bytes| heap.binary(&bytes)),
            // As a size without a sign it is far too much.
            Err(_) => return Ok(invalid(heap, atom("value"))),
        }
    } else if let Some(buffer) = wanted.as_bits().and_then(Bits::binary) {
        let filled = option.fill(buffer.into_owned());
        filled.map(|bytes| heap.binary(&bytes))
    } else {
        match wanted.as_atom().map(|name| name.name()) {
            Some("integer") => option.decode(heap, Codec::Int),
            Some("boolean") => option.decode(heap, Codec::Bool),
            _ => return Ok(invalid(heap, atom("value"))),
        }
    };
    Ok(result.map_or_else(|error| posix(heap, error), |value| ok(heap, value)))
}

/// An option asked for without room for its value.
fn nothing<'h>(heap: Heap<'h>, option: &Option<'_>) -> Term<'h> {
    match option.bytes(0) {
        // The stock VM passes no pointers.
        Ok(_) => posix(heap, Errno::FAULT),
        Err(error) => posix(heap, error),
    }
}
