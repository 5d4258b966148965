//! `sh -s disksup`: the shell that os_mon's disksup asks for the file systems' sizes.
//!
//! The one thing it is ever told is to run `df` and to print a mark after its output:
//!
//! ```text
//! (/bin/df -lk -x squashfs
//! ) </dev/null; echo  "^M"
//! ```
//!
//! `df` runs on a driver thread, since a file system may not answer. Any other command is one that the
//! shell does not find.

use super::df;
use crate::driver::{Driver, DriverFactory, StartError, Started};
use crate::handle::PortHandle;
use crate::iovec::IoVec;
use crate::open::OpenRequest;

/// Starts the shell.
pub struct Disksup;

impl DriverFactory for Disksup {
    fn never_blocks(&self) -> bool {
        true
    }

    fn start(&self, request: &OpenRequest, port: PortHandle) -> Result<Started, StartError> {
        let muted = !request.options.read;
        Ok(Started::new(Shell {
            port,
            unread: Vec::new(),
            muted,
        })
        .framed_by_host())
    }
}

struct Shell {
    port: PortHandle,
    unread: Vec<u8>,
    muted: bool,
}

impl Driver for Shell {
    fn output(&mut self, data: IoVec) {
        data.into_iter()
            .for_each(|part| self.unread.extend_from_slice(&part));
        while let Some((command, len)) = next_command(&self.unread) {
            self.unread.drain(..len);
            let Some(command) = command else { continue };
            self.port.async_work(
                move || run(&command),
                |driver: &mut Self, output| {
                    if !driver.muted {
                        driver.port.output_data(output);
                    }
                },
            );
        }
    }
}

/// A command line and the mark after its output.
#[derive(Debug, PartialEq, Eq)]
struct Marked {
    command: String,
    mark: Vec<u8>,
}

/// What stands between the command and the mark.
const REDIRECTED: &[u8] = b"\n) </dev/null; echo";

/// The command at the start of the input and how many bytes it has; `None` when it is not all there.
/// An empty line is no command.
fn next_command(input: &[u8]) -> Option<(Option<Marked>, usize)> {
    let line = input.iter().position(|&byte| byte == b'\n')?;
    let Some(rest) = input.strip_prefix(b"(") else {
        let command = String::from_utf8_lossy(&input[..line]).trim().to_owned();
        let found = (!command.is_empty()).then_some(Marked {
            command,
            mark: Vec::new(),
        });
        return Some((found, line + 1));
    };
    let end = rest
        .windows(REDIRECTED.len())
        .position(|window| window == REDIRECTED)?;
    let command = String::from_utf8_lossy(&rest[..end]).trim().to_owned();
    let echo = &rest[end + REDIRECTED.len()..];
    let echo_end = echo.iter().position(|&byte| byte == b'\n')?;
    let mut mark = echo[..echo_end].trim_ascii_start();
    // Quotes keep the mark's own white space.
    if let Some(quoted) = mark.strip_prefix(b"\"") {
        mark = quoted.strip_suffix(b"\"").unwrap_or(quoted);
    }
    let mark = [mark, b"\n"].concat();
    let len = 1 + end + REDIRECTED.len() + echo_end + 1;
    Some((Some(Marked { command, mark }), len))
}

/// The output of a command and its mark.
fn run(marked: &Marked) -> Vec<u8> {
    let words: Vec<_> = marked.command.split_ascii_whitespace().collect();
    let mut output = match words.split_first() {
        Some((program, arguments)) if program.rsplit('/').next() == Some("df") => {
            df::run(arguments)
        }
        Some((program, _)) => format!("sh: 1: {program}: not found\n").into_bytes(),
        None => Vec::new(),
    };
    output.extend_from_slice(&marked.mark);
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands() {
        let input = b"(/bin/df -lk -x squashfs\n) </dev/null; echo  \"\r\"\n\n";
        let (found, len) = next_command(input).unwrap();
        assert_eq!(
            found,
            Some(Marked {
                command: "/bin/df -lk -x squashfs".into(),
                mark: b"\r\n".to_vec()
            })
        );
        assert_eq!(next_command(&input[len..]), Some((None, 1)));
        for cut in 0..len {
            assert_eq!(next_command(&input[..cut]), None, "cut at {cut}");
        }
        assert_eq!(
            run(&next_command(b"what\n").unwrap().0.unwrap()),
            b"sh: 1: what: not found\n"
        );
    }
}
