//! The node's environment variables: taken from the operating system at the start, the node's own after
//! that (`os:putenv/2` must not race with C code that reads the process's environment).

use std::collections::BTreeMap;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::sync::LazyLock;

use parking_lot::RwLock;

type Variables = BTreeMap<Vec<u8>, Vec<u8>>;

static VARIABLES: LazyLock<RwLock<Variables>> = LazyLock::new(|| {
    RwLock::new(
        std::env::vars_os()
            .map(|(name, value)| (name.into_vec(), value.into_vec()))
            .collect(),
    )
});

/// The value of a variable.
pub fn get(name: &[u8]) -> Option<Vec<u8>> {
    VARIABLES.read().get(name).cloned()
}

/// Sets a variable.
pub fn set(name: &[u8], value: &[u8]) {
    VARIABLES.write().insert(name.to_vec(), value.to_vec());
}

/// Removes a variable.
pub fn unset(name: &[u8]) {
    VARIABLES.write().remove(name);
}

/// All variables, by name.
pub fn all() -> Vec<(Vec<u8>, Vec<u8>)> {
    VARIABLES
        .read()
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// The variable as the operating system has it, for what reads it there before the node starts.
pub fn of_system(name: &str) -> Option<Vec<u8>> {
    std::env::var_os(name).map(|value| value.as_os_str().as_bytes().to_vec())
}
