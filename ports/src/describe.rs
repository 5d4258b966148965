//! Ports as the break menu and crash dumps show them.

#![forbid(unsafe_code)]

use crate::node::node;
use crate::port::{Kind, Port};
use std::fmt::Write;
use std::sync::atomic::Ordering;
use vm::term::Pid;

fn pid(pid: Pid) -> String {
    format!("<0.{}.{}>", pid.number(), pid.serial())
}

/// All ports, a paragraph each.
#[must_use]
pub fn all() -> String {
    node().table().all().iter().map(|port| one(port)).collect()
}

fn one(port: &Port) -> String {
    let mut text = format!("=port:#Port<0.{}>\n", port.id().0);
    let mut line = |name: &str, value: &str| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{name}: {value}");
    };
    line(
        "State",
        if port.is_open() {
            "CONNECTED"
        } else {
            "CLOSING"
        },
    );
    line("Slot", &node().table().index(port.id()).to_string());
    line("Connected", &pid(port.owner()));
    let links: Vec<String> = port.links().into_iter().map(pid).collect();
    if !links.is_empty() {
        line("Links", &links.join(", "));
    }
    if let Some(name) = port.name() {
        line("Registered as", name.name());
    }
    line("Input", &port.input.load(Ordering::Relaxed).to_string());
    line("Output", &port.output.load(Ordering::Relaxed).to_string());
    let name = String::from_utf8_lossy(&port.settings.name);
    let kind = match port.settings.kind {
        Kind::Descriptors => "Port is UNIX fd not opened by emulator",
        Kind::File => "Port is a file",
        Kind::Command if port.facts.get().is_some_and(|facts| facts.os_pid.is_some()) => {
            "Port controls external process"
        }
        Kind::Command => "Port controls linked-in driver",
    };
    line(kind, &name);
    text
}
