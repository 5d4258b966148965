//! Hands the kernel's linker script to the linker and leaves out everything a hosted program would get.

use std::env;

fn main() {
    let dir = env::var("CARGO_MANIFEST_DIR").expect("cargo sets the manifest's folder");
    println!("cargo:rerun-if-changed=kernel.ld");
    for arg in [
        &format!("-Wl,-T,{dir}/kernel.ld") as &str,
        "-nostdlib",
        "-nostartfiles",
        "-static",
        "-no-pie",
        "-Wl,--build-id=none",
        "-Wl,-z,norelro",
        "-Wl,-z,noexecstack",
        "-Wl,-z,max-page-size=64",
    ] {
        println!("cargo:rustc-link-arg-bin=kernel={arg}");
    }
}
