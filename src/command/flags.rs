//! The machine's own flags (`+S`, `+P`, …), with the limits and messages of the stock VM.
//!
//! One table says which flags there are, what their values may be, and what they set. Flags that tune what this
//! machine does not have (allocators, wake-up thresholds, poll threads) are checked and change nothing else.

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
    /// `+A`: the number of async threads, told by `system_info(thread_pool_size)`.
    pub async_threads: usize,
    /// `+fn…`: how file names are encoded.
    pub file_names: FileNames,
    /// Its last letter: what is done about names that are not in this encoding.
    pub name_warning: NameWarning,
    /// `+pc`: which characters the shell takes for printable.
    pub printable_unicode: bool,
    /// `+W`: how warnings are logged.
    pub warnings: Warnings,
    /// `+sbt`: how schedulers are bound to processors.
    pub bind_type: String,
    /// `+zdbbl`: kilobytes before a distribution channel is busy.
    pub dist_busy_limit: usize,
    /// `+zdntgc`: seconds before an entry of the node table goes; none for never.
    pub node_table_delay: Option<u32>,
    /// `+zosrl`: requests that the machine's own processes may have under way.
    pub outstanding_requests: usize,
    /// `+R`: the release whose behaviour is asked for.
    pub compat_rel: Option<u32>,
    /// `+T`: the level of modified timing, none without.
    pub modified_timing: Option<u32>,
    /// `+spp`: ports are parallel unless opened otherwise.
    pub port_parallelism: bool,
    /// `+ec`: all ETS tables are compressed.
    pub ets_compressed: bool,
    /// `+L`: modules are loaded without their lines.
    pub no_lines: bool,
    /// `+r`: ETS tables are moved when they grow.
    pub ets_realloc_moves: bool,
    /// `+V`: print the version and stop.
    pub version: bool,
    /// `+i`: the module that starts the system.
    pub init_module: String,
    /// `+d`: no crash dump for errors that the machine itself finds.
    pub no_crash_dump: bool,
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

/// What is done about names of files that are not in the node's encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameWarning {
    /// `w`: they are told to the error logger, and left out.
    Warning,
    /// `i`: they are left out.
    Ignore,
    /// `e`: reading their folder fails.
    Error,
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
            name_warning: NameWarning::Warning,
            printable_unicode: false,
            warnings: Warnings::Warning,
            bind_type: "unbound".into(),
            dist_busy_limit: 1024,
            node_table_delay: Some(60),
            outstanding_requests: 100,
            compat_rel: None,
            modified_timing: None,
            port_parallelism: false,
            ets_compressed: false,
            no_lines: false,
            ets_realloc_moves: false,
            version: false,
            init_module: "init".into(),
            no_crash_dump: false,
        }
    }
}

type Check = Result<(), UsageError>;

/// What stands behind a flag, and what is made of it.
enum Value {
    /// Nothing.
    None(fn(&mut Flags)),
    /// A word: the rest of the flag's own, or else the next one.
    Word(fn(&mut Flags, &str) -> Check),
    /// One of some words, perhaps, as a word of its own: `+B c`, `+c false`.
    Optional(&'static [&'static str], fn(&mut Flags, &str) -> Check),
    /// One of these words. It changes nothing here; otherwise this is said, with the value behind it.
    OneOf(&'static [&'static str], &'static str),
    /// A number within these limits. It changes nothing here; otherwise this is said, with the value behind it.
    Number(i64, i64, &'static str),
}

/// The flags, without `+`. A flag is the longest one that a word begins with.
const FLAGS: &[(&str, Value)] = &[
    (
        "A",
        Value::Word(|flags, text| {
            flags.async_threads = number(text, 0, 1024, "bad number of async threads")?.max(1);
            Ok(())
        }),
    ),
    (
        "a",
        Value::Number(16, 8192, "bad stack size for async threads"),
    ),
    ("B", Value::Optional(&["i", "c", "d"], break_handling)),
    (
        "c",
        Value::Optional(&["true", "false"], |flags, text| {
            flags.time_correction = text == "true";
            Ok(())
        }),
    ),
    (
        "C",
        Value::Word(|flags, text| {
            flags.time_warp = match text {
                "no_time_warp" => TimeWarp::None,
                "single_time_warp" => TimeWarp::Single,
                "multi_time_warp" => TimeWarp::Multi,
                _ => return Err(bad("Invalid time warp mode:", text)),
            };
            Ok(())
        }),
    ),
    ("d", Value::None(|flags| flags.no_crash_dump = true)),
    (
        "dcg",
        Value::Number(
            0,
            i32::MAX as i64,
            "bad decentralized counter groups limit:",
        ),
    ),
    (
        "e",
        Value::Word(|flags, text| {
            flags.ets_tables =
                number(text, 0, i32::MAX as i64, "bad maximum number of ets tables")?;
            Ok(())
        }),
    ),
    ("ec", Value::None(|flags| flags.ets_compressed = true)),
    ("fn", Value::Word(file_names)),
    ("H", Value::None(|_| ())),
    ("h", Value::Word(min_heap)),
    ("hmax", Value::Word(max_heap)),
    (
        "hmaxel",
        Value::Word(|flags, text| {
            flags.max_heap_log = boolean(text, "bad max heap error logger")?;
            Ok(())
        }),
    ),
    (
        "hmaxk",
        Value::Word(|flags, text| {
            flags.max_heap_kill = boolean(text, "bad max heap kill")?;
            Ok(())
        }),
    ),
    (
        "hmbs",
        Value::Word(|flags, text| {
            flags.min_binary_words = number(text, 1, MAX_WORDS, "bad heap size")?;
            Ok(())
        }),
    ),
    (
        "hmqd",
        Value::Word(|flags, text| {
            flags.off_heap_messages = match text {
                "off_heap" => true,
                "on_heap" => false,
                _ => return Err(bad("Invalid message_queue_data flag:", text)),
            };
            Ok(())
        }),
    ),
    ("hms", Value::Word(min_heap)),
    (
        "hpds",
        Value::Number(1, i32::MAX as i64, "bad initial process dictionary size"),
    ),
    (
        "i",
        Value::Word(|flags, text| {
            flags.init_module = text.into();
            Ok(())
        }),
    ),
    ("IOp", Value::Number(1, 1024, "bad I/O pollset number:")),
    ("IOPp", Value::Number(1, 100, "bad I/O pollset percentage:")),
    (
        "IOPt",
        Value::Number(1, 100, "bad I/O poll thread percentage:"),
    ),
    (
        "IOs",
        Value::OneOf(BOOLEANS, "bad I/O scheduler polling flag:"),
    ),
    (
        "IOt",
        Value::Number(1, 1024, "bad I/O poll threads number:"),
    ),
    ("JDdump", Value::OneOf(BOOLEANS, "bad +JDdump flag")),
    (
        "JPperf",
        Value::OneOf(
            &["true", "false", "dump", "map"],
            "bad +JPperf support flag",
        ),
    ),
    ("K", Value::Word(|_, _| Ok(()))),
    ("L", Value::None(|flags| flags.no_lines = true)),
    ("M", Value::Word(|_, _| Ok(()))),
    ("n", Value::OneOf(&["s", "a", "d"], "bad -n option")),
    (
        "P",
        Value::Word(|flags, text| {
            flags.processes = table_size(text, 262_144, "bad number of processes")?;
            Ok(())
        }),
    ),
    (
        "pc",
        Value::Word(|flags, text| {
            flags.printable_unicode = match text {
                "unicode" => true,
                "latin1" => false,
                _ => return Err(bad("bad range of printable characters:", text)),
            };
            Ok(())
        }),
    ),
    (
        "Q",
        Value::Word(|flags, text| {
            flags.ports = table_size(text, 65_536, "bad number of ports")?;
            Ok(())
        }),
    ),
    (
        "R",
        Value::Word(|flags, text| {
            let release = number(text, 0, i32::MAX as i64, "bad compatibility release number")?;
            flags.compat_rel = Some(release as u32);
            Ok(())
        }),
    ),
    ("r", Value::None(|flags| flags.ets_realloc_moves = true)),
    (
        "rg",
        Value::Number(0, i32::MAX as i64, "bad reader groups limit:"),
    ),
    (
        "S",
        Value::Word(|flags, text| {
            flags.schedulers = Some(pair(text, cores(), 1024, "schedulers")?);
            Ok(())
        }),
    ),
    (
        "SDcpu",
        Value::Word(|flags, text| {
            flags.dirty_cpu = Some(pair(text, cores(), 1024, "dirty CPU schedulers")?);
            Ok(())
        }),
    ),
    (
        "SDio",
        Value::Word(|flags, text| {
            flags.dirty_io = number(text, 1, 1024, "bad number of dirty I/O schedulers")?;
            Ok(())
        }),
    ),
    (
        "SDPcpu",
        Value::Word(|flags, text| {
            flags.dirty_cpu = Some(percent(
                text,
                "bad dirty CPU schedulers percentage specifier",
            )?);
            Ok(())
        }),
    ),
    (
        "SP",
        Value::Word(|flags, text| {
            flags.schedulers = Some(percent(text, "bad schedulers percentage specifier")?);
            Ok(())
        }),
    ),
    (
        "sbt",
        Value::Word(|flags, text| {
            flags.bind_type = bind_type(text)?.into();
            Ok(())
        }),
    ),
    (
        "sbwt",
        Value::OneOf(SPANS, "bad scheduler busy wait threshold:"),
    ),
    (
        "sbwtdcpu",
        Value::OneOf(SPANS, "bad dirty CPU scheduler busy wait threshold:"),
    ),
    (
        "sbwtdio",
        Value::OneOf(SPANS, "bad dirty IO scheduler busy wait threshold:"),
    ),
    (
        "scl",
        Value::OneOf(BOOLEANS, "bad scheduler compact load value"),
    ),
    ("sct", Value::Word(|_, _| Ok(()))),
    ("secio", Value::Word(|_, _| Ok(()))),
    (
        "sfwi",
        Value::Number(0, i64::MAX, "bad scheduler forced wakeup interval"),
    ),
    (
        "spp",
        Value::Word(|flags, text| {
            flags.port_parallelism = boolean(text, "bad port parallelism scheduling hint")?;
            Ok(())
        }),
    ),
    ("srct", Value::None(|_| ())),
    (
        "sss",
        Value::Number(20, 8192, "bad stack size for scheduler threads"),
    ),
    (
        "sssdcpu",
        Value::Number(20, 8192, "bad stack size for dirty CPU scheduler threads"),
    ),
    (
        "sssdio",
        Value::Number(20, 8192, "bad stack size for dirty IO scheduler threads"),
    ),
    (
        "stbt",
        Value::Word(|flags, text| {
            flags.bind_type = bind_type(text)?.into();
            Ok(())
        }),
    ),
    (
        "sub",
        Value::OneOf(BOOLEANS, "bad scheduler utilization balancing value"),
    ),
    (
        "swct",
        Value::OneOf(
            &["very_eager", "eager", "medium", "lazy", "very_lazy"],
            "scheduler wake cleanup threshold:",
        ),
    ),
    (
        "sws",
        Value::OneOf(&["default", "legacy"], "scheduler wakeup strategy:"),
    ),
    ("swt", Value::OneOf(LEVELS, "scheduler wakeup threshold:")),
    (
        "swtdcpu",
        Value::OneOf(LEVELS, "dirty CPU scheduler wakeup threshold:"),
    ),
    (
        "swtdio",
        Value::OneOf(LEVELS, "dirty IO scheduler wakeup threshold:"),
    ),
    (
        "T",
        Value::Word(|flags, text| {
            flags.modified_timing = Some(number(text, 0, 9, "bad modified timing level")? as u32);
            Ok(())
        }),
    ),
    (
        "t",
        Value::Word(|flags, text| {
            flags.atoms = number(text, 8192, i32::MAX as i64, "bad atom table size")? as u32;
            Ok(())
        }),
    ),
    ("V", Value::None(|flags| flags.version = true)),
    ("v", Value::None(|_| ())),
    (
        "W",
        Value::Word(|flags, text| {
            flags.warnings = match text.bytes().next() {
                Some(b'w') => Warnings::Warning,
                Some(b'i') => Warnings::Info,
                Some(b'e') => Warnings::Error,
                _ => return Err(bad("unrecognized warning_map option", text)),
            };
            Ok(())
        }),
    ),
    (
        "zdbbl",
        Value::Word(|flags, text| {
            flags.dist_busy_limit = number(text, 1, i32::MAX as i64 / 1024, "Invalid dbbl limit:")?;
            Ok(())
        }),
    ),
    (
        "zdntgc",
        Value::Word(|flags, text| {
            flags.node_table_delay = match text {
                "infinity" => None,
                _ => Some(number(text, 0, 100_000_000, "Invalid delayed node table gc:")? as u32),
            };
            Ok(())
        }),
    ),
    (
        "zebwt",
        Value::OneOf(SPANS, "Invalid ets busy wait threshold:"),
    ),
    (
        "zosrl",
        Value::Word(|flags, text| {
            flags.outstanding_requests =
                number(text, 1, MOST_ENTRIES, "Invalid outstanding requests limit")?;
            Ok(())
        }),
    ),
];

const BOOLEANS: &[&str] = &["true", "false"];
/// How long a thread may wait busily.
const SPANS: &[&str] = &[
    "none",
    "very_short",
    "short",
    "medium",
    "long",
    "very_long",
    "extremely_long",
];
/// How easily a scheduler is woken.
const LEVELS: &[&str] = &["very_low", "low", "medium", "high", "very_high"];
/// As many processes or ports as a node can have.
const MOST_ENTRIES: i64 = 134_217_727;
/// As many words as a heap can have.
const MAX_WORDS: i64 = 1 << 59;

/// The flag that a word is or begins with, and the rest of the word.
fn find(word: &str) -> Option<(&'static str, &'static Value, &str)> {
    FLAGS
        .iter()
        .filter(|(name, _)| word.starts_with(name))
        .max_by_key(|(name, _)| name.len())
        .map(|(name, value)| (*name, value, &word[name.len()..]))
}

/// Whether a flag of the command line (without `+`) has its value in the next word.
pub fn takes_value(flag: &str, next: Option<&str>) -> bool {
    match find(flag) {
        // `+Mis` and `+Mim` alone among the allocators' flags have none.
        Some(("M", _, rest)) => !rest.is_empty() && !["is", "im"].contains(&rest),
        Some((_, Value::Word(_) | Value::OneOf(..) | Value::Number(..), rest)) => rest.is_empty(),
        Some((_, Value::Optional(words, _), "")) => next.is_some_and(|next| words.contains(&next)),
        _ => false,
    }
}

fn bad(message: &str, value: &str) -> UsageError {
    UsageError(format!("{message} {value}"))
}

impl Flags {
    /// Reads the flags of a command line, each `-name` with its value behind it where it has one.
    pub fn parse(words: &[String]) -> Result<Flags, UsageError> {
        let mut flags = Flags::default();
        let mut words = words.iter().map(String::as_str).peekable();
        while let Some(word) = words.next() {
            let word = word.strip_prefix('-').unwrap_or(word);
            let Some((name, value, rest)) = find(word) else {
                return Err(bad("unknown flag", &format!("+{word}")));
            };
            let has_next = takes_value(word, words.peek().copied());
            let next = if has_next { words.next() } else { None };
            flags.set(name, value, rest, next)?;
        }
        if flags.max_heap_words != 0 && flags.max_heap_words < flags.min_heap_words {
            return Err(UsageError(format!(
                "max heap size ({}) is not allowed to be smaller than min heap size ({})",
                flags.max_heap_words, flags.min_heap_words
            )));
        }
        Ok(flags)
    }

    fn set(&mut self, name: &str, value: &Value, rest: &str, next: Option<&str>) -> Check {
        let text = || match (rest, next) {
            ("", None) => Err(UsageError(format!("Missing argument(s) for '+{name}'."))),
            ("", Some(next)) => Ok(next),
            (rest, _) => Ok(rest),
        };
        match value {
            // `+v` alone may have letters behind it that say of what to tell more.
            Value::None(set) if rest.is_empty() || name == "v" => set(self),
            Value::None(_) => return Err(bad("unknown flag", &format!("+{name}{rest}"))),
            Value::Word(_) if name == "M" => {}
            Value::Word(set) => set(self, text()?)?,
            Value::Optional(_, set) => set(self, text().unwrap_or(""))?,
            Value::OneOf(words, message) => {
                let text = text()?;
                if !words.contains(&text) {
                    return Err(bad(message, text));
                }
            }
            &Value::Number(least, most, message) => {
                number(text()?, least, most, message)?;
            }
        }
        Ok(())
    }
}

fn break_handling(flags: &mut Flags, how: &str) -> Check {
    flags.break_handling = match how {
        "i" => Break::Ignore,
        "c" => Break::CancelShell,
        "d" | "" => Break::Disable,
        _ => {
            return Err(bad(
                "bad break handling: i, c or d may stand behind +B, not",
                how,
            ));
        }
    };
    Ok(())
}

fn file_names(flags: &mut Flags, text: &str) -> Check {
    let (encoding, rest) = text.split_at(text.chars().next().map_or(0, char::len_utf8));
    flags.file_names = match encoding {
        "u" => FileNames::Utf8,
        "l" => FileNames::Latin1,
        "a" => FileNames::of_locale(),
        _ => {
            return Err(UsageError(format!(
                "bad filename encoding {text}, can be (l,u or a, optionally followed by w, i or e)"
            )));
        }
    };
    flags.name_warning = match rest.bytes().next() {
        None | Some(b'w') => NameWarning::Warning,
        Some(b'i') => NameWarning::Ignore,
        Some(b'e') => NameWarning::Error,
        // Without a meaning for Latin-1, in which every name can be written.
        _ if encoding == "l" => NameWarning::Warning,
        _ => {
            return Err(bad(
                "bad type of warnings for wrongly coded filename:",
                rest,
            ));
        }
    };
    Ok(())
}

impl FileNames {
    /// UTF-8 in a locale of UTF-8, else Latin-1.
    fn of_locale() -> FileNames {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .filter_map(|name| std::env::var(name).ok())
            .find(|value| !value.is_empty())
            .unwrap_or_default()
            .to_ascii_lowercase();
        if locale.ends_with("utf-8") || locale.ends_with("utf8") {
            FileNames::Utf8
        } else {
            FileNames::Latin1
        }
    }
}

fn min_heap(flags: &mut Flags, text: &str) -> Check {
    flags.min_heap_words = number(text, 1, MAX_WORDS, "bad heap size")?;
    Ok(())
}

fn max_heap(flags: &mut Flags, text: &str) -> Check {
    flags.max_heap_words = number(text, 0, MAX_WORDS, "bad max heap size")?;
    Ok(())
}

/// The number that a text begins with, as C's `atoi` reads it: 0 where there is none.
fn leading_number(text: &str) -> i64 {
    let text = text.trim_start();
    let sign = usize::from(text.starts_with(['-', '+']));
    let digits = text[sign..].bytes().take_while(u8::is_ascii_digit).count();
    text[..sign + digits].parse().unwrap_or(0)
}

fn number(text: &str, least: i64, most: i64, message: &str) -> Result<usize, UsageError> {
    let number = leading_number(text);
    if (least..=most).contains(&number) {
        Ok(number as usize)
    } else {
        Err(bad(message, text))
    }
}

/// A table's size: at least 1024, rounded up to a power of two.
fn table_size(text: &str, legacy: usize, message: &str) -> Result<usize, UsageError> {
    if text == "legacy" {
        return Ok(legacy);
    }
    number(text, 1024, MOST_ENTRIES, message).map(usize::next_power_of_two)
}

fn boolean(text: &str, message: &str) -> Result<bool, UsageError> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(bad(message, other)),
    }
}

fn cores() -> i64 {
    vm::bif::cpu_topology::available() as i64
}

/// `Total:Online`, either of which may be missing.
fn two_numbers(text: &str) -> Option<(Option<i64>, Option<i64>)> {
    let (total, online) = match text.split_once(':') {
        Some((total, online)) => (total, Some(online)),
        None => (text, None),
    };
    let read = |text: &str| text.parse::<i64>().ok();
    match (total, online) {
        ("", Some(online)) => Some((None, Some(read(online)?))),
        (total, Some(online)) => Some((Some(read(total)?), Some(read(online)?))),
        (total, None) => Some((Some(read(total)?), None)),
    }
}

/// How many of all and how many online; zero and less count down from the processors.
fn pair(text: &str, cores: i64, most: i64, what: &str) -> Result<(usize, usize), UsageError> {
    let amount = format!("bad amount of {what}");
    let Some((total, online)) = two_numbers(text) else {
        return Err(bad(&amount, text));
    };
    let counted = |number: i64| if number > 0 { number } else { cores + number };
    let all = total.map_or(cores, counted);
    let online = counted(online.unwrap_or_else(|| total.map_or(cores, |total| total.min(cores))));
    if !(1..=most).contains(&all) {
        return Err(bad(&amount, &total.unwrap_or(all).to_string()));
    }
    if !(1..=all).contains(&online) {
        return Err(UsageError(format!(
            "{amount} online {online} (total amount of {what} {all})"
        )));
    }
    Ok((all as usize, online as usize))
}

/// The same in per cent of the processors.
fn percent(text: &str, message: &str) -> Result<(usize, usize), UsageError> {
    let (total, online) = two_numbers(text).ok_or_else(|| bad(message, text))?;
    let total = total.unwrap_or(100);
    let online = online.unwrap_or(total.min(100));
    if total < 0 || online < 0 {
        return Err(bad(message, text));
    }
    let share = |percent: i64| (cores() * percent / 100).max(1);
    let (all, working) = (share(total), share(online));
    if all > 1024 || working > all {
        return Err(bad(message, text));
    }
    Ok((all as usize, working as usize))
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
            return Err(UsageError(format!(
                "setting scheduler bind type '{other}' failed: invalid type"
            )));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Flags, UsageError> {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        Flags::parse(&words)
    }

    #[test]
    fn flags_are_read() {
        let flags = parse(&[
            "-S",
            "4:2",
            "-P",
            "1025",
            "-Bd",
            "-hms",
            "500",
            "-MBas",
            "aoff",
            "-c",
            "false",
            "-hmax4000",
            "-fnli",
            "-B",
            "i",
            "-sbwt",
            "none",
            "-W",
            "i",
            "-c",
            "-zdbbl",
            "7",
        ])
        .expect("flags");
        assert_eq!(flags.schedulers, Some((4, 2)));
        assert_eq!(flags.processes, 2048);
        assert_eq!(flags.break_handling, Break::Ignore);
        assert_eq!(flags.min_heap_words, 500);
        assert_eq!(flags.max_heap_words, 4000);
        assert_eq!(flags.file_names, FileNames::Latin1);
        assert_eq!(flags.name_warning, NameWarning::Ignore);
        assert_eq!(flags.warnings, Warnings::Info);
        assert_eq!(flags.dist_busy_limit, 7);
        assert!(!flags.time_correction);
    }

    /// The messages are those of the stock VM.
    #[test]
    fn bad_values_are_named() {
        for (words, message) in [
            (&["-P", "7"][..], "bad number of processes 7"),
            (&["-t", "x"], "bad atom table size x"),
            (
                &["-S", "1:2"],
                "bad amount of schedulers online 2 (total amount of schedulers 1)",
            ),
            (&["-S", "2000"], "bad amount of schedulers 2000"),
            (&["-S", "-noinput"], "bad amount of schedulers -noinput"),
            (&["-S"], "Missing argument(s) for '+S'."),
            (
                &["-SDPcpu", "x"],
                "bad dirty CPU schedulers percentage specifier x",
            ),
            (&["-nonsense"], "bad -n option onsense"),
            (&["-hms", "x"], "bad heap size x"),
            (&["-swt", "foo"], "scheduler wakeup threshold: foo"),
            (
                &["-fnx"],
                "bad filename encoding x, can be (l,u or a, optionally followed by w, i or e)",
            ),
            (&["-a", "3"], "bad stack size for async threads 3"),
            (&["-q"], "unknown flag +q"),
        ] {
            assert_eq!(parse(words).unwrap_err().0, message, "{words:?}");
        }
    }

    #[test]
    fn the_launcher_knows_where_a_value_follows() {
        assert!(takes_value("S", None) && takes_value("sbwt", None) && takes_value("MBas", None));
        assert!(
            !takes_value("S4", None) && !takes_value("hmax500", None) && !takes_value("Mis", None)
        );
        assert!(takes_value("B", Some("i")) && !takes_value("B", Some("-noshell")));
    }
}
