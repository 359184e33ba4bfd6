//! What the kernel refused, in the user's terms.

use std::{
    fmt,
    io::{self, ErrorKind},
};

use anyhow::anyhow;
use aya::programs::ProgramError;

use crate::names::namespace;

/// A refusal that every program and map would meet, of whatever kind.
#[derive(Debug)]
pub(super) struct Barred(pub(super) String);

impl fmt::Display for Barred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot load eBPF: {}", self.0)
    }
}

impl std::error::Error for Barred {}

/// Why this process may not load eBPF, and what to do; `None` when it may.
#[must_use]
pub fn missing_privilege() -> Option<(&'static str, &'static str)> {
    use rustix::thread::{CapabilitySet, capabilities};
    let holds = capabilities(None).is_ok_and(|sets| {
        sets.effective.contains(CapabilitySet::SYS_ADMIN)
            || sets.effective.contains(CapabilitySet::BPF | CapabilitySet::PERFMON)
    });
    if !holds {
        return Some((
            "missing CAP_BPF and CAP_PERFMON (CAP_SYS_ADMIN before Linux 5.8)",
            "run with sudo, or give the binary the capabilities: setcap \
             cap_bpf,cap_perfmon,cap_dac_read_search,cap_sys_ptrace,cap_syslog+ep",
        ));
    }
    (!namespace::has_host_users()).then_some((
        "in a user namespace (a rootless container) capabilities do not count for it",
        "run zc as root of the host",
    ))
}

/// What `error` means whoever asks, if it means such a thing.
fn barred(error: &io::Error) -> Option<Barred> {
    let (why, what) = match (error.kind(), error.raw_os_error()) {
        (ErrorKind::PermissionDenied, code) => match missing_privilege() {
            Some(missing) => missing,
            // The verifier refuses with EACCES.
            None if code == Some(libc::EPERM) => (
                "the kernel forbids it although this process has the capabilities",
                "look for a seccomp filter (container), kernel lockdown or a security module, and \
                 before Linux 5.11 for `ulimit -l`",
            ),
            None => return None,
        },
        (_, Some(libc::EMFILE | libc::ENFILE)) => {
            ("too many open files", "allow more, such as `ulimit -n 1024`")
        }
        (_, Some(libc::ENOMEM)) => {
            ("no memory for its maps", "tell fewer threads apart with --max-threads")
        }
        _ => return None,
    };
    Some(Barred(format!("{why}; {what}")))
}

/// Says in the user's terms what the kernel refused.
pub(super) fn explain(error: anyhow::Error) -> anyhow::Error {
    let mut log = None;
    for cause in error.chain() {
        let program = cause.downcast_ref();
        let io = match program {
            Some(ProgramError::LoadError { io_error, .. }) => Some(io_error),
            _ => cause.downcast_ref::<io::Error>(),
        };
        if let Some(barred) = io.and_then(barred) {
            return barred.into();
        }
        if let Some(ProgramError::LoadError { io_error, verifier_log }) = program {
            let text = verifier_log.to_string();
            log = Some(if text.trim().is_empty() {
                format!("the kernel refused the program: {io_error}")
            } else {
                format!("the kernel's verifier refused the program: {io_error}\n{text}")
            });
        }
    }
    match log {
        // The first message says which probe it was.
        Some(log) => anyhow!("{error}: {log}"),
        None => error,
    }
}
