//! Why an image could not be built or run.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What went wrong, in the words that a user reads.
#[derive(Debug)]
pub enum Error {
    /// A file or folder could not be read or written.
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file is not what it should be.
    Format {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// What was asked for cannot be done.
    Request(String),
}

impl Error {
    /// About a file.
    pub fn file(path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Error {
        move |error| Error::File {
            path: path.as_ref().to_owned(),
            error,
        }
    }

    /// About a file's contents.
    pub fn format(path: &Path, what: impl Into<String>) -> Error {
        Error::Format {
            path: path.to_owned(),
            what: what.into(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::File { path, error } => write!(f, "{}: {error}", path.display()),
            Error::Format { path, what } => write!(f, "{}: {what}", path.display()),
            Error::Request(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Error {}
