//! The options of module `re`.

#![forbid(unsafe_code)]

use crate::atom::Atom;
use crate::regex::{Bsr, Newline, compile_options as c, match_options as m};
use crate::term::Term;

/// What options say.
#[derive(Clone, Copy, Default)]
pub struct Options<'p> {
    /// PCRE's options of compilation.
    pub compile: u32,
    /// PCRE's options of the match.
    pub run: u32,
    /// What ends a line, as a set of the bits of [`Newline`], as PCRE 8 joins them.
    newline: u8,
    /// What `\R` matches: 1 and 2 as bits.
    bsr: u8,
    /// `unicode`.
    pub unicode: bool,
    /// `global`.
    pub global: bool,
    /// `report_errors`.
    pub report_errors: bool,
    /// Whether there is one that only compilation knows.
    pub only_compile: bool,
    /// Whether there is one that only a match knows.
    pub only_run: bool,
    /// `{offset, N}`.
    pub offset: usize,
    /// `{match_limit, N}`.
    pub match_limit: Option<u32>,
    /// `{match_limit_recursion, N}`.
    pub match_limit_recursion: Option<u32>,
    /// What is to be captured, and as what.
    pub capture: Option<(Term<'p>, Term<'p>)>,
}

/// An integer of C's type `int`, not negative.
pub(super) fn number(term: Term<'_>) -> Option<u32> {
    term.as_small()
        .and_then(|value| i32::try_from(value).ok())
        .and_then(|value| u32::try_from(value).ok())
}

impl<'p> Options<'p> {
    /// Reads a list of options; none if there is one that is unknown.
    pub fn of(list: Term<'p>) -> Option<Options<'p>> {
        let mut options = Options::default();
        for option in list.proper_list()? {
            match option.as_atom() {
                Some(atom) => options.flag(atom)?,
                None => match *option.as_tuple()?.elements() {
                    [name, value] => options.pair(name.as_atom()?, value)?,
                    [name, values, kind] if name.is_atom(crate::atom!("capture")) => {
                        options.capture(values, kind);
                    }
                    _ => return None,
                },
            }
        }
        Some(options)
    }

    fn capture(&mut self, values: Term<'p>, kind: Term<'p>) {
        self.capture = Some((values, kind));
        self.only_run = true;
    }

    fn pair(&mut self, name: Atom, value: Term<'p>) -> Option<()> {
        match name.name() {
            "capture" => self.capture(value, Term::atom(crate::atom!("index"))),
            "offset" => {
                self.offset = number(value)? as usize;
                self.only_run = true;
            }
            "match_limit" => {
                self.match_limit = Some(number(value)?);
                self.only_run = true;
            }
            "match_limit_recursion" => {
                self.match_limit_recursion = Some(number(value)?);
                self.only_run = true;
            }
            "newline" => {
                self.newline |= match value.as_atom()?.name() {
                    "cr" => Newline::Cr,
                    "lf" => Newline::Lf,
                    "crlf" => Newline::CrLf,
                    "any" => Newline::Any,
                    "anycrlf" => Newline::AnyCrLf,
                    _ => return None,
                } as u8;
            }
            _ => return None,
        }
        Some(())
    }

    fn flag(&mut self, atom: Atom) -> Option<()> {
        let compile = match atom.name() {
            "anchored" => {
                self.compile |= c::ANCHORED;
                self.run |= m::ANCHORED;
                return Some(());
            }
            "bsr_anycrlf" => {
                self.bsr |= Bsr::AnyCrLf as u8;
                return Some(());
            }
            "bsr_unicode" => {
                self.bsr |= Bsr::Unicode as u8;
                return Some(());
            }
            "notempty" => return self.run_flag(m::NOTEMPTY),
            "notempty_atstart" => return self.run_flag(m::NOTEMPTY_ATSTART),
            "notbol" => return self.run_flag(m::NOTBOL),
            "noteol" => return self.run_flag(m::NOTEOL),
            "report_errors" => {
                self.report_errors = true;
                return self.run_flag(0);
            }
            "global" => {
                self.global = true;
                return self.run_flag(0);
            }
            "no_start_optimize" => c::NO_START_OPTIMIZE,
            "caseless" => c::CASELESS,
            "dollar_endonly" => c::DOLLAR_ENDONLY,
            "dotall" => c::DOTALL,
            "extended" => c::EXTENDED,
            "firstline" => c::FIRSTLINE,
            "multiline" => c::MULTILINE,
            "no_auto_capture" => c::NO_AUTO_CAPTURE,
            "dupnames" => c::DUPNAMES,
            "ungreedy" => c::UNGREEDY,
            "ucp" => c::UCP,
            "never_utf" => c::NEVER_UTF,
            "unicode" => {
                self.unicode = true;
                c::UTF
            }
            _ => return None,
        };
        self.compile |= compile;
        self.only_compile = true;
        Some(())
    }

    fn run_flag(&mut self, flag: u32) -> Option<()> {
        self.run |= flag;
        self.only_run = true;
        Some(())
    }

    /// What ends a line; none if the options contradict each other.
    pub fn newline(&self) -> Option<Newline> {
        Some(match self.newline {
            0 => Newline::Default,
            1 => Newline::Cr,
            2 => Newline::Lf,
            3 => Newline::CrLf,
            4 => Newline::Any,
            5 => Newline::AnyCrLf,
            _ => return None,
        })
    }

    /// What `\R` matches; none if the options contradict each other.
    pub fn bsr(&self) -> Option<Bsr> {
        Some(match self.bsr {
            0 => Bsr::Default,
            1 => Bsr::AnyCrLf,
            2 => Bsr::Unicode,
            _ => return None,
        })
    }
}
