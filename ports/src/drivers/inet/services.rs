//! Names and ports of services.

use super::request::{Answer, Refusal, take, take_u16};
use crate::sys::services;
use std::ffi::CString;

/// A text with its length before it.
fn text(arguments: &mut &[u8]) -> Option<CString> {
    let len = take(arguments, 1)?[0];
    let text = take(arguments, len.into())?;
    // As for the C library, it ends with the first zero.
    let end = text.iter().position(|&byte| byte == 0);
    CString::new(&text[..end.unwrap_or(text.len())]).ok()
}

/// A name and a protocol; the answer is the port.
pub fn by_name(mut arguments: &[u8]) -> Answer {
    let name = text(&mut arguments).ok_or(Refusal::INVALID)?;
    let protocol = text(&mut arguments).ok_or(Refusal::INVALID)?;
    let port = services::by_name(&name, &protocol).ok_or(Refusal::INVALID)?;
    Ok(port.to_be_bytes().to_vec())
}

/// A port and a protocol; the answer is the name.
pub fn by_port(mut arguments: &[u8]) -> Answer {
    let port = take_u16(&mut arguments).ok_or(Refusal::INVALID)?;
    let protocol = text(&mut arguments).ok_or(Refusal::INVALID)?;
    services::by_port(port, &protocol).ok_or(Refusal::INVALID)
}
