//! Slots for threads are added while there are more and more threads.

use std::{
    io::Write as _,
    process::{Child, Command, Stdio},
};

use zc_common::{loss::Loss, path::CopyPath};
use zc_model::source::SnapshotSource as _;
use zc_probe::{attach::Options, follow::Follow, live::Live};

/// More than the first table holds when there may be this many.
const CHILDREN: usize = 307;
const MOST: u32 = 1024;

/// Fewer than find a slot until the next look.
const AT_A_TIME: usize = 60;

#[test]
fn the_table_of_threads_grows_before_it_is_full() {
    let options = Options { threads: Some(MOST), follow: Follow::Children, ..Options::default() };
    let mut live = Live::start(&options).unwrap();
    let before = live.next().unwrap().unwrap().self_cost.map_bytes;
    let mut children = Vec::new();
    while children.len() < CHILDREN {
        let many = AT_A_TIME.min(CHILDREN - children.len());
        children.extend((0..many).map(|_| reader()));
        live.tend().unwrap();
    }
    for (bytes, child) in children.iter_mut().enumerate() {
        child.stdin.take().unwrap().write_all(&vec![7; bytes + 1]).unwrap();
        child.wait().unwrap();
    }
    let snapshot = live.next().unwrap().unwrap();
    assert_eq!(snapshot.losses[Loss::SlotsExhausted], 0);
    for (bytes, child) in children.iter().enumerate() {
        let row = snapshot.processes.iter().find(|process| process.id.pid == child.id());
        let row = row.unwrap_or_else(|| panic!("process {} is missing", child.id()));
        let reads = row.paths.iter().find(|path| path.path == CopyPath::PipeRead);
        assert_eq!(reads.map(|path| path.moved_bytes), Some(bytes as u64 + 1), "{row:?}");
    }
    assert!(snapshot.self_cost.map_bytes > before, "the memory that it takes is said");
}

/// A process that reads what it is given, to the end.
fn reader() -> Child {
    let mut cat = Command::new("cat");
    cat.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
}
