//! Processes of which every byte is known.

use std::{
    fs,
    io::Write as _,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use tempfile::TempDir;

use crate::{
    requirement::{Skip, program},
    zc::{self, until},
};

/// Bytes of a write: a prime.
pub(crate) const SIZE: usize = 100_003;

/// A process that writes to a file what it is given, in pieces of [`SIZE`].
pub(crate) struct Copier {
    child: Child,
    input: Option<ChildStdin>,
    file: PathBuf,
    given: u64,
    _directory: TempDir,
}

impl Copier {
    /// Starts it under this name, which may be any that a file can have.
    pub(crate) fn start(comm: &str) -> Result<Self, Skip> {
        let dd = program("dd")?;
        let directory = tempfile::tempdir().unwrap();
        // The kernel names a process after the file.
        let copy = directory.path().join(comm);
        zc::install(&fs::canonicalize(dd).unwrap(), &copy, 0o755);
        let file = directory.path().join("written");
        let mut child = Command::new(&copy)
            .arg0("dd")
            .arg(format!("bs={SIZE}"))
            .args(["iflag=fullblock", "status=none"])
            .arg(format!("of={}", file.display()))
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        Ok(Self { child, input, file, given: 0, _directory: directory })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Has it copy so many pieces, and waits until they are written.
    pub(crate) fn copy(&mut self, pieces: usize) {
        let input = self.input.as_mut().unwrap();
        for _ in 0..pieces {
            input.write_all(&[7; SIZE]).unwrap();
        }
        self.given += (pieces * SIZE) as u64;
        until("all is written", || fs::metadata(&self.file).unwrap().len() == self.given);
    }

    /// Bytes that it has written, as the file system has it.
    pub(crate) fn written(&self) -> u64 {
        fs::metadata(&self.file).unwrap().len()
    }

    /// Waits until it has ended.
    pub(crate) fn end(&mut self) {
        self.input = None;
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Copier {
    fn drop(&mut self) {
        // It has ended by itself, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A name that no other process on the machine has.
pub(crate) fn unique(prefix: &str) -> String {
    let name = format!("{prefix}{}", std::process::id());
    assert!(name.len() < 16, "the kernel cuts it off: {name}");
    name
}

/// A control group, removed in the end.
pub(crate) struct Group {
    /// Its path within the hierarchy.
    pub(crate) path: String,
    directory: PathBuf,
}

impl Group {
    pub(crate) fn new() -> Result<Self, Skip> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let mount = mounts.lines().find(|line| line.contains(" - cgroup2 "));
        let place = mount.and_then(|line| line.split(' ').nth(4));
        let place = place.ok_or_else(|| Skip::Kernel("cgroup v2 is not mounted".to_owned()))?;
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = format!("/zc-serve-{}-{number}", std::process::id());
        let directory = PathBuf::from(format!("{place}{path}"));
        fs::create_dir(&directory)
            .map_err(|error| Skip::Kernel(format!("no control group: {error}")))?;
        Ok(Self { path, directory })
    }

    pub(crate) fn add(&self, pid: u32) {
        fs::write(self.directory.join("cgroup.procs"), pid.to_string()).unwrap();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Those in it have ended, unless the test failed.
        let _ = fs::remove_dir(&self.directory);
    }
}
