//! Virtio devices.

pub mod console;
