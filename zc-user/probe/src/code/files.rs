//! Files with code: opened as they are mapped, and looked at once.

use std::{
    collections::HashMap,
    fs::File,
    os::unix::fs::MetadataExt as _,
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::{
    fs::{CWD, FileType, Mode, OFlags, fstat, fstatfs, openat},
    time::{ClockId, clock_gettime},
};
use zc_code::{Finding, Function, Program};
use zc_common::code::CodePlace;
use zc_model::snapshot::ProcessId;
use zc_privilege::raised;

use super::{Found, areas::Area};
use crate::names::identity;

/// Files that are open at a time.
const MOST_FILES: usize = 128;
/// An open file keeps its file system from being unmounted.
const KEPT: Duration = Duration::from_secs(10);
/// Places of a file that are remembered.
const MOST_FINDINGS: usize = 16_384;

/// CPU time that a file may cost: so much, and from then on one hundredth of the time. A large program with all its
/// symbols costs 0.2 ms for each place.
const FREE: Duration = Duration::from_millis(500);
const PART: u32 = 100;

/// CPU time that the names of the functions of a file may cost before that.
const FREE_FOR_NAMES: Duration = Duration::from_secs(5);

/// `FUSE_SUPER_MAGIC`, `include/uapi/linux/magic.h`: a user's program serves it, and may never answer.
const FUSE: u64 = 0x6573_5546;

/// A file as the kernel knows it: the device of its file system, and its inode number.
pub(crate) type Key = (u32, u64);

pub(crate) fn key(place: &CodePlace) -> Key {
    (place.device, place.inode)
}

/// What is open.
#[derive(Default)]
pub(crate) struct Files {
    by_key: HashMap<Key, Opened>,
}

struct Opened {
    /// Open as long as this: no other file gets its inode number.
    file: File,
    stamp: Stamp,
    /// `None` for what is no program.
    program: Option<Program<File>>,
    findings: HashMap<u64, Finding>,
    functions: HashMap<u64, Option<Function>>,
    path: Arc<str>,
    /// CPU time that it has cost.
    spent: Duration,
    since: Instant,
    asked: Instant,
}

/// What changes when a file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(file: &File) -> Option<Self> {
        let metadata = file.metadata().ok()?;
        Some(Self {
            bytes: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

impl Files {
    /// Begins with another batch: closes what was not asked about for a while, and what has changed since.
    pub(crate) fn tidy(&mut self) {
        self.by_key.retain(|_, it| {
            it.asked.elapsed() < KEPT && Stamp::of(&it.file).is_some_and(|now| now == it.stamp)
        });
    }

    pub(crate) fn has(&self, key: Key) -> bool {
        self.by_key.contains_key(&key)
    }

    /// Opens the file that is mapped to an area of a process.
    pub(crate) fn open(&mut self, key: Key, process: ProcessId, area: &Area) {
        let Some(file) = raised(|| mapped(key, process, area)) else { return };
        // Another process may have got the number.
        if !identity::is_same(process) {
            return;
        }
        let Some(stamp) = Stamp::of(&file) else { return };
        if self.by_key.len() >= MOST_FILES {
            let oldest = self.by_key.iter().min_by_key(|(_, it)| it.asked).map(|(key, _)| *key);
            oldest.map(|key| self.by_key.remove(&key));
        }
        let program = file.try_clone().ok().and_then(Program::open);
        let now = Instant::now();
        let opened = Opened {
            file,
            stamp,
            program,
            findings: HashMap::new(),
            functions: HashMap::new(),
            path: Arc::clone(&area.name),
            spent: Duration::ZERO,
            since: now,
            asked: now,
        };
        self.by_key.insert(key, opened);
    }

    /// What the code at an offset of a file does; `None` for a file that could not be opened.
    pub(crate) fn find(&mut self, key: Key, offset: u64) -> Option<Found> {
        let opened = self.by_key.get_mut(&key)?;
        opened.asked = Instant::now();
        if opened.findings.len() >= MOST_FINDINGS {
            opened.findings.clear();
        }
        let file = Arc::clone(&opened.path);
        if let Some(Finding { verdict, function }) = opened.findings.get(&offset).cloned() {
            return Some(Found::Code { verdict, function, file });
        }
        // A file may be made so that each place in it is costly.
        let program = opened.program.as_mut()?;
        if opened.spent > FREE + opened.since.elapsed() / PART {
            return None;
        }
        // That is for all places.
        program.prepare();
        let began = cpu_time();
        let finding = program.at(offset);
        opened.spent += cpu_time().saturating_sub(began);
        opened.findings.insert(offset, finding.clone());
        let Finding { verdict, function } = finding;
        Some(Found::Code { verdict, function, file })
    }
}

impl Files {
    /// The function at an offset of a file; `None` where nothing says which.
    pub(crate) fn function(&mut self, key: Key, offset: u64) -> Option<Function> {
        let opened = self.by_key.get_mut(&key)?;
        opened.asked = Instant::now();
        if let Some(known) = opened.functions.get(&offset) {
            return known.clone();
        }
        if opened.functions.len() >= MOST_FINDINGS {
            opened.functions.clear();
        }
        let program = opened.program.as_mut()?;
        // As for findings, but more: each is asked for once.
        if opened.spent > FREE_FOR_NAMES + opened.since.elapsed() / PART {
            return None;
        }
        let began = cpu_time();
        let function = program.function(offset);
        opened.spent += cpu_time().saturating_sub(began);
        opened.functions.insert(offset, function.clone());
        function
    }

    /// Whether a call ends at an offset of a file.
    pub(crate) fn is_behind_call(&self, key: Key, offset: u64) -> bool {
        let program = self.by_key.get(&key).and_then(|opened| opened.program.as_ref());
        program.is_some_and(|program| program.is_behind_call(offset))
    }
}

impl Files {
    /// Whether a system call ends at an offset of a file.
    pub(crate) fn is_behind_system_call(&self, key: Key, offset: u64) -> bool {
        let program = self.by_key.get(&key).and_then(|opened| opened.program.as_ref());
        program.is_some_and(|program| program.is_behind_system_call(offset))
    }
}

/// CPU time of this thread.
fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec as u32)
}

/// The regular file that an area shows.
fn mapped(key: Key, process: ProcessId, area: &Area) -> Option<File> {
    let Area { begin, end, name, .. } = area;
    let file = identity::ask(process.pid, |pid| {
        // The link leads to what is mapped, whatever has become of its path since.
        let by_area = open(&format!("/proc/{pid}/map_files/{begin:x}-{end:x}"));
        // It takes more rights than the path, which may lead to another file by now.
        by_area.or_else(|| open(&format!("/proc/{pid}/root{name}")))
    })?;
    // By now the process may have mapped another file there: programs without randomised addresses all do.
    is(&file, key).then_some(file)
}

/// Whether a file is the one that the kernel means. Overlays and btrfs have devices of their own for programs.
fn is(file: &File, (device, inode): Key) -> bool {
    const OVERLAY: u64 = 0x794c_7630;
    const BTRFS: u64 = 0x9123_683e;
    let device = libc::makedev(device >> 20, device & 0xf_ffff);
    let hides_device = || fstatfs(file).is_ok_and(|it| matches!(it.f_type as u64, OVERLAY | BTRFS));
    file.metadata().is_ok_and(|it| it.ino() == inode && (it.dev() == device || hides_device()))
}

fn open(path: &str) -> Option<File> {
    // To look at what it is: opening a device does something.
    let look = openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let status = fstat(&look).ok()?;
    if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
        return None;
    }
    if fstatfs(&look).is_ok_and(|it| it.f_type as u64 == FUSE) {
        return None;
    }
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&look));
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    openat(CWD, path, flags, Mode::empty()).ok().map(File::from)
}
