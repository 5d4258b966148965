//! From a command line of `erl` to what the machine gets: its own flags, and the arguments for `init`.
//!
//! The order and the rules are those of the stock launcher: `ERL_OTP25_FLAGS` and `ERL_AFLAGS` stand before
//! the command line, `ERL_OTP25_FLAGS`'s siblings `ERL_FLAGS` and `ERL_ZFLAGS` behind it, each followed by
//! `--`; `-args_file` is replaced by the words of the file; what follows `-extra` is moved to the end and
//! taken as it is.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use super::flags;

/// Why a command line cannot be used; printed with exit code 1.
#[derive(Debug, PartialEq, Eq)]
pub struct UsageError(pub String);

/// A command line taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct CommandLine {
    /// Flags for the machine, `+` replaced by `-`, each with its value as a word of its own.
    pub machine: Vec<String>,
    /// What `init` gets after `-root`, `-progname` and `-home`: the user's arguments.
    pub init: Vec<Vec<u8>>,
    /// Environment variables of `-env`.
    pub environment: Vec<(String, String)>,
    /// `-detached`: run in the background.
    pub detached: bool,
    /// `-emu_args`, `-emu_args_exit`: print the arguments (and stop).
    pub print: Print,
    /// `-version`: print the machine's version and stop.
    pub version: bool,
    /// The node gets a name, so `epmd` is needed.
    pub distributed: bool,
    /// `-start_epmd false`, `-no_epmd`.
    pub no_epmd: bool,
    /// `-lintel_driver PROGRAM=DRIVER`, as often as one likes.
    pub drivers: Vec<String>,
    /// `-lintel_no_driver NAME`, as often as one likes.
    pub no_drivers: Vec<String>,
}

/// Whether the arguments are printed.
#[derive(Debug, Default, PartialEq, Eq, Clone, Copy)]
pub enum Print {
    /// They are not.
    #[default]
    No,
    /// Before the node starts.
    Yes,
    /// Instead.
    Exit,
}

/// The arguments before, on and behind the command line, `-args_file`s replaced, `-extra` words at the end.
pub fn merge(
    arguments: Vec<OsString>,
    variable: impl Fn(&str) -> Option<OsString>,
    read: &dyn Fn(&Path) -> std::io::Result<Vec<u8>>,
) -> Result<Vec<Vec<u8>>, UsageError> {
    let from_variable = |name: &str| variable(name).map(|value| words(value.as_bytes()));
    let mut parts: Vec<Vec<Vec<u8>>> = Vec::new();
    parts.extend(from_variable("ERL_OTP25_FLAGS"));
    parts.extend(from_variable("ERL_AFLAGS"));
    let mut line: Vec<Vec<u8>> = arguments.into_iter().map(OsStringExt::into_vec).collect();
    if !line.is_empty() {
        line.push(b"--".to_vec());
        // The separator must not end up behind `-extra`.
        if let Some(extra) = line.iter().position(|word| word == b"-extra") {
            let separator = line.pop().expect("just pushed");
            line.insert(extra, separator);
        }
        parts.push(line);
    }
    parts.extend(from_variable("ERL_FLAGS"));
    parts.extend(from_variable("ERL_ZFLAGS"));
    let (mut merged, mut extra) = (Vec::new(), Vec::new());
    for part in parts {
        expand(part, read, &mut merged, &mut extra, 0)?;
    }
    if !extra.is_empty() {
        merged.push(b"-extra".to_vec());
        merged.append(&mut extra);
    }
    Ok(merged)
}

fn expand(
    part: Vec<Vec<u8>>,
    read: &dyn Fn(&Path) -> std::io::Result<Vec<u8>>,
    merged: &mut Vec<Vec<u8>>,
    extra: &mut Vec<Vec<u8>>,
    depth: usize,
) -> Result<(), UsageError> {
    let mut rest = part.into_iter();
    while let Some(word) = rest.next() {
        match word.as_slice() {
            b"-extra" => {
                extra.extend(rest);
                return Ok(());
            }
            b"-args_file" => {
                let name = rest.next().ok_or_else(|| missing("-args_file"))?;
                let path = OsString::from_vec(name);
                if depth > 64 {
                    return Err(UsageError(format!(
                        "{}: argument files include each other",
                        path.to_string_lossy()
                    )));
                }
                let text = read(Path::new(&path)).map_err(|error| {
                    let reason = error.to_string();
                    UsageError(format!(
                        "Failed to open arguments file \"{}\" at \"{}\": {}",
                        path.to_string_lossy(),
                        std::env::current_dir().unwrap_or_default().display(),
                        reason.split(" (os error").next().unwrap_or_default()
                    ))
                })?;
                expand(words(&text), read, merged, extra, depth + 1)?;
            }
            _ => merged.push(word),
        }
    }
    Ok(())
}

/// The words of a text: separated by white space; quotes, backslashes and `#` comments as in a shell.
pub fn words(text: &[u8]) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => words.extend(word.take()),
            b'#' if word.is_none() => for _ in bytes.by_ref().take_while(|&byte| byte != b'\n') {},
            b'\'' => word
                .get_or_insert_default()
                .extend(bytes.by_ref().take_while(|&byte| byte != b'\'')),
            b'"' => {
                let word = word.get_or_insert_default();
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => match bytes.next() {
                            Some(escaped @ (b'"' | b'\\' | b'$' | b'`')) => word.push(escaped),
                            Some(b'\n') | None => {}
                            Some(other) => word.extend([b'\\', other]),
                        },
                        _ => word.push(byte),
                    }
                }
            }
            b'\\' => match bytes.next() {
                Some(b'\n') | None => {}
                Some(escaped) => word.get_or_insert_default().push(escaped),
            },
            _ => word.get_or_insert_default().push(byte),
        }
    }
    words.extend(word);
    words
}

fn missing(flag: &str) -> UsageError {
    UsageError(format!("Missing argument(s) for '{flag}'."))
}

/// Takes a merged command line apart.
pub fn split(merged: Vec<Vec<u8>>) -> Result<CommandLine, UsageError> {
    let mut line = CommandLine::default();
    let mut rest = merged.into_iter().peekable();
    let text = |word: &[u8]| String::from_utf8_lossy(word).into_owned();
    while let Some(word) = rest.next() {
        let add = |line: &mut CommandLine, words: &[&str]| {
            line.init
                .extend(words.iter().map(|word| word.as_bytes().to_vec()));
        };
        if word.first() == Some(&b'+') && word.len() > 1 {
            let flag = text(&word[1..]);
            line.machine.push(format!("-{flag}"));
            let next = rest.peek().map(|next| text(next));
            if flags::takes_value(&flag, next.as_deref()) {
                let value = rest.next().ok_or_else(|| missing(&format!("+{flag}")))?;
                line.machine.push(text(&value));
            }
            continue;
        }
        let mut value = |flag: &str| rest.next().ok_or_else(|| missing(flag));
        match word.as_slice() {
            b"-extra" => {
                line.init.push(word);
                line.init.extend(rest);
                break;
            }
            b"-compile" => {
                add(&mut line, &["-noshell", "-noinput", "-s", "c", "lc_batch"]);
                line.machine.push("-B".into());
            }
            b"-make" => {
                add(
                    &mut line,
                    &[
                        "-noshell",
                        "-noinput",
                        "-s",
                        "make",
                        "all_or_nothing",
                        "-s",
                        "erlang",
                        "halt",
                    ],
                );
                line.machine.push("-B".into());
                break;
            }
            b"-detached" => {
                line.detached = true;
                add(&mut line, &["-noshell", "-noinput"]);
            }
            b"-noinput" => add(&mut line, &["-noshell", "-noinput"]),
            b"-configfd" => {
                if value("-configfd")? == b"0" {
                    return Err(UsageError(
                        "'-configfd 0' is not supported: give a file with -config.".into(),
                    ));
                }
                line.init.push(word);
            }
            b"-emu_args" => line.print = line.print.max_with(Print::Yes),
            b"-emu_args_exit" => line.print = Print::Exit,
            b"-env" => {
                let (name, setting) = (text(&value("-env")?), text(&value("-env")?));
                line.environment.push((name, setting));
            }
            b"-lintel_driver" => {
                line.drivers.push(text(&value("-lintel_driver")?));
            }
            b"-lintel_no_driver" => {
                line.no_drivers.push(text(&value("-lintel_no_driver")?));
            }
            // Programs that this machine has within itself.
            b"-epmd" | b"-emu_type" | b"-emu_flavor" => drop(value(&text(&word))?),
            b"-name" | b"-sname" => {
                let name = value(&text(&word))?;
                line.distributed = true;
                line.init.extend([word, name]);
            }
            b"-no_epmd" => {
                line.no_epmd = true;
                line.init.push(word);
            }
            b"-start_epmd" => {
                let wanted = value("-start_epmd")?;
                match wanted.as_slice() {
                    b"true" => line.no_epmd = false,
                    b"false" => line.no_epmd = true,
                    _ => {
                        return Err(UsageError(
                            "Expected boolean argument for '-start_epmd'.".into(),
                        ));
                    }
                }
                line.init.extend([word, wanted]);
            }
            b"-smp" => {
                if rest.peek().is_some_and(|next| next == b"disable") {
                    return Err(UsageError(
                        "'-smp disable' is no longer supported. Use \"+S 1\" instead.".into(),
                    ));
                }
                line.init.push(word);
            }
            b"-version" => line.version = true,
            _ => line.init.push(word),
        }
    }
    Ok(line)
}

impl Print {
    fn max_with(self, other: Print) -> Print {
        if self == Print::Exit { self } else { other }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(arguments: &[&str], variables: &[(&str, &str)]) -> CommandLine {
        let arguments = arguments.iter().map(OsString::from).collect();
        let variable = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| OsString::from(value))
        };
        let read = |path: &Path| match path.to_str() {
            Some("args") => Ok(b"-a 'b c' # comment\n-args_file more".to_vec()),
            Some("more") => Ok(b"+S 3 -extra last".to_vec()),
            _ => Err(std::io::ErrorKind::NotFound.into()),
        };
        split(merge(arguments, variable, &read).expect("mergeable")).expect("splittable")
    }

    fn init(line: &CommandLine) -> String {
        line.init
            .iter()
            .map(|word| String::from_utf8_lossy(word))
            .collect::<Vec<_>>()
            .join("|")
    }

    #[test]
    fn flags_go_to_the_machine_and_the_rest_to_init() {
        let parsed = line(
            &[
                "+S", "2:2", "-noshell", "-eval", "ok.", "+Bd", "+P", "1000", "-s", "m",
            ],
            &[],
        );
        assert_eq!(parsed.machine, ["-S", "2:2", "-Bd", "-P", "1000"]);
        assert_eq!(init(&parsed), "-noshell|-eval|ok.|-s|m|--");
    }

    #[test]
    fn flags_of_drivers_are_not_for_init() {
        let parsed = line(
            &["-a", "-lintel_driver", "p=d", "-lintel_no_driver", "heart"],
            &[("ERL_ZFLAGS", "-lintel_no_driver all")],
        );
        assert_eq!(parsed.drivers, ["p=d"]);
        assert_eq!(parsed.no_drivers, ["heart", "all"]);
        assert_eq!(init(&parsed), "-a|--");
    }

    #[test]
    fn variables_stand_around_the_command_line() {
        let parsed = line(
            &["-b"],
            &[
                ("ERL_AFLAGS", "-a"),
                ("ERL_FLAGS", "-c \"d e\""),
                ("ERL_ZFLAGS", "-z"),
            ],
        );
        assert_eq!(init(&parsed), "-a|-b|--|-c|d e|-z");
    }

    #[test]
    fn argument_files_are_replaced_and_extra_goes_to_the_end() {
        let parsed = line(&["-args_file", "args", "-x", "-extra", "+S", "1"], &[]);
        assert_eq!(parsed.machine, ["-S", "3"]);
        assert_eq!(init(&parsed), "-a|b c|-x|--|-extra|last|+S|1");
    }

    #[test]
    fn what_is_missing_is_said() {
        let error = split(vec![b"-env".to_vec(), b"A".to_vec()]).unwrap_err();
        assert_eq!(error.0, "Missing argument(s) for '-env'.");
        assert!(split(vec![b"+P".to_vec()]).is_err());
    }
}
