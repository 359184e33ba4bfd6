//! Whether `zc` can say here which code copies: call stacks, and copies that programs make themselves.

use rustix::thread::{CapabilitySet, capabilities};
use zc_common::stack::STACK_FRAMES;
use zc_probe::{
    attach::{Options, attach},
    catalog::{Part, ProbeGroup},
    coverage::Coverage,
    refusal::{Barred, Refusal},
};

use super::{Finding, Verdict, finding};

/// How many frames the kernel follows at most (`kernel/events/callchain.c`, 5.10 to 7.2).
const MOST_FRAMES: &str = "/proc/sys/kernel/perf_event_max_stack";

/// What `zc` finds out about code. `options`: with those the probes were attached, which serve `coverage`.
pub(super) fn findings(options: &Options, coverage: &Coverage) -> [Finding; 2] {
    let without = Part::all().collect();
    let probes = Options { stacks: true, user_copies: false, without, ..options.clone() };
    let refusal = attach(&probes).err().map(|error| format!("{error:#}"));
    let frames = std::fs::read_to_string(MOST_FRAMES).ok();
    let frames = frames.and_then(|text| text.trim().parse().ok()).unwrap_or(STACK_FRAMES);
    let names = Names::here();
    let sampler = coverage.parts().iter().find(|part| part.part == Part::Group(ProbeGroup::Tax));
    let sampler = sampler.and_then(|part| part.refusal.as_ref());
    [stacks(refusal.as_deref(), frames.min(STACK_FRAMES), names), user_copies(sampler, names)]
}

/// Of which programs `zc` can open the files, to find out what functions are called and what their code does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Names {
    /// CAP_SYS_PTRACE: those of other users.
    of_others: bool,
    /// CAP_CHECKPOINT_RESTORE: those whose files were deleted or replaced.
    of_deleted: bool,
}

impl Names {
    fn here() -> Self {
        let held = capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.permitted);
        Self {
            of_others: held.contains(CapabilitySet::SYS_PTRACE),
            // It was part of this one before Linux 5.9.
            of_deleted: held
                .intersects(CapabilitySet::CHECKPOINT_RESTORE | CapabilitySet::SYS_ADMIN),
        }
    }

    /// What is not looked at, and why.
    fn missing(self) -> String {
        let others = "other users' programs are not looked at without CAP_SYS_PTRACE";
        let deleted =
            "files that were deleted or replaced are not looked at without CAP_CHECKPOINT_RESTORE";
        let others = (!self.of_others).then_some(others);
        let deleted = (!self.of_deleted).then_some(deleted);
        others.into_iter().chain(deleted).collect::<Vec<_>>().join("; ")
    }
}

fn stacks(refusal: Option<&str>, frames: usize, names: Names) -> Finding {
    let check = "call stacks";
    if let Some(refusal) = refusal {
        let what = format!("zc stacks does not work here: {refusal}");
        return finding(check, Verdict::Degraded, &what, None);
    }
    let what = format!(
        "zc stacks: up to {frames} frames, by frame pointers; of programs without them the function that made \
         the call"
    );
    named(check, &what, names)
}

fn user_copies(sampler: Option<&Refusal>, names: Names) -> Finding {
    let check = "user copies";
    if let Some(refusal) = sampler {
        let what = format!("--user-copies needs the samples of the copy tax: {refusal}");
        return finding(check, Verdict::Degraded, &what, None);
    }
    named(check, "--user-copies: by the code of programs, without frame pointers or symbols", names)
}

fn named(check: &str, what: &str, names: Names) -> Finding {
    let missing = names.missing();
    if missing.is_empty() {
        return finding(check, Verdict::Ok, what, None);
    }
    let what = format!("{what}; {missing}");
    finding(check, Verdict::Degraded, &what, Some(Barred::Capabilities.remedy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Names = Names { of_others: true, of_deleted: true };

    #[test]
    fn what_works_is_fine_and_says_how_deep_stacks_are() {
        let found = stacks(None, 63, ALL);
        assert_eq!((found.verdict, found.fix), (Verdict::Ok, None));
        assert!(found.what.contains("up to 63 frames"), "{}", found.what);
        assert_eq!(user_copies(None, ALL).verdict, Verdict::Ok);
    }

    #[test]
    fn what_is_refused_says_why() {
        let found = stacks(Some("the kernel refused it"), 127, ALL);
        assert_eq!(found.verdict, Verdict::Degraded);
        assert!(
            found.what.ends_with("does not work here: the kernel refused it"),
            "{}",
            found.what
        );
        let found = user_copies(Some(&Refusal::NoSyslogCapability), ALL);
        assert_eq!(found.verdict, Verdict::Degraded);
        assert!(found.what.contains("cap_syslog"), "{}", found.what);
    }

    #[test]
    fn each_missing_right_is_named_with_what_it_is_for() {
        for (of_others, of_deleted) in [(true, false), (false, true), (false, false)] {
            let names = Names { of_others, of_deleted };
            for found in [stacks(None, 127, names), user_copies(None, names)] {
                assert_eq!(found.verdict, Verdict::Degraded, "{names:?}");
                assert_eq!(found.what.contains("CAP_SYS_PTRACE"), !of_others, "{names:?}");
                assert_eq!(found.what.contains("CAP_CHECKPOINT_RESTORE"), !of_deleted, "{names:?}");
                let fix = found.fix.expect("there is one");
                assert!(fix.contains("cap_sys_ptrace,cap_checkpoint_restore"), "{fix}");
            }
        }
    }
}
