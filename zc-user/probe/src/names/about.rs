//! What `/proc` says of one process: its command line, its age, its threads.

use std::{fs::File, io::Read as _, time::Duration};

use rustix::{
    fd::{AsFd, BorrowedFd, OwnedFd},
    fs::{Dir, Mode, OFlags, openat},
    time::{ClockId, clock_gettime},
};

use super::identity::{Stat, tick_ns};
use zc_model::snapshot::ProcessId;

/// Bytes of a command line that are read: more than any screen shows.
pub const MOST_COMMAND: usize = 4_096;
/// Threads that are looked at one by one: each is a file to open.
pub const MOST_THREADS: usize = 256;

/// What is known of a process now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Its command line, each argument followed by a 0, unless the program has written something else there. Empty of a
    /// thread of the kernel, and of one that has exited. It may hold anything, and secrets.
    pub command: Vec<u8>,
    /// Whether there is more of it than [`MOST_COMMAND`].
    pub is_cut: bool,
    /// When this was read, since boot, suspend included.
    pub at: Duration,
    /// How long ago it started.
    pub age: Duration,
    /// How many threads it has.
    pub threads: u64,
    /// Some of them, [`MOST_THREADS`] at most; none unless they were asked for.
    pub some: Vec<Thread>,
}

/// A thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Its number.
    pub tid: u32,
    /// Its name: it may hold anything.
    pub name: String,
    /// What it does, as a letter of `/proc/PID/stat`.
    pub state: u8,
    /// CPU time since it started, to a clock tick.
    pub cpu: Duration,
}

/// What `/proc` lets this process read of `process`. `None` when it has ended or is hidden: another process that has
/// its number now is not it.
#[must_use]
pub fn of(process: ProcessId, with_threads: bool) -> Option<About> {
    // All is read below this directory, which is that of the process even when its number is given to another one.
    let directory = open(None, &format!("/proc/{}", process.pid), OFlags::DIRECTORY)?;
    let stat = stat(directory.as_fd(), process.pid)?;
    if stat.id.start_ns / tick_ns() != process.start_ns / tick_ns() {
        return None;
    }
    let mut command = read(directory.as_fd(), "cmdline", MOST_COMMAND + 1).unwrap_or_default();
    let is_cut = command.len() > MOST_COMMAND;
    command.truncate(MOST_COMMAND);
    let now = clock_gettime(ClockId::Boottime);
    let at = Duration::new(now.tv_sec.try_into().ok()?, now.tv_nsec.try_into().ok()?);
    let some = if with_threads { threads(directory.as_fd()) } else { Vec::new() };
    let age = at.saturating_sub(Duration::from_nanos(process.start_ns));
    Some(About { command, is_cut, at, age, threads: stat.threads(), some })
}

fn threads(directory: BorrowedFd<'_>) -> Vec<Thread> {
    let Some(tasks) = open(Some(directory), "task", OFlags::DIRECTORY) else { return Vec::new() };
    let Ok(entries) = Dir::read_from(&tasks) else { return Vec::new() };
    let tids = entries.flatten().filter_map(|entry| entry.file_name().to_str().ok()?.parse().ok());
    tids.filter_map(|tid| thread(tasks.as_fd(), tid)).take(MOST_THREADS).collect()
}

fn thread(tasks: BorrowedFd<'_>, tid: u32) -> Option<Thread> {
    let text = read(tasks, &format!("{tid}/stat"), MOST_STAT)?;
    let stat = Stat::parse(tid, &text)?;
    let name = name(&text)?;
    let cpu = Duration::from_nanos(stat.cpu_ticks().saturating_mul(tick_ns()));
    Some(Thread { tid, name, state: stat.state(), cpu })
}

/// The name in `/proc/PID/stat`, which is between the first parenthesis and the last one.
fn name(stat: &[u8]) -> Option<String> {
    let begins = stat.iter().position(|byte| *byte == b'(')?;
    let ends = stat.iter().rposition(|byte| *byte == b')')?;
    Some(String::from_utf8_lossy(stat.get(begins + 1..ends)?).into_owned())
}

/// Longer than it is in any kernel: 52 numbers of 20 digits, and a name.
const MOST_STAT: usize = 2_048;

fn stat(directory: BorrowedFd<'_>, pid: u32) -> Option<Stat> {
    Stat::parse(pid, &read(directory, "stat", MOST_STAT)?)
}

fn read(directory: BorrowedFd<'_>, name: &str, most: usize) -> Option<Vec<u8>> {
    let file = File::from(open(Some(directory), name, OFlags::empty())?);
    let mut bytes = Vec::new();
    file.take(most as u64).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn open(directory: Option<BorrowedFd<'_>>, name: &str, flags: OFlags) -> Option<OwnedFd> {
    let directory = directory.unwrap_or(rustix::fs::CWD);
    openat(directory, name, flags | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        process::{Child, Command, Stdio},
        sync::mpsc,
        thread,
        time::Instant,
    };

    use super::*;

    /// A process that waits for the end of its input.
    struct Waiting(Child);

    impl Waiting {
        fn with(arguments: &[&str]) -> Self {
            let mut command = Command::new("cat");
            command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut child = command.spawn().unwrap();
            // Once it answers, it is the program, with its arguments.
            child.stdin.as_mut().unwrap().write_all(b"?").unwrap();
            child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
            Self(child)
        }

        fn id(&self) -> ProcessId {
            Stat::of(self.0.id()).unwrap().id
        }
    }

    impl Drop for Waiting {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn a_command_line_is_that_of_the_process_and_bounded() {
        let short = Waiting::with(&["--", "-", "two words"]);
        let about = of(short.id(), false).unwrap();
        assert_eq!(about.command, b"cat\0--\0-\0two words\0");
        assert_eq!((about.is_cut, about.threads, about.some.len()), (false, 1, 0));

        let exact = Waiting::with(&["-", &"x".repeat(MOST_COMMAND - 7)]);
        let about = of(exact.id(), false).unwrap();
        assert_eq!((about.command.len(), about.is_cut), (MOST_COMMAND, false));
        let long = Waiting::with(&["-", &"x".repeat(MOST_COMMAND - 6)]);
        let about = of(long.id(), false).unwrap();
        assert_eq!((about.command.len(), about.is_cut), (MOST_COMMAND, true));
    }

    #[test]
    fn another_process_with_the_same_number_is_not_it() {
        let child = Waiting::with(&[]);
        let id = child.id();
        let before = ProcessId { start_ns: id.start_ns - tick_ns(), ..id };
        assert!(of(id, true).is_some());
        assert_eq!(of(before, true), None);
        drop(child);
        assert_eq!(of(id, true), None);
    }

    #[test]
    fn threads_have_their_names_and_cpu_time() {
        let id = Stat::of(std::process::id()).unwrap().id;
        let (tell, told) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let spin = thread::Builder::new().name("spins) R 1 (".into()).spawn(move || {
            let used = || {
                let used = clock_gettime(ClockId::ThreadCPUTime);
                Duration::new(used.tv_sec as u64, used.tv_nsec as u32)
            };
            while used() < Duration::from_millis(70) {
                std::hint::spin_loop();
            }
            tell.send(rustix::thread::gettid().as_raw_nonzero().get() as u32).unwrap();
            let _ = released.recv();
            used()
        });
        let spin = spin.unwrap();
        let tid = told.recv().unwrap();
        let about = of(id, true).unwrap();
        let found = about.some.iter().find(|thread| thread.tid == tid).unwrap();
        assert_eq!(found.name, "spins) R 1 (");
        drop(release);
        let most = spin.join().unwrap();
        assert!(found.cpu <= most && found.cpu >= Duration::from_millis(50), "{found:?} {most:?}");
        assert!(about.threads >= 2 && !about.command.is_empty());
    }

    #[test]
    fn its_age_grows_as_time_does() {
        let began = Instant::now();
        let child = Waiting::with(&[]);
        let first = of(child.id(), false).unwrap();
        let next = of(child.id(), false).unwrap();
        assert!(next.age - first.age == next.at - first.at);
        // The start is as coarse as a clock tick.
        let most = began.elapsed() + Duration::from_nanos(tick_ns());
        assert!(next.age <= most, "{:?} {most:?}", next.age);
    }
}
