//! The node's environment: a copy of the operating-system process's, taken when it is first used. Programs
//! started by ports get it.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStringExt;
use std::sync::LazyLock;

use parking_lot::RwLock;

static VARIABLES: LazyLock<RwLock<BTreeMap<Vec<u8>, Vec<u8>>>> = LazyLock::new(|| {
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
pub fn set(name: Vec<u8>, value: Vec<u8>) {
    VARIABLES.write().insert(name, value);
}

/// Removes a variable.
pub fn remove(name: &[u8]) {
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
