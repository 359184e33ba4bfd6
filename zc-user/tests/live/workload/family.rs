//! Processes that are followed because of where they come from, or of the control group that they are in:
//! those that are there before, those that are born later, and those that come from elsewhere.
//!
//! Each reads from `/dev/zero` as often as only it does. The workload prints a line, waits for one on its
//! standard input between its two halves, and prints who read how much: pid, calls, bytes.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _, stdin},
    os::{fd::AsRawFd as _, unix::net::UnixStream},
    path::Path,
    ptr,
    sync::{
        atomic::{AtomicU32, Ordering},
        mpsc::channel,
    },
    thread,
};

use rustix::{
    mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous},
    process::{getpid, getppid},
    thread::{CpuSet, gettid, sched_setaffinity},
};
use serde_json::json;

use super::{Child, Gate, fork};

/// A process and its reads.
type Reads = (i32, usize, usize);

/// Reads `calls` times `bytes`.
pub(crate) fn read_zero(calls: usize, bytes: usize) {
    let mut zero = File::open("/dev/zero").expect("it is there");
    let mut buffer = vec![0; bytes];
    for _ in 0..calls {
        assert_eq!(zero.read(&mut buffer).expect("it never ends"), bytes);
    }
}

/// A child that waits at `gate` before it reads.
fn reader(gate: &mut Gate, calls: usize, bytes: usize) -> Child {
    let child = fork(|| {
        gate.wait();
        read_zero(calls, bytes);
        0
    });
    gate.await_arrivals(1);
    child
}

/// Says that the first half is done, and waits for `zc`.
fn pause() {
    println!("{}", getpid());
    stdin().read_line(&mut String::new()).expect("a line");
}

fn report(reads: &[Reads]) {
    println!("{}", json!(reads));
}

/// A process with children and grandchildren, old and new.
pub(super) fn descent() {
    let (mut inner, mut outer) = (Gate::closed(), Gate::closed());
    let (mut told, mut tell) = UnixStream::pair().expect("a pair of sockets");
    // Of three generations before, of which the middle one is idle.
    let child = fork(|| {
        let grandchild = reader(&mut inner, 4, 307);
        tell.write_all(&grandchild.pid.to_ne_bytes()).expect("the other end reads");
        outer.wait();
        inner.open();
        grandchild.succeed();
        read_zero(2, 401);
        0
    });
    let grandchild = pid_from(&mut told);
    outer.await_arrivals(1);
    pause();
    outer.open();
    child.succeed();
    read_zero(3, 1009);
    thread::spawn(|| read_zero(7, 211)).join().expect("the thread reads");
    // An orphan, whose parent is gone before it reads.
    let mut done = Gate::closed();
    let parent = fork(|| {
        let parent = getpid();
        let orphan = fork(|| {
            while getppid() == Some(parent) {
                thread::yield_now();
            }
            read_zero(5, 503);
            done.arrive();
            0
        });
        tell.write_all(&orphan.pid.to_ne_bytes()).expect("the other end reads");
        0
    });
    let orphan = pid_from(&mut told);
    parent.succeed();
    done.await_arrivals(1);
    report(&[
        (getpid().as_raw_nonzero().get(), 10, 3 * 1009 + 7 * 211),
        (child.pid, 2, 2 * 401),
        (grandchild, 4, 4 * 307),
        (orphan, 5, 5 * 503),
    ]);
}

fn pid_from(told: &mut UnixStream) -> i32 {
    let mut pid = [0; 4];
    told.read_exact(&mut pid).expect("the other end writes");
    i32::from_ne_bytes(pid)
}

/// Processes that are moved while they run, one after the other: that one is not switched away between its move
/// and its reads takes luck on a busy machine.
pub(crate) const MOVED: usize = 23;

/// Members of the control group `group` and of one below it, and of `late`, which is made twice.
pub(super) fn members(group: &Path, late: &Path) {
    let (mut first, mut second, mut third) = (Gate::closed(), Gate::closed(), Gate::closed());
    let inside = reader(&mut first, 2, 401);
    enter(group, inside.pid);
    let deep = reader(&mut second, 4, 307);
    let outside = reader(&mut third, 6, 211);
    pause();
    first.open();
    inside.succeed();
    let mut reads: Vec<Reads> = Vec::new();
    keep_to(0);
    for _ in 0..MOVED {
        let moved = Spinner::start(3, 1009);
        enter(group, moved.child.pid);
        moved.read();
        reads.push((moved.child.pid, 3, 3 * 1009));
    }
    let below = group.join("below");
    fs::create_dir(&below).expect("a group below");
    enter(&below, deep.pid);
    second.open();
    deep.succeed();
    third.open();
    outside.succeed();
    let born = born_into(group, || read_zero(5, 503));
    born.succeed();
    for calls in [7, 8] {
        fs::create_dir(late).expect("a group");
        let born = born_into(late, || read_zero(calls, 101));
        born.succeed();
        reads.push((born.pid, calls, calls * 101));
        fs::remove_dir(late).expect("it is empty");
    }
    reads.extend([(inside.pid, 2, 2 * 401), (deep.pid, 4, 4 * 307), (born.pid, 5, 5 * 503)]);
    report(&reads);
}

/// Processes of which one thread is in the threaded control group `threads`, below `domain`: one from before,
/// one later.
pub(super) fn threaded(domain: &Path, threads: &Path) {
    let (mut first, mut second, mut third) = (Gate::closed(), Gate::closed(), Gate::closed());
    let early = with_a_thread(&mut first, domain, 3, 307);
    enter_thread(threads, early.thread);
    let late = with_a_thread(&mut second, domain, 5, 503);
    let outside = reader(&mut third, 6, 211);
    enter(domain, outside.pid);
    pause();
    enter_thread(threads, late.thread);
    for (gate, child) in [(first, &early.child), (second, &late.child), (third, &outside)] {
        gate.open();
        child.succeed();
    }
    // Both threads of each.
    report(&[(early.child.pid, 6, 6 * 307), (late.child.pid, 10, 10 * 503)]);
}

/// A child, and another thread of it.
struct Threads {
    child: Child,
    thread: i32,
}

/// A child of two threads in the control group `domain`, each of which waits at `gate` before it reads.
fn with_a_thread(gate: &mut Gate, domain: &Path, calls: usize, bytes: usize) -> Threads {
    let (mut told, mut tell) = UnixStream::pair().expect("a pair of sockets");
    let child = fork(|| {
        enter(domain, getpid().as_raw_nonzero().get());
        let (release, released) = channel();
        let reads = thread::spawn(move || {
            let own = gettid().as_raw_nonzero().get();
            tell.write_all(&own.to_ne_bytes()).expect("the other end reads");
            released.recv().expect("the gate opens");
            read_zero(calls, bytes);
        });
        gate.wait();
        read_zero(calls, bytes);
        release.send(()).expect("the thread waits");
        reads.join().expect("the thread reads");
        0
    });
    let thread = pid_from(&mut told);
    gate.await_arrivals(1);
    Threads { child, thread }
}

/// A command in two processes, of which one moves into the control group `group`.
pub(super) fn parted(group: &Path) {
    let mover = fork(|| {
        enter(group, getpid().as_raw_nonzero().get());
        read_zero(5, 503);
        0
    });
    mover.succeed();
    read_zero(6, 211);
    report(&[(mover.pid, 5, 5 * 503)]);
}

/// A process with three children: one stays in its control group, two move into `group`, of which one ends.
pub(super) fn homes(group: &Path) {
    let mut gates = [Gate::closed(), Gate::closed()];
    pause();
    let ended = fork(|| {
        enter(group, getpid().as_raw_nonzero().get());
        read_zero(3, 307);
        0
    });
    ended.succeed();
    let [stay, move_on] = &mut gates;
    let stays = fork(|| {
        read_zero(3, 307);
        stay.wait();
        0
    });
    let moved = fork(|| {
        read_zero(3, 307);
        move_on.wait();
        0
    });
    gates.iter_mut().for_each(|gate| gate.await_arrivals(1));
    enter(group, moved.pid);
    println!("{}", json!([getpid().as_raw_nonzero().get(), stays.pid, moved.pid, ended.pid]));
    stdin().read_line(&mut String::new()).expect("a line");
    gates.iter().for_each(Gate::open);
    stays.succeed();
    moved.succeed();
}

fn enter_thread(group: &Path, thread: i32) {
    fs::write(group.join("cgroup.threads"), thread.to_string()).expect("it can be moved there");
}

fn enter(group: &Path, pid: i32) {
    fs::write(group.join("cgroup.procs"), pid.to_string()).expect("it can be moved there");
}

/// Keeps this process to the CPU with this number, where it may run there.
fn keep_to(cpu: usize) {
    let mut set = CpuSet::new();
    set.set(cpu);
    let _ = sched_setaffinity(None, &set);
}

/// Pages that a process touches before it is moved into a control group.
pub(crate) const TOUCHED: usize = 499;

/// Takes a page fault for each of [`TOUCHED`] pages.
fn touch_pages() {
    const PAGE: usize = 4096;
    let (access, kind) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
    // SAFETY: a new mapping, inside of which a byte of each page is written. Huge pages would take one fault
    // for all; where they are refused to this mapping, or not known, there are none.
    unsafe {
        let pages = mmap_anonymous(ptr::null_mut(), TOUCHED * PAGE, access, kind).expect("pages");
        let _ = madvise(pages, TOUCHED * PAGE, Advice::LinuxNoHugepage);
        (0..TOUCHED).for_each(|page| pages.cast::<u8>().add(page * PAGE).write_volatile(1));
    }
}

/// A process that never waits before it reads.
struct Spinner {
    child: Child,
    go: &'static AtomicU32,
}

impl Spinner {
    /// On a CPU of its own where there are two: the test's process keeps to the other one.
    fn start(calls: usize, bytes: usize) -> Self {
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping, which is never unmapped; zeros are a number.
        let go: &AtomicU32 = unsafe {
            let page = mmap_anonymous(ptr::null_mut(), 4096, access, MapFlags::SHARED);
            &*page.expect("a page").cast()
        };
        let parent = getpid();
        let child = fork(|| {
            keep_to(1);
            touch_pages();
            go.store(1, Ordering::Release);
            while go.load(Ordering::Acquire) < 2 {
                // A call: what the CPU knows of this process is asked for again and again.
                assert_eq!(getppid(), Some(parent), "the test has failed");
            }
            read_zero(calls, bytes);
            0
        });
        while go.load(Ordering::Acquire) < 1 {
            thread::yield_now();
        }
        Self { child, go }
    }

    fn read(&self) {
        self.go.store(2, Ordering::Release);
        self.child.succeed();
    }
}

/// A child that is born into a control group which is not its parent's.
fn born_into(group: &Path, body: impl FnOnce()) -> Child {
    /// `CLONE_INTO_CGROUP`, `include/uapi/linux/sched.h`, since 5.7.
    const INTO_CGROUP: u64 = 0x2_0000_0000;

    let directory = File::open(group).expect("it is there");
    // `struct clone_args`: flags first, then six that are not needed, the signal at the end in the fifth.
    let mut arguments = [0_u64; 11];
    arguments[0] = INTO_CGROUP;
    arguments[4] = libc::SIGCHLD as u64;
    arguments[10] = directory.as_raw_fd() as u64;
    // SAFETY: this process has one thread, so the child may do anything; it has a copy of the stack.
    let pid = unsafe {
        libc::syscall(libc::SYS_clone3, arguments.as_ptr(), size_of_val(&arguments)) as i32
    };
    assert!(pid >= 0, "clone3: {}", std::io::Error::last_os_error());
    if pid == 0 {
        body();
        // SAFETY: ends the process.
        unsafe { libc::_exit(0) };
    }
    Child { pid }
}

/// Dirties pages of `file` without bringing them to the disk.
pub(super) fn dirty(file: &Path, bytes: usize) {
    let mut file = File::options().write(true).open(file).expect("it is there");
    pause();
    file.write_all(&vec![1; bytes]).expect("room");
    report(&[]);
    // It is alive until the others are done.
    stdin().read_line(&mut String::new()).expect("a line");
}
