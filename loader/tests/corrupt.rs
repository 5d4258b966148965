//! Damaged files are refused or accepted, but never end the program, hang it, or fill memory.

mod common;

use loader::{BeamFile, Disassembly, LoadError, uncompressed};
use vm::code::listing::Listing;

/// The most address space that the program has ever had, in bytes, or 0 where the system does not say.
fn peak_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmPeak:"));
    peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse::<usize>().ok())
        .unwrap_or(0)
        * 1024
}

/// xorshift64*: the same damage on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }

    /// One to four wounds of some kind.
    fn damage(&mut self, file: &[u8]) -> Vec<u8> {
        let mut file = file.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(file.len());
            match self.below(7) {
                0 => file[at] ^= 1 << self.below(8),
                1 => file[at] = self.below(256) as u8,
                2 => file.truncate(at.max(12)),
                3 => drop(file.remove(at)),
                4 => file.insert(at, self.below(256) as u8),
                5 => {
                    let word = [0, 0x7fff_ffff, u32::MAX, 0x8000_0000, 0x00ff_ffff][self.below(5)];
                    let at = at & !3;
                    file.iter_mut()
                        .skip(at)
                        .zip(u32::to_be_bytes(word))
                        .for_each(|(byte, new)| *byte = new);
                }
                _ => {
                    let from = self.below(file.len());
                    let len = self.below(32).min(file.len() - at.max(from));
                    file.copy_within(from..from + len, at);
                }
            }
        }
        file
    }
}

/// Parses, and if that succeeds, uses everything that must not fail then.
fn parse_and_use(bytes: &[u8]) -> Result<usize, LoadError> {
    let bytes = uncompressed(bytes)?;
    let file = BeamFile::parse_of_any_age(&bytes)?;
    let mut text_bytes = Disassembly::new(&file).to_string().len();
    for operand in file.code().operands() {
        text_bytes += operand
            .type_index()
            .map_or(0, |index| usize::from(file.type_of(index).unit));
    }
    let _ = file.locals();
    file.checksum_input(|part| text_bytes += part.len());
    // What parses may still be refused when it is linked: literals are terms only then.
    if let Ok(module) = loader::link::link(&file) {
        text_bytes += Listing::new(&module).to_string().len();
    }
    Ok(text_bytes)
}

fn check(name: &str, file: &[u8], rounds: usize) {
    parse_and_use(file).expect("good before it was damaged");
    let mut random = Random(0x5eed_0000 + file.len() as u64);
    let mut refused = 0;
    for _ in 0..rounds {
        let damaged = random.damage(file);
        refused += usize::from(parse_and_use(&damaged).is_err());
    }
    println!("{name}: {refused} of {rounds} refused");
    assert!(refused > rounds / 2, "{name}: damage goes unseen");
}

#[test]
fn damaged_files_do_no_harm() {
    common::bifs::register();
    // The addresses of literals are reserved once for all.
    parse_and_use(common::SAMPLE).expect("a good file");
    let before = peak_bytes();
    damage_files();
    // Damage often makes a count or a size claim gigabytes. Room for the allocator's arenas is left.
    let grown = peak_bytes() - before;
    assert!(grown < 512 << 20, "the address space grew by {grown} bytes");
}

fn damage_files() {
    check("lintel_sample", common::SAMPLE, 4000);
    let Some(root) = common::otp_root() else {
        return;
    };
    for name in [
        "lists",
        "gen_server",
        "beam_asm",
        "zlib",
        "calendar",
        "erl_scan",
        "file_sorter",
    ] {
        let beam = common::beams(&root)
            .into_iter()
            .find(|path| path.file_stem().is_some_and(|stem| stem == name));
        let Some(beam) = beam else {
            panic!("{name} is not in this OTP")
        };
        check(name, &std::fs::read(beam).expect("a readable file"), 300);
    }
}

#[test]
fn every_prefix_of_a_file_is_refused() {
    for len in 0..common::SAMPLE.len() {
        assert!(
            BeamFile::parse(&common::SAMPLE[..len]).is_err(),
            "{len} bytes"
        );
    }
}
