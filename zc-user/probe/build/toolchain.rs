//! Finds a Rust toolchain that can build for the BPF target.
//!
//! The target has no prebuilt `core`, so the toolchain must bring its sources (`rust-src`) and must
//! accept `-Z build-std`: a nightly, or any other with `RUSTC_BOOTSTRAP=1`. Both the build script of
//! `zc-user` and `cargo xtask setup` use this file, so that they never disagree on what is usable.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Overrides the choice: the name of any toolchain that `rustup run` takes.
pub(crate) const OVERRIDE: &str = "ZC_EBPF_TOOLCHAIN";

/// The name under which `cargo xtask setup` links a distribution's compiler.
pub(crate) const LINKED: &str = "zc-ebpf";

/// The oldest compiler that takes the workspace.
const OLDEST: &str = env!("CARGO_PKG_RUST_VERSION");

/// A toolchain that has what the BPF target needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Toolchain {
    /// The name that `rustup run` takes.
    pub(crate) name: String,
    /// Where it is installed.
    pub(crate) sysroot: PathBuf,
    /// The first line of `rustc -vV`.
    pub(crate) version: String,
    /// The major version of the LLVM that writes its bitcode; `bpf-linker` must not be older.
    pub(crate) llvm: Option<u32>,
    /// It is not a nightly, and needs `RUSTC_BOOTSTRAP=1` for `-Z build-std`.
    pub(crate) needs_bootstrap: bool,
}

impl Toolchain {
    /// Whether it comes with a program, such as `cargo-clippy`.
    #[allow(dead_code, reason = "only one of the two users of this file asks")]
    pub(crate) fn has(&self, program: &str) -> bool {
        self.sysroot.join("bin").join(program).is_file()
    }
}

/// Picks the toolchain for the BPF target: the override, else a nightly with sources, else the
/// linked one.
///
/// # Errors
///
/// Says for each candidate why it will not do.
pub(crate) fn find() -> Result<Toolchain, String> {
    if let Some(name) = env::var(OVERRIDE).ok().filter(|name| !name.is_empty()) {
        return inspect(&name).map_err(|why| format!("{OVERRIDE}='{name}': {why}"));
    }

    let mut rejected = Vec::new();
    for name in candidates(&installed()?) {
        match inspect(&name) {
            Ok(toolchain) => return Ok(toolchain),
            Err(why) => rejected.push(format!("'{name}': {why}")),
        }
    }
    if rejected.is_empty() {
        rejected.push(format!("no rustup toolchain is a nightly or is named '{LINKED}'"));
    }
    Err(rejected.join("; "))
}

/// Where a program is, following `PATH`.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|directory| directory.join(program))
        .find(|candidate| candidate.is_file())
}

/// The names worth inspecting, best first: plain `nightly`, dated nightlies from new to old, linked.
fn candidates(installed: &[String]) -> Vec<String> {
    let (mut dated, mut plain): (Vec<&String>, Vec<&String>) = installed
        .iter()
        .filter(|name| name.starts_with("nightly"))
        .partition(|name| name.starts_with("nightly-2"));
    plain.sort();
    dated.sort();
    let linked = installed.iter().filter(|name| *name == LINKED);
    plain.into_iter().chain(dated.into_iter().rev()).chain(linked).cloned().collect()
}

/// The names of the installed toolchains, without the `(default)` and similar marks.
fn installed() -> Result<Vec<String>, String> {
    if on_path("rustup").is_none() {
        return Err("rustup is not on PATH".to_owned());
    }
    let list = output(Command::new("rustup").args(["toolchain", "list"]))?;
    Ok(list.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect())
}

/// Looks at one toolchain; says why it cannot be used.
fn inspect(name: &str) -> Result<Toolchain, String> {
    let sysroot = PathBuf::from(rustc(name, &["--print", "sysroot"])?.trim());
    if !has_core_sources(&sysroot) {
        return Err(format!("it has no rust-src under {}", sysroot.display()));
    }
    let verbose = rustc(name, &["-vV"])?;
    let field = |key: &str| verbose.lines().find_map(|line| line.strip_prefix(key));
    let release = field("release: ").unwrap_or_default();
    if numbers(release) < numbers(OLDEST) {
        return Err(format!("it is {release}, older than {OLDEST}"));
    }
    Ok(Toolchain {
        name: name.to_owned(),
        sysroot,
        version: verbose.lines().next().unwrap_or_default().to_owned(),
        llvm: field("LLVM version: ").and_then(|llvm| llvm.split('.').next()?.parse().ok()),
        needs_bootstrap: !release.contains("nightly"),
    })
}

fn has_core_sources(sysroot: &Path) -> bool {
    sysroot.join("lib/rustlib/src/rust/library/core/Cargo.toml").is_file()
}

/// Major and minor, so that they compare.
fn numbers(version: &str) -> (u32, u32) {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

/// Runs the named toolchain's compiler, free of what an outer cargo told its own.
fn rustc(name: &str, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new("rustup");
    command.args(["run", name, "rustc"]).args(arguments);
    for variable in ["RUSTC", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(variable);
    }
    output(&mut command)
}

/// What the command printed, or the last line of its complaint.
fn output(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let result = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run '{program}': {error}"))?;
    if result.status.success() {
        return Ok(String::from_utf8_lossy(&result.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&result.stderr);
    let complaint = complaint.lines().find(|line| line.starts_with("error")).unwrap_or_default();
    Err(format!("{program} says: {}", complaint.trim_start_matches("error: ")))
}
