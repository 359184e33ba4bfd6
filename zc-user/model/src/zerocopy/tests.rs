use super::*;
use crate::{
    fixture::sketch::{path, process, snapshot},
    snapshot::{Host, Limitation, ProcessSample},
};

const N: u64 = 1_000_003;

/// A process that sent `N` bytes with zero-copy requested, on sockets that honour it.
fn sender(copied: u64) -> ProcessSample {
    let mut sends = path(CopyPath::SocketSendZerocopy, 7, N);
    sends.provenance = Provenance::Measured;
    sends.copied_bytes = copied;
    let mut process = process(7, "x", &[sends]);
    process.counters[CounterId::ZerocopyRequestedBytes] = N;
    process
}

fn frame(process: ProcessSample) -> Frame {
    Frame::cumulative(snapshot(1, &[process]))
}

/// The same on a kernel that shows no copies.
fn blind(process: ProcessSample) -> Frame {
    let mut snapshot = snapshot(1, &[process]);
    let unavailable = |counter: CounterId| Limitation {
        counter: counter.into(),
        provenance: Provenance::Unavailable,
        reason: "not visible".to_owned(),
    };
    let counters = [CounterId::ZerocopyAchievedBytes, CounterId::ReferencedLinearizedBytes];
    let limitations = counters.map(unavailable).to_vec();
    snapshot.host = Host { limitations, ..(*snapshot.host).clone() }.into();
    Frame::cumulative(snapshot)
}

/// The one request of the one process: mechanism, bytes achieved, and reasons.
fn only(frame: &Frame) -> (Mechanism, Option<u64>, Vec<(Reason, u64)>) {
    let row = Row::process(&frame.processes[0]);
    let requests = requests(row, frame);
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert!(is_requested(row));
    assert_eq!(super::requests(Row::totals(frame), frame), requests);
    let Request { mechanism, requested_bytes: _, achieved, reasons } = &requests[0];
    (*mechanism, achieved.bytes(), reasons.iter().map(|one| (one.reason, one.bytes)).collect())
}

#[test]
fn a_process_that_requests_nothing_has_no_row() {
    let frame = frame(process(7, "x", &[path(CopyPath::SocketSend, 7, N)]));
    let row = Row::process(&frame.processes[0]);
    assert!(requests(row, &frame).is_empty() && !is_requested(row));
}

#[test]
fn what_is_not_copied_was_achieved() {
    assert_eq!(only(&frame(sender(0))), (Mechanism::MsgZerocopy, Some(N), vec![]));
}

#[test]
fn each_way_to_copy_has_its_reason_and_they_add_up() {
    let mut process = sender(100 + 30);
    let set = &mut process.counters;
    set[CounterId::ZerocopyRequestedBytes] = N + 1000;
    set[CounterId::ZerocopyNotEnabledBytes] = 1000;
    set[CounterId::ZerocopyCopiedLaterBytes] = 100;
    set[CounterId::ZerocopyLinearizedBytes] = 7;
    let frame = frame(process);
    let (_, achieved, reasons) = only(&frame);
    assert_eq!(achieved, Some(N - 100 - 30 - 7));
    assert_eq!(frame.totals.counters[CounterId::ZerocopyAchievedBytes], N - 137);
    let expected = [
        (Reason::SoZerocopyNotSet, 1000),
        (Reason::LocalReceiver, 100),
        (Reason::NoGather, 30),
        (Reason::NoGather, 7),
    ];
    assert_eq!(reasons, expected);
}

#[test]
fn bytes_copied_more_than_once_do_not_make_it_negative() {
    let mut process = sender(2 * N);
    process.counters[CounterId::ZerocopyCopiedLaterBytes] = 2 * N;
    assert_eq!(only(&frame(process)).1, Some(0));
}

#[test]
fn bytes_that_no_hook_saw_copied_are_assumed_to_be() {
    let mut process = sender(N);
    process.paths[0].assumed_bytes = N;
    process.paths[0].provenance = Provenance::Assumed;
    let frame = frame(process);
    let request = sends(Row::process(&frame.processes[0]), &frame).unwrap();
    assert_eq!(request.achieved, Achieved::Bytes(0, Provenance::Assumed));
    assert_eq!(only(&frame).2, [(Reason::CopiedByCall, N)]);
}

#[test]
fn without_copy_sites_it_is_unknown_and_not_zero() {
    let frame = blind(sender(0));
    let request = sends(Row::process(&frame.processes[0]), &frame).unwrap();
    assert_eq!(request.achieved, Achieved::Unknown("not visible"));
    assert_eq!(request.achieved.provenance(), Provenance::Unavailable);
}

#[test]
fn without_copy_sites_a_flag_that_is_ignored_is_known_all_the_same() {
    let mut process = sender(0);
    process.paths.clear();
    process.counters[CounterId::ZerocopyNotEnabledBytes] = N;
    let all = blind(process.clone());
    assert_eq!(only(&all), (Mechanism::MsgZerocopy, Some(0), vec![(Reason::SoZerocopyNotSet, N)]));
    process.counters[CounterId::ZerocopyNotEnabledBytes] = N - 1;
    assert_eq!(only(&blind(process)).1, None);
}

#[test]
fn calls_that_failed_are_a_reason_without_having_sent_anything() {
    let mut process = process(7, "x", &[]);
    process.counters[CounterId::ZerocopyRefusals] = 3;
    process.counters[CounterId::ZerocopyRefusedBytes] = 300;
    let frame = frame(process);
    assert_eq!(only(&frame), (Mechanism::MsgZerocopy, Some(0), vec![(Reason::NoBufferSpace, 300)]));
    let row = Row::process(&frame.processes[0]);
    assert_eq!(sends(row, &frame).unwrap().reasons[1].calls, Some(3));
}

#[test]
fn io_uring_has_a_mechanism_of_its_own_unless_both_are_used() {
    let mechanism = |uring| {
        let mut process = sender(0);
        process.counters[CounterId::ZerocopyUringBytes] = uring;
        only(&frame(process)).0
    };
    assert_eq!(mechanism(0), Mechanism::MsgZerocopy);
    assert_eq!(mechanism(N), Mechanism::UringSendZc);
    assert_eq!(mechanism(N - 1), Mechanism::ZerocopySends);
}

#[test]
fn a_file_keeps_its_own_pages() {
    let spliced = [path(CopyPath::SpliceFilePipe, 1, N), path(CopyPath::SplicePipeFile, 1, N)];
    let (mechanism, achieved, reasons) = only(&frame(process(7, "x", &spliced)));
    assert_eq!((mechanism, achieved), (Mechanism::Splice, Some(N)));
    assert_eq!(reasons, [(Reason::CopiedByCall, N)]);
}

#[test]
fn extents_are_shared_or_copied() {
    let ranges = [path(CopyPath::CopyRangeReflink, 1, N), path(CopyPath::CopyRangeCopied, 1, 5)];
    let expected = (Mechanism::CopyFileRange, Some(N), vec![(Reason::CopiedByCall, 5)]);
    assert_eq!(only(&frame(process(7, "x", &ranges))), expected);
}

#[test]
fn pages_copied_into_packets_were_not_sent_without_a_copy() {
    let linear = |paths: &[PathSample]| {
        let mut process = process(7, "x", paths);
        process.counters[CounterId::ReferencedLinearizedBytes] = 9;
        process
    };
    let file = path(CopyPath::SendfileToSocket, 1, N);
    let expected = (Mechanism::Sendfile, Some(N - 9), vec![(Reason::NoGather, 9)]);
    assert_eq!(only(&frame(linear(&[file]))), expected);

    let mut pulled = linear(&[file]);
    pulled.counters[CounterId::ReferencedPulledBytes] = 4;
    let reasons = vec![(Reason::NoGather, 9), (Reason::Driver, 4)];
    assert_eq!(only(&frame(pulled)), (Mechanism::Sendfile, Some(N - 13), reasons));

    // With two calls that send pages, the kernel does not report which one they came from.
    let both = frame(linear(&[file, path(CopyPath::SplicePipeSocket, 1, N)]));
    let requests = requests(Row::process(&both.processes[0]), &both);
    assert!(requests.iter().all(|request| request.achieved == Achieved::Unknown(EITHER_CALL)));
}

#[test]
fn what_was_sent_twice_takes_nothing_from_another_hop() {
    let hops = [CopyPath::SpliceFilePipe, CopyPath::SplicePipeSocket].map(|hop| {
        let mut hop = path(hop, 7, N);
        hop.provenance = Provenance::Measured;
        hop.copied_bytes = 0;
        hop
    });
    let mut process = process(7, "x", &hops);
    process.counters[CounterId::ReferencedLinearizedBytes] = N + 1448;
    let expected = (Mechanism::Splice, Some(N), vec![(Reason::NoGather, N + 1448)]);
    assert_eq!(only(&frame(process)), expected);
}

#[test]
fn what_happens_later_is_modelled_where_it_is_not_seen() {
    let frame = blind(process(7, "x", &[path(CopyPath::SendfileToSocket, 1, N)]));
    let request = &requests(Row::process(&frame.processes[0]), &frame)[0];
    assert_eq!(request.achieved, Achieved::Bytes(N, Provenance::Modelled));
}

#[test]
fn ids_are_distinct() {
    let mut ids: Vec<_> = Mechanism::ALL.iter().map(|one| one.id()).collect();
    ids.extend(Reason::ALL.iter().map(|one| one.id()));
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}
