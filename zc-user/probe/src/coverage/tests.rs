use std::collections::BTreeMap;

use zc_common::{
    path::{LANES, lane_path},
    record::LaneCount,
};

use super::*;
use crate::record_sum::RecordSum;

use Provenance::{Assumed, Measured, Modelled, Unavailable};

/// All is attached but these parts.
fn without(missing: &[Part]) -> Coverage {
    let refusals: Vec<_> = missing.iter().map(|part| (*part, Refusal::Disabled(*part))).collect();
    Coverage::of(|part| refusals.iter().find(|(it, _)| *it == part).map(|(_, why)| why), &[])
}

fn groups(missing: &[ProbeGroup]) -> Coverage {
    without(&missing.iter().copied().map(Part::Group).collect::<Vec<_>>())
}

/// Every path and counter that is not measured, by id.
fn limited(coverage: &Coverage) -> BTreeMap<&'static str, Provenance> {
    let paths = CopyPath::ALL.iter().map(|path| (path.id(), coverage.path(*path).provenance));
    let counters =
        CounterId::ALL.iter().map(|counter| (counter.id(), coverage.counter(*counter).provenance));
    paths.chain(counters).filter(|(_, provenance)| *provenance != Measured).collect()
}

/// Paths and counters of one provenance, by id.
type Limited = (&'static [&'static str], Provenance);

/// What is not measured without each part, all others attached, and what that makes of the part.
const ALONE: &[(&str, Provenance, &[Limited])] = &[
    ("faults", Modelled, &[(&["mode_switches"], Modelled)]),
    ("page_cache", Unavailable, &[(&["page_cache_hits", "page_cache_misses"], Unavailable)]),
    ("mmap", Measured, &[]),
    (
        "block",
        Unavailable,
        &[(&["block_read_bytes", "block_write_bytes", "block_dirtied_bytes"], Unavailable)],
    ),
    ("writeback", Unavailable, &[(&["block_dirtied_bytes"], Unavailable)]),
    ("dma", Unavailable, &[]),
    ("swiotlb", Unavailable, &[]),
    ("iommu", Unavailable, &[]),
    ("net", Unavailable, &[]),
    ("io_uring", Unavailable, &[(&["uring_ops", "uring_punted_ops"], Unavailable)]),
    (
        "tax",
        Unavailable,
        &[(
            &[
                "cpu_samples",
                "copy_samples",
                "library_copy_samples",
                "inlined_copy_samples",
                "copy_fault_samples",
                "no_file_samples",
                "unknown_code_samples",
                "relaying_cpu_samples",
            ],
            Unavailable,
        )],
    ),
    (
        "copy_files",
        Modelled,
        &[
            (
                &[
                    "file_read",
                    "file_write",
                    "direct_read",
                    "direct_write",
                    "pseudo_read",
                    "pseudo_write",
                    "sendfile_to_file",
                    "sendfile_to_pipe",
                    "sendfile_to_pseudo",
                    "splice_file_pipe",
                    "splice_pipe_file",
                    "splice_pipe_pseudo",
                    "copy_range_reflink",
                    "copy_range_copied",
                    "process_vm",
                    "copied_bytes",
                ],
                Modelled,
            ),
            (&["kernel_copy"], Unavailable),
        ],
    ),
    (
        "copy_pipes",
        Modelled,
        &[(
            &[
                "pipe_read",
                "pipe_write",
                "vmsplice",
                "tee",
                "splice_socket_pipe",
                "splice_pipe_pipe",
                "copied_bytes",
            ],
            Modelled,
        )],
    ),
    (
        "copy_sockets",
        Modelled,
        &[
            (
                &[
                    "socket_recv",
                    "socket_send",
                    "socket_recv_zerocopy",
                    "sendfile_to_socket",
                    "splice_pipe_socket",
                    "splice_socket_pipe",
                    "copied_bytes",
                ],
                Modelled,
            ),
            (&["socket_send_zerocopy"], Unavailable),
            (LATE, Unavailable),
        ],
    ),
    (
        "copy_late",
        Unavailable,
        &[(&["socket_send_zerocopy", "skb_linearize"], Unavailable), (LATE, Unavailable)],
    ),
    ("copy_faults", Modelled, &[(&["cow_copy", "cow_copied_bytes"], Modelled)]),
    ("mapped", Modelled, &[(&["mmap_read", "mmap_write"], Modelled)]),
    ("bounce", Unavailable, &[(&["swiotlb_bounce"], Unavailable)]),
    ("kprobes", Assumed, &[(&["copied_bytes"], Assumed), (&["transformed_bytes"], Unavailable)]),
];

const LATE: &[&str] = &[
    "zerocopy_achieved_bytes",
    "zerocopy_copied_later_bytes",
    "zerocopy_linearized_bytes",
    "referenced_linearized_bytes",
    "zerocopy_pulled_bytes",
    "referenced_pulled_bytes",
    "transformed_bytes",
];

fn parts() -> impl Iterator<Item = Part> {
    Part::all().filter(|part| *part != Part::Functions)
}

#[test]
fn each_part_takes_its_own_figures_away_and_no_others() {
    assert!(limited(&without(&[])).is_empty());
    for part in parts() {
        let (_, provenance, expected) = ALONE.iter().find(|(id, ..)| *id == part.id()).unwrap();
        let expected: BTreeMap<_, _> =
            expected.iter().flat_map(|(ids, it)| ids.iter().map(|id| (*id, *it))).collect();
        let coverage = without(&[part]);
        assert_eq!(limited(&coverage), expected, "{}", part.id());
        for cover in coverage.parts() {
            let is_it = cover.part == part;
            let expected = if is_it { *provenance } else { Measured };
            assert_eq!(cover.provenance, expected, "{} without {}", cover.part.id(), part.id());
            assert_eq!(cover.refusal, is_it.then_some(Refusal::Disabled(part)));
        }
    }
}

#[test]
fn a_group_that_stands_in_says_so_until_it_is_missing_too() {
    let by = |group| Some(Part::Group(group));
    // Mapped pages: one by one, else by the range that is tried, else not at all.
    let mapped = |coverage: &Coverage| coverage.path(CopyPath::MmapRead).clone();
    let cover = mapped(&without(&[]));
    assert_eq!((cover.provenance, cover.served_by), (Measured, by(ProbeGroup::Mapped)));
    let cover = mapped(&groups(&[ProbeGroup::Mmap]));
    assert_eq!((cover.provenance, cover.served_by), (Measured, by(ProbeGroup::Mapped)));
    let cover = mapped(&groups(&[ProbeGroup::Mapped]));
    assert_eq!((cover.provenance, cover.served_by), (Modelled, by(ProbeGroup::Mmap)));
    let both = groups(&[ProbeGroup::Mapped, ProbeGroup::Mmap]);
    assert_eq!((mapped(&both).provenance, mapped(&both).served_by), (Unavailable, None));
    for part in both.parts().iter().filter(|part| part.refusal.is_some()) {
        assert_eq!(part.provenance, Unavailable, "{}", part.part.id());
    }
    // Copies on write: where they are made, else an upper bound, else not at all.
    let broken = |coverage: &Coverage| {
        let path = coverage.path(CopyPath::CowCopy).clone();
        assert_eq!(coverage.counter(CounterId::CowCopiedBytes), &path);
        path
    };
    assert_eq!(broken(&without(&[])).served_by, by(ProbeGroup::CopyFaults));
    assert_eq!(broken(&groups(&[ProbeGroup::Faults])).served_by, by(ProbeGroup::CopyFaults));
    let cover = broken(&groups(&[ProbeGroup::CopyFaults]));
    assert_eq!((cover.provenance, cover.served_by), (Modelled, by(ProbeGroup::Faults)));
    assert!(cover.reason.unwrap().starts_with("upper bound"));
    let cover = broken(&groups(&[ProbeGroup::CopyFaults, ProbeGroup::Faults]));
    assert_eq!((cover.provenance, cover.served_by), (Unavailable, None));
    assert_eq!(cover.reason.as_deref(), Some("disabled by --without faults"));
}

/// The limitations of a counter.
fn limits(coverage: &Coverage, counter: CounterId) -> Vec<(Provenance, &str)> {
    let limits = coverage.limitations().iter().filter(|limit| limit.counter == counter);
    limits.map(|limit| (limit.provenance, limit.reason.as_str())).collect()
}

/// A sum with something on every lane, of which `assumed` bytes of file writes are assumed to be copied.
fn sum(assumed: u64) -> RecordSum {
    let mut sum = RecordSum::default();
    for lane in 0..LANES {
        let assumed = if lane == CopyPath::FileWrite as usize { assumed } else { 0 };
        sum.add_lane(lane, &LaneCount { ops: 1, bytes: 7, copied: 3, assumed, errors: 0 });
    }
    sum
}

#[test]
fn limitations_and_paths_agree_with_the_coverage_whatever_is_missing() {
    for one in parts() {
        for other in parts() {
            let coverage = without(&[one, other]);
            let which = format!("without {} and {}", one.id(), other.id());
            for counter in CounterId::ALL {
                let limits = limits(&coverage, *counter);
                let worst = limits.iter().map(|(provenance, _)| *provenance).max();
                let known = coverage.counter(*counter);
                assert_eq!(
                    known.provenance,
                    worst.unwrap_or(Measured),
                    "{}: {which}",
                    counter.id()
                );
                let has_reason = limits.iter().any(|(_, it)| known.reason.as_deref() == Some(it));
                assert!(has_reason || limits.is_empty(), "{}: {which}", counter.id());
            }
            let (_, samples) = sum(0).take_sample(&coverage);
            assert_eq!(samples.len(), LANES);
            for sample in samples {
                let path = sample.path.known().unwrap();
                let known = coverage.path(path);
                // What is certain of the kernel's own copies is counted without sites, too.
                let is_certain = path == CopyPath::KernelCopy && known.provenance == Unavailable;
                let provenance = if is_certain { Modelled } else { known.provenance };
                assert_eq!(sample.provenance, provenance, "{}: {which}", path.id());
                let copied = match known.provenance {
                    Measured => 3,
                    Modelled if path.takes_evidence() => 3,
                    _ if is_certain => 3,
                    Modelled => 7 * path.modelled_copies().unwrap(),
                    _ => 0,
                };
                assert_eq!(sample.copied_bytes, copied, "{}: {which}", path.id());
            }
        }
    }
}

#[test]
fn bytes_that_nothing_explains_are_assumed_only_where_copies_are_measured() {
    let sample = |coverage: &Coverage| {
        let (_, samples) = sum(4).take_sample(coverage);
        let sample = samples.into_iter().find(|it| it.path == CopyPath::FileWrite).unwrap();
        (sample.copied_bytes, sample.assumed_bytes, sample.provenance)
    };
    assert_eq!(sample(&without(&[])), (7, 4, Assumed));
    assert_eq!(sample(&groups(&[ProbeGroup::CopyFiles])), (7, 0, Modelled));
}

#[test]
fn without_copies_measured_bytes_that_nothing_explains_are_unknown_where_it_depends() {
    let coverage = groups(&[ProbeGroup::CopyFiles, ProbeGroup::CopySockets]);
    let sample = |path: CopyPath, copied, assumed| {
        let mut sum = RecordSum::default();
        let count = LaneCount { ops: 2, bytes: 11, copied, assumed, errors: 0 };
        sum.add_lane(path as usize, &count);
        let (_, samples) = sum.take_sample(&coverage);
        (samples[0].copied_bytes, samples[0].assumed_bytes, samples[0].provenance)
    };
    // What goes into a file is copied, or not, as the kernel side has found.
    for path in [
        CopyPath::DirectWrite,
        CopyPath::SendfileToSocket,
        CopyPath::SendfileToFile,
        CopyPath::SplicePipeFile,
        CopyPath::CopyRangeCopied,
    ] {
        assert_eq!(sample(path, 0, 0), (0, 0, Modelled), "{path:?}");
        assert_eq!(sample(path, 7, 0), (7, 0, Modelled), "{path:?}");
        assert_eq!(sample(path, 7, 4), (7, 4, Unavailable), "{path:?}");
    }
    assert_eq!(sample(CopyPath::PseudoRead, 0, 4), (4, 4, Assumed));
    assert_eq!(sample(CopyPath::CopyRangeCopied, 11, 0), (11, 0, Modelled));
    assert_eq!(sample(CopyPath::CopyRangeCopied, 0, 11).2, Unavailable);
    assert_eq!(sample(CopyPath::KernelCopy, 5, 0), (5, 0, Modelled));
    assert_eq!(sample(CopyPath::KernelCopy, 5, 1).2, Unavailable);
}

#[test]
fn what_is_said_of_copies_has_each_reason_once() {
    let copied = CounterId::CopiedBytes;
    let coverage = without(&[
        Part::Group(ProbeGroup::CopyPipes),
        Part::Group(ProbeGroup::CopySockets),
        Part::Kprobes,
    ]);
    let of_it = limits(&coverage, copied);
    assert_eq!(of_it.len(), 2, "{of_it:?}");
    assert!(
        of_it[0].0 == Modelled
            && of_it[0].1.starts_with("disabled by --without copy_pipes; instead"),
        "{of_it:?}"
    );
    assert!(
        of_it[1].0 == Assumed && of_it[1].1.ends_with("not hooked: disabled by --without kprobes"),
        "{of_it:?}"
    );
    // They are what a reader looks for first.
    assert_eq!(coverage.limitations()[0].counter, copied);
    assert_eq!(coverage.copies(), Modelled);
    // Modules add nothing to a group that is missing as a whole.
    let coverage = without(&[Part::Group(ProbeGroup::CopyFiles), Part::Kprobes]);
    assert_eq!(limits(&coverage, copied).len(), 1);
    assert_eq!(without(&[Part::Kprobes]).copies(), Measured);
}

#[test]
fn modules_that_are_not_hooked_are_all_named() {
    let late = |name| Module { name, is_late: true };
    let modules = [late("btrfs"), Module { name: "netfs", is_late: false }, late("tls")];
    let coverage = Coverage::of(|_| None, &modules);
    let copied = limits(&coverage, CounterId::CopiedBytes);
    assert_eq!(copied.len(), 2);
    assert!(copied[0].0 == Assumed && copied[0].1.contains("btrfs was loaded"), "{copied:?}");
    assert!(copied[1].1.contains("netfs has no function"), "{copied:?}");
    let encrypted = limits(&coverage, CounterId::TransformedBytes);
    assert!(encrypted[0].0 == Unavailable && encrypted[0].1.contains("tls"), "{encrypted:?}");
    assert_eq!(coverage.counter(CounterId::CopiedBytes).provenance, Assumed);
    assert_eq!(coverage.copies(), Measured);
}

#[test]
fn a_sampler_or_a_device_that_is_missing_changes_no_path() {
    let coverage = groups(&[ProbeGroup::Dma, ProbeGroup::Swiotlb]);
    assert!(!coverage.has(DeviceFigure::Mapped) && !coverage.has(DeviceFigure::Bounced));
    assert!(coverage.has(DeviceFigure::Block) && coverage.has(DeviceFigure::Iommu));
    for lane in 0..LANES {
        assert_eq!(coverage.path(lane_path(lane).0).provenance, Measured);
    }
}
