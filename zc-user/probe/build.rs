//! Builds the eBPF programs and leaves the object in `OUT_DIR/zc-ebpf`, where the library embeds it.

use std::env;
use std::path::Path;
use std::process::ExitCode;

#[path = "build/toolchain.rs"]
mod toolchain;

/// What an outer cargo sets for its own compiler and the inner one must not inherit: `aya-build`
/// replaces the flags and the compiler, this is the rest.
const FOREIGN_ENVIRONMENT: [&str; 8] = [
    "CARGO_BUILD_RUSTC",
    "CARGO_BUILD_RUSTC_WRAPPER",
    "CARGO_BUILD_TARGET",
    "LD_LIBRARY_PATH",
    "RUSTC_WRAPPER",
    "RUSTDOC",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
];

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            // `cargo::error` is what cargo shows without the script's other output around it.
            for line in reason.lines() {
                println!("cargo::error={line}");
            }
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    let manifest = env::var("CARGO_MANIFEST_DIR").map_err(|error| error.to_string())?;
    let workspace = Path::new(&manifest)
        .ancestors()
        .nth(2)
        .ok_or_else(|| format!("{manifest} is not two directories below the workspace"))?;
    let source = |name: &str| workspace.join(name).display().to_string();

    let chosen = toolchain::find()
        .map_err(|why| missing("no toolchain can build for the BPF target", &why))?;
    if toolchain::on_path("bpf-linker").is_none() {
        return Err(missing("cannot link for the BPF target", "'bpf-linker' is not on PATH"));
    }

    for variable in FOREIGN_ENVIRONMENT {
        // SAFETY: this script has a single thread, so no other one reads the environment.
        unsafe { env::remove_var(variable) };
    }
    if chosen.needs_bootstrap {
        // SAFETY: as above.
        unsafe { env::set_var("RUSTC_BOOTSTRAP", "1") };
    }

    // aya-build turns every line of the inner cargo into a warning: let through only real ones.
    // SAFETY: as above.
    unsafe { env::set_var("CARGO_TERM_QUIET", "true") };

    let package = aya_build::Package {
        name: "zc-ebpf",
        root_dir: &source("zc-ebpf"),
        ..aya_build::Package::default()
    };
    aya_build::build_ebpf([package], aya_build::Toolchain::Custom(&chosen.name)).map_err(
        |error| {
            format!("cannot build the eBPF programs with toolchain '{}': {error:#}", chosen.name)
        },
    )?;

    // Last, because cargo repeats them with the error of a failed script; a script that failed runs
    // again anyway.
    for input in ["zc-ebpf", "zc-common", "Cargo.toml", "Cargo.lock", "zc-user/probe/build"] {
        println!("cargo::rerun-if-changed={}", source(input));
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={}", toolchain::OVERRIDE);
    Ok(())
}

fn missing(what: &str, why: &str) -> String {
    format!("{what}: {why}; run `cargo xtask setup`, which installs what is missing or says how")
}
