//! What a test needs, and what becomes of it when that is missing.

use std::{env, fmt, path::PathBuf};

use rustix::thread::{CapabilitySet, capabilities};

/// Why a test cannot run here.
#[derive(Debug, Clone)]
pub enum Skip {
    /// Loading eBPF, or making namespaces and devices, takes privileges.
    Privilege(String),
    /// A program that is observed is not installed.
    Program(String),
    /// The kernel or the file system cannot do it.
    Kernel(String),
}

impl Skip {
    /// Whether the run may go on as if nothing had happened.
    pub fn is_excused(&self) -> bool {
        let ci = env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
        matches!(self, Self::Kernel(_)) || !ci
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Privilege(what) | Self::Kernel(what) => f.write_str(what),
            Self::Program(name) => write!(f, "'{name}' is not installed"),
        }
    }
}

/// Loading the programs.
pub fn ebpf() -> Result<(), Skip> {
    // Before Linux 5.8 the one capability was all three.
    if has(CapabilitySet::BPF | CapabilitySet::PERFMON) || has(CapabilitySet::SYS_ADMIN) {
        Ok(())
    } else {
        Err(Skip::Privilege("it takes CAP_BPF and CAP_PERFMON; run as root".to_owned()))
    }
}

/// Making network namespaces, loop devices, and processes of a chosen pid.
pub fn administrator() -> Result<(), Skip> {
    ebpf()?;
    if has(CapabilitySet::SYS_ADMIN | CapabilitySet::NET_ADMIN) {
        Ok(())
    } else {
        Err(Skip::Privilege("it takes CAP_SYS_ADMIN and CAP_NET_ADMIN; run as root".to_owned()))
    }
}

fn has(wanted: CapabilitySet) -> bool {
    capabilities(None).is_ok_and(|sets| sets.effective.contains(wanted))
}

/// The full path of a program.
pub fn program(name: &str) -> Result<PathBuf, Skip> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|directory| directory.join(name))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| Skip::Program(name.to_owned()))
}

/// Whether the running kernel is older than `major.minor`.
pub fn kernel_before(major: u32, minor: u32) -> bool {
    let names = rustix::system::uname();
    let release = names.release().to_string_lossy();
    let mut numbers = release.split(['.', '-']).map_while(|word| word.parse::<u32>().ok());
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    found < (major, minor)
}
