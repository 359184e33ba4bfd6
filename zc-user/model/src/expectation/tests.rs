use std::sync::Arc;

use super::*;
use crate::{
    filter::Filter,
    fixture::sketch::{path, process, snapshot},
    snapshot::{Limitation, Snapshot},
};

const MOVED: u64 = 1_000_003;

/// A file that is read and written: two copies per byte of payload.
fn copy() -> Snapshot {
    let paths = [path(CopyPath::FileRead, 1, MOVED), path(CopyPath::FileWrite, 1, MOVED)];
    snapshot(1, &[process(7, "cp", &paths)])
}

fn verdict(text: &str, snapshot: Snapshot) -> Verdict {
    Expectation::parse(text).unwrap().check(&Frame::cumulative(snapshot)).verdict
}

fn limited(mut snapshot: Snapshot, counter: CounterId, provenance: Provenance) -> Snapshot {
    let reason = "the hooks are missing".to_owned();
    let limitations = vec![Limitation { counter: counter.into(), provenance, reason }];
    Arc::make_mut(&mut snapshot.host).limitations = limitations;
    snapshot
}

#[test]
fn what_was_counted_is_met_or_failed() {
    for (text, expected) in [
        ("copies_per_byte <= 2", Verdict::Met),
        ("copies_per_byte <= 1.05", Verdict::Failed),
        ("amplification == 2", Verdict::Met),
        ("moved_bytes == 2000006", Verdict::Met),
        ("path.file_read == 1000003", Verdict::Met),
        ("path.file_read != 1000003", Verdict::Failed),
        ("path.file_read.copied >= 1MB and losses == 0", Verdict::Met),
        ("path.sendfile_to_socket > 0", Verdict::Failed),
        ("path.sendfile_to_socket.copied == 0", Verdict::Met),
        ("not path.cow_copy > 0", Verdict::Met),
        ("path.file_read > 0 or copied_bytes == 0", Verdict::Met),
        ("file_write < 4KiB", Verdict::Failed),
        // By samples, of which there are none.
        ("copy_tax < 50%", Verdict::Unknown),
        ("copy_tax < 50% or path.file_read > 0", Verdict::Met),
        ("copy_tax < 50% and path.file_read == 0", Verdict::Failed),
    ] {
        assert_eq!(verdict(text, copy()), expected, "{text}");
    }
}

#[test]
fn nothing_moved_is_no_ratio() {
    let idle = || snapshot(1, &[process(7, "sleep", &[])]);
    assert_eq!(verdict("copies_per_byte <= 1", idle()), Verdict::Unknown);
    assert_eq!(verdict("moved_bytes == 0", idle()), Verdict::Met);
}

#[test]
fn a_sum_with_losses_is_a_lower_bound() {
    let lossy = |loss| {
        let mut snapshot = copy();
        snapshot.losses[loss] = 1;
        snapshot
    };
    for (text, expected) in [
        ("path.file_read > 1MB", Verdict::Met),
        ("path.file_read < 1MB", Verdict::Failed),
        ("path.file_read < 1GB", Verdict::Unknown),
        ("path.file_read == 1000003", Verdict::Unknown),
        ("path.file_read == 1000002", Verdict::Failed),
        ("path.file_read != 1000002", Verdict::Met),
        ("copies_per_byte == 2", Verdict::Unknown),
        ("losses == 0", Verdict::Failed),
    ] {
        assert_eq!(verdict(text, lossy(Loss::OperationsCut)), expected, "{text}");
    }
    // What was lost there is not in these sums.
    assert_eq!(verdict("path.file_read == 1000003", lossy(Loss::StacksLost)), Verdict::Met);
}

#[test]
fn what_a_kernel_does_not_show_is_unknown() {
    use Provenance::{Modelled, Unavailable};
    let unseen = |counter, provenance| limited(copy(), counter, provenance);
    for (text, counter, provenance, expected) in [
        ("path.cow_copy == 0", CounterId::CowCopiedBytes, Unavailable, Verdict::Unknown),
        ("path.cow_copy.copied == 0", CounterId::CowCopiedBytes, Unavailable, Verdict::Unknown),
        ("path.kernel_copy == 0", CounterId::CopiedBytes, Modelled, Verdict::Unknown),
        (
            "path.skb_linearize == 0",
            CounterId::ZerocopyLinearizedBytes,
            Unavailable,
            Verdict::Unknown,
        ),
        ("transformed_bytes == 0", CounterId::TransformedBytes, Unavailable, Verdict::Unknown),
        ("path.file_read == 1000003", CounterId::UringOps, Unavailable, Verdict::Unknown),
        ("path.file_read >= 1000003", CounterId::UringOps, Unavailable, Verdict::Met),
    ] {
        assert_eq!(verdict(text, unseen(counter, provenance)), expected, "{text}");
    }
    // An upper bound: some of it may be no copy.
    let faults = || {
        let paths = [path(CopyPath::CowCopy, 2, 8192)];
        let mut process = process(7, "sh", &paths);
        process.counters[CounterId::CowCopiedBytes] = 8192;
        limited(snapshot(1, &[process]), CounterId::CowCopiedBytes, Modelled)
    };
    assert_eq!(verdict("path.cow_copy <= 8192", faults()), Verdict::Met);
    for text in ["path.cow_copy > 0", "path.cow_copy.copied > 0", "cow_copied_bytes == 0"] {
        assert_eq!(verdict(text, faults()), Verdict::Unknown, "{text}");
    }
    for text in ["copied_bytes > 1", "copied_bytes < 1", "copied_bytes_per_sec < 1"] {
        assert_eq!(verdict(text, faults()), Verdict::Unknown, "{text}");
    }
    assert_eq!(verdict("cow_copied_bytes > 8192", faults()), Verdict::Failed);
    // A model of a counter that may be off in either direction.
    let switches = || limited(copy(), CounterId::ModeSwitches, Modelled);
    assert_eq!(verdict("mode_switches < 1k", switches()), Verdict::Unknown);
}

fn selected(snapshot: Snapshot, filter: &str) -> Frame {
    let expr = Some(crate::filter::parse(filter).unwrap());
    Frame::cumulative(snapshot).select(&Filter { expr, ..Filter::default() })
}

#[test]
fn what_was_not_watched_meets_nothing() {
    let frame = selected(copy(), "comm == typo");
    for text in ["path.file_read < 1", "path.file_read > 0", "copied_bytes == 0"] {
        let outcome = Expectation::parse(text).unwrap().check(&frame);
        assert_eq!(outcome.verdict, Verdict::Unknown, "{text}");
        let doubt = outcome.figures[0].doubt.as_deref();
        assert!(doubt.is_some_and(|why| why.contains("no process was selected")), "{doubt:?}");
    }
}

#[test]
fn of_a_selection_what_threads_without_a_slot_did_is_no_bound() {
    let mut crowded = copy();
    crowded.losses[Loss::SlotsExhausted] = 1;
    crowded.unattributed.paths = vec![path(CopyPath::FileWrite, 9, 9 * MOVED)];
    let selected = selected(crowded.clone(), "comm == cp");
    for text in ["path.file_write < 2MB", "path.file_write > 2MB"] {
        let outcome = Expectation::parse(text).unwrap().check(&selected);
        assert_eq!(outcome.verdict, Verdict::Unknown, "{text}");
    }
    // It is part of the sum over all.
    assert_eq!(verdict("path.file_write == 10000030", crowded), Verdict::Met);
}

#[test]
fn each_doubt_has_a_reason() {
    let paths = [path(CopyPath::FileRead, 1, MOVED), path(CopyPath::SocketSendZerocopy, 1, 1013)];
    let frame = Frame::cumulative(snapshot(1, &[process(7, "server", &paths)]));
    let outcome = Expectation::parse("copied_bytes < 1000500").unwrap().check(&frame);
    assert_eq!(outcome.verdict, Verdict::Unknown);
    assert!(outcome.figures[0].doubt.as_deref().is_some_and(|why| why.starts_with("or more: ")));
}

#[test]
fn copies_that_are_not_known_are_at_least_those_that_are() {
    // Whether MSG_ZEROCOPY copied is not modelled.
    let paths = [path(CopyPath::FileRead, 1, MOVED), path(CopyPath::SocketSendZerocopy, 1, MOVED)];
    let unknown = || snapshot(1, &[process(7, "server", &paths)]);
    for (text, expected) in [
        ("copied_bytes >= 1MB", Verdict::Met),
        ("copied_bytes <= 1MB", Verdict::Failed),
        // At most as much more as was moved where it is not known.
        ("copied_bytes <= 2000006", Verdict::Met),
        ("copied_bytes <= 2MB", Verdict::Unknown),
        ("path.socket_send_zerocopy.copied == 0", Verdict::Unknown),
        ("path.socket_send_zerocopy == 1000003", Verdict::Met),
        ("path.file_read.copied == 1000003", Verdict::Met),
    ] {
        assert_eq!(verdict(text, unknown()), expected, "{text}");
    }
}

#[test]
fn an_estimate_has_a_margin() {
    let sampled = || {
        let mut process = process(7, "cp", &[]);
        process.counters[CounterId::CpuSamples] = 10_000;
        process.counters[CounterId::CopySamples] = 5_000;
        snapshot(1, &[process])
    };
    for (text, expected) in [
        ("copy_tax < 52%", Verdict::Met),
        ("copy_tax < 50.5%", Verdict::Unknown),
        ("copy_tax > 52%", Verdict::Failed),
        ("copy_tax == 50%", Verdict::Unknown),
    ] {
        assert_eq!(verdict(text, sampled()), expected, "{text}");
    }
}

#[test]
fn each_figure_is_named_once() {
    let frame = Frame::cumulative(copy());
    let text = "copies_per_byte > 1 and copies_per_byte < 3 and path.file_read > 0";
    let outcome = Expectation::parse(text).unwrap().check(&frame);
    let names: Vec<_> = outcome.figures.iter().map(|figure| figure.name.as_str()).collect();
    assert_eq!(names, ["copies_per_byte", "path.file_read"]);
}

#[test]
fn errors_say_where_and_what_instead() {
    for (text, place, words) in [
        ("", 1, "such as copies_per_byte <= 1.05"),
        ("copies_per_bite < 1", 1, "did you mean 'copies_per_byte'?"),
        ("comm == nginx", 1, "'comm' tells processes apart"),
        ("members >= 1", 1, "'members' tells processes apart"),
        ("relayed_file_socket_bytes == 0", 1, "is evidence for advice"),
        ("path == file_read", 1, "there is no figure 'path'"),
        ("path.file_raed > 0", 1, "did you mean 'file_read'?"),
        ("path.file_read.ops > 0", 1, "path.file_read.copied"),
        ("copied_bytes", 13, "expected a comparison"),
    ] {
        let error = Expectation::parse(text).unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
        assert!(error.starts_with(&format!("bad expectation at character {place}:")), "{error}");
    }
}
