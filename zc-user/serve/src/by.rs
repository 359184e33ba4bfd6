//! What groups have in common.

/// What the members of a group have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum By {
    /// The control group.
    Cgroup,
    /// The name of the main thread.
    Command,
    /// The process itself.
    Pid,
    /// There are no groups.
    None,
}

impl By {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Cgroup, Self::Command, Self::None, Self::Pid];
    /// Those with groups.
    pub const GROUPED: [Self; 3] = [Self::Cgroup, Self::Command, Self::Pid];

    /// The word of the command line.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Cgroup => "cgroup",
            Self::Command => "command",
            Self::Pid => "pid",
            Self::None => "none",
        }
    }

    /// What the groups are, in one sentence.
    #[must_use]
    pub const fn help(self) -> &'static str {
        match self {
            Self::Cgroup => "Control groups (cgroup v2)",
            Self::Command => "Names of commands",
            Self::Pid => {
                "Processes; needs -p or --cgroup, because each process has series of its own"
            }
            Self::None => "No groups: the figures of the machine only",
        }
    }

    /// What the names of its families begin with.
    #[must_use]
    pub(crate) const fn prefix(self) -> &'static str {
        match self {
            Self::Cgroup => "zc_cgroup",
            Self::Command => "zc_command",
            Self::Pid => "zc_pid",
            Self::None => "zc_none",
        }
    }

    /// The labels that name a group.
    #[must_use]
    pub(crate) const fn labels(self) -> &'static [&'static str] {
        match self {
            Self::Cgroup => &["cgroup"],
            Self::Command => &["command"],
            Self::Pid => &["pid", "command"],
            Self::None => &[],
        }
    }

    /// Whose figures they are.
    #[must_use]
    pub(crate) const fn of(self) -> &'static str {
        match self {
            Self::Cgroup => "of each control group that has series of its own",
            Self::Command => "of each command that has series of its own",
            Self::Pid => "of each process that has series of its own",
            Self::None => "of no group",
        }
    }
}
