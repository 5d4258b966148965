//! What a terminal can do, by the name in `TERM`.
//!
//! Nearly every terminal of today is one of the ANSI family; the differences that matter here are how
//! the cursor goes up and whether it stays in the last column until the next character. The stock VM
//! asks the terminfo data base; a name that this table does not have is taken for one of the family.

/// The sequences of one terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// One line up.
    pub up: &'static [u8],
    /// One line down.
    pub down: &'static [u8],
    /// One column left.
    pub left: &'static [u8],
    /// One column right.
    pub right: &'static [u8],
    /// After the last column was written, the cursor is still in it (terminfo's `xenl`).
    pub stays_in_last_column: bool,
}

const ANSI: Capabilities = Capabilities {
    up: b"\x1b[A",
    down: b"\n",
    left: b"\x08",
    right: b"\x1b[C",
    stays_in_last_column: true,
};

const VT52: Capabilities = Capabilities {
    up: b"\x1bA",
    down: b"\x1bB",
    left: b"\x1bD",
    right: b"\x1bC",
    stays_in_last_column: false,
};

/// By the start of the name, the first that fits. `None`: cannot move its cursor up.
const TABLE: &[(&str, Option<Capabilities>)] = &[
    ("screen.", Some(ANSI)),
    (
        "screen",
        Some(Capabilities {
            up: b"\x1bM",
            ..ANSI
        }),
    ),
    (
        "tmux",
        Some(Capabilities {
            up: b"\x1bM",
            ..ANSI
        }),
    ),
    (
        "ansi",
        Some(Capabilities {
            left: b"\x1b[D",
            down: b"\x1b[B",
            stays_in_last_column: false,
            ..ANSI
        }),
    ),
    (
        "pcansi",
        Some(Capabilities {
            left: b"\x1b[D",
            down: b"\x1b[B",
            stays_in_last_column: false,
            ..ANSI
        }),
    ),
    (
        "cons25",
        Some(Capabilities {
            down: b"\x1b[B",
            stays_in_last_column: false,
            ..ANSI
        }),
    ),
    (
        "cygwin",
        Some(Capabilities {
            down: b"\x1b[B",
            stays_in_last_column: false,
            ..ANSI
        }),
    ),
    (
        "sun",
        Some(Capabilities {
            stays_in_last_column: false,
            ..ANSI
        }),
    ),
    ("wsvt25", Some(ANSI)),
    (
        "mach",
        Some(Capabilities {
            stays_in_last_column: false,
            ..ANSI
        }),
    ),
    (
        "hurd",
        Some(Capabilities {
            down: b"\x1b[B",
            ..ANSI
        }),
    ),
    (
        "Eterm",
        Some(Capabilities {
            down: b"\x1b[B",
            ..ANSI
        }),
    ),
    ("vt52", Some(VT52)),
    ("dumb", None),
    ("unknown", None),
];

/// The capabilities of the terminal of this name; `None` when it cannot be used for line editing.
#[must_use]
pub fn find(term: &str) -> Option<Capabilities> {
    if term.is_empty() {
        return None;
    }
    TABLE
        .iter()
        .find(|(name, _)| term.starts_with(name))
        .map_or(Some(ANSI), |(_, found)| *found)
}
