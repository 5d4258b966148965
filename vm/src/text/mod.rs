//! Text at the level of bytes, knowing nothing of terms.
#![forbid(unsafe_code)]
