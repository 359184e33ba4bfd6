//! Many threads that die at once leave a gap in the table of threads: who came after them is seen.

use std::{
    process::{Command, Stdio},
    sync::{Arc, Barrier},
    thread,
};

use zc_model::source::SnapshotSource as _;
use zc_probe::{attach::Options, live::Live};

/// More than a scan looks ahead.
const THREADS: usize = 1009;

#[test]
fn a_process_beyond_the_slots_of_the_dead_is_seen() {
    let mut live = Live::start(&Options::default()).unwrap();
    let gate = Arc::new(Barrier::new(THREADS + 1));
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let gate = Arc::clone(&gate);
            thread::Builder::new().stack_size(64 << 10).spawn(move || gate.wait()).unwrap()
        })
        .collect();
    let mut cat = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    gate.wait();
    for thread in threads {
        thread.join().unwrap();
    }
    live.tend().unwrap();
    let snapshot = live.next().unwrap().unwrap();
    let seen = snapshot.processes.iter().any(|process| process.id.pid == cat.id());
    drop(cat.stdin.take());
    cat.wait().unwrap();
    assert!(seen, "process {} is missing", cat.id());
}
