//! Files that one process writes to and another one brings to the disk, and one that two write to, on a file
//! system that vanishes with these processes.

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::FileExt as _,
    path::Path,
};

use rustix::{
    mount::{MountFlags, MountPropagationFlags, mount, mount_change},
    thread::{UnshareFlags, unshare_unsafe},
};
use serde_json::json;

use super::{Gate, fork};

/// Bytes of the file whose writer has ended when it is brought to the disk, and of the one whose
/// writer has not: primes.
pub(crate) const OF_THE_DEAD: usize = 1_000_003;
pub(crate) const OF_THE_LIVING: usize = 2_000_003;

/// Where, in the file that both write to, the second one writes a single byte: in a page of its own.
pub(crate) const ELSEWHERE: u64 = 3_000_017;

/// Bytes per call: a prime.
const CHUNK: usize = 4_099;

/// Mounts the file system of `kind` on `device`, and prints who wrote and who synchronised.
pub(super) fn writeback(device: &Path, kind: &str, directory: &Path) {
    // SAFETY: this process has one thread, and shares no files with others.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }.expect("a mount namespace");
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .expect("mounts of its own");
    mount(device, directory, kind, MountFlags::empty(), None).expect("a mount");
    let files = ["first", "second", "shared"].map(|name| directory.join(name));
    let [first, second, shared] = &files;
    for path in &files {
        File::create(path).and_then(|file| file.sync_all()).expect("a new file");
    }

    let dead = fork(|| fill(first, OF_THE_DEAD));
    dead.wait_until_dead();
    let mut gate = Gate::closed();
    let living = fork(|| {
        let status = fill(second, OF_THE_LIVING);
        gate.wait();
        status
    });
    gate.await_arrivals(1);
    let written = [&dead, &living].map(|child| (child.pid, child.proc_io().write_bytes));
    dead.succeed();
    let filler = fork(|| fill(shared, OF_THE_LIVING));
    filler.wait_until_dead();
    let toucher = fork(|| {
        let file = fs::OpenOptions::new().write(true).open(shared).expect("the file is there");
        file.write_all_at(&[1], ELSEWHERE).expect("room");
        0
    });
    toucher.wait_until_dead();
    let of_shared = [&filler, &toucher].map(|child| (child.pid, child.proc_io().write_bytes));
    filler.succeed();
    toucher.succeed();
    let syncer = fork(|| {
        for path in &files {
            File::open(path).and_then(|file| file.sync_all()).expect("it can be written");
        }
        0
    });
    syncer.succeed();
    gate.open();
    living.succeed();
    let told = |(pid, bytes)| json!({ "pid": pid, "write_bytes": bytes });
    let ([dead, living], [filler, toucher]) = (written.map(told), of_shared.map(told));
    println!(
        "{}",
        json!({
            "dead": dead, "living": living, "filler": filler, "toucher": toucher,
            "syncer": syncer.pid,
        })
    );
}

/// Writes `bytes` to a file, into the page cache.
fn fill(path: &Path, bytes: usize) -> i32 {
    let mut file = fs::OpenOptions::new().write(true).open(path).expect("the file is there");
    let content = vec![0x5a; bytes];
    for chunk in content.chunks(CHUNK) {
        file.write_all(chunk).expect("room");
    }
    0
}
