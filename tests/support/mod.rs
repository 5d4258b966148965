//! What the integration tests share: the VM under test and a place for compiled modules.

use std::path::{Path, PathBuf};

/// The VM under test: `lintel erl`, or the command in `LINTEL_TEST_VM` (such as `erl`), split into words;
/// the program is absolute or found on the PATH.
pub fn vm_words() -> Vec<String> {
    let Ok(named) = std::env::var("LINTEL_TEST_VM") else {
        return vec![env!("CARGO_BIN_EXE_lintel").to_string(), "erl".to_string()];
    };
    let mut words: Vec<String> = named.split_whitespace().map(String::from).collect();
    assert!(!words.is_empty(), "LINTEL_TEST_VM is empty");
    if words[0].contains('/') {
        words[0] = root().join(&words[0]).display().to_string();
    }
    words
}

/// The project's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// An empty folder for one test.
pub fn fresh_dir(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("the build folder is writable");
    dir
}
