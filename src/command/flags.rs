//! The machine's own flags (`+S`, `+P`, …), with the limits and messages of the stock VM.
//!
//! Flags that tune what this machine does not have (allocators, carriers, wake-up thresholds, async
//! threads) are accepted and change nothing, as their absence cannot be observed.

use super::arguments::UsageError;

/// What the flags ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flags {
    /// Schedulers, and how many of them online.
    pub schedulers: Option<(usize, usize)>,
    /// Dirty CPU schedulers, and how many of them online.
    pub dirty_cpu: Option<(usize, usize)>,
    /// Dirty I/O schedulers.
    pub dirty_io: usize,
    /// `+P`: how many processes there can be.
    pub processes: usize,
    /// `+Q`: how many ports.
    pub ports: usize,
    /// `+t`: how many atoms.
    pub atoms: u32,
    /// `+e`: how many ETS tables are expected.
    pub ets_tables: usize,
    /// `+B`: what `^C` does.
    pub break_handling: Break,
    /// `+hms`, `+hmbs`, `+hmax` (words), and `+hmaxk`, `+hmaxel`.
    pub min_heap_words: usize,
    /// `+hmbs`.
    pub min_binary_words: usize,
    /// `+hmax`.
    pub max_heap_words: usize,
    /// `+hmaxk`.
    pub max_heap_kill: bool,
    /// `+hmaxel`.
    pub max_heap_log: bool,
    /// `+hmqd`: where new processes keep their messages.
    pub off_heap_messages: bool,
    /// `+c`: whether time is corrected.
    pub time_correction: bool,
    /// `+C`: the time warp mode.
    pub time_warp: TimeWarp,
    /// `+a`: async threads' stack; `+A`: their number, told by `system_info(thread_pool_size)`.
    pub async_threads: usize,
    /// `+fn…`: how file names are encoded.
    pub file_names: FileNames,
    /// `+pc`: which characters the shell takes for printable.
    pub printable_unicode: bool,
    /// `+W`: how warnings are logged.
    pub warnings: Warnings,
    /// `+sbt`: how schedulers are bound to processors.
    pub bind_type: String,
    /// `+zdbbl`: kilobytes before a distribution channel is busy.
    pub dist_busy_limit: usize,
    /// `+V`: print the version and stop.
    pub version: bool,
    /// `+i`: the module that starts the system.
    pub init_module: String,
    /// `+l`: show what is loaded.
    pub trace_loading: bool,
    /// `+d`: no crash dump where the node is halted with a slogan.
    pub no_dump_on_halt: bool,
}

/// What `^C` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// The menu.
    Menu,
    /// Nothing (`+Bi`).
    Ignore,
    /// Ends the shell's job as `^G` would (`+Bc`).
    CancelShell,
    /// Ends the node (`+Bd`; `+B` alone means ignore as well).
    Disable,
}

/// What a change of the system's time does to Erlang's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeWarp {
    /// `no_time_warp`.
    None,
    /// `single_time_warp`.
    Single,
    /// `multi_time_warp`.
    Multi,
}

/// How file names are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileNames {
    /// `+fnl`.
    Latin1,
    /// `+fnu`, and `+fna` in a UTF-8 locale.
    Utf8,
}

/// What the error logger makes of warnings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warnings {
    /// `+Ww`.
    Warning,
    /// `+Wi`.
    Info,
    /// `+We`.
    Error,
}

impl Default for Flags {
    fn default() -> Flags {
        Flags {
            schedulers: None,
            dirty_cpu: None,
            dirty_io: 10,
            processes: 262_144,
            ports: 65_536,
            atoms: 1_048_576,
            ets_tables: 8192,
            break_handling: Break::Menu,
            min_heap_words: 233,
            min_binary_words: 46_422,
            max_heap_words: 0,
            max_heap_kill: true,
            max_heap_log: true,
            off_heap_messages: false,
            time_correction: true,
            time_warp: TimeWarp::None,
            async_threads: 1,
            file_names: FileNames::Utf8,
            printable_unicode: false,
            warnings: Warnings::Warning,
            bind_type: "unbound".into(),
            dist_busy_limit: 1024,
            version: false,
            init_module: "init".into(),
            trace_loading: false,
            no_dump_on_halt: false,
        }
    }
}

fn bad(message: impl Into<String>) -> UsageError {
    UsageError(message.into())
}

impl Flags {
    /// Reads the flags of a command line, each `-name` with its value behind it where it has one.
    pub fn parse(words: &[String]) -> Result<Flags, UsageError> {
        let mut flags = Flags::default();
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let whole = word.strip_prefix('-').unwrap_or(word);
            let (flag, attached) = detach_value(whole);
            let mut value = || {
                attached
                    .or_else(|| words.next())
                    .ok_or_else(|| bad(format!("Missing argument(s) for '+{flag}'.")))
            };
            match flag {
                "S" => flags.schedulers = Some(pair(value()?, "number of schedulers")?),
                "SP" => flags.schedulers = Some(percent(value()?)?),
                "SDcpu" => {
                    flags.dirty_cpu = Some(pair(value()?, "number of dirty CPU schedulers")?)
                }
                "SDPcpu" => flags.dirty_cpu = Some(percent(value()?)?),
                "SDio" => {
                    flags.dirty_io = number(value()?, 1, 1024, "number of dirty I/O schedulers")?
                }
                // The stock VM rounds both up to a power of two.
                "P" => flags.processes = table_size(value()?, 134_217_727, "number of processes")?,
                "Q" => flags.ports = table_size(value()?, 134_217_727, "number of ports")?,
                "t" => {
                    flags.atoms = number(value()?, 8192, 2_147_483_647, "atom table size")? as u32
                }
                "e" => {
                    flags.ets_tables = number(value()?, 0, 1 << 30, "maximum number of ets tables")?
                }
                "A" => {
                    flags.async_threads =
                        number(value()?, 0, 1024, "number of async threads")?.max(1)
                }
                "B" => {
                    flags.break_handling = match words.clone().next() {
                        Some(how @ ("i" | "c" | "d")) => {
                            words.next();
                            break_handling(how)
                        }
                        _ => Break::Disable,
                    }
                }
                "Bi" | "Bc" | "Bd" => flags.break_handling = break_handling(&flag[1..]),
                "hms" => flags.min_heap_words = number(value()?, 0, 1 << 59, "minimum heap size")?,
                "hmbs" => {
                    flags.min_binary_words =
                        number(value()?, 0, 1 << 59, "minimum virtual binary heap size")?
                }
                "hmax" => flags.max_heap_words = number(value()?, 0, 1 << 59, "maximum heap size")?,
                "hmaxk" => flags.max_heap_kill = boolean(value()?)?,
                "hmaxel" => flags.max_heap_log = boolean(value()?)?,
                "hmqd" => {
                    flags.off_heap_messages = match value()? {
                        "off_heap" => true,
                        "on_heap" => false,
                        other => {
                            return Err(bad(format!("Invalid message_queue_data flag: {other}")));
                        }
                    }
                }
                "c" => {
                    flags.time_correction = match words.clone().next() {
                        Some(how @ ("true" | "false")) => {
                            words.next();
                            how == "true"
                        }
                        _ => false,
                    }
                }
                "C" => {
                    flags.time_warp = match value()? {
                        "no_time_warp" => TimeWarp::None,
                        "single_time_warp" => TimeWarp::Single,
                        "multi_time_warp" => TimeWarp::Multi,
                        other => return Err(bad(format!("Invalid time warp mode: {other}"))),
                    }
                }
                "pc" => {
                    flags.printable_unicode = match value()? {
                        "unicode" => true,
                        "latin1" => false,
                        other => {
                            return Err(bad(format!("bad range of printable characters: {other}")));
                        }
                    }
                }
                "W" => {
                    flags.warnings = match value()? {
                        "w" => Warnings::Warning,
                        "i" => Warnings::Info,
                        "e" => Warnings::Error,
                        other => {
                            return Err(bad(format!("unrecognized warning_map option {other}")));
                        }
                    }
                }
                "i" => flags.init_module = value()?.into(),
                "sbt" => flags.bind_type = bind_type(value()?)?.into(),
                "zdbbl" => {
                    flags.dist_busy_limit = number(value()?, 1, 2_097_151, "dist buf busy limit")?
                }
                "V" => flags.version = true,
                "l" => flags.trace_loading = true,
                "d" => flags.no_dump_on_halt = true,
                _ if flag.starts_with("fnl") => flags.file_names = FileNames::Latin1,
                _ if flag.starts_with("fnu") || flag.starts_with("fna") => {
                    flags.file_names = FileNames::Utf8
                }
                // One letter each; the value, where there is one, is a word of its own.
                "a" | "T" | "R" | "K" | "n" => drop(value()?),
                _ if is_tuning(flag) => drop(value()?),
                "Mis" | "Mim" | "v" | "L" | "H" => {}
                _ if flag.starts_with('v') || flag.starts_with("st") => {}
                other => {
                    return Err(bad(format!(
                        "'+{other}' is not a flag of this machine; see the manual of erl."
                    )));
                }
            }
        }
        Ok(flags)
    }
}

/// Takes a flag with its value in the same word apart: `A0`, `S1:1`, `sbtu`.
fn detach_value(word: &str) -> (&str, Option<&str>) {
    const WITH_VALUES: &[&str] = &[
        "SDPcpu", "SDcpu", "SDio", "SP", "sbwtdcpu", "sbwtdio", "sbwt", "sbt", "scl", "sfwi",
        "spp", "ssdcpu", "ssdio", "stbt", "sub", "swct", "sws", "swtdcpu", "swtdio", "swt",
        "hmaxel", "hmaxk", "hmax", "hmbs", "hmqd", "hms", "hpds", "zdbbl", "zdntgc", "zebwt",
    ];
    const LETTERS: &[&str] = &[
        "S", "A", "P", "Q", "t", "e", "a", "T", "R", "W", "C", "K", "i",
    ];
    if let Some(flag) = WITH_VALUES
        .iter()
        .find(|flag| word.starts_with(**flag) && word.len() > flag.len())
    {
        // `hmax` must not take `hmaxk` apart.
        if !WITH_VALUES.contains(&word) {
            return (&word[..flag.len()], Some(&word[flag.len()..]));
        }
    }
    if !WITH_VALUES.contains(&word)
        && word.len() > 1
        && word.is_char_boundary(1)
        && LETTERS.contains(&&word[..1])
        && word[1..].starts_with(|char: char| char.is_ascii_digit() || char == ':')
    {
        return (&word[..1], Some(&word[1..]));
    }
    (word, None)
}

/// Flags with a value that tune what this machine does not have or decides by itself.
fn is_tuning(flag: &str) -> bool {
    const WORDS: &[&str] = &[
        "IOt", "IOp", "IOPt", "IOPp", "IOs", "hpds", "rg", "sbwt", "sbwtdcpu", "sbwtdio", "scl",
        "sct", "secio", "sfwi", "spp", "ss", "ssdcpu", "ssdio", "stbt", "sub", "sws", "swct",
        "swt", "swtdcpu", "swtdio", "zdntgc", "zebwt", "JPperf", "JDdump", "JMsingle",
    ];
    WORDS.contains(&flag) || (flag.starts_with('M') && flag.len() > 1)
}

fn break_handling(how: &str) -> Break {
    match how {
        "i" => Break::Ignore,
        "c" => Break::CancelShell,
        _ => Break::Disable,
    }
}

fn number(text: &str, least: usize, most: usize, what: &str) -> Result<usize, UsageError> {
    text.parse()
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| bad(format!("bad {what} {text}")))
}

fn table_size(text: &str, most: usize, what: &str) -> Result<usize, UsageError> {
    if text == "legacy" {
        return Ok(262_144);
    }
    number(text, 1024, most, what).map(usize::next_power_of_two)
}

fn boolean(text: &str) -> Result<bool, UsageError> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(bad(format!("expected true or false, not {other}"))),
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// `Total:Online`, either of which may be missing; below zero counts down from the processors.
fn pair(text: &str, what: &str) -> Result<(usize, usize), UsageError> {
    let one = |text: &str, default: usize| -> Result<usize, UsageError> {
        if text.is_empty() {
            return Ok(default);
        }
        let number: i64 = text
            .parse()
            .map_err(|_| bad(format!("bad {what} {text}")))?;
        match number {
            0 => Ok(default),
            ..0 => Ok((default as i64 + number).max(1) as usize),
            1..=1024 => Ok(number as usize),
            _ => Err(bad(format!("bad {what} {text}"))),
        }
    };
    let (total, online) = text.split_once(':').unwrap_or((text, ""));
    let total = one(total, cores())?;
    let online = one(online, total)?;
    if online > total {
        return Err(bad(format!(
            "{what} online ({online}) exceed {what} ({total})"
        )));
    }
    Ok((total, online))
}

/// The same in per cent of the processors.
fn percent(text: &str) -> Result<(usize, usize), UsageError> {
    let one = |text: &str| -> Result<usize, UsageError> {
        let share = if text.is_empty() {
            100
        } else {
            number(text, 1, 1000, "scheduler percentage")?
        };
        Ok((cores() * share / 100).max(1))
    };
    let (total, online) = text.split_once(':').unwrap_or((text, ""));
    let (total, online) = (one(total)?, one(online)?);
    Ok((total, online.min(total)))
}

fn bind_type(text: &str) -> Result<&'static str, UsageError> {
    Ok(match text {
        "u" => "unbound",
        "ns" => "no_spread",
        "ts" => "thread_spread",
        "ps" => "processor_spread",
        "s" => "spread",
        "nnts" => "no_node_thread_spread",
        "nnps" => "no_node_processor_spread",
        "tnnps" => "thread_no_node_processor_spread",
        "db" => "default_bind",
        other => {
            return Err(bad(format!(
                "setting scheduler bind type '{other}' failed: bad argument"
            )));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Flags, UsageError> {
        Flags::parse(
            &words
                .iter()
                .map(|&word| word.to_owned())
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn flags_are_read() {
        let flags = parse(&[
            "-S", "4:2", "-P", "1025", "-Bd", "-hms", "500", "-MBas", "aoff", "-c", "false",
        ])
        .expect("flags");
        assert_eq!(flags.schedulers, Some((4, 2)));
        assert_eq!(flags.processes, 2048);
        assert_eq!(flags.break_handling, Break::Disable);
        assert_eq!(flags.min_heap_words, 500);
        assert!(!flags.time_correction);
    }

    #[test]
    fn bad_values_name_the_flag() {
        assert_eq!(
            parse(&["-P", "7"]).unwrap_err().0,
            "bad number of processes 7"
        );
        assert_eq!(parse(&["-t", "x"]).unwrap_err().0, "bad atom table size x");
        assert!(parse(&["-S", "1:2"]).is_err());
        assert!(parse(&["-S"]).is_err());
        assert!(parse(&["-nonsense"]).is_err());
    }
}
