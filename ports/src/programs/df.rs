//! `df`, as far as os_mon asks: the sizes of mounted file systems in kilobytes.
//!
//! Lists, orders, rounds and aligns as GNU coreutils does with the options `-l`, `-k`, `-P`, `-x TYPE`
//! and `-t TYPE`.

use rustix::fs::{StatVfs, stat, statvfs};
use std::collections::HashMap;

/// The unit of the output, in bytes.
const UNIT: u128 = 1024;

/// File systems without contents of their own.
const DUMMY_TYPES: [&str; 13] = [
    "autofs",
    "proc",
    "subfs",
    "debugfs",
    "devpts",
    "fusectl",
    "fuse.portal",
    "mqueue",
    "rpc_pipefs",
    "sysfs",
    "devfs",
    "kernfs",
    "ignore",
];

/// File systems that are always another machine's.
const REMOTE_TYPES: [&str; 9] = [
    "acfs",
    "afs",
    "coda",
    "auristorfs",
    "fhgfs",
    "gpfs",
    "ibrix",
    "ocfs2",
    "vxfs",
];

#[derive(Default)]
struct Options {
    local: bool,
    posix: bool,
    only: Vec<String>,
    without: Vec<String>,
}

/// What `df` prints, errors included.
pub fn run(arguments: &[&str]) -> Vec<u8> {
    let options = match parse(arguments) {
        Ok(options) => options,
        Err(complaint) => return complaint.into_bytes(),
    };
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mounts: Vec<_> = mounts.lines().filter_map(Mount::parse).collect();
    let rows: Vec<_> = without_duplicates(&mounts, &options)
        .into_iter()
        .filter_map(row)
        .collect();
    if rows.is_empty() {
        return b"df: no file systems processed\n".to_vec();
    }
    table(rows, options.posix).into_bytes()
}

fn parse(arguments: &[&str]) -> Result<Options, String> {
    let mut options = Options::default();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let Some(flags) = argument.strip_prefix('-') else {
            return Err(format!("df: {argument}: No such file or directory\n"));
        };
        let mut flags = flags.chars();
        while let Some(flag) = flags.next() {
            match flag {
                'l' => options.local = true,
                'k' => {}
                'P' => options.posix = true,
                'x' | 't' => {
                    let rest = std::mem::replace(&mut flags, "".chars()).as_str();
                    let value = if rest.is_empty() {
                        arguments.next().copied()
                    } else {
                        Some(rest)
                    };
                    let value = value.ok_or_else(|| {
                        misuse(&format!("option requires an argument -- '{flag}'"))
                    })?;
                    if flag == 'x' {
                        &mut options.without
                    } else {
                        &mut options.only
                    }
                    .push(value.to_owned());
                }
                other => return Err(misuse(&format!("invalid option -- '{other}'"))),
            }
        }
    }
    Ok(options)
}

fn misuse(what: &str) -> String {
    format!("df: {what}\nTry 'df --help' for more information.\n")
}

/// A line of `/proc/self/mountinfo`.
struct Mount {
    device: String,
    root: String,
    directory: String,
    kind: String,
}

impl Mount {
    fn parse(line: &str) -> Option<Self> {
        let (before, after) = line.split_once(" - ")?;
        let mut before = before.split(' ').skip(3);
        let (root, directory) = (unescape(before.next()?), unescape(before.next()?));
        let mut after = after.split(' ');
        let (kind, device) = (after.next()?.to_owned(), unescape(after.next()?));
        Some(Self {
            device,
            root,
            directory,
            kind,
        })
    }

    fn is_dummy(&self) -> bool {
        DUMMY_TYPES.contains(&self.kind.as_str()) || self.kind == "none"
    }

    fn is_remote(&self) -> bool {
        let share = self.device.starts_with("//")
            && ["smbfs", "smb3", "cifs"].contains(&self.kind.as_str());
        self.device.contains(':')
            || share
            || REMOTE_TYPES.contains(&self.kind.as_str())
            || self.device == "-hosts"
    }

    fn is_wanted(&self, options: &Options) -> bool {
        let elsewhere = options.local && self.is_remote();
        let named = options.only.contains(&self.kind);
        let shown = if options.only.is_empty() {
            !self.is_dummy()
        } else {
            named
        };
        shown && !elsewhere && !options.without.contains(&self.kind)
    }

    /// Whether this mount is shown instead of an earlier one of the same device.
    fn replaces(&self, earlier: &Self) -> bool {
        let nearer_root = earlier.directory.len() > self.directory.len();
        let below_root = earlier.root.len() < self.root.len();
        (self.device.contains('/') && !earlier.device.contains('/'))
            || (nearer_root && !below_root)
            || (self.device != earlier.device && self.directory == earlier.directory)
    }
}

/// Octal escapes stand for white space and backslashes.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after
            .get(..3)
            .filter(|digits| digits.iter().all(|d| (b'0'..=b'7').contains(d)));
        match (byte, digits) {
            (b'\\', Some(digits)) => {
                bytes.push(
                    digits
                        .iter()
                        .fold(0u8, |value, digit| value.wrapping_mul(8) + (digit - b'0')),
                );
                rest = &after[3..];
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The mounts to show: of each device one.
fn without_duplicates<'a>(mounts: &'a [Mount], options: &Options) -> Vec<&'a Mount> {
    let mut shown: Vec<Option<&Mount>> = Vec::new();
    let mut by_device: HashMap<u64, usize> = HashMap::new();
    for mount in mounts.iter().filter(|mount| mount.is_wanted(options)) {
        let Ok(status) = stat(mount.directory.as_str()) else {
            shown.push(Some(mount));
            continue;
        };
        let place = shown.len();
        match by_device
            .get(&status.st_dev)
            .and_then(|&at| Some((at, shown[at]?)))
        {
            Some((_, earlier))
                if mount.is_remote() && earlier.is_remote() && mount.device != earlier.device =>
            {
                shown.push(Some(mount));
            }
            Some((at, earlier)) if mount.replaces(earlier) => {
                shown[at] = None;
                shown.push(Some(mount));
                by_device.insert(status.st_dev, place);
            }
            Some(_) => {}
            None => {
                shown.push(Some(mount));
                by_device.insert(status.st_dev, place);
            }
        }
    }
    shown.into_iter().flatten().collect()
}

/// Device, sizes, use and directory; `None` for what has no blocks or does not answer.
fn row(mount: &Mount) -> Option<[String; 6]> {
    let sizes = statvfs(mount.directory.as_str())
        .ok()
        .filter(|sizes| sizes.f_blocks > 0)?;
    let StatVfs {
        f_blocks,
        f_bfree,
        f_bavail,
        f_frsize,
        ..
    } = sizes;
    let used = f_blocks.saturating_sub(f_bfree);
    let kilobytes = |blocks: u64| {
        (u128::from(blocks) * u128::from(f_frsize))
            .div_ceil(UNIT)
            .to_string()
    };
    let reachable = u128::from(used) + u128::from(f_bavail);
    let percent = match reachable {
        0 => "-".to_owned(),
        _ => format!("{}%", (u128::from(used) * 100).div_ceil(reachable)),
    };
    let printable = |name: &str| name.replace(|c: char| c.is_control(), "?");
    Some([
        printable(&mount.device),
        kilobytes(f_blocks),
        kilobytes(used),
        kilobytes(f_bavail),
        percent,
        printable(&mount.directory),
    ])
}

fn table(rows: Vec<[String; 6]>, posix: bool) -> String {
    let titles = if posix {
        [
            "Filesystem",
            "1024-blocks",
            "Used",
            "Available",
            "Capacity",
            "Mounted on",
        ]
    } else {
        [
            "Filesystem",
            "1K-blocks",
            "Used",
            "Available",
            "Use%",
            "Mounted on",
        ]
    };
    let least = [14, 5, 5, 5, 4, 0];
    let all: Vec<_> = std::iter::once(titles.map(str::to_owned))
        .chain(rows)
        .collect();
    let width = |column: usize| {
        let longest = all
            .iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0);
        longest.max(least[column])
    };
    let widths = [width(0), width(1), width(2), width(3), width(4)];
    let mut text = String::new();
    for [device, numbers @ .., directory] in &all {
        text += &format!("{device:<0$} ", widths[0]);
        for (number, width) in numbers.iter().zip(&widths[1..]) {
            text += &format!("{number:>width$} ");
        }
        text += directory;
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options() {
        let options = parse(&["-lk", "-x", "squashfs", "-ttmpfs", "-P"])
            .ok()
            .unwrap();
        assert!(options.local && options.posix);
        assert_eq!(
            (options.without, options.only),
            (vec!["squashfs".to_owned()], vec!["tmpfs".to_owned()])
        );
        assert!(parse(&["-z"]).is_err());
        assert!(parse(&["-x"]).is_err());
    }

    #[test]
    fn mount_lines() {
        let line = r"36 35 98:0 /sub /mnt/with\040space rw master:1 - ext4 /dev/sda1 rw";
        let mount = Mount::parse(line).unwrap();
        assert_eq!(
            [mount.device, mount.root, mount.directory, mount.kind],
            ["/dev/sda1", "/sub", "/mnt/with space", "ext4"]
        );
        assert!(Mount::parse("nonsense").is_none());
    }
}
