use std::collections::HashMap;

use fastrand::Rng;
use zc_common::{loss::Loss, path::CopyPath};
use zc_model::{
    fixture::sketch::{path, process, snapshot},
    snapshot::{PathId, ProcessSample},
};

use super::*;
use crate::counted::Where;

const SECOND: u64 = 1_000_000_000;
const PATHS: [CopyPath; 5] = [
    CopyPath::FileRead,
    CopyPath::SocketSend,
    CopyPath::SendfileToSocket,
    CopyPath::SocketSendZerocopy,
    CopyPath::PipeWrite,
];

/// A machine on which groups come and go. Counts are cumulative; what is forgotten moves to a merged row.
struct Machine {
    random: Rng,
    seconds: u64,
    processes: Vec<ProcessSample>,
    unattributed: Vec<PathSample>,
    next_pid: u32,
}

impl Machine {
    fn new(seed: u64) -> Self {
        let random = Rng::with_seed(seed);
        Self { random, seconds: 0, processes: Vec::new(), unattributed: Vec::new(), next_pid: 2 }
    }

    fn begin(&mut self, group: &str) {
        let mut one = process(self.next_pid, &group[1..group.len().min(16)], &[]);
        one.id.start_ns = (1_000 + self.seconds) * SECOND;
        one.cgroup = Some(group.into());
        self.next_pid += 1;
        self.processes.push(one);
    }

    fn work(&mut self, at: usize) {
        let bytes = self.random.u64(0..1_000_003);
        let mut sample = path(self.random.choice(PATHS).unwrap(), 1, bytes);
        if self.random.u8(0..4) == 0 && sample.copied_bytes > 0 {
            sample.provenance = Provenance::Assumed;
            sample.assumed_bytes = sample.copied_bytes / 3;
        }
        let one = &mut self.processes[at];
        ledger::add(&mut one.paths, &[sample]);
        one.counters[CounterId::CpuSamples] += 3;
        one.counters[CounterId::CopySamples] += 1;
        ledger::reconcile(&mut one.counters, &one.paths);
        if self.random.u8(0..8) == 0 {
            ledger::add(&mut self.unattributed, &[path(CopyPath::FileWrite, 1, 101)]);
        }
    }

    fn snapshot(&mut self, seconds: u64) -> (Snapshot, u64) {
        self.seconds = seconds;
        let mut taken = snapshot(seconds, &self.processes);
        taken.unattributed.paths = self.unattributed.clone();
        (taken, (1_000 + seconds) * SECOND)
    }
}

/// An account, and the snapshot before.
struct Book {
    account: Account,
    previous: Option<Snapshot>,
    /// What the outputs of the model say was done: the sum of their totals.
    moved: HashMap<PathId, u64>,
    ops: u64,
    cpu_samples: u64,
    highest: HashMap<(Vec<String>, Where, String), u64>,
}

impl Book {
    fn new(by: By, groups: usize) -> Self {
        let limits = Limits { groups, age_ns: 30 * SECOND };
        Self {
            account: Account::new(by, limits),
            previous: None,
            moved: HashMap::new(),
            ops: 0,
            cpu_samples: 0,
            highest: HashMap::new(),
        }
    }

    fn take(&mut self, (next, boot_ns): (Snapshot, u64)) {
        let frame = match &self.previous {
            Some(previous) => Frame::between(previous, &next),
            None => Frame::cumulative(next.clone()),
        };
        for sample in &frame.totals.paths {
            *self.moved.entry(sample.path).or_default() += sample.moved_bytes;
            self.ops += sample.ops;
        }
        self.cpu_samples += frame.totals.counters[CounterId::CpuSamples];
        self.account.take(&next, &frame, boot_ns);
        self.previous = Some(next);
        self.check();
    }

    /// The parts are the machine, the machine is what the model says, and nothing falls.
    fn check(&mut self) {
        let machine = self.account.machine().without_sockets();
        let mut parts = self.account.unattributed().clone();
        if let Some(guard) = self.account.guard() {
            parts.absorb(guard.other());
            parts.absorb(guard.expired());
            guard.groups().for_each(|group| parts.absorb(&group.counted));
        } else {
            parts = machine.clone();
        }
        parts.avoidable.clear();
        let without_empty = |mut counted: Counted| {
            counted.paths.retain(|_, counts| *counts != Default::default());
            counted
        };
        assert_eq!(without_empty(parts), without_empty(machine.clone()));
        for (path, moved) in &self.moved {
            assert_eq!(machine.paths[&(*path, None)].moved, *moved, "{path:?}");
        }
        assert_eq!(machine.paths.values().map(|path| path.ops).sum::<u64>(), self.ops);
        assert_eq!(machine.cpu_samples, self.cpu_samples);
        let mut all = vec![(vec!["machine".to_owned()], self.account.machine())];
        all.push((vec!["unattributed".to_owned()], self.account.unattributed()));
        if let Some(guard) = self.account.guard() {
            all.push((vec!["other".to_owned()], guard.other()));
            for group in guard.groups() {
                let labels = group.labels.iter().map(|label| label.to_string());
                all.push((labels.chain(["group".to_owned()]).collect(), &group.counted));
            }
        }
        let mut now = HashMap::new();
        for (who, counted) in all {
            for (at, counts) in &counted.paths {
                let mut keep = |what: String, count| now.insert((who.clone(), *at, what), count);
                keep("moved".to_owned(), counts.moved);
                keep("ops".to_owned(), counts.ops);
                for (provenance, bytes) in &counts.copied {
                    keep(provenance.id().to_owned(), *bytes);
                }
            }
        }
        for (series, count) in &now {
            let before = self.highest.get(series).copied().unwrap_or(0);
            assert!(*count >= before, "{series:?} falls from {before} to {count}");
        }
        self.highest = now;
    }
}

#[test]
fn the_parts_are_the_machine_at_every_tick() {
    for (seed, by) in [(1, By::Cgroup), (2, By::Command), (3, By::Pid), (4, By::None)] {
        let (mut machine, mut book) = (Machine::new(seed), Book::new(by, 4));
        let mut seconds = 0;
        for tick in 0..150 {
            if tick % 3 == 0 {
                let group = format!("/group-{}", machine.random.u8(0..12));
                machine.begin(&group);
            }
            let works = machine.random.usize(0..6);
            for _ in 0..works {
                let at = machine.random.usize(0..machine.processes.len());
                machine.work(at);
            }
            if machine.processes.len() > 8 {
                let at = machine.random.usize(0..machine.processes.len());
                machine.processes.remove(at);
            }
            // Now and then long enough for groups to end.
            seconds += if tick % 40 == 39 { 700 } else { 5 };
            let taken = machine.snapshot(seconds);
            book.take(taken);
        }
        let expired = book.account.guard().map_or(0, |guard| guard.expired().paths.len());
        assert!(by == By::None || expired > 0, "some groups have ended");
    }
}

#[test]
fn ten_thousand_groups_have_few_series_and_no_byte_is_missing() {
    let (mut machine, mut book) = (Machine::new(7), Book::new(By::Cgroup, 200));
    for group in 0..10_000 {
        machine.begin(&format!("/kubepods/pod-{group}"));
    }
    for tick in 1..=8 {
        for at in 0..machine.processes.len() {
            if tick == 1 || at % 7 == tick {
                machine.work(at);
            }
        }
        let taken = machine.snapshot(tick as u64 * 20);
        book.take(taken);
    }
    let guard = book.account.guard().unwrap();
    assert_eq!(guard.groups().len(), 200);
    assert_eq!(guard.folded(), 9_800);
    let series: usize = guard.groups().map(|group| group.counted.paths.len()).sum();
    assert!(series <= 200 * PATHS.len(), "{series}");
}

#[test]
fn what_a_later_interval_takes_back_is_not_taken_back_from_a_counter() {
    let mut account = Account::new(By::None, Limits { groups: 1, age_ns: 0 });
    let mut one = process(7, "sender", &[path(CopyPath::SocketSendZerocopy, 1, 10_007)]);
    one.paths[0].provenance = Provenance::Measured;
    one.counters[CounterId::ZerocopyRequestedBytes] = 10_007;
    ledger::reconcile(&mut one.counters, &one.paths);
    let first = snapshot(1, &[one.clone()]);
    account.take(&first, &Frame::cumulative(first.clone()), 0);
    let sends = |account: &Account| account.zerocopy()[&Mechanism::ZerocopySends].clone();
    assert_eq!((sends(&account).requested, sends(&account).achieved()), (10_007, Some(10_007)));
    // All of it was copied on arrival; then twice as much is sent, and not copied.
    one.paths[0].copied_bytes = 10_007;
    one.counters[CounterId::ZerocopyCopiedLaterBytes] = 10_007;
    ledger::reconcile(&mut one.counters, &one.paths);
    let second = snapshot(2, &[one.clone()]);
    account.take(&second, &Frame::between(&first, &second), 0);
    assert_eq!(sends(&account).achieved(), Some(10_007), "it never falls");
    assert_eq!(sends(&account).not_achieved[&Reason::LocalReceiver], 10_007);
    one.paths[0].moved_bytes = 30_021;
    one.counters[CounterId::ZerocopyRequestedBytes] = 30_021;
    ledger::reconcile(&mut one.counters, &one.paths);
    let third = snapshot(3, &[one]);
    account.take(&third, &Frame::between(&second, &third), 0);
    assert_eq!((sends(&account).requested, sends(&account).achieved()), (30_021, Some(20_014)));
}

#[test]
fn losses_that_are_taken_back_stay() {
    let mut account = Account::new(By::None, Limits { groups: 1, age_ns: 0 });
    for (second, unseen) in [(1, 5), (2, 0), (3, 4), (4, 9)] {
        let mut taken = snapshot(second, &[]);
        taken.losses[Loss::AioUnseen] = unseen;
        account.take(&taken, &Frame::cumulative(taken.clone()), 0);
        assert_eq!(account.losses()[Loss::AioUnseen], if second == 4 { 9 } else { 5 });
    }
}

#[test]
fn a_counter_that_is_not_known_is_not_zero() {
    let mut account = Account::new(By::None, Limits { groups: 1, age_ns: 0 });
    let mut taken = snapshot(1, &[]);
    let mut host = (*taken.host).clone();
    host.limitations.push(zc_model::snapshot::Limitation {
        counter: CounterId::CpuSamples.into(),
        provenance: Provenance::Unavailable,
        reason: "no sampler".to_owned(),
    });
    taken.host = host.into();
    account.take(&taken, &Frame::cumulative(taken.clone()), 0);
    assert_eq!(account.counter(CounterId::CpuSamples), None);
    assert_eq!(account.counter(CounterId::LibraryCopySamples), None, "it is not looked for");
    assert_eq!(account.counter(CounterId::MmapCalls), Some(0));
}
