//! Regular expressions: PCRE2, called so as to behave like the PCRE 8.44 that the stock VM has.
//!
//! This is the only file that calls the C library. A [`Regex`] never changes after it was compiled and can be
//! used by several threads at once. What differs between the two libraries is evened out here: letters of
//! Latin-1 count as letters, an unknown escape stands for its character, look-behind has a fixed length, and
//! [`explain`] gives the texts of the older library.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ptr::{null, null_mut};

use pcre2_sys::*;

mod errors;
mod tables;

pub use errors::explain;

/// Options of compilation, as PCRE2 numbers them.
pub mod compile_options {
    pub use pcre2_sys::{
        PCRE2_ANCHORED as ANCHORED, PCRE2_CASELESS as CASELESS,
        PCRE2_DOLLAR_ENDONLY as DOLLAR_ENDONLY, PCRE2_DOTALL as DOTALL, PCRE2_DUPNAMES as DUPNAMES,
        PCRE2_EXTENDED as EXTENDED, PCRE2_FIRSTLINE as FIRSTLINE, PCRE2_MULTILINE as MULTILINE,
        PCRE2_NEVER_UTF as NEVER_UTF, PCRE2_NO_AUTO_CAPTURE as NO_AUTO_CAPTURE,
        PCRE2_NO_START_OPTIMIZE as NO_START_OPTIMIZE, PCRE2_UCP as UCP, PCRE2_UNGREEDY as UNGREEDY,
        PCRE2_UTF as UTF,
    };
}

/// Options of a match, as PCRE2 numbers them.
pub mod match_options {
    pub use pcre2_sys::{
        PCRE2_ANCHORED as ANCHORED, PCRE2_NOTBOL as NOTBOL, PCRE2_NOTEMPTY as NOTEMPTY,
        PCRE2_NOTEMPTY_ATSTART as NOTEMPTY_ATSTART, PCRE2_NOTEOL as NOTEOL,
    };
}

/// What ends a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Newline {
    /// As the pattern or the library says: line feed.
    Default = 0,
    /// Carriage return.
    Cr = 1,
    /// Line feed.
    Lf = 2,
    /// Both.
    CrLf = 3,
    /// Whatever Unicode says.
    Any = 4,
    /// Each of the first three.
    AnyCrLf = 5,
}

/// What `\R` matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Bsr {
    /// As the pattern or the library says: whatever Unicode says.
    Default = 0,
    /// Carriage return, line feed or both.
    AnyCrLf = 1,
    /// Whatever Unicode says.
    Unicode = 2,
}

/// A pattern is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompileError {
    /// PCRE2's number.
    pub code: i32,
    /// The byte of the pattern where this was seen.
    pub offset: usize,
}

/// A compiled regular expression.
pub struct Regex {
    code: *mut pcre2_code_8,
    /// The names of groups with their numbers, by name.
    names: Vec<(Vec<u8>, usize)>,
    groups: usize,
    newline: u32,
    options: u32,
}

// SAFETY: PCRE2's documentation (pcre2api, MULTITHREADING): compiled code is not changed by matching, and may be
// used by several threads at once; it is freed by the one owner.
unsafe impl Send for Regex {}
// SAFETY: as for `Send`.
unsafe impl Sync for Regex {}

/// What a match found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Start and end of the whole and of each group, up to the last one that took part; none for a group that
    /// did not.
    Match(Vec<Option<(usize, usize)>>),
    /// Nothing.
    NoMatch,
    /// More steps than allowed.
    MatchLimit,
    /// More depth than allowed.
    DepthLimit,
    /// The start lies outside the subject, or within a character.
    BadOffset,
    /// Another failure, by PCRE2's number.
    Failed(i32),
}

/// The limits of a match; none for the library's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Steps.
    pub steps: Option<u32>,
    /// Depth.
    pub depth: Option<u32>,
}

struct CompileContext(*mut pcre2_compile_context_8);

impl CompileContext {
    fn new(newline: Newline, bsr: Bsr, extra: u32) -> CompileContext {
        // SAFETY:
        // 1. A null general context asks for the C library's allocator.
        // 2. The context is checked to be not null before it is set up.
        // 3. The tables live as long as the program.
        unsafe {
            let context = pcre2_compile_context_create_8(null_mut());
            assert!(
                !context.is_null(),
                "memory for the settings of a compilation"
            );
            let newline = match newline {
                Newline::Default | Newline::Lf => PCRE2_NEWLINE_LF,
                Newline::Cr => PCRE2_NEWLINE_CR,
                Newline::CrLf => PCRE2_NEWLINE_CRLF,
                Newline::Any => PCRE2_NEWLINE_ANY,
                Newline::AnyCrLf => PCRE2_NEWLINE_ANYCRLF,
            };
            pcre2_set_newline_8(context, newline);
            pcre2_set_bsr_8(
                context,
                if bsr == Bsr::AnyCrLf {
                    PCRE2_BSR_ANYCRLF
                } else {
                    PCRE2_BSR_UNICODE
                },
            );
            pcre2_set_character_tables_8(context, tables::LATIN1.as_ptr());
            pcre2_set_parens_nest_limit_8(context, DEEPEST_GROUPS);
            pcre2_set_compile_extra_options_8(context, PCRE2_EXTRA_ALLOW_LOOKAROUND_BSK | extra);
            pcre2_set_max_varlookbehind_8(context, 0);
            CompileContext(context)
        }
    }
}

impl Drop for CompileContext {
    fn drop(&mut self) {
        // SAFETY: created in `new`, freed once.
        unsafe { pcre2_compile_context_free_8(self.0) }
    }
}

/// "unrecognized character follows \": PCRE 8 takes the character as it is.
const UNKNOWN_ESCAPE: i32 = 103;

/// "invalid range in character class": where a hyphen follows what is no character (`[\d-z]`) PCRE 8 takes it as it is.
const BAD_RANGE: i32 = 150;

/// "reference to non-existent subpattern": PCRE 8 takes `\\8` and `\\9` for the digits where there are not as many groups.
const NO_SUCH_GROUP: i32 = 115;

/// "escape sequence is invalid in character class": PCRE 8 takes the letter as it is.
const BAD_ESCAPE_IN_CLASS: i32 = 107;

/// The depth of parentheses at which the workspace of PCRE 8 ends.
const DEEPEST_GROUPS: u32 = 798;

/// The last backslash that begins an escape before `end`.
fn last_escape(pattern: &[u8], end: usize) -> Option<usize> {
    let (mut at, mut found) = (0, None);
    while at < end.min(pattern.len()) {
        if pattern[at] == b'\\' {
            found = Some(at);
            at += 1;
        }
        at += 1;
    }
    found
}

/// Whether PCRE2 would find out wrongly what a match can begin with: for `\w` in UTF-8 without Unicode properties it reads
/// the table of another class beyond ASCII (`set_type_bits` of `pcre2_study.c`).
fn misjudges_starts(pattern: &[u8], options: u32) -> bool {
    let has = |wanted: &[u8]| pattern.windows(wanted.len()).any(|part| part == wanted);
    (options & PCRE2_UTF != 0 || has(b"(*UTF")) && options & PCRE2_UCP == 0 && has(b"\\w")
}

impl Regex {
    /// Compiles a pattern.
    pub fn compile(
        pattern: &[u8],
        options: u32,
        newline: Newline,
        bsr: Bsr,
    ) -> Result<Regex, CompileError> {
        let mut options = options;
        if misjudges_starts(pattern, options) {
            options |= PCRE2_NO_START_OPTIMIZE;
        }
        let mut extra = 0;
        let mut pattern = Cow::Borrowed(pattern);
        // Bytes more than the caller gave.
        let mut added = 0isize;
        loop {
            let CompileError { code, offset } =
                match Regex::compile_once(&pattern, options, newline, bsr, extra) {
                    Ok(regex) => return Ok(regex),
                    Err(error) => error,
                };
            if code == UNKNOWN_ESCAPE && extra == 0 {
                extra = PCRE2_EXTRA_BAD_ESCAPE_IS_LITERAL;
            } else if code == BAD_RANGE && offset > 0 && pattern[offset - 1] == b'-' {
                pattern.to_mut().insert(offset - 1, b'\\');
                added += 1;
            } else if let (BAD_ESCAPE_IN_CLASS | NO_SUCH_GROUP, Some(escape)) =
                (code, last_escape(&pattern, offset))
                && let Some(&escaped) = pattern.get(escape + 1)
                && (code == BAD_ESCAPE_IN_CLASS || matches!(escaped, b'8' | b'9'))
                && escaped != b'N'
            {
                pattern.to_mut().remove(escape);
                added -= 1;
            } else {
                let offset = offset.saturating_add_signed(-added);
                return Err(CompileError { code, offset });
            }
        }
    }

    fn compile_once(
        pattern: &[u8],
        options: u32,
        newline: Newline,
        bsr: Bsr,
        extra: u32,
    ) -> Result<Regex, CompileError> {
        let context = CompileContext::new(newline, bsr, extra);
        let (mut code, mut offset) = (0, 0);
        // SAFETY:
        // 1. The pattern is given with its length; PCRE2 copies what it needs of it.
        // 2. The out-parameters are valid for the call, and so is the context.
        let compiled = unsafe {
            pcre2_compile_8(
                pattern.as_ptr(),
                pattern.len(),
                options,
                &mut code,
                &mut offset,
                context.0,
            )
        };
        if compiled.is_null() {
            return Err(CompileError { code, offset });
        }
        let mut regex = Regex {
            code: compiled,
            names: Vec::new(),
            groups: 0,
            newline: 0,
            options: 0,
        };
        regex.groups = regex.info(PCRE2_INFO_CAPTURECOUNT) as usize;
        regex.newline = regex.info(PCRE2_INFO_NEWLINE);
        regex.options = regex.info(PCRE2_INFO_ALLOPTIONS);
        regex.names = regex.read_names();
        Ok(regex)
    }

    /// A property of 32 bits.
    fn info(&self, what: u32) -> u32 {
        let mut value: u32 = 0;
        // SAFETY: the code is alive, and callers ask for properties that are `uint32_t`.
        unsafe { pcre2_pattern_info_8(self.code, what, (&raw mut value).cast()) };
        value
    }

    fn read_names(&self) -> Vec<(Vec<u8>, usize)> {
        let (count, size) = (
            self.info(PCRE2_INFO_NAMECOUNT) as usize,
            self.info(PCRE2_INFO_NAMEENTRYSIZE) as usize,
        );
        if count == 0 {
            return Vec::new();
        }
        let mut table: *const u8 = null();
        // SAFETY:
        // 1. This property is a pointer to the table of names, which lives as long as the code.
        // 2. The table has `count` entries of `size` bytes.
        let table = unsafe {
            pcre2_pattern_info_8(self.code, PCRE2_INFO_NAMETABLE, (&raw mut table).cast());
            std::slice::from_raw_parts(table, count * size)
        };
        table
            .chunks(size)
            .map(|entry| {
                let name = entry[2..].split(|&byte| byte == 0).next().unwrap_or(&[]);
                (
                    name.to_vec(),
                    usize::from(entry[0]) << 8 | usize::from(entry[1]),
                )
            })
            .collect()
    }

    /// How many groups it has.
    pub fn groups(&self) -> usize {
        self.groups
    }

    /// The names of groups with their numbers, by name; with `dupnames` a name may stand several times.
    pub fn names(&self) -> &[(Vec<u8>, usize)] {
        &self.names
    }

    /// Whether groups may share a name.
    pub fn has_duplicate_names(&self) -> bool {
        self.options & PCRE2_DUPNAMES != 0
    }

    /// Whether subjects are UTF-8.
    pub fn is_utf(&self) -> bool {
        self.options & PCRE2_UTF != 0
    }

    /// Whether a carriage return with a line feed ends a line.
    pub fn has_crlf_newline(&self) -> bool {
        matches!(
            self.newline,
            PCRE2_NEWLINE_ANY | PCRE2_NEWLINE_CRLF | PCRE2_NEWLINE_ANYCRLF
        )
    }

    /// Looks for a match that begins at byte `start` or later. The subject of a pattern in UTF-8 must be valid.
    pub fn run(&self, subject: &[u8], start: usize, options: u32, limits: Limits) -> Outcome {
        if start > subject.len()
            || self.is_utf() && subject.get(start).is_some_and(|byte| byte & 0xC0 == 0x80)
        {
            return Outcome::BadOffset;
        }
        let utf = if self.is_utf() { PCRE2_NO_UTF_CHECK } else { 0 };
        Workspace::with(self.groups + 1, |workspace| {
            workspace.set_limits(limits);
            // SAFETY:
            // 1. The code is alive; subject and length belong together, and the start lies within.
            // 2. Where the pattern is in UTF-8, the caller has checked that the subject is, too.
            // 3. Match data and context are this thread's, and the data has room for all groups.
            let count = unsafe {
                pcre2_match_8(
                    self.code,
                    subject.as_ptr(),
                    subject.len(),
                    start,
                    options | utf,
                    workspace.data,
                    workspace.context,
                )
            };
            match count {
                1.. => Outcome::Match(workspace.groups(count as usize)),
                PCRE2_ERROR_NOMATCH => Outcome::NoMatch,
                PCRE2_ERROR_MATCHLIMIT => Outcome::MatchLimit,
                PCRE2_ERROR_DEPTHLIMIT | PCRE2_ERROR_HEAPLIMIT => Outcome::DepthLimit,
                // A pattern that calls itself for ever matches nothing, as in the stock VM.
                PCRE2_ERROR_RECURSELOOP => Outcome::NoMatch,
                other => Outcome::Failed(other),
            }
        })
    }
}

impl Drop for Regex {
    fn drop(&mut self) {
        // SAFETY: compiled in `compile_once`, freed once.
        unsafe { pcre2_code_free_8(self.code) }
    }
}

/// What a match needs beside the code; each thread keeps one, as its memory is worth keeping.
struct Workspace {
    data: *mut pcre2_match_data_8,
    context: *mut pcre2_match_context_8,
    room: usize,
}

/// Steps allowed where the program says nothing (PCRE: `MATCH_LIMIT`).
pub const DEFAULT_STEPS: u32 = 10_000_000;

impl Workspace {
    fn new(room: usize) -> Workspace {
        // SAFETY: null general contexts ask for the C library's allocator; both results are checked.
        let (data, context) = unsafe {
            (
                pcre2_match_data_create_8(u32::try_from(room).unwrap_or(u32::MAX), null_mut()),
                pcre2_match_context_create_8(null_mut()),
            )
        };
        assert!(!data.is_null() && !context.is_null(), "memory for a match");
        Workspace {
            data,
            context,
            room,
        }
    }

    fn with<R>(room: usize, run: impl FnOnce(&mut Workspace) -> R) -> R {
        thread_local! {
            static KEPT: RefCell<Option<Workspace>> = const { RefCell::new(None) };
        }
        let kept = KEPT.with(|kept| kept.borrow_mut().take());
        let mut workspace = kept
            .filter(|kept| kept.room >= room)
            .unwrap_or_else(|| Workspace::new(room.max(32)));
        let result = run(&mut workspace);
        KEPT.with(|kept| *kept.borrow_mut() = Some(workspace));
        result
    }

    fn set_limits(&mut self, limits: Limits) {
        // SAFETY: the context is alive and this thread's.
        unsafe {
            pcre2_set_match_limit_8(self.context, limits.steps.unwrap_or(DEFAULT_STEPS));
            pcre2_set_depth_limit_8(self.context, limits.depth.unwrap_or(DEFAULT_STEPS));
        }
    }

    fn groups(&self, count: usize) -> Vec<Option<(usize, usize)>> {
        // SAFETY: the vector has two numbers for each of `room` groups, and `count` is not more.
        let vector = unsafe {
            std::slice::from_raw_parts(pcre2_get_ovector_pointer_8(self.data), count * 2)
        };
        vector
            .as_chunks::<2>()
            .0
            .iter()
            .map(|&[start, end]| (start != PCRE2_UNSET).then_some((start, end)))
            .collect()
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        // SAFETY: created in `new`, freed once.
        unsafe {
            pcre2_match_data_free_8(self.data);
            pcre2_match_context_free_8(self.context);
        }
    }
}

/// "Not set" in a vector of offsets.
const PCRE2_UNSET: usize = usize::MAX;

/// PCRE2's own text of an error.
fn library_message(code: i32) -> String {
    let mut buffer = [0u8; 256];
    // SAFETY: the buffer is given with its length, and the text written ends with a zero.
    let len = unsafe { pcre2_get_error_message_8(code, buffer.as_mut_ptr(), buffer.len()) };
    String::from_utf8_lossy(&buffer[..usize::try_from(len).unwrap_or(0)]).into_owned()
}

/// The version that programs are told (OTP 25), whose behaviour this is.
pub const VERSION: &[u8] = b"8.44 2020-02-12";
