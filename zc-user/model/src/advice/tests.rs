use std::sync::Arc;

use zc_common::path::SocketKind;

use super::*;
use crate::{
    counter::CounterId::*,
    fixture::sketch::{path, process, snapshot, socket},
    snapshot::{Limitation, Provenance},
};

const MIB: u64 = 1 << 20;
const MS: u64 = 1_000_000;

fn advice(paths: &[PathSample], counters: &[(CounterId, u64)]) -> Vec<Advice> {
    let mut process = process(7, "x", paths);
    for (counter, value) in counters {
        process.counters[*counter] = *value;
    }
    // A command that idles after its work keeps its advice: how long the frame is does not matter.
    let frame = Frame::cumulative(snapshot(1_000, &[process]));
    let row = Row::process(&frame.processes[0]);
    let advice = all(row, &frame);
    assert_eq!(best(row, &frame), advice.first().copied());
    let saved: u64 = advice.iter().map(|advice| advice.saving.copied_bytes).sum();
    assert!(saved <= frame.processes[0].counters[CopiedBytes], "{advice:?}");
    advice
}

fn rules(paths: &[PathSample], counters: &[(CounterId, u64)]) -> Vec<(Rule, Saving)> {
    advice(paths, counters).iter().map(|advice| (advice.rule, advice.saving)).collect()
}

const fn copies(copied_bytes: u64) -> Saving {
    Saving { copied_bytes, mode_switches: 0, cpu: None }
}

fn failed(on: CopyPath) -> PathSample {
    PathSample { errors: 1, ..path(on, 0, 0) }
}

#[test]
fn a_file_that_is_sent_from_the_same_buffers_saves_both_copies() {
    let read = path(CopyPath::FileRead, 160, 100 * MIB);
    let tcp = socket(CopyPath::SocketSend, SocketKind::Tcp, 160, 101 * MIB);
    let passed = [(RelayedFileSocketBytes, 100 * MIB)];
    assert_eq!(rules(&[read, tcp], &passed), [(Rule::FileToSocket, copies(200 * MIB))]);
}

#[test]
fn two_totals_that_are_alike_are_no_evidence() {
    let read = path(CopyPath::FileRead, 16_000, 1_000 * MIB);
    let write = path(CopyPath::FileWrite, 16_000, 1_000 * MIB);
    let tcp = socket(CopyPath::SocketSend, SocketKind::Tcp, 16_000, 1_000 * MIB);
    assert_eq!(rules(&[read, write, tcp], &[]), []);
}

#[test]
fn each_byte_is_claimed_once() {
    let read = path(CopyPath::FileRead, 1_600, 100 * MIB);
    let write = path(CopyPath::FileWrite, 1_600, 100 * MIB);
    let received = socket(CopyPath::SocketRecv, SocketKind::Tcp, 1_600, 100 * MIB);
    let sent = socket(CopyPath::SocketSend, SocketKind::Tcp, 1_600, 100 * MIB);
    let passed = [(RelayedFileSocketBytes, 100 * MIB), (RelayedSocketFileBytes, 100 * MIB)];
    let expected = [(Rule::FileToSocket, copies(200 * MIB)), (Rule::Relay, copies(100 * MIB))];
    assert_eq!(rules(&[read, write, received, sent], &passed), expected);
}

#[test]
fn how_certain_it_is_depends_on_the_time_in_user_mode() {
    let certainty = |bytes, user_ns| copying(bytes, &[(RelayedUserNs, user_ns)], &[]);
    assert_eq!(certainty(28 * MIB, 0), None);
    assert_eq!(certainty(29 * MIB, 0), Some(Certainty::Possible));
    assert_eq!(certainty(77 * MIB, 0), Some(Certainty::Likely));
    assert_eq!(certainty(230 * MIB, 4 * MS), Some(Certainty::Likely));
    // A few bytes of each buffer take no time at all.
    assert_eq!(certainty(1_000_000 * MIB, 0), Some(Certainty::Likely));
    // A program that changes every byte within its buffer, in a third of a nanosecond.
    for mib in [32, 64, 256, 1_024, 16_384] {
        assert_eq!(certainty(mib * MIB, mib * MIB / 3 + mib / 2), None, "{mib}");
    }
}

/// How certain the advice is to a process that copies a file.
fn copying(bytes: u64, counters: &[(CounterId, u64)], others: &[PathSample]) -> Option<Certainty> {
    let read = path(CopyPath::FileRead, 4_000, bytes);
    let write = path(CopyPath::FileWrite, 4_000, bytes);
    let counters: Vec<_> =
        counters.iter().copied().chain([(RelayedFileFileBytes, bytes)]).collect();
    let paths: Vec<_> = [read, write].iter().chain(others).copied().collect();
    advice(&paths, &counters).first().map(|advice| advice.certainty)
}

#[test]
fn other_threads_may_look_at_the_data_too() {
    let certainty = |mib: u64, switches: u64, relaying: u64, samples: u64| {
        let counters = [
            (ContextSwitchesVoluntary, switches),
            (RelayingContextSwitches, relaying),
            (CpuSamples, samples + 7),
            (RelayingCpuSamples, 7),
        ];
        copying(mib * MIB, &counters, &[])
    };
    // There are none, or they sleep.
    assert_eq!(certainty(77, 50, 50, 0), Some(Certainty::Likely));
    // They have run: for less than three samples, which is 30 ms, or for longer.
    assert_eq!(certainty(77, 51, 50, 0), Some(Certainty::Possible));
    assert_eq!(certainty(300, 51, 50, 0), Some(Certainty::Likely));
    assert_eq!(certainty(300, 51, 50, 2), Some(Certainty::Possible));
    // One that is never switched off its processor.
    assert_eq!(certainty(300, 50, 50, 2), Some(Certainty::Possible));
    // The thread has done something else before.
    assert_eq!(certainty(300, 50, 51, 0), Some(Certainty::Possible));
}

#[test]
fn other_threads_may_do_anything_where_they_are_not_sampled() {
    let sampled = |is_sampled: bool, counters: &[(CounterId, u64)]| {
        let read = path(CopyPath::FileRead, 4_000, 300 * MIB);
        let write = path(CopyPath::FileWrite, 4_000, 300 * MIB);
        let mut process = process(7, "x", &[read, write]);
        process.counters[RelayedFileFileBytes] = 300 * MIB;
        counters.iter().for_each(|(counter, value)| process.counters[*counter] = *value);
        let mut snapshot = snapshot(1_000, &[process]);
        if !is_sampled {
            Arc::make_mut(&mut snapshot.host).limitations.push(Limitation {
                counter: CpuSamples.into(),
                provenance: Provenance::Unavailable,
                reason: "left out".to_owned(),
            });
        }
        let frame = Frame::cumulative(snapshot);
        best(Row::process(&frame.processes[0]), &frame).map(|advice| advice.certainty)
    };
    let threads = [(ContextSwitchesVoluntary, 1)];
    assert_eq!(sampled(true, &threads), Some(Certainty::Likely));
    assert_eq!(sampled(false, &threads), Some(Certainty::Possible));
    assert_eq!(sampled(false, &[]), Some(Certainty::Likely));
}

#[test]
fn what_comes_in_besides_may_be_put_over_it() {
    let certainty = |other| copying(100 * MIB, &[], &[other]);
    let received = |mib| socket(CopyPath::SocketRecv, SocketKind::Tcp, 1_600, mib * MIB);
    assert_eq!(certainty(received(12)), Some(Certainty::Likely));
    assert_eq!(certainty(received(13)), Some(Certainty::Possible));
    // From /dev/zero, and by process_vm_writev: they are no service of their own.
    assert_eq!(certainty(path(CopyPath::PseudoRead, 1_600, 100 * MIB)), None);
    assert_eq!(certainty(path(CopyPath::ProcessVm, 1_600, 100 * MIB)), None);
}

#[test]
fn copying_a_file_by_hand_saves_one_of_two_copies() {
    let read = path(CopyPath::FileRead, 160, 100 * MIB);
    let write = path(CopyPath::FileWrite, 160, 100 * MIB);
    let passed = [(RelayedFileFileBytes, 100 * MIB)];
    assert_eq!(rules(&[read, write], &passed), [(Rule::FileToFile, copies(100 * MIB))]);
    // cp has tried what the advice would be.
    let refused = failed(CopyPath::CopyRangeCopied);
    assert_eq!(rules(&[read, write, refused], &passed), []);
}

#[test]
fn what_never_worked_is_not_advised() {
    let read = path(CopyPath::FileRead, 1_600, 100 * MIB);
    let sent = socket(CopyPath::SocketSend, SocketKind::Tcp, 1_600, 100 * MIB);
    let passed = [(RelayedFileSocketBytes, 100 * MIB)];
    assert_eq!(rules(&[read, sent, failed(CopyPath::SendfileToSocket)], &passed), []);
    assert_eq!(rules(&[read, sent, failed(CopyPath::SpliceFilePipe)], &passed), []);
    // A full socket makes sendfile fail now and then.
    let worked = PathSample { errors: 9, ..path(CopyPath::SendfileToSocket, 1, 1_000) };
    assert_eq!(rules(&[read, sent, worked], &passed).len(), 1);
}

#[test]
fn an_archive_is_no_copy() {
    // tar: the first record begins with a header, the last one ends with zeros.
    let read = path(CopyPath::FileRead, 10_000, 100 * MIB);
    let write = path(CopyPath::FileWrite, 10_241, 100 * MIB + 10_240);
    let passed = [(RelayedFileFileBytes, 100 * MIB - 10_240)];
    assert_eq!(rules(&[read, write], &passed), []);
    // dd that was attached to while it wrote.
    let write = path(CopyPath::FileWrite, 1_600, 100 * MIB + 65_536);
    let passed = [(RelayedFileFileBytes, 100 * MIB)];
    assert_eq!(rules(&[read, write], &passed).len(), 1);
}

#[test]
fn what_is_written_twice_is_not_passed_on() {
    // tee.
    let read = path(CopyPath::PipeRead, 1_600, 100 * MIB);
    let to_pipe = path(CopyPath::PipeWrite, 1_600, 100 * MIB);
    let to_file = path(CopyPath::FileWrite, 1_600, 100 * MIB);
    let to_null = path(CopyPath::PseudoWrite, 1_600, 100 * MIB);
    let to_pipe_bytes = [(RelayedPipePipeBytes, 100 * MIB)];
    assert_eq!(rules(&[read, to_pipe], &to_pipe_bytes), [(Rule::Relay, copies(200 * MIB))]);
    assert_eq!(rules(&[read, to_pipe, to_file], &to_pipe_bytes), []);
    assert_eq!(rules(&[read, to_pipe, to_null], &to_pipe_bytes), []);
}

#[test]
fn what_is_read_besides_is_needed_for_what_is_written() {
    let read = path(CopyPath::FileRead, 3_200, 200 * MIB);
    let write = path(CopyPath::FileWrite, 1_600, 100 * MIB);
    assert_eq!(rules(&[read, write], &[(RelayedFileFileBytes, 100 * MIB)]), []);
}

#[test]
fn messages_of_a_few_bytes_are_not_worth_two_splices() {
    let received = socket(CopyPath::SocketRecv, SocketKind::Tcp, 100_000, 100 * MIB);
    let sent = socket(CopyPath::SocketSend, SocketKind::Tcp, 100_000, 100 * MIB);
    assert_eq!(rules(&[received, sent], &[(RelayedSocketSocketBytes, 100 * MIB)]), []);
}

#[test]
fn a_mapped_file_that_is_sent_untouched_saves_its_copy() {
    let mapped = path(CopyPath::MmapRead, 256, 16 * MIB);
    let sent = socket(CopyPath::SocketSend, SocketKind::Tcp, 16, 16 * MIB);
    let touched = |bytes| [(MappedSentBytes, bytes)];
    let expected = [(Rule::FileToSocket, copies(16 * MIB))];
    assert_eq!(rules(&[mapped, sent], &touched(16 * MIB)), expected);
    assert_eq!(rules(&[mapped, sent], &touched(8 * MIB - 1)), []);
    // More is mapped than sent: a bit of each page.
    let headers = socket(CopyPath::SocketSend, SocketKind::Tcp, 100, MIB);
    assert_eq!(rules(&[mapped, headers], &touched(16 * MIB)), []);
    // Most of what is sent is from elsewhere.
    let much = socket(CopyPath::SocketSend, SocketKind::Tcp, 1_000, 1_000 * MIB);
    assert_eq!(rules(&[mapped, much], &touched(16 * MIB)), []);
    assert_eq!(rules(&[mapped, sent, failed(CopyPath::SendfileToSocket)], &touched(16 * MIB)), []);
    let to_file = path(CopyPath::FileWrite, 16, 16 * MIB);
    assert_eq!(rules(&[mapped, to_file], &touched(16 * MIB)), []);
    // sendfile does not keep the bounds of datagrams.
    let datagrams = socket(CopyPath::SocketSend, SocketKind::Udp, 2_000, 16 * MIB);
    assert_eq!(rules(&[mapped, datagrams], &touched(16 * MIB)), []);
}

#[test]
fn a_private_mapping_may_be_changed_before_it_is_sent() {
    let certainty = |kind, copied_pages: u64| {
        let mapped = path(CopyPath::MmapRead, 4_000, 256 * MIB);
        let sent = socket(CopyPath::SocketSend, kind, 256, 256 * MIB);
        let counters = [(MappedSentBytes, 256 * MIB), (CowCopiedBytes, copied_pages << 12)];
        advice(&[mapped, sent], &counters).first().map(|advice| advice.certainty)
    };
    assert_eq!(certainty(SocketKind::Tcp, 64), Some(Certainty::Likely));
    // A byte of each piece that is sent.
    assert_eq!(certainty(SocketKind::Tcp, 256), Some(Certainty::Possible));
    // These may be datagrams.
    assert_eq!(certainty(SocketKind::Unix, 64), Some(Certainty::Possible));
}

#[test]
fn sendfile_needs_no_advice() {
    assert_eq!(rules(&[path(CopyPath::SendfileToSocket, 1_600, 100 * MIB)], &[]), []);
}

#[test]
fn small_calls_are_small_and_many_and_all_that_a_program_does() {
    let write = |ops, bytes| path(CopyPath::FileWrite, ops, ops * bytes);
    let calls = |calls| [(Syscalls, calls)];
    let saving = Saving { mode_switches: 2 * (10_000 - 79), ..Saving::default() };
    assert_eq!(rules(&[write(10_000, 512)], &calls(12_500)), [(Rule::SmallCalls, saving)]);
    assert_eq!(rules(&[write(9_999, 512)], &calls(9_999)), []);
    assert_eq!(rules(&[write(10_000, 513)], &calls(10_000)), []);
    // A log of which each line is to be on the disk; a database that seeks.
    assert_eq!(rules(&[write(10_000, 100)], &calls(20_000)), []);
    // dd bs=1.
    let read = path(CopyPath::FileRead, 10_000, 10_000);
    assert_eq!(rules(&[read, write(10_000, 1)], &calls(20_000)).len(), 2);
    // Requests and responses.
    let received = socket(CopyPath::SocketRecv, SocketKind::Tcp, 50_000, 500_000);
    let sent = socket(CopyPath::SocketSend, SocketKind::Tcp, 50_000, 500_000);
    assert_eq!(rules(&[received, sent], &calls(100_000)), []);
    let datagrams = socket(CopyPath::SocketSend, SocketKind::Udp, 50_000, 5_000_000);
    assert_eq!(rules(&[datagrams], &calls(50_000)), []);
}

#[test]
fn small_calls_to_a_file_may_be_anywhere_in_it() {
    let found = |on| {
        let calls = advice(&[path(on, 10_000, 640_000)], &[(Syscalls, 10_000)]);
        (calls[0].certainty, calls[0].condition())
    };
    let condition =
        "if the file is written from front to back, and no reader needs each piece at once";
    assert_eq!(found(CopyPath::FileWrite), (Certainty::Possible, condition));
    let condition = "if the file is read from front to back";
    assert_eq!(found(CopyPath::FileRead), (Certainty::Possible, condition));
    let condition = "if no reader needs each piece at once";
    assert_eq!(found(CopyPath::PipeWrite), (Certainty::Likely, condition));
}

#[test]
fn small_zero_copy_sends_cost_more_than_they_save() {
    let sends = |ops, bytes: u64| path(CopyPath::SocketSendZerocopy, ops, ops * bytes);
    let expected = [(Rule::SmallZerocopySends, Saving::default())];
    assert_eq!(rules(&[sends(1_000, 4_000)], &[]), expected);
    assert_eq!(rules(&[sends(1_000, 10_240)], &[]), []);
    assert_eq!(rules(&[sends(999, 4_000)], &[]), []);
}

#[test]
fn zero_copy_that_was_not_achieved_has_a_remedy_for_its_reason() {
    let advice = |copied: CounterId, achieved: u64| {
        let mut sends = path(CopyPath::SocketSendZerocopy, 200, 10 * MIB);
        sends.provenance = Provenance::Measured;
        sends.copied_bytes = 10 * MIB - achieved;
        let counters = [(ZerocopyRequestedBytes, 10 * MIB), (copied, 10 * MIB - achieved)];
        advice(&[sends], &counters).first().copied()
    };
    let local = advice(ZerocopyCopiedLaterBytes, 5 * MIB - 1).unwrap();
    assert_eq!((local.rule, local.saving), (Rule::ZerocopyNotAchieved, Saving::default()));
    assert_eq!(local.remedy(), remedy_of(Reason::LocalReceiver));
    assert_eq!(local.certainty, Certainty::Certain);
    let linear = advice(DiscardedBytes, 0).unwrap();
    assert_eq!((linear.saving, linear.remedy()), (copies(10 * MIB), remedy_of(Reason::NoGather)));
    assert_eq!(advice(ZerocopyCopiedLaterBytes, 5 * MIB), None);
}

#[test]
fn every_rule_names_its_condition() {
    for rule in Rule::ALL {
        assert!(rule.condition().starts_with("if "), "{rule:?}");
    }
}

/// A process that sends a file of so many bytes from the buffers into which it was read.
fn server(pid: u32, comm: &str, bytes: u64, samples: u64) -> crate::snapshot::ProcessSample {
    let read = path(CopyPath::FileRead, 1_000, bytes);
    let sent = socket(CopyPath::SocketSend, SocketKind::Tcp, 1_000, bytes);
    let mut process = process(pid, comm, &[read, sent]);
    process.counters[RelayedFileSocketBytes] = bytes;
    process.counters[CopySamples] = samples;
    process.counters[CpuSamples] = samples;
    // All of it is from this thread.
    process.counters[RelayingCpuSamples] = samples;
    process
}

#[test]
fn the_cpu_time_of_a_saving_is_that_of_its_copies() {
    let frame = Frame::cumulative(snapshot(10, &[server(7, "x", 211 * MIB, 49)]));
    let saving = best(Row::process(&frame.processes[0]), &frame).unwrap().saving;
    // All copies would go: 49 samples, and 1.96 times the root of that.
    let cpu = saving.cpu.unwrap();
    assert_eq!((saving.copied_bytes, cpu.ns), (422 * MIB, 49 * 10_101_010));
    assert_eq!(cpu.margin_ns, 138_585_857);
    let frame = Frame::cumulative(snapshot(10, &[server(7, "x", 211 * MIB, 24)]));
    assert_eq!(best(Row::process(&frame.processes[0]), &frame).unwrap().saving.cpu, None);
}

#[test]
fn what_processes_of_one_name_are_advised_is_said_once() {
    let workers = [
        server(1, "nginx", 211 * MIB, 20),
        server(2, "nginx", 103 * MIB, 16),
        server(3, "other", 107 * MIB, 13),
    ];
    let frame = Frame::cumulative(snapshot(10, &workers));
    let found = by_command(&frame);
    let said: Vec<_> = found.iter().map(|one| (one.comm, one.processes, one.first.pid)).collect();
    assert_eq!(said, [("nginx", 2, 1), ("other", 1, 3)]);
    let saving = found[0].advice.saving;
    // Neither has samples enough by itself.
    let cpu = saving.cpu.unwrap();
    assert_eq!((saving.copied_bytes, cpu.ns), (2 * 314 * MIB, 36 * 10_101_010));
    assert_eq!(found[1].advice.saving.cpu, None);
    let Evidence::Passed { from, to, bytes } = found[0].advice.evidence else {
        panic!("{found:?}")
    };
    assert_eq!((from.ops, to.moved_bytes, bytes), (2_000, 314 * MIB, 314 * MIB));
}
