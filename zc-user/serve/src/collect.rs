//! From the account to the families.

use std::{fs, sync::Arc, time::Duration};

use rustix::process::{Resource, getrlimit};
use zc_common::loss::Loss;
use zc_model::{counter::CounterId, home::Home, snapshot::Provenance};

use crate::{
    account::Account,
    by::By,
    counted::Counted,
    exposition::{Label, Page},
    families::{self, Measure, Part},
    guard::{Group, Guard},
};

/// What does not change while `zc` runs.
#[derive(Clone, Debug)]
pub struct About {
    /// The version of `zc`.
    pub version: &'static str,
    /// When it started, since the Unix epoch.
    pub started: Duration,
    /// Time between two snapshots.
    pub interval: Duration,
    /// Groups of probes, and kinds of hooks, and whether they were attached.
    pub probes: Vec<(&'static str, bool)>,
}

/// Everything that `account` holds, as families. Before the first snapshot there is only what `zc` says of itself.
#[must_use]
pub fn page(account: &Account, about: &About) -> Page {
    let mut page = Page::default();
    machine(&mut page, account);
    counters(&mut page, account);
    parts(&mut page, account);
    own(&mut page, account, about);
    page
}

/// As [`page`], with how many series it has and how long it took; `duration` says how long, once all else is done.
#[must_use]
pub fn complete(mut page: Page, duration: impl FnOnce() -> Duration) -> Page {
    let series = page.len() as u64 + 1;
    page.single(&families::SERIES, series);
    page.single(&families::SCRAPE_DURATION, duration().as_secs_f64());
    page
}

fn machine(page: &mut Page, account: &Account) {
    let machine = account.machine();
    let each = |page: &mut Page, count: fn(&crate::counted::OnPath) -> Option<u64>| {
        for ((path, socket), counts) in &machine.paths {
            if let Some(count) = count(counts) {
                let socket = socket.map_or("", |socket| socket.id());
                page.series([path.id().into(), socket.into()], count);
            }
        }
    };
    each(page.family(&families::MOVED_BYTES), |counts| Some(counts.moved));
    page.family(&families::COPIED_BYTES);
    for ((path, socket), counts) in &machine.paths {
        for (provenance, bytes) in &counts.copied {
            let socket = socket.map_or("", |socket| socket.id());
            page.series([path.id().into(), socket.into(), provenance.id().into()], *bytes);
        }
    }
    each(page.family(&families::UNKNOWN_MOVED_BYTES), |counts| counts.unknown);
    each(page.family(&families::OPS), |counts| Some(counts.ops));
    each(page.family(&families::ERRORS), |counts| Some(counts.errors));
    zerocopy(page, account);
    page.family(&families::DEVICE_DMA_READ_BYTES);
    for ((device, kind), dma) in account.devices() {
        page.series([device.clone().into(), kind.id().into()], dma.read);
    }
    page.family(&families::DEVICE_DMA_WRITE_BYTES);
    for ((device, kind), dma) in account.devices() {
        page.series([device.clone().into(), kind.id().into()], dma.write);
    }
}

fn zerocopy(page: &mut Page, account: &Account) {
    page.family(&families::ZEROCOPY_REQUESTED_BYTES);
    for (mechanism, counts) in account.zerocopy() {
        page.series([mechanism.id().into()], counts.requested);
    }
    page.family(&families::ZEROCOPY_ACHIEVED_BYTES);
    for (mechanism, counts) in account.zerocopy() {
        if let Some(bytes) = counts.achieved() {
            page.series([mechanism.id().into()], bytes);
        }
    }
    page.family(&families::ZEROCOPY_NOT_ACHIEVED_BYTES);
    for (mechanism, counts) in account.zerocopy() {
        for (reason, bytes) in &counts.not_achieved {
            page.series([mechanism.id().into(), reason.id().into()], *bytes);
        }
    }
}

fn counters(page: &mut Page, account: &Account) {
    for counter in CounterId::ALL {
        if let (Some(family), Some(count)) =
            (families::of_counter(*counter), account.counter(*counter))
        {
            match families::nanoseconds(*counter) {
                Some(_) => page.single(family, seconds(count)),
                None => page.single(family, count),
            };
        }
    }
}

fn parts(page: &mut Page, account: &Account) {
    let groups = account.guard().map_or(By::None, Guard::by);
    for part in Part::ALL {
        let counted: Vec<(&[Arc<str>], &Counted)> = match (part, account.guard()) {
            (Part::Group(by), Some(guard)) if by == groups => {
                let mut groups: Vec<_> = guard.groups().map(Group::parts).collect();
                groups.sort_unstable_by_key(|(labels, _)| *labels);
                groups
            }
            (Part::Other, Some(guard)) => vec![(&[], guard.other())],
            (Part::Expired, Some(guard)) => vec![(&[], guard.expired())],
            (Part::Unattributed, _) => vec![(&[], account.unattributed())],
            _ => continue,
        };
        for measure in Measure::ALL {
            part_of(page, account, (part, measure), &counted);
        }
        if let Part::Group(by) = part
            && let Some(family) = families::avoidable(by)
        {
            page.family(family);
            for (labels, counted) in &counted {
                for ((rule, certainty), bytes) in &counted.avoidable {
                    let rule = [rule.id().into(), certainty.id().into()];
                    page.series(labels.iter().map(Label::from).chain(rule), *bytes);
                }
            }
        }
        if part == Part::Group(By::Cgroup) {
            homes(page, &counted);
        }
    }
}

fn part_of(
    page: &mut Page,
    account: &Account,
    (part, measure): (Part, Measure),
    counted: &[(&[Arc<str>], &Counted)],
) {
    let counter = match measure {
        Measure::CpuSamples => Some(CounterId::CpuSamples),
        Measure::CopySamples => Some(CounterId::CopySamples),
        Measure::Moved | Measure::Copied => None,
    };
    if counter.is_some_and(|counter| account.counter(counter).is_none()) {
        return;
    }
    page.family(families::of_part(part, measure));
    for (labels, counted) in counted {
        let labels = || labels.iter().map(Label::from);
        match measure {
            Measure::Moved => {
                for ((path, _), counts) in &counted.paths {
                    page.series(labels().chain([path.id().into()]), counts.moved);
                }
            }
            Measure::Copied => {
                for ((path, _), counts) in &counted.paths {
                    for (provenance, bytes) in &counts.copied {
                        let of = [path.id().into(), provenance.id().into()];
                        page.series(labels().chain(of), *bytes);
                    }
                }
            }
            Measure::CpuSamples => {
                page.series(labels(), counted.cpu_samples);
            }
            Measure::CopySamples => {
                page.series(labels(), counted.copy_samples);
            }
        }
    }
}

/// Where control groups live.
fn homes(page: &mut Page, groups: &[(&[Arc<str>], &Counted)]) {
    page.family(&families::CGROUP_INFO);
    for cgroup in groups.iter().filter_map(|(labels, _)| labels.first()) {
        let home = Home::of(cgroup);
        let text = |text: Option<&str>| Label::from(text.unwrap_or_default().to_owned());
        let container = home.container;
        // As Kubernetes itself writes it: systemd does not allow dashes in the names of slices.
        let pod = home.pod.map(|pod| pod.replace('_', "-"));
        page.series(
            [
                Label::from(cgroup),
                text(container.map(|container| container.id)),
                text(pod.as_deref()),
                text(container.and_then(|container| container.runtime)),
                text(home.unit),
            ],
            1,
        );
    }
}

fn own(page: &mut Page, account: &Account, about: &About) {
    page.family(&families::LOSSES);
    if account.latest().is_some() {
        for (loss, count) in account.losses().iter() {
            page.series([loss.id().into()], count);
        }
    }
    page.family(&families::PROBE_ATTACHED);
    for (group, is_attached) in &about.probes {
        page.series([(*group).into()], u64::from(*is_attached));
    }
    if let Some(latest) = account.latest() {
        page.family(&families::LIMITATION);
        for limit in &latest.host.limitations {
            let labels = [
                limit.counter.id().into(),
                limit.provenance.id().into(),
                limit.reason.clone().into(),
            ];
            page.series(labels, 1);
        }
        let cost = &latest.self_cost;
        if let Some(ns) = cost.program_run_ns {
            page.single(&families::BPF_RUN_SECONDS, seconds(ns));
        }
        if let Some(runs) = cost.program_runs {
            page.single(&families::BPF_RUNS, runs);
        }
        page.single(&families::BPF_MAP_BYTES, cost.map_bytes);
        let build = [
            about.version.into(),
            latest.host.kernel.clone().into(),
            latest.host.arch.clone().into(),
        ];
        page.family(&families::BUILD).series(build, 1);
        page.single(&families::SNAPSHOT_TIMESTAMP, seconds(latest.taken_at_ns));
        page.single(&families::PROCESS_CPU_SECONDS, seconds(cost.cpu_ns));
        page.single(&families::PROCESS_RESIDENT_MEMORY_BYTES, cost.rss_bytes);
    }
    if let Some(guard) = account.guard() {
        page.single(&families::SERIES_FOLDED, guard.folded());
        page.single(&families::GROUPS, guard.groups().len() as u64);
    }
    page.single(&families::SNAPSHOTS, account.snapshots());
    page.single(&families::INTERVAL, about.interval.as_secs_f64());
    page.single(&families::PROCESS_START_TIME_SECONDS, about.started.as_secs_f64());
    if let Some(open) = open_descriptors() {
        page.single(&families::PROCESS_OPEN_FDS, open);
    }
    if let Some(most) = getrlimit(Resource::Nofile).current {
        page.single(&families::PROCESS_MAX_FDS, most);
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "2^53 ns are a hundred days, in seconds to the microsecond"
)]
fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

/// Descriptors of this process, that of the list itself not included.
fn open_descriptors() -> Option<u64> {
    let count = fs::read_dir("/proc/self/fd").ok()?.filter(Result::is_ok).count();
    Some(count.saturating_sub(1) as u64)
}

/// What a reader must know of copied bytes here, in words: where they come from, or why they are not known.
#[must_use]
pub fn provenance(provenance: Provenance) -> &'static str {
    match provenance {
        Provenance::Measured => "copied bytes are measured where the kernel copies",
        Provenance::Assumed => "copied bytes are assumed where no evidence shows otherwise",
        Provenance::Modelled => {
            "copied bytes are modelled: this kernel offers no hook where it copies, so the known behaviour of each \
             path is multiplied with its measured bytes"
        }
        Provenance::Unknown(_) => "where copied bytes come from is not known to this version of zc",
        Provenance::Unavailable => "copied bytes are not available here",
    }
}

/// Everything lost so far.
#[must_use]
pub fn lost(account: &Account) -> u64 {
    Loss::ALL.iter().fold(0, |sum: u64, loss| sum.saturating_add(account.losses()[*loss]))
}

#[cfg(test)]
mod tests;
