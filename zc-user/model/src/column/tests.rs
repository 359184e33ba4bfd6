use std::collections::HashSet;

use zc_common::path::CopyPath;

use super::*;
use crate::{
    counter::CounterId,
    fixture::sketch::{path, process, snapshot},
    frame::Frame,
    ledger,
    snapshot::PathSample,
};

fn cell(column: &Column, paths: &[PathSample]) -> Option<f64> {
    let frame = Frame::cumulative(snapshot(2, &[process(7, "x", paths)]));
    column.of_process(&frame.processes[0], &frame).number()
}

#[test]
fn ids_are_distinct_words_and_titles_are_short() {
    check::<Processes>();
    check::<Paths>();
    check::<Devices>();
    check::<object::Objects>();
    check::<object::Flows>();
    check::<stack::Stacks>();
    check::<stack::Copiers>();
    check::<user::PathUsers>();
    check::<user::DiskUsers>();
    check::<user::NetUsers>();
}

fn check<T: Table>() {
    let ids: HashSet<_> = T::COLUMNS.iter().map(|column| column.id).collect();
    assert_eq!(ids.len(), T::COLUMNS.len());
    let screens: HashSet<_> =
        T::of_view(View::Dashboard).map(|column| column.screen.unwrap().priority).collect();
    assert_eq!(screens.len(), T::of_view(View::Dashboard).count(), "each gives way at its time");
    for column in T::COLUMNS {
        assert_eq!(Column::from_id(column.id), Some(*column));
        assert!(column.id.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{column:?}");
        assert!(column.title.len() <= 12, "{column:?}");
        assert!(column.help.ends_with('.'), "{column:?}");
        let per_second = matches!(column.unit, Unit::PerSec | Unit::BytesPerSec);
        assert_eq!(column.id.ends_with("_per_sec"), per_second, "{column:?}");
        assert_eq!(column.title.ends_with("/s"), per_second, "{column:?}");
    }
}

#[test]
fn no_column_has_the_id_of_a_path() {
    // Filters take both as names.
    assert!(Processes::COLUMNS.iter().all(|column| CopyPath::from_id(column.id).is_none()));
}

#[test]
fn every_counter_has_a_column_of_its_id() {
    for counter in CounterId::ALL {
        let column = Processes::counter(*counter);
        assert_eq!(column.id, counter.id());
        assert_eq!(column.kind, Kind::Counter, "{column:?}");
    }
}

#[test]
fn amplification_is_what_the_textbook_counts() {
    let both = |from, to| [path(from, 1, 1000), path(to, 1, 1000)];
    let amplification = |paths: &[PathSample]| cell(Processes::AMPLIFICATION, paths);
    assert_eq!(amplification(&both(CopyPath::FileRead, CopyPath::SocketSend)), Some(2.0));
    assert_eq!(amplification(&both(CopyPath::MmapRead, CopyPath::SocketSend)), Some(1.0));
    assert_eq!(amplification(&[path(CopyPath::SendfileToSocket, 1, 1000)]), Some(0.0));
    let splice = both(CopyPath::SpliceFilePipe, CopyPath::SplicePipeSocket);
    assert_eq!(amplification(&splice), Some(0.0));
    let bounced = both(CopyPath::DirectRead, CopyPath::SwiotlbBounce);
    assert_eq!(amplification(&bounced), Some(1.0));
    let zeros = both(CopyPath::PseudoRead, CopyPath::FileWrite);
    assert_eq!(amplification(&zeros), Some(1.0));
    assert_eq!(amplification(&[path(CopyPath::CowCopy, 1, 4096)]), None);
}

#[test]
fn zero_copied_bytes_leave_pseudo_files_out() {
    let paths = [
        path(CopyPath::PseudoRead, 1, 1),
        path(CopyPath::FileRead, 1, 20),
        path(CopyPath::SendfileToSocket, 1, 300),
    ];
    assert_eq!(cell(Processes::ZERO_COPIED_BYTES, &paths), Some(300.0));
    assert_eq!(cell(Processes::ZERO_COPIED_BYTES_PER_SEC, &paths), Some(150.0));
    assert_eq!(cell(Processes::COPIED_BYTES, &paths), Some(20.0));
    assert_eq!(cell(Processes::MOVED_BYTES, &paths), Some(321.0));
}

#[test]
fn what_is_unknown_is_unavailable_with_a_reason_and_not_zero() {
    let sends = [path(CopyPath::SocketSendZerocopy, 1, 300)];
    for column in [
        Processes::COPIED_BYTES,
        Processes::COPIED_BYTES_PER_SEC,
        Processes::ZERO_COPIED_BYTES,
        Processes::AMPLIFICATION,
    ] {
        let frame = Frame::cumulative(snapshot(2, &[process(7, "x", &sends)]));
        let value = column.of_process(&frame.processes[0], &frame);
        assert!(
            matches!(value, Value::Unavailable(why) if !why.is_empty()),
            "{column:?}: {value:?}"
        );
    }
}

#[test]
fn the_dominant_path_is_where_the_bytes_went() {
    let dominant =
        |paths: &[PathSample]| ledger::dominant_path(paths).and_then(crate::id::Id::known);
    let nginx = [path(CopyPath::FileWrite, 1, 90), path(CopyPath::SendfileToSocket, 1, 900)];
    assert_eq!(dominant(&nginx), Some(CopyPath::SendfileToSocket));
    let dd = [path(CopyPath::FileWrite, 1, 90), path(CopyPath::PseudoRead, 1, 91)];
    assert_eq!(dominant(&dd), Some(CopyPath::FileWrite));
    assert_eq!(dominant(&[path(CopyPath::FileRead, 1, 0)]), None);
}
