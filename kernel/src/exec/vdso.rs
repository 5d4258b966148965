//! The vDSO.

/// Maps the vDSO; its address.
pub fn map() -> Option<u64> {
    None
}

/// The time of day was set.
pub fn update() {}
