//! What the kernel's lockdown leaves to eBPF.

use std::fs;

use super::{feature, refusal::Barred};

const MODE: &str = "/sys/kernel/security/lockdown";

/// How far the running kernel is locked down, `Documentation/admin-guide/LSM` and
/// `man kernel_lockdown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lockdown {
    /// Not at all.
    None,
    /// It cannot be changed, but looked into.
    Integrity,
    /// It cannot be looked into either, not by eBPF nor by any other means.
    Confidentiality,
    /// It does not say, but programs may read its memory.
    Silent,
}

impl Lockdown {
    /// That of the running kernel.
    #[must_use]
    pub fn of_this_kernel() -> Self {
        let told = fs::read_to_string(MODE).ok().and_then(|modes| parse(&modes));
        match told {
            Some(mode) => mode,
            None if feature::reading_is_forbidden() => Self::Confidentiality,
            None => Self::Silent,
        }
    }
}

/// The chosen one of `none [integrity] confidentiality`.
fn parse(modes: &str) -> Option<Lockdown> {
    let (_, rest) = modes.split_once('[')?;
    match rest.split_once(']')?.0 {
        "none" => Some(Lockdown::None),
        "integrity" => Some(Lockdown::Integrity),
        "confidentiality" => Some(Lockdown::Confidentiality),
        _ => None,
    }
}

/// What bars every program here, if it is this. To be asked when one was refused.
pub(super) fn bars() -> Option<Barred> {
    feature::reading_is_forbidden().then_some(Barred::Lockdown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_is_the_one_in_brackets() {
        let known = [
            ("[none] integrity confidentiality\n", Some(Lockdown::None)),
            ("none [integrity] confidentiality\n", Some(Lockdown::Integrity)),
            ("none integrity [confidentiality]\n", Some(Lockdown::Confidentiality)),
            ("none [other]\n", None),
            ("none [integrity\n", None),
            ("", None),
        ];
        for (text, mode) in known {
            assert_eq!(parse(text), mode, "{text:?}");
        }
    }
}
