//! What the loader tells: memory, modules, the command line.
//!
//! The command line is words, with double quotes around words that hold spaces. Before `--` stand options
//! (`name` or `name=value`) and, in capitals, environment variables; after it the program's path and its
//! arguments.

use alloc::string::String;
use alloc::vec::Vec;

use crate::arch::phys;

/// A region of memory.
#[derive(Clone, Copy, Debug)]
pub struct Region {
    /// First byte.
    pub start: u64,
    /// Byte after the last.
    pub end: u64,
    /// Usable memory.
    pub usable: bool,
}

/// The loader's information.
pub struct StartInfo {
    /// The memory map.
    pub regions: [Region; 64],
    /// How many regions there are.
    pub count: usize,
    /// Modules: address and length.
    pub module: Option<(u64, u64)>,
    /// Address of the ACPI root pointer, or 0.
    pub rsdp: u64,
    /// The command line.
    pub command: &'static [u8],
}

const MAGIC: u32 = 0x336e_c578;

fn u32_at(b: &[u8], at: usize) -> u32 {
    b.get(at..)
        .and_then(|b| b.first_chunk())
        .map_or(0, |c| u32::from_le_bytes(*c))
}

fn u64_at(b: &[u8], at: usize) -> u64 {
    b.get(at..)
        .and_then(|b| b.first_chunk())
        .map_or(0, |c| u64::from_le_bytes(*c))
}

/// Reads the PVH start info. Allocates nothing.
pub fn read(at: u64) -> StartInfo {
    let info = phys::bytes(at, 56);
    assert!(
        u32_at(info, 0) == MAGIC,
        "not started through the PVH entry"
    );
    let modules = u32_at(info, 12);
    let module = (modules > 0).then(|| {
        let entry = phys::bytes(u64_at(info, 16), 32);
        (u64_at(entry, 0), u64_at(entry, 8))
    });
    let mut regions = [Region {
        start: 0,
        end: 0,
        usable: false,
    }; 64];
    let count = (u32_at(info, 48) as usize).min(64);
    let map = phys::bytes(u64_at(info, 40), count * 24);
    for (n, region) in regions[..count].iter_mut().enumerate() {
        let entry = &map[n * 24..];
        let start = u64_at(entry, 0);
        *region = Region {
            start,
            end: start + u64_at(entry, 8),
            usable: u32_at(entry, 16) == 1,
        };
    }
    let line = u64_at(info, 24);
    let command = if line == 0 {
        &[][..]
    } else {
        let text = phys::bytes(line, 4096);
        &text[..text.iter().position(|&b| b == 0).unwrap_or(text.len())]
    };
    StartInfo {
        regions,
        count,
        module,
        rsdp: u64_at(info, 32),
        command,
    }
}

/// The command line, taken apart.
pub struct CommandLine {
    /// Options: name and value.
    pub options: Vec<(String, String)>,
    /// The program and its arguments.
    pub args: Vec<Vec<u8>>,
    /// The environment.
    pub env: Vec<Vec<u8>>,
}

impl CommandLine {
    /// Takes a text apart.
    pub fn parse(text: &[u8]) -> CommandLine {
        let mut line = CommandLine {
            options: Vec::new(),
            args: Vec::new(),
            env: Vec::new(),
        };
        let mut words = words(text).into_iter();
        for word in words.by_ref() {
            if word == b"--" {
                break;
            }
            let text = String::from_utf8_lossy(&word).into_owned();
            let (name, value) = text.split_once('=').unwrap_or((&text, ""));
            if !name.is_empty()
                && name
                    .bytes()
                    .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
                && word.contains(&b'=')
            {
                line.env.push(word);
            } else {
                line.options.push((name.into(), value.into()));
            }
        }
        // Some machines append words of their own.
        line.args = words
            .filter(|w| !w.starts_with(b"virtio_mmio.device="))
            .collect();
        for word in crate::boot::words(text) {
            if let Some(value) = word.strip_prefix(b"virtio_mmio.device=") {
                line.options.push((
                    "virtio_mmio.device".into(),
                    String::from_utf8_lossy(value).into_owned(),
                ));
            }
        }
        line
    }

    /// An image's own command line, followed by the loader's: later options win, and arguments are appended.
    /// A loader's `init=` starts that program instead, and its arguments are all there are.
    pub fn extended(mut self, loader: CommandLine) -> CommandLine {
        if let Some((_, program)) = loader.options.iter().rfind(|(name, _)| name == "init") {
            self.args = alloc::vec![program.as_bytes().to_vec()];
        }
        self.args.extend(loader.args);
        self.options.extend(loader.options);
        // Of two settings of a variable the program would see the first.
        let name = |word: &[u8]| word.split(|&b| b == b'=').next().map(<[u8]>::to_vec);
        self.env
            .retain(|word| !loader.env.iter().any(|other| name(other) == name(word)));
        self.env.extend(loader.env);
        self
    }

    /// An option's value; the empty text for one without.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options
            .iter()
            .rfind(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }
}

fn words(text: &[u8]) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quoted = false;
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            b'\\' if quoted => word.get_or_insert_default().extend(bytes.next()),
            b' ' | b'\t' | b'\n' if !quoted => words.extend(word.take()),
            _ => word.get_or_insert_default().push(byte),
        }
    }
    words.extend(word);
    words
}
