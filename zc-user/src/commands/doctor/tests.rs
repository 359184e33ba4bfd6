use zc_probe::{catalog::ProbeGroup, refusal::Refusal};

use super::*;

/// What doctor finds where these parts are missing.
fn findings(missing: &[Part]) -> (Coverage, Vec<Finding>) {
    let why = Refusal::NoKprobes;
    let refusal = |part| missing.contains(&part).then_some(&why);
    let coverage = Coverage::of(refusal, &[]);
    let findings = served(&coverage, &[]);
    (coverage, findings)
}

fn parts() -> impl Iterator<Item = Part> {
    Part::all().filter(|part| *part != Part::Functions)
}

#[test]
fn every_figure_has_the_provenance_that_the_coverage_gives_it() {
    for one in parts() {
        for other in parts() {
            let (coverage, findings) = findings(&[one, other]);
            let (mut paths, mut counters) = (BTreeMap::<&str, &str>::new(), BTreeMap::new());
            for finding in &findings {
                let gives = finding.gives.as_ref().unwrap();
                let is_measured = gives.provenance == Provenance::Measured.id();
                assert_eq!(finding.verdict == Verdict::Ok, is_measured, "{}", finding.what);
                assert_eq!(gives.reason.is_none(), is_measured, "{}", finding.what);
                paths.extend(gives.paths.clone());
                counters.extend(gives.counters.clone());
            }
            let which = format!("without {} and {}", one.id(), other.id());
            for path in zc_common::path::CopyPath::ALL {
                let expected = coverage.path(*path).provenance.id();
                assert_eq!(paths[path.id()], expected, "{}: {which}", path.id());
            }
            for counter in zc_model::counter::CounterId::ALL {
                let expected = coverage.counter(*counter).provenance.id();
                assert_eq!(counters[counter.id()], expected, "{}: {which}", counter.id());
            }
        }
    }
}

#[test]
fn a_group_that_another_one_replaces_is_no_loss() {
    let line = |missing: &[ProbeGroup], of: &str| {
        let missing: Vec<_> = missing.iter().copied().map(Part::Group).collect();
        let (_, findings) = findings(&missing);
        let finding = findings.into_iter().find(|it| it.check.trim() == of).unwrap();
        (finding.verdict, finding.what)
    };
    let (verdict, what) = line(&[ProbeGroup::Mmap], "mmap");
    assert_eq!(verdict, Verdict::Ok);
    assert!(what.ends_with(": measured by mapped: the kernel was built without kprobes"), "{what}");
    let (verdict, what) = line(&[ProbeGroup::Mapped], "mapped");
    assert_eq!(verdict, Verdict::Degraded);
    assert!(
        what.ends_with(": modelled, not measured: the kernel was built without kprobes"),
        "{what}"
    );
    for of in ["mmap", "mapped"] {
        let (verdict, what) = line(&[ProbeGroup::Mmap, ProbeGroup::Mapped], of);
        assert_eq!(verdict, Verdict::Degraded);
        assert!(
            what.ends_with(": unavailable, not measured: the kernel was built without kprobes"),
            "{what}"
        );
    }
}

#[test]
fn modules_that_are_not_loaded_are_named() {
    let coverage = Coverage::of(|_| None, &[]);
    let findings = served(&coverage, &["btrfs", "tls"]);
    let kprobes = findings.iter().find(|it| it.check.trim() == "kprobes").unwrap();
    assert!(kprobes.what.contains("not loaded: btrfs, tls"), "{}", kprobes.what);
    assert_eq!(kprobes.verdict, Verdict::Ok);
}
