use std::sync::Arc;

use zc_common::path::SocketKind;
use zc_model::{
    fixture::sketch::{path, process, snapshot, socket},
    snapshot::{ProcessId, Provenance, Snapshot, Stacks},
};

use super::*;

/// A frame.
fn named(kind: FrameKind, function: Option<&str>, module: &str, offset: u64) -> Arc<StackFrame> {
    let function = function.map(Into::into);
    Arc::new(StackFrame { kind, function, module: module.into(), offset })
}

/// Stacks of every kind.
pub(crate) fn frame() -> Frame {
    let libc = "/usr/lib/libc.so.6";
    let wrapper = named(FrameKind::User, Some("read"), libc, 0);
    let hostile = named(FrameKind::Recovered, Some("a;b\u{1b}[31m<c d>"), "/opt/server", 0);
    let main = named(FrameKind::User, Some("main"), "/opt/server", 0);
    let begin = named(FrameKind::User, None, libc, 0x271d0);
    let jit = named(FrameKind::NoFile, None, "[jit]", 0x7f00_0000_1000);
    let kernel = named(FrameKind::Kernel, Some("rep_movs_alternative"), "[kernel]", 0);
    let row = |frames: &[&Arc<StackFrame>], end, path, samples: u64, each: f64| StackSample {
        process: ProcessId { pid: 7, start_ns: 7 },
        comm: "server".into(),
        frames: frames.iter().map(|frame| Arc::clone(frame)).collect(),
        end,
        kernel: [].into(),
        path: Some(Id::Known(path)),
        socket: None,
        samples,
        bytes: samples as f64 * each,
        variance: samples as f64 * each * each,
        calls: samples as f64 * each / 101.0,
        time_samples: 0,
    };
    let whole = [&wrapper, &hostile, &main, &begin];
    let mib = 1_048_576.0;
    let time = StackSample {
        path: None,
        samples: 0,
        bytes: 0.0,
        variance: 0.0,
        calls: 0.0,
        time_samples: 11,
        kernel: [kernel].into(),
        ..row(&whole, StackEnd::Whole, CopyPath::FileRead, 0, 0.0)
    };
    let none = StackSample {
        process: ProcessId::default(),
        comm: "".into(),
        ..row(&[], StackEnd::NoStack, CopyPath::KernelCopy, 1, mib)
    };
    let rows = vec![
        row(&whole, StackEnd::Whole, CopyPath::FileRead, 300, mib),
        row(&whole, StackEnd::Whole, CopyPath::SocketRecv, 7, mib),
        row(&[&wrapper, &jit], StackEnd::NoFramePointers, CopyPath::FileRead, 100, mib),
        none,
        time,
    ];
    let stacks = Stacks {
        rows,
        lost_bytes: 5 << 20,
        lost_variance: Some(5.0 * mib * mib),
        lost_time: 1,
        frequency: 99,
        mean_bytes: 1 << 20,
    };
    let read = path(CopyPath::FileRead, 4_001, 420_000_001);
    let received = socket(CopyPath::SocketRecv, SocketKind::Tcp, 70, 7_000_003);
    let processes = [process(7, "server", &[read, received])];
    Frame::cumulative(Snapshot { stacks: Some(Arc::new(stacks)), ..snapshot(1, &processes) })
}

fn folded(weight: Weight) -> String {
    let mut out = Vec::new();
    write_folded(&frame(), weight, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_line_has_the_stack_from_the_outermost_frame_to_the_path_and_nothing_that_divides_it() {
    insta::assert_snapshot!("bytes", folded(Weight::Bytes));
}

#[test]
fn cpu_time_ends_in_the_functions_of_the_kernel() {
    insta::assert_snapshot!("time", folded(Weight::Time));
}

#[test]
fn the_table_says_how_sure_it_is_and_where_stacks_end() {
    let mut out = Vec::new();
    crate::table::write_stacks(&frame(), "server", 10, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(!text.contains('\u{1b}'), "{text}");
    let width = text.lines().map(crate::sanitize::width).max();
    assert!(width <= Some(96), "{width:?}");
    insta::assert_snapshot!("table", text);
}

#[test]
fn an_estimate_of_what_is_modelled_or_assumed_says_so() {
    for (provenance, mark) in [(Provenance::Modelled, '~'), (Provenance::Assumed, '?')] {
        let mut frame = frame();
        for total in &mut frame.totals.paths {
            total.provenance = provenance;
        }
        let mut out = Vec::new();
        crate::table::write_stacks(&frame, "server", 1, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let of = |part: &str| text.lines().find(|line| line.contains(part)).unwrap();
        for part in ["file_read,socket_recv", "more)"] {
            assert!(of(part).trim_start().split("  ").next().unwrap().ends_with(mark), "{text}");
        }
    }
}
