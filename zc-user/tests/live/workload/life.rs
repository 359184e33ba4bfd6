//! Processes that come and go: short lives, reused pids, changes of name and of program.

use std::{
    ffi::{CString, OsStr},
    fs::{self, File},
    io::Write as _,
    os::unix::{ffi::OsStrExt as _, fs::symlink, process::CommandExt as _},
    path::Path,
    process::Command,
    thread,
};

use super::{Child, fork};
use crate::{names::NAMES, zc};

/// Children that live at the same time.
const TOGETHER: usize = 13;

/// A file that many append to.
fn log(path: &Path) -> File {
    File::options().append(true).create(true).open(path).expect("a file to append to")
}

/// Writes `bytes` in one call.
pub(super) fn write(bytes: usize, path: &Path) {
    append(&log(path), bytes);
}

fn append(mut log: &File, bytes: usize) {
    assert_eq!(log.write(&vec![1; bytes]).expect("room"), bytes);
}

/// `count` children that write once and end.
pub(super) fn swarm(count: usize, bytes: usize, path: &Path) {
    let log = log(path);
    let mut left = count;
    while left > 0 {
        let together = left.min(TOGETHER);
        let children: Vec<_> = (0..together)
            .map(|_| {
                fork(|| {
                    append(&log, bytes);
                    0
                })
            })
            .collect();
        children.iter().for_each(Child::succeed);
        left -= together;
    }
}

/// `count` times a child, its child, and the child of that: each writes once.
pub(super) fn nested(count: usize, bytes: usize, path: &Path) {
    let log = log(path);
    let generation = |next: &dyn Fn()| {
        fork(|| {
            append(&log, bytes);
            next();
            0
        })
        .succeed();
    };
    for _ in 0..count {
        generation(&|| generation(&|| generation(&|| ())));
    }
}

/// Calls the running thread `name`.
pub(super) fn rename(name: &[u8]) {
    let name = CString::new(name).expect("a name without NUL");
    // SAFETY: a terminated string.
    let result = unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
    assert_eq!(result, 0, "prctl: {}", std::io::Error::last_os_error());
}

/// Two processes with the same pid, one after the other. Writes the pid to `directory/pid`.
pub(super) fn reuse(directory: &Path) {
    // Another process may take the pid first: then try again with another pid.
    for _ in 0..101 {
        let log = log(&directory.join("log"));
        let first = fork(|| {
            rename(b"first");
            append(&log, 1009);
            0
        });
        first.succeed();
        if let Some(second) = fork_as(first.pid, || {
            rename(b"second");
            append(&log, 2003);
        }) {
            second.succeed();
            fs::write(directory.join("pid"), first.pid.to_string()).expect("room");
            return;
        }
    }
    panic!("no pid could be used twice");
}

/// A child with a chosen pid, unless that is taken.
fn fork_as(pid: i32, body: impl FnOnce()) -> Option<Child> {
    let wanted = [pid];
    // SAFETY: as fork(2): no new stack, no shared memory, and this process has one thread.
    let pid = unsafe {
        let mut arguments: libc::clone_args = std::mem::zeroed();
        arguments.exit_signal = libc::SIGCHLD as u64;
        arguments.set_tid = wanted.as_ptr() as u64;
        arguments.set_tid_size = 1;
        libc::syscall(libc::SYS_clone3, &raw const arguments, size_of::<libc::clone_args>())
    };
    if pid == 0 {
        body();
        // SAFETY: ends the process.
        unsafe { libc::_exit(0) };
    }
    let error = std::io::Error::last_os_error();
    assert!(pid > 0 || error.raw_os_error() == Some(libc::EEXIST), "clone3: {error}");
    (pid > 0).then(|| Child { pid: i32::try_from(pid).expect("a pid") })
}

/// `count` processes in which a thread that is not the first becomes another program, called
/// `successor`. Before that the first thread has written 503 bytes and the other 1009; the new
/// program writes 2003.
pub(super) fn thread_exec(count: usize, directory: &Path) {
    let [program, word] = zc::workload();
    let successor = directory.join("successor");
    symlink(program, &successor).expect("a new name");
    let path = directory.join("log");
    let log = log(&path);
    for _ in 0..count {
        fork(|| {
            append(&log, 503);
            thread::scope(|scope| {
                scope.spawn(|| {
                    append(&log, 1009);
                    let error = Command::new(&successor)
                        .arg(&word)
                        .args([OsStr::new("write"), OsStr::new("2003"), path.as_os_str()])
                        .exec();
                    panic!("exec: {error}");
                });
            });
            0
        })
        .succeed();
    }
}

/// A process of every hostile name, each writing to a file with such a name.
pub(super) fn names(directory: &Path) {
    for name in NAMES {
        fork(|| {
            rename(name);
            // A slash would be a directory.
            let file: Vec<u8> =
                name.iter().map(|byte| if *byte == b'/' { b'-' } else { *byte }).collect();
            write(1009, &directory.join(OsStr::from_bytes(&file)));
            0
        })
        .succeed();
    }
}
