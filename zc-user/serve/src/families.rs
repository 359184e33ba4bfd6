//! Every family of metrics that `zc serve` can expose: its name, type, labels, and what it means.
//!
//! The exposition, docs/serving.md and the dashboards are made from this table. Base units only: bytes and seconds.

use std::{borrow::Cow, sync::LazyLock};

use zc_model::counter::CounterId;

use crate::by::By;

/// The type of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only rises, until `zc` starts again.
    Counter,
    /// It rises and falls; 1 for a family whose labels are what it says.
    Gauge,
}

impl Kind {
    /// As the formats write it.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}

/// When a family is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// With every `--group-by`.
    Always,
    /// With this `--group-by` only.
    By(By),
    /// With every `--group-by` but `none`.
    Grouped,
}

impl When {
    /// Whether a family is there with `--group-by` `by`.
    #[must_use]
    pub fn holds(self, by: By) -> bool {
        match self {
            Self::Always => true,
            Self::By(wanted) => wanted == by,
            Self::Grouped => by != By::None,
        }
    }
}

/// A family of metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// The full name, of counters with `_total`.
    pub name: Cow<'static, str>,
    /// Its type.
    pub kind: Kind,
    /// The labels of each of its series, all of them.
    pub labels: Cow<'static, [&'static str]>,
    /// What it means, in one sentence or two.
    pub help: Cow<'static, str>,
    /// When it is there.
    pub when: When,
}

impl Family {
    /// The name without `_total`.
    #[must_use]
    pub fn stem(&self) -> &str {
        self.name.strip_suffix("_total").unwrap_or(&self.name)
    }
}

/// Declares families that are always there.
macro_rules! families {
    ($($(#[doc = $doc:literal])+ $constant:ident = $kind:ident $name:literal [$($label:literal),*];)*) => {
        $(
            $(#[doc = $doc])+
            pub static $constant: Family = Family {
                name: Cow::Borrowed($name),
                kind: Kind::$kind,
                labels: Cow::Borrowed(&[$($label),*]),
                help: Cow::Borrowed(concat!($($doc),+).trim_ascii_start()),
                when: When::Always,
            };
        )*

        /// Those that do not depend on the counters or on the groups.
        static OWN: &[&Family] = &[$(&$constant),*];
    };
}

families! {
    /// Bytes moved on each path: what calls returned. On socket paths by kind of socket.
    MOVED_BYTES = Counter "zc_moved_bytes_total" ["path", "socket"];
    /// Bytes copied by the CPU on each path, by where the number comes from: measured, assumed or modelled. What this kernel cannot tell is in zc_unknown_moved_bytes_total.
    COPIED_BYTES = Counter "zc_copied_bytes_total" ["path", "socket", "provenance"];
    /// Bytes moved on paths of which this kernel does not tell whether they were copied.
    UNKNOWN_MOVED_BYTES = Counter "zc_unknown_moved_bytes_total" ["path", "socket"];
    /// Calls that succeeded, on each path.
    OPS = Counter "zc_ops_total" ["path", "socket"];
    /// Calls that failed, EAGAIN included, on each path.
    ERRORS = Counter "zc_errors_total" ["path", "socket"];
    /// Bytes moved by calls that requested zero-copy. Of zero-copy sends all kinds are one mechanism.
    ZEROCOPY_REQUESTED_BYTES = Counter "zc_zerocopy_requested_bytes_total" ["mechanism"];
    /// Of these, the bytes that were not copied. What turns out later to be copied is not taken back: the number stands still until as much has been added.
    ZEROCOPY_ACHIEVED_BYTES = Counter "zc_zerocopy_achieved_bytes_total" ["mechanism"];
    /// Of the bytes requested, those that were copied, by the reason.
    ZEROCOPY_NOT_ACHIEVED_BYTES = Counter "zc_zerocopy_not_achieved_bytes_total" ["mechanism", "reason"];
    /// Bytes that hardware read from its medium, or received. Devices of one name in several network namespaces are one.
    DEVICE_DMA_READ_BYTES = Counter "zc_device_dma_read_bytes_total" ["device", "kind"];
    /// Bytes that hardware wrote to its medium, or transmitted. Devices of one name in several network namespaces are one.
    DEVICE_DMA_WRITE_BYTES = Counter "zc_device_dma_write_bytes_total" ["device", "kind"];
    /// What could not be counted where it belongs, by the way in which it was lost.
    LOSSES = Counter "zc_losses_total" ["loss"];
    /// 1 for each counter that is not simply measured on this kernel, with the reason: series of what the reason is about may be missing.
    LIMITATION = Gauge "zc_limitation_info" ["counter", "provenance", "reason"];
    /// 1 for each group of probes, or kind of hook, that was attached when zc started, 0 for each that was not.
    PROBE_ATTACHED = Gauge "zc_probe_attached" ["group"];
    /// Time spent in the eBPF programs of zc; only while the kernel keeps statistics of programs (kernel.bpf_stats_enabled).
    BPF_RUN_SECONDS = Counter "zc_bpf_run_seconds_total" [];
    /// Runs of the eBPF programs of zc, under the same condition.
    BPF_RUNS = Counter "zc_bpf_runs_total" [];
    /// Kernel memory of the eBPF maps of zc.
    BPF_MAP_BYTES = Gauge "zc_bpf_map_bytes" [];
    /// 1, with the version of zc, and the kernel that it counts on.
    BUILD = Gauge "zc_build_info" ["version", "kernel", "arch"];
    /// Series of this exposition, this one not included.
    SERIES = Gauge "zc_series" [];
    /// Times that a group was refused series of its own because --max-groups had them: its bytes are in zc_other. Each group counts once while it is remembered.
    SERIES_FOLDED = Counter "zc_series_folded_total" [];
    /// Groups that have series of their own.
    GROUPS = Gauge "zc_groups" [];
    /// Snapshots taken since zc started.
    SNAPSHOTS = Counter "zc_snapshots_total" [];
    /// When the last snapshot was taken, in seconds since the Unix epoch: all figures are as of then.
    SNAPSHOT_TIMESTAMP = Gauge "zc_snapshot_timestamp_seconds" [];
    /// Time that zc takes between two snapshots.
    INTERVAL = Gauge "zc_interval_seconds" [];
    /// Time that it took to put together this exposition.
    SCRAPE_DURATION = Gauge "zc_scrape_duration_seconds" [];
    /// CPU time of the user side of zc.
    PROCESS_CPU_SECONDS = Counter "process_cpu_seconds_total" [];
    /// Resident memory of the user side of zc.
    PROCESS_RESIDENT_MEMORY_BYTES = Gauge "process_resident_memory_bytes" [];
    /// When zc started, in seconds since the Unix epoch.
    PROCESS_START_TIME_SECONDS = Gauge "process_start_time_seconds" [];
    /// File descriptors that zc has open.
    PROCESS_OPEN_FDS = Gauge "process_open_fds" [];
    /// The most file descriptors that zc may have open.
    PROCESS_MAX_FDS = Gauge "process_max_fds" [];
}

/// Counters that have families of their own, by path or by mechanism.
const ELSEWHERE: [CounterId; 4] = [
    CounterId::MovedBytes,
    CounterId::CopiedBytes,
    CounterId::ZerocopyRequestedBytes,
    CounterId::ZerocopyAchievedBytes,
];

/// The id of a counter without its unit, if that is nanoseconds: its family is in seconds.
#[must_use]
pub fn nanoseconds(counter: CounterId) -> Option<&'static str> {
    counter.id().strip_suffix("_ns")
}

/// The family of a counter that belongs to no path, over the whole machine. `None` where its bytes are in a family
/// with labels.
#[must_use]
pub fn of_counter(counter: CounterId) -> Option<&'static Family> {
    static ALL: LazyLock<Vec<Option<Family>>> = LazyLock::new(|| {
        let family = |counter: &CounterId| Family {
            name: match nanoseconds(*counter) {
                Some(stem) => format!("zc_{stem}_seconds_total").into(),
                None => format!("zc_{}_total", counter.id()).into(),
            },
            kind: Kind::Counter,
            labels: Cow::Borrowed(&[]),
            help: match nanoseconds(*counter) {
                Some(_) => counter.help().replace("in nanoseconds", "in seconds").into(),
                None => counter.help().into(),
            },
            when: When::Always,
        };
        let own = |counter: &CounterId| !ELSEWHERE.contains(counter);
        CounterId::ALL.iter().map(|counter| own(counter).then(|| family(counter))).collect()
    });
    ALL[counter as usize].as_ref()
}

/// What is counted of each part of the machine's total.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Bytes moved, by path.
    Moved,
    /// Bytes copied, by path and provenance.
    Copied,
    /// Samples on a CPU.
    CpuSamples,
    /// Samples in a copy routine of the kernel.
    CopySamples,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Moved, Self::Copied, Self::CpuSamples, Self::CopySamples];

    const fn parts(self) -> (&'static str, &'static [&'static str], &'static str) {
        match self {
            Self::Moved => ("moved_bytes", &["path"], "Bytes moved on each path"),
            Self::Copied => {
                ("copied_bytes", &["path", "provenance"], "Bytes copied by the CPU on each path")
            }
            Self::CpuSamples => ("cpu_samples", &[], "Times the sampler found a process on a CPU"),
            Self::CopySamples => (
                "copy_samples",
                &[],
                "Times the sampler found a process in a copy routine of the kernel",
            ),
        }
    }
}

/// A part of the machine's total. All parts together are the total, at each snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Each group that has series of its own.
    Group(By),
    /// All groups that have none, and processes that belong to no group.
    Other,
    /// Groups that had series of their own and ended.
    Expired,
    /// What belongs to no process.
    Unattributed,
}

impl Part {
    /// All of them, with each way to group.
    pub const ALL: [Self; 6] = [
        Self::Group(By::Cgroup),
        Self::Group(By::Command),
        Self::Group(By::Pid),
        Self::Other,
        Self::Expired,
        Self::Unattributed,
    ];

    const fn parts(self) -> (&'static str, &'static [&'static str], &'static str) {
        match self {
            Self::Group(by) => (by.prefix(), by.labels(), by.of()),
            Self::Other => (
                "zc_other",
                &[],
                "of groups without series of their own (too young, too many, or before they got them)",
            ),
            Self::Expired => (
                "zc_expired",
                &[],
                "of groups whose series have ended: rises by all that a group has counted, so that it has no rate",
            ),
            Self::Unattributed => {
                ("zc_unattributed", &[], "that could not be attributed to a process")
            }
        }
    }

    const fn when(self) -> When {
        match self {
            Self::Group(by) => When::By(by),
            Self::Other | Self::Expired => When::Grouped,
            Self::Unattributed => When::Always,
        }
    }
}

/// The family of `measure` of a part of the total.
#[must_use]
pub fn of_part(part: Part, measure: Measure) -> &'static Family {
    static ALL: LazyLock<Vec<Family>> = LazyLock::new(|| {
        let family = |part: Part, measure: Measure| {
            let (prefix, of, whose) = part.parts();
            let (name, by, what) = measure.parts();
            Family {
                name: format!("{prefix}_{name}_total").into(),
                kind: Kind::Counter,
                labels: [of, by].concat().into(),
                help: format!("{what}, {whose}.").into(),
                when: part.when(),
            }
        };
        let each = |part: &Part| Measure::ALL.map(|measure| family(*part, measure));
        Part::ALL.iter().flat_map(each).collect()
    });
    let row = Part::ALL.iter().position(|it| *it == part).unwrap_or(Part::ALL.len() - 1);
    let column = Measure::ALL.iter().position(|it| *it == measure).unwrap_or(0);
    &ALL[row * Measure::ALL.len() + column]
}

/// Bytes that groups would not have copied if they had followed an advice.
#[must_use]
pub fn avoidable(by: By) -> Option<&'static Family> {
    static ALL: LazyLock<Vec<(By, Family)>> = LazyLock::new(|| {
        let family = |by: By| Family {
            name: format!("{}_avoidable_bytes_total", by.prefix()).into(),
            kind: Kind::Counter,
            labels: [by.labels(), &["rule", "certainty"]].concat().into(),
            help: format!(
                "Copied bytes that following a rule of advice would have saved, predicted, {}.",
                by.of()
            )
            .into(),
            when: When::By(by),
        };
        By::GROUPED.iter().map(|by| (*by, family(*by))).collect()
    });
    ALL.iter().find(|(it, _)| *it == by).map(|(_, family)| family)
}

/// Where a control group lives, as its path says; to join with other metrics.
pub static CGROUP_INFO: Family = Family {
    name: Cow::Borrowed("zc_cgroup_info"),
    kind: Kind::Gauge,
    labels: Cow::Borrowed(&["cgroup", "container_id", "pod_uid", "runtime", "unit"]),
    help: Cow::Borrowed(
        "1 for each control group with series of its own, with the container, pod and systemd unit that its path \
         names.",
    ),
    when: When::By(By::Cgroup),
};

/// Every family, in the order of the exposition.
pub static ALL: LazyLock<Vec<Family>> = LazyLock::new(|| {
    let counters = CounterId::ALL.iter().filter_map(|counter| of_counter(*counter));
    let parts =
        Part::ALL.iter().flat_map(|part| Measure::ALL.map(|measure| of_part(*part, measure)));
    let avoidable = By::GROUPED.iter().filter_map(|by| avoidable(*by));
    OWN.iter()
        .copied()
        .chain(counters)
        .chain(parts)
        .chain(avoidable)
        .chain([&CGROUP_INFO])
        .cloned()
        .collect()
});

/// The table for docs/serving.md.
#[must_use]
pub fn markdown() -> String {
    let mut page =
        "| family | type | labels | with | meaning |\n| --- | --- | --- | --- | --- |\n".to_owned();
    for family in ALL.iter() {
        let labels: Vec<_> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        let when = match family.when {
            When::Always => String::new(),
            When::By(by) => format!("`{}`", by.id()),
            When::Grouped => "groups".to_owned(),
        };
        page.push_str(&format!(
            "| `{}` | {} | {} | {when} | {} |\n",
            family.name,
            family.kind.id(),
            labels.join(", "),
            family.help
        ));
    }
    page
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_distinct_and_say_their_type() {
        let mut names = HashSet::new();
        for family in ALL.iter() {
            assert!(names.insert(&family.name), "{} is there twice", family.name);
            assert_eq!(family.name.ends_with("_total"), family.kind == Kind::Counter, "{family:?}");
            let harmless = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(family.name.chars().all(harmless), "{family:?}");
            assert!(family.name.starts_with("zc_") || family.name.starts_with("process_"));
            assert!(!family.help.is_empty() && !family.help.contains('\n'), "{family:?}");
            let labels: HashSet<_> = family.labels.iter().collect();
            assert_eq!(labels.len(), family.labels.len(), "{family:?}");
        }
    }

    #[test]
    fn every_counter_has_a_family() {
        for counter in CounterId::ALL {
            assert!(of_counter(*counter).is_some() || ELSEWHERE.contains(counter), "{counter:?}");
        }
        let time = of_counter(CounterId::RelayedUserNs).map(|family| &*family.name);
        assert_eq!(time, Some("zc_relayed_user_seconds_total"), "in the base unit");
        let says_so = |family: &Family| !family.help.contains("nanosecond");
        assert!(ALL.iter().all(says_so));
    }

    #[test]
    fn a_part_has_the_labels_of_its_groups() {
        let family = of_part(Part::Group(By::Cgroup), Measure::Copied);
        assert_eq!(family.name, "zc_cgroup_copied_bytes_total");
        assert_eq!(*family.labels, ["cgroup", "path", "provenance"]);
        let family = of_part(Part::Unattributed, Measure::CopySamples);
        assert_eq!(
            (&*family.name, &*family.labels),
            ("zc_unattributed_copy_samples_total", &[][..])
        );
    }
}
