//! What the programs share: nothing but the way they report.

/// Prints one result; errors by their number, so that both systems print the same.
pub fn show<T: std::fmt::Debug>(what: &str, result: std::io::Result<T>) {
    match result {
        Ok(value) => println!("{what}: {value:?}"),
        Err(error) => println!("{what}: error {:?}", error.raw_os_error()),
    }
}

/// The answer of a raw call as a result.
pub fn check(value: i64) -> std::io::Result<i64> {
    if value < 0 { Err(std::io::Error::last_os_error()) } else { Ok(value) }
}
