//! `bpf-linker`: whether the installed one can link what the compiler writes, and how to install it.

use std::process::Command;

use crate::shell;
use crate::toolchain::on_path;

/// The version that is installed if there is none; older ones are replaced.
pub(crate) const VERSION: &str = "0.13.0";

/// Explains other ways to install it.
pub(crate) const HOME: &str = "https://github.com/aya-rs/bpf-linker#installation";

/// Describes the linker that is on `PATH`.
///
/// # Errors
///
/// There is none, or it is too old, or it cannot read the bitcode of a compiler that uses LLVM
/// `llvm`.
pub(crate) fn find(llvm: Option<u32>) -> Result<String, String> {
    let Some(path) = on_path("bpf-linker") else {
        return Err("it is not on PATH".to_owned());
    };
    let path = path.display().to_string();
    let version = shell::capture(&mut shell::command(&path, &["--version"]))
        .map_err(|error| format!("{error:#}"))?;
    let version = version.trim().trim_start_matches("bpf-linker ").to_owned();
    if numbers(&version) < numbers(VERSION) {
        return Err(format!("'{path}' is {version}, older than {VERSION}"));
    }
    let uses =
        shared_llvm(&shell::capture(&mut shell::command("ldd", &[&path])).unwrap_or_default());
    match (uses, llvm) {
        (Some(uses), Some(llvm)) if uses < llvm => {
            Err(format!("'{path}' uses LLVM {uses}, the eBPF toolchain writes LLVM {llvm}"))
        }
        (Some(uses), _) => Ok(format!("bpf-linker {version} with LLVM {uses}: {path}")),
        (None, _) => Ok(format!("bpf-linker {version} with its own LLVM: {path}")),
    }
}

/// The Debian packages that are needed to build it.
pub(crate) fn packages(llvm: Option<u32>) -> Vec<String> {
    let llvm = llvm.unwrap_or_default();
    vec![format!("llvm-{llvm}-dev"), format!("libpolly-{llvm}-dev"), "zlib1g-dev".to_owned()]
}

/// The command that builds and installs it, over an unsuitable one.
pub(crate) fn install(llvm: Option<u32>) -> Command {
    let llvm = llvm.unwrap_or_default();
    let feature = format!("llvm-{llvm}");
    let arguments = [
        "install",
        "bpf-linker",
        "--version",
        VERSION,
        "--locked",
        "--force",
        "--no-default-features",
        "--features",
        &feature,
    ];
    let mut command = shell::cargo(&arguments);
    // Its build products do not belong in the target directory of the workspace.
    command.env("LLVM_PREFIX", format!("/usr/lib/llvm-{llvm}")).env_remove("CARGO_TARGET_DIR");
    command
}

/// The major version of the shared LLVM in the output of `ldd`, if there is one.
fn shared_llvm(ldd: &str) -> Option<u32> {
    let (_, version) = ldd.split_once("libLLVM")?;
    let digits = version.trim_start_matches(|c: char| !c.is_ascii_digit());
    digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_llvm_version_is_read_from_both_spellings_of_the_library() {
        let new = "\tlibLLVM.so.22.1 => /usr/lib/llvm-22/lib/libLLVM.so.22.1 (0x7f)";
        let old = "\tlibLLVM-14.so.1 => /lib/x86_64-linux-gnu/libLLVM-14.so.1 (0x7f)";
        assert_eq!(shared_llvm(new), Some(22));
        assert_eq!(shared_llvm(old), Some(14));
        assert_eq!(shared_llvm("\tlibc.so.6 => /lib/libc.so.6 (0x7f)"), None);
    }

    #[test]
    fn versions_compare_by_number() {
        assert!(numbers("0.9.20") < numbers(VERSION));
        assert!(numbers("0.13.0") >= numbers(VERSION));
        assert!(numbers("1.0.0") >= numbers(VERSION));
    }
}
