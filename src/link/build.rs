//! Tells the linker of an optimized build in which order functions lie in the program: see `often.ld`.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=src/link");
    let is_optimized = env::var("OPT_LEVEL").is_ok_and(|level| level != "0");
    let is_elf = env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux");
    if is_optimized && is_elf {
        println!(
            "cargo::rustc-link-arg-bins=-T{}/src/link/often.ld",
            env!("CARGO_MANIFEST_DIR")
        );
    }
}
