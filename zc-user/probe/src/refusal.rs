//! Why probes are not attached, in the user's terms.

use std::io::{self, ErrorKind};

use anyhow::anyhow;
use aya::programs::ProgramError;
use thiserror::Error;

use crate::{catalog::Part, names::namespace};

/// Why a probe group is not attached. Its text says why, and what to do where something can be done.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The user disabled it.
    #[error("disabled by --without {}", .0.id())]
    Disabled(Part),
    /// The user disabled every group that needs functions to be traced.
    #[error("disabled with all groups that trace functions")]
    SitesDisabled,
    /// The kernel is too old, or built without it.
    #[error("this kernel has no tracepoint {0}")]
    NoTracepoint(&'static str),
    /// The kernel is too old or too new, or built without it.
    #[error("this kernel has no function {0}")]
    NoFunction(&'static str),
    /// Functions cannot be traced: BTF has none.
    #[error("the kernel's type information does not name its functions")]
    NoFunctionTypes,
    /// Functions cannot be traced by types from a file.
    #[error("functions are traced by the kernel's own type information only")]
    ForeignTypes,
    /// Functions cannot be traced: the kernel refused a program at one.
    #[error(
        "the kernel refuses to trace functions ({0}): it was built without BPF trampolines, or is \
         locked down"
    )]
    NoTrampolines(ErrorKind),
    /// The kernel attaches programs to functions, and does not run them.
    #[error(
        "the tracing of functions is switched off (kernel.ftrace_enabled is 0): sysctl \
         kernel.ftrace_enabled=1 switches it on"
    )]
    FtraceOff,
    /// The kernel was built without them.
    #[error("the kernel was built without kprobes")]
    NoKprobes,
    /// The kernel attaches kprobes, and they do not fire.
    #[error("kprobes are switched off ({0} is 0): writing 1 to it switches them on")]
    KprobesOff(&'static str),
    /// The copy routines cannot be found.
    #[error("cannot read {path}: {error}")]
    NoSymbols {
        /// The symbol table.
        path: &'static str,
        /// What the kernel said.
        error: ErrorKind,
    },
    /// The copy routines cannot be found: the symbol table shows zeros.
    #[error(
        "the kernel hides its addresses from all processes (kernel.kptr_restrict is 2): sysctl \
         kernel.kptr_restrict=1 shows them to root"
    )]
    AddressesHidden,
    /// The copy routines cannot be found: the symbol table shows zeros to this process.
    #[error(
        "the kernel hides its addresses from this process: run with sudo, or add cap_syslog to the \
         binary's capabilities"
    )]
    NoSyslogCapability,
    /// The copy routines cannot be found: the symbol table shows zeros, for a reason that is not known.
    #[error("the kernel shows no addresses in /proc/kallsyms, not even to root")]
    NoAddresses,
    /// The symbol table has none of the copy routines.
    #[error("the kernel's symbol table names no copy routine")]
    NoCopyRoutine,
    /// More copy routines than the kernel side has room for.
    #[error("the kernel has {found} separate copy routines, and zc has room for {room}")]
    TooManyCopyRoutines {
        /// Copy routines, where adjoining ones are one.
        found: usize,
        /// As many fit into the table.
        room: usize,
    },
    /// No program can be loaded.
    #[error(transparent)]
    Barred(#[from] Barred),
    /// The kernel's verifier refused a program, or whatever else is refused at loading.
    #[error("{what}: {}", verdict(.error, .log))]
    Verifier {
        /// What failed.
        what: String,
        /// What the kernel said.
        error: String,
        /// What the verifier said; empty unless its log was requested.
        log: String,
    },
    /// Another error of the kernel, with what failed.
    #[error("{0}")]
    Other(String),
}

impl Refusal {
    /// The same without what the verifier said, which most readers have no use for.
    pub(super) fn without_log(self) -> Self {
        match self {
            Self::Verifier { what, error, .. } => {
                Self::Verifier { what, error, log: String::new() }
            }
            other => other,
        }
    }

    /// As the error of everything that cannot do without these probes.
    pub(super) fn into_error(self) -> anyhow::Error {
        match self {
            Self::Barred(barred) => barred.into(),
            // They say what failed.
            Self::Verifier { .. } | Self::Other(_) => self.into(),
            _ => anyhow!("cannot attach to the kernel's tracepoints: {self}"),
        }
    }
}

fn verdict(error: &str, log: &str) -> String {
    if log.trim().is_empty() {
        format!("the kernel refused the program: {error}")
    } else {
        format!("the kernel's verifier refused the program: {error}\n{log}")
    }
}

/// Why no program and no map can be loaded at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("cannot load eBPF: {}; {}", self.reason(), self.remedy())]
pub enum Barred {
    /// This process lacks capabilities.
    Capabilities,
    /// This process has them in a user namespace only.
    UserNamespace,
    /// The kernel refuses although this process has the capabilities.
    Policy,
    /// The kernel is locked down: no program may read its memory.
    Lockdown,
    /// This process or the machine has too many open files.
    OpenFiles,
    /// There is not enough memory for the maps.
    Memory,
}

impl Barred {
    /// Why.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Capabilities => {
                "missing CAP_BPF and CAP_PERFMON (CAP_SYS_ADMIN before Linux 5.8)"
            }
            Self::UserNamespace => {
                "in a user namespace (a rootless container) capabilities do not count for it"
            }
            Self::Policy => "the kernel forbids it although this process has the capabilities",
            Self::Lockdown => {
                "the kernel is locked down (confidentiality): no program may read its memory"
            }
            Self::OpenFiles => "too many open files",
            Self::Memory => "not enough memory for BPF maps",
        }
    }

    /// What to do.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Capabilities => {
                "run with sudo, or give the binary the capabilities: sudo setcap \
                 cap_bpf,cap_perfmon,cap_dac_read_search,cap_sys_ptrace,cap_checkpoint_restore,cap_syslog+ep \
                 \"$(command -v zc)\""
            }
            Self::UserNamespace => "run zc as root of the host",
            Self::Policy => {
                "check for seccomp (containers), lockdown or an LSM policy, and before Linux 5.11 \
                 for `ulimit -l`"
            }
            Self::Lockdown => {
                "boot it with lockdown=integrity, or without lockdown: a running kernel does not \
                 take it back"
            }
            Self::OpenFiles => "allow more, such as `ulimit -n 1024`",
            Self::Memory => "lower --max-threads",
        }
    }
}

/// Why this process may not load eBPF; `None` when it may.
#[must_use]
pub fn missing_privilege() -> Option<Barred> {
    use rustix::thread::{CapabilitySet, capabilities};
    let holds = capabilities(None).is_ok_and(|sets| {
        // Those that are put away are taken out for the attaching.
        sets.permitted.contains(CapabilitySet::SYS_ADMIN)
            || sets.permitted.contains(CapabilitySet::BPF | CapabilitySet::PERFMON)
    });
    if !holds {
        return Some(Barred::Capabilities);
    }
    (!namespace::has_host_users()).then_some(Barred::UserNamespace)
}

impl Barred {
    /// What `error` means for every program and map, if it means such a thing.
    fn of(error: &io::Error) -> Option<Self> {
        match (error.kind(), error.raw_os_error()) {
            // The verifier refuses with EACCES.
            (ErrorKind::PermissionDenied, code) => {
                missing_privilege().or((code == Some(libc::EPERM)).then_some(Self::Policy))
            }
            (_, Some(libc::EMFILE | libc::ENFILE)) => Some(Self::OpenFiles),
            (_, Some(libc::ENOMEM)) => Some(Self::Memory),
            _ => None,
        }
    }
}

impl Barred {
    /// What it means for every program that the kernel refused to load one, if it means such a thing.
    pub(super) fn of_program(error: &ProgramError) -> Option<Self> {
        match error {
            ProgramError::LoadError { io_error, .. } => Self::of(io_error),
            _ => None,
        }
    }
}

impl From<anyhow::Error> for Refusal {
    /// Says in the user's terms what the kernel refused.
    fn from(error: anyhow::Error) -> Self {
        let mut refused = None;
        for cause in error.chain() {
            if let Some(barred) = cause.downcast_ref::<Barred>() {
                return (*barred).into();
            }
            let program = cause.downcast_ref();
            let barred = match program {
                Some(error) => Barred::of_program(error),
                None => cause.downcast_ref().and_then(Barred::of),
            };
            if let Some(barred) = barred {
                return barred.into();
            }
            if let Some(ProgramError::LoadError { io_error, verifier_log }) = program {
                // The first message says which probe it was.
                refused = Some(Self::Verifier {
                    what: error.to_string(),
                    error: io_error.to_string(),
                    log: verifier_log.to_string(),
                });
            }
        }
        refused.unwrap_or_else(|| Self::Other(format!("{error:#}")))
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    fn refused(code: i32) -> Refusal {
        let error = io::Error::from_raw_os_error(code);
        Err::<(), _>(error).context("cannot attach to sys_exit").unwrap_err().into()
    }

    #[test]
    fn what_bars_everything_is_known_by_its_code() {
        assert_eq!(refused(libc::EMFILE), Barred::OpenFiles.into());
        assert_eq!(refused(libc::ENOMEM), Barred::Memory.into());
        let text = refused(libc::ENOMEM).to_string();
        assert_eq!(text, "cannot load eBPF: not enough memory for BPF maps; lower --max-threads");
    }

    #[test]
    fn what_gives_the_capabilities_can_be_pasted_as_it_is() {
        let (_, command) = Barred::Capabilities.remedy().split_once(": ").unwrap();
        let words: Vec<_> = command.split(' ').collect();
        assert_eq!(words[..2], ["sudo", "setcap"]);
        assert!(words[2].starts_with("cap_bpf,") && words[2].ends_with("+ep"), "{command}");
        assert_eq!(words[3..].join(" "), "\"$(command -v zc)\"");
    }

    #[test]
    fn what_the_kernel_says_otherwise_follows_what_failed() {
        let text = refused(libc::EINVAL).to_string();
        assert!(text.starts_with("cannot attach to sys_exit: Invalid argument"), "{text}");
    }
}
