use std::collections::HashSet;

use zc_common::path::{CopyPath, SocketKind};
use zc_model::{
    fixture::sketch::{path, process, snapshot, socket},
    frame::Frame,
};

use super::*;
use crate::{
    exposition::{Format, Number},
    families::ALL,
    guard::Limits,
};

const SECOND: u64 = 1_000_000_000;

fn about() -> About {
    About {
        version: "0.0.7",
        started: Duration::from_secs(1_700_000_000),
        interval: Duration::from_secs(5),
        probes: vec![("core", true), ("kprobes", false)],
    }
}

/// An account of two snapshots of three processes, two of them in a container.
fn account(by: By) -> Account {
    let mut account = Account::new(by, Limits { groups: 200, age_ns: 0 });
    let machine = |factor: u64| {
        let mut all = vec![
            process(7, "a\"} 1\nzc_up 0", &[path(CopyPath::FileRead, 1, 101 * factor)]),
            process(8, "nginx", &[path(CopyPath::SendfileToSocket, 1, 103 * factor)]),
            process(
                9,
                "send",
                &[socket(CopyPath::SocketSend, SocketKind::ALL[0], 1, 107 * factor)],
            ),
        ];
        for process in &mut all[..2] {
            process.cgroup = Some(
                "/kubepods.slice/kubepods-pod0a1b2c3d_1111_2222_3333_444455556666.slice/cri-containerd-\
                 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope"
                    .into(),
            );
        }
        let mut taken = snapshot(factor, &all);
        taken.unattributed.paths = vec![path(CopyPath::FileWrite, 1, 109 * factor)];
        taken
    };
    let (first, second) = (machine(1), machine(2));
    account.take(&first, &Frame::cumulative(first.clone()), 1_000 * SECOND);
    account.take(&second, &Frame::between(&first, &second), 1_001 * SECOND);
    account
}

fn number(page: &Page, family: &str, labels: &[&str]) -> Option<Number> {
    let (_, series) = page.families().iter().find(|(it, _)| it.name == family)?;
    let is_it = |texts: &[Label]| texts.iter().map(Label::as_str).eq(labels.iter().copied());
    series.iter().find(|series| is_it(&series.labels)).map(|series| series.number)
}

#[test]
fn the_parts_add_up_to_the_machine_as_a_query_would_add_them() {
    for by in By::ALL {
        let page = page(&account(by), &about());
        let sum = |names: &[&str]| -> u64 {
            let of = page.families().iter().filter(|(family, _)| names.contains(&&*family.name));
            let numbers = of.flat_map(|(_, series)| series).map(|series| series.number);
            numbers.map(|it| if let Number::Whole(it) = it { it } else { 0 }).sum()
        };
        let machine = sum(&["zc_moved_bytes_total"]);
        assert_eq!(machine, 2 * (101 + 103 + 107 + 109));
        assert_eq!(sum(&["zc_unattributed_moved_bytes_total"]), 218);
        if by != By::None {
            let groups = format!("zc_{}_moved_bytes_total", by.id());
            let parts = ["zc_other_moved_bytes_total", "zc_expired_moved_bytes_total"];
            let parts = [&*groups, parts[0], parts[1], "zc_unattributed_moved_bytes_total"];
            assert_eq!(sum(&parts), machine, "{by:?}");
            assert!(sum(&[&groups]) > 0, "{by:?}");
        }
    }
}

#[test]
fn every_series_is_of_the_table_and_none_is_there_twice() {
    for by in By::ALL {
        let page = complete(page(&account(by), &about()), || Duration::from_millis(3));
        let mut families = HashSet::new();
        for (family, series) in page.families() {
            assert!(ALL.contains(family), "{}", family.name);
            assert!(families.insert(&family.name), "{} twice", family.name);
            assert!(family.when.holds(by) || series.is_empty(), "{} with {by:?}", family.name);
            let mut labels = HashSet::new();
            for series in series {
                let texts: Vec<_> = series.labels.iter().map(|it| it.as_str().to_owned()).collect();
                assert!(labels.insert(texts), "{} {:?} twice", family.name, series.labels);
            }
        }
    }
}

#[test]
fn what_is_exposed_is_what_was_counted() {
    let page = page(&account(By::Cgroup), &about());
    let of = |family, labels: &[&str]| number(&page, family, labels);
    let whole = |number: u64| Some(Number::Whole(number));
    assert_eq!(of("zc_moved_bytes_total", &["file_read", ""]), whole(202));
    let kind = SocketKind::ALL[0].id();
    assert_eq!(of("zc_moved_bytes_total", &["socket_send", kind]), whole(214));
    assert_eq!(of("zc_copied_bytes_total", &["sendfile_to_socket", "", "measured"]), whole(0));
    assert_eq!(of("zc_losses_total", &["slots_exhausted"]), whole(0));
    assert_eq!(of("zc_probe_attached", &["kprobes"]), whole(0));
    assert_eq!(of("zc_zerocopy_requested_bytes_total", &["sendfile"]), whole(206));
    assert_eq!(of("zc_zerocopy_achieved_bytes_total", &["sendfile"]), whole(206));
    assert_eq!(of("zc_build_info", &["0.0.7", "6.12", "x86_64"]), whole(1));
    let (_, homes) = page.families().iter().find(|(it, _)| it.name == "zc_cgroup_info").unwrap();
    assert_eq!(homes.len(), 1);
    assert_eq!(homes[0].labels[2].as_str(), "0a1b2c3d-1111-2222-3333-444455556666");
    assert_eq!(homes[0].labels[3].as_str(), "containerd");
}

#[test]
fn before_the_first_snapshot_nothing_is_claimed() {
    let empty = Account::new(By::Cgroup, Limits { groups: 1, age_ns: 0 });
    let page = page(&empty, &about());
    for (family, series) in page.families() {
        let is_own = family.name.starts_with("process_")
            || ["zc_probe_attached", "zc_snapshots_total", "zc_interval_seconds", "zc_groups"]
                .contains(&&*family.name)
            || family.name == "zc_series_folded_total";
        let samples = family.name.ends_with("_samples_total");
        assert!(series.is_empty() || is_own && !samples, "{}", family.name);
    }
}

#[test]
fn a_page_counts_its_series() {
    let page = complete(page(&account(By::Command), &about()), || Duration::from_millis(3));
    let text = page.encode(Format::Prometheus).unwrap();
    let samples = text.lines().filter(|line| !line.starts_with('#')).count();
    let said = text.lines().find_map(|line| line.strip_prefix("zc_series ")).unwrap();
    assert_eq!(said.parse::<usize>().unwrap(), samples - 1);
    assert!(text.contains("\nzc_scrape_duration_seconds 0.003\n"), "{text}");
}
