use std::collections::HashMap;

use anyhow::bail;
use zc_common::{
    COMM_LEN,
    path::CopyPath,
    record::{
        Counters as ThreadCounters, FLAG_GROUP_DEAD, LaneCount, STATE_DEAD, STATE_EXITED,
        STATE_LIVE,
    },
};

use super::*;
use zc_model::counter::CounterId;

/// The records of the kernel side, and the calls that are in none of them yet.
#[derive(Default)]
struct Kernel {
    records: HashMap<u32, (Header, RecordSum)>,
    pending: Vec<(u32, u64)>,
}

/// A thread of the process `tgid`, which started when its id says.
fn header(tgid: u32, pid: u32) -> Header {
    let mut comm = [0; COMM_LEN];
    comm[..3].copy_from_slice(b"cat");
    Header {
        state: STATE_LIVE,
        flags: 0,
        pid,
        tgid,
        start_ns: pid.into(),
        process_start_ns: tgid.into(),
        parent_tgid: 1,
        parent_start_ns: 1,
        cgroup_id: 0,
        user: 0,
        comm,
    }
}

fn id(pid: u32) -> ProcessId {
    ProcessId { pid, start_ns: pid.into() }
}

fn everything_measured() -> Coverage {
    Coverage::of(|_| None, &[])
}

impl Kernel {
    fn start(&mut self, slot: u32, tgid: u32, pid: u32) {
        self.records.insert(slot, (header(tgid, pid), RecordSum::default()));
    }

    /// The thread in `slot` makes `calls` system calls, each of which reads 10 bytes of a file.
    fn read(&mut self, slot: u32, calls: u64) {
        let sum = &mut self.records.get_mut(&slot).unwrap().1;
        sum.add_counters(&ThreadCounters { syscalls: calls, ..ThreadCounters::ZERO });
        let count =
            LaneCount { ops: calls, bytes: 10 * calls, copied: 10 * calls, ..LaneCount::ZERO };
        sum.add_lane(CopyPath::FileRead as usize, &count);
    }

    /// Lets `processes` see the records in these slots.
    fn scan(&self, processes: &mut Processes, slots: &[u32]) {
        for slot in slots {
            processes.touch(*slot, &self.records[slot].0);
        }
    }

    fn refresh(&self, processes: &mut Processes) {
        let add = |slot, sum: &mut RecordSum| {
            sum.add(&self.records[&slot].1);
            Ok(())
        };
        processes.refresh(add, &everything_measured()).unwrap();
        processes.add_pending(self.pending.iter().copied(), |slot, thread| {
            let record = self.records.get(&slot).map(|(header, _)| header);
            record.is_some_and(|header| header.state == STATE_LIVE && header.pid == thread)
        });
    }

    fn settle(&self, processes: &mut Processes) {
        if processes.is_unsettled() {
            self.refresh(processes);
        }
    }

    /// The thread in `slot` has left its CPU for good.
    fn end(&mut self, processes: &mut Processes, slot: u32, is_last: bool) {
        let (mut header, sum) = self.records.remove(&slot).unwrap();
        header.state = STATE_DEAD;
        header.flags |= if is_last { FLAG_GROUP_DEAD } else { 0 };
        let add = |retired: &mut RecordSum| {
            retired.add(&sum);
            Ok(())
        };
        processes.retire(slot, &header, add, &everything_measured()).unwrap();
    }
}

fn samples(processes: &mut Processes) -> Vec<Arc<ProcessSample>> {
    processes.samples(|_, _, _| None)
}

/// System calls, and calls and bytes on the path of file reads, of all samples.
fn totals(processes: &mut Processes) -> (u64, u64, u64) {
    samples(processes).iter().fold((0, 0, 0), |(syscalls, ops, bytes), sample| {
        let reads = sample.paths.iter().filter(|path| path.path == CopyPath::FileRead);
        let (of_path, moved) =
            reads.fold((0, 0), |(ops, bytes), path| (ops + path.ops, bytes + path.moved_bytes));
        (syscalls + sample.counters[CounterId::Syscalls], ops + of_path, bytes + moved)
    })
}

#[test]
fn a_sample_changes_when_its_records_do() {
    let (mut kernel, mut processes) = (Kernel::default(), Processes::default());
    kernel.start(5, 70, 70);
    kernel.start(6, 80, 80);
    kernel.read(5, 3);
    kernel.read(6, 4);
    kernel.scan(&mut processes, &[5, 6]);
    kernel.refresh(&mut processes);
    let first = samples(&mut processes);
    assert_eq!(first.iter().map(|sample| sample.id).collect::<Vec<_>>(), [id(70), id(80)]);
    kernel.read(6, 7);
    kernel.scan(&mut processes, &[6]);
    kernel.refresh(&mut processes);
    let second = samples(&mut processes);
    assert!(Arc::ptr_eq(&first[0], &second[0]));
    let calls = |sample: &ProcessSample| sample.counters[CounterId::Syscalls];
    // The snapshot before keeps what it had.
    assert_eq!((calls(&first[1]), calls(&second[1])), (4, 11));
    assert_eq!(second[1].paths[0].moved_bytes, 110);
    // Looked at again without having counted anything.
    kernel.scan(&mut processes, &[5, 6]);
    kernel.refresh(&mut processes);
    assert!(samples(&mut processes).iter().zip(&second).all(|(a, b)| Arc::ptr_eq(a, b)));
}

#[test]
fn a_sample_that_a_snapshot_holds_never_changes() {
    let (mut kernel, mut processes) = (Kernel::default(), Processes::default());
    kernel.start(5, 70, 70);
    let mut held = Vec::new();
    for round in 1..=7 {
        kernel.read(5, 1);
        if round == 4 {
            let header = &mut kernel.records.get_mut(&5).unwrap().0;
            header.comm[..3].copy_from_slice(b"dog");
        }
        kernel.scan(&mut processes, &[5]);
        kernel.refresh(&mut processes);
        let snapshot = samples(&mut processes);
        // Some are held for long, some until the next one is there, some not at all.
        if round % 3 > 0 {
            held.push((round, Arc::clone(&snapshot[0])));
        }
        if held.len() > 3 {
            held.remove(1);
        }
        for (round, sample) in &held {
            assert_eq!(sample.counters[CounterId::Syscalls], *round);
            assert_eq!(sample.paths[0].moved_bytes, 10 * round);
            assert_eq!(&*sample.comm, if *round < 4 { "cat" } else { "dog" });
        }
        assert_eq!(totals(&mut processes), (round, round, 10 * round));
    }
    let process = processes.all.iter().flatten().next().unwrap();
    assert!(process.has_spare());
    kernel.refresh(&mut processes);
    let process = processes.all.iter().flatten().next().unwrap();
    assert!(!process.has_spare(), "one that is idle keeps no memory for another sample");
}

#[test]
fn the_threads_of_a_process_are_one_whatever_becomes_of_them() {
    let (mut kernel, mut processes) = (Kernel::default(), Processes::default());
    let slots: Vec<u32> = (1..=7).collect();
    for slot in &slots {
        kernel.start(*slot, 101, 100 + slot);
        kernel.read(*slot, u64::from(*slot));
    }
    kernel.scan(&mut processes, &slots);
    kernel.refresh(&mut processes);
    assert_eq!(totals(&mut processes), (28, 28, 280));
    for slot in [3, 1, 7] {
        kernel.read(slot, 100);
        kernel.end(&mut processes, slot, false);
    }
    kernel.read(2, 1000);
    kernel.scan(&mut processes, &[2]);
    kernel.refresh(&mut processes);
    assert_eq!(totals(&mut processes), (1328, 1328, 13_280));
    // A slot is reused by another process.
    kernel.start(3, 500, 500);
    kernel.read(3, 13);
    kernel.scan(&mut processes, &[3]);
    kernel.refresh(&mut processes);
    let counts: Vec<u64> =
        samples(&mut processes).iter().map(|sample| sample.counters[CounterId::Syscalls]).collect();
    assert_eq!(counts, [1328, 13]);
    for slot in [2, 4, 5, 6] {
        kernel.end(&mut processes, slot, slot == 6);
    }
    kernel.refresh(&mut processes);
    let exited: Vec<bool> = samples(&mut processes).iter().map(|sample| sample.exited).collect();
    assert_eq!(exited, [true, false]);
    assert_eq!(totals(&mut processes), (1341, 1341, 13_410));
}

#[test]
fn pending_calls_are_counted_once() {
    let (mut kernel, mut processes) = (Kernel::default(), Processes::default());
    kernel.start(5, 70, 70);
    kernel.start(6, 70, 71);
    kernel.read(5, 3);
    kernel.scan(&mut processes, &[5, 6]);
    // Both threads run, each on a CPU of its own.
    kernel.pending = vec![(70, 10), (71, 100), (0, 5), (99, 7)];
    kernel.refresh(&mut processes);
    assert_eq!(totals(&mut processes).0, 113);
    // Nothing is in the records yet; the calls go on.
    kernel.pending = vec![(70, 11), (71, 100)];
    kernel.refresh(&mut processes);
    assert_eq!(totals(&mut processes).0, 114);
    // Charged after the records were read and before the CPUs were: missed for a moment.
    kernel.pending = vec![(71, 100)];
    kernel.refresh(&mut processes);
    assert_eq!(totals(&mut processes).0, 114, "a cumulative count does not fall");
    kernel
        .records
        .get_mut(&5)
        .unwrap()
        .1
        .add_counters(&ThreadCounters { syscalls: 12, ..ThreadCounters::ZERO });
    kernel.scan(&mut processes, &[5]);
    kernel.refresh(&mut processes);
    assert_eq!(totals(&mut processes).0, 115);
    let sample = Arc::clone(&samples(&mut processes)[0]);
    assert_eq!(sample.counters[CounterId::ModeSwitches], 230);
}

#[test]
fn calls_of_a_thread_with_the_id_of_one_that_exited_are_not_its() {
    let (mut kernel, mut processes) = (Kernel::default(), Processes::default());
    kernel.start(5, 70, 70);
    kernel.read(5, 3);
    kernel.scan(&mut processes, &[5]);
    kernel.records.get_mut(&5).unwrap().0.state = STATE_EXITED;
    kernel.pending = vec![(70, 10)];
    kernel.refresh(&mut processes);
    assert_eq!(totals(&mut processes).0, 3);
    // Its successor is known before the slot is free.
    kernel.start(6, 70, 70);
    let successor = &mut kernel.records.get_mut(&6).unwrap().0;
    (successor.start_ns, successor.process_start_ns) = (700, 700);
    kernel.scan(&mut processes, &[6]);
    kernel.end(&mut processes, 5, true);
    kernel.refresh(&mut processes);
    let counts: Vec<u64> =
        samples(&mut processes).iter().map(|sample| sample.counters[CounterId::Syscalls]).collect();
    assert_eq!(counts, [3, 10]);
}

#[test]
fn a_slot_that_the_kernel_gave_back_belongs_to_the_next_thread_only() {
    let (mut kernel, mut processes) = (Kernel::default(), Processes::default());
    kernel.start(5, 70, 70);
    kernel.start(6, 70, 70);
    kernel.read(5, 3);
    // Slot 6 was seen between its record and the discovery that the thread has one already.
    kernel.scan(&mut processes, &[5, 6]);
    kernel.start(6, 80, 80);
    kernel.read(6, 40);
    kernel.scan(&mut processes, &[6]);
    kernel.read(5, 1);
    kernel.scan(&mut processes, &[5]);
    kernel.pending = vec![(70, 100)];
    kernel.refresh(&mut processes);
    let counts: Vec<u64> =
        samples(&mut processes).iter().map(|sample| sample.counters[CounterId::Syscalls]).collect();
    assert_eq!(counts[1], 40);
    assert!([4, 104].contains(&counts[0]), "{counts:?}");
}

#[test]
fn what_could_not_be_read_is_read_the_next_time() {
    let (mut kernel, mut processes) = (Kernel::default(), Processes::default());
    for slot in [5, 6, 7] {
        kernel.start(slot, slot, slot);
        kernel.read(slot, slot.into());
    }
    kernel.scan(&mut processes, &[5, 6, 7]);
    let fails = |slot, sum: &mut RecordSum| {
        sum.add(&kernel.records[&slot].1);
        if slot == 6 { bail!("no memory") } else { Ok(()) }
    };
    assert!(processes.refresh(fails, &everything_measured()).is_err());
    kernel.refresh(&mut processes);
    assert_eq!(totals(&mut processes), (18, 18, 180));
}

#[test]
fn processes_that_exited_are_bounded_and_their_counts_are_kept() {
    let (mut kernel, mut processes) = (Kernel::default(), Processes::default());
    let lives = 3 * EXITED_KEPT as u32 + 7;
    for pid in 10..10 + lives {
        kernel.start(1, pid, pid);
        kernel.read(1, 1);
        kernel.end(&mut processes, 1, true);
        if pid % 1000 == 0 {
            kernel.refresh(&mut processes);
        }
    }
    kernel.refresh(&mut processes);
    assert_eq!(samples(&mut processes).len(), EXITED_KEPT + 1);
    let lives = u64::from(lives);
    assert_eq!(totals(&mut processes), (lives, lives, 10 * lives));
    assert!(processes.all.len() <= EXITED_KEPT + 1000, "places are used again");
    assert_eq!((processes.by_thread.len(), processes.by_slot.len()), (0, 2));
    assert!(processes.all.iter().flatten().all(|process| process.retired.is_none()));
}

#[test]
fn rows_of_merged_processes_are_shared_while_nothing_joins_them() {
    let (mut kernel, mut processes) = (Kernel::default(), Processes::default());
    let mut live = |processes: &mut Processes, pids: std::ops::Range<u32>| {
        for pid in pids {
            kernel.start(1, pid, pid);
            kernel.read(1, 1);
            kernel.end(processes, 1, true);
        }
        kernel.refresh(processes);
        let is_merged = |sample: &Arc<ProcessSample>| sample.is_merged();
        samples(processes).into_iter().find(is_merged).unwrap()
    };
    let many = EXITED_KEPT as u32;
    let first = live(&mut processes, 10..11 + many);
    assert!(Arc::ptr_eq(&first, &live(&mut processes, 0..0)));
    let next = live(&mut processes, 11 + many..12 + many);
    assert_eq!((first.merged, next.merged), (1, 2));
    assert_eq!(next.counters[CounterId::Syscalls], 2);
}

/// `zc stat` takes one snapshot, at its end.
#[test]
fn processes_that_exit_are_bounded_without_a_snapshot() {
    let (mut kernel, mut processes) = (Kernel::default(), Processes::default());
    let lives = 10 * EXITED_KEPT as u32 + 7;
    for pid in 10..10 + lives {
        kernel.start(1, pid, pid);
        kernel.read(1, 1);
        kernel.end(&mut processes, 1, true);
        if pid % 100 == 0 {
            kernel.settle(&mut processes);
            let kept = processes.all.iter().flatten();
            let sums = kept.filter(|process| process.retired.is_some()).count();
            assert!(sums < UNSETTLED + 100, "{sums} sums of records");
            assert!(processes.all.len() < EXITED_KEPT + UNSETTLED + 100);
            assert!(processes.changed.len() < UNSETTLED + 100);
        }
    }
    kernel.refresh(&mut processes);
    let lives = u64::from(lives);
    assert_eq!(totals(&mut processes), (lives, lives, 10 * lives));
}

#[test]
fn processes_whose_exit_was_missed_are_bounded_too() {
    let (mut kernel, mut processes) = (Kernel::default(), Processes::default());
    let lives = 3 * EXITED_KEPT as u32;
    for pid in 10..10 + lives {
        kernel.start(1, pid, pid);
        kernel.read(1, 1);
        kernel.end(&mut processes, 1, false);
        // One of two is looked at while it ends.
        let ended = processes.ended_unseen(2, |found| found == pid && pid % 2 == 0);
        processes.conclude(&ended);
        kernel.settle(&mut processes);
    }
    kernel.refresh(&mut processes);
    let samples = samples(&mut processes);
    assert!(samples.len() <= EXITED_KEPT + 2, "{} rows", samples.len());
    assert!(samples.iter().filter(|sample| !sample.exited).count() <= 1);
    let lives = u64::from(lives);
    assert_eq!(totals(&mut processes), (lives, lives, 10 * lives));
    // A process with the number of one that was not seen to end.
    let mut processes = Processes::default();
    kernel.start(1, 70, 70);
    kernel.end(&mut processes, 1, false);
    kernel.start(1, 70, 70);
    kernel.records.get_mut(&1).unwrap().0.process_start_ns = 71;
    kernel.scan(&mut processes, &[1]);
    let ended = processes.ended_unseen(1, |_| true);
    processes.conclude(&ended);
    kernel.refresh(&mut processes);
    let exited = |sample: Arc<ProcessSample>| (sample.id.start_ns, sample.exited);
    let ends: Vec<_> = self::samples(&mut processes).into_iter().map(exited).collect();
    assert_eq!(ends, [(70, true), (71, false)]);
}

/// A thread that calls execve ends its leader, whose record is read first.
#[test]
fn a_process_with_a_record_that_was_not_scanned_has_not_ended() {
    let (mut kernel, mut processes) = (Kernel::default(), Processes::default());
    kernel.start(1, 70, 70);
    kernel.start(2, 70, 71);
    kernel.read(1, 3);
    kernel.read(2, 4);
    kernel.end(&mut processes, 1, false);
    let ended = processes.ended_unseen(9, |_| false);
    assert_eq!(ended, [id(70)]);
    kernel.scan(&mut processes, &[2]);
    processes.conclude(&ended);
    kernel.refresh(&mut processes);
    kernel.end(&mut processes, 2, true);
    kernel.refresh(&mut processes);
    assert_eq!(totals(&mut processes), (7, 7, 70));
    assert_eq!(processes.exited.len(), 1);
}

#[test]
fn what_is_done_later_is_added_wherever_the_process_is() {
    let (mut kernel, mut processes) = (Kernel::default(), Processes::default());
    let coverage = everything_measured();
    let late = Late { linearizations: 1, linearized_bytes: 7, ..Late::ZERO };
    kernel.start(5, 70, 70);
    kernel.read(5, 3);
    kernel.scan(&mut processes, &[5]);
    assert!(processes.add_late(id(70), &late, &coverage), "it lives");
    kernel.refresh(&mut processes);
    kernel.end(&mut processes, 5, true);
    assert!(processes.add_late(id(70), &late, &coverage), "its last record was just read");
    kernel.refresh(&mut processes);
    assert!(processes.add_late(id(70), &late, &coverage), "it is only a sample");
    kernel.refresh(&mut processes);
    assert!(!processes.add_late(id(71), &late, &coverage));
    let sample = Arc::clone(&samples(&mut processes)[0]);
    let copied: Vec<(u64, u64)> =
        sample.paths.iter().map(|path| (path.ops, path.copied_bytes)).collect();
    assert_eq!(copied, [(3, 30), (3, 21)]);
}

#[test]
fn a_slot_that_goes_from_thread_to_thread_has_one() {
    let mut processes = Processes::default();
    for pid in 1..100 {
        processes.touch(1, &header(pid, pid));
        processes.touch(2, &header(pid, 1000 + pid));
        assert_eq!(processes.by_thread, HashMap::from([(pid, 1), (1000 + pid, 2)]));
    }
}
