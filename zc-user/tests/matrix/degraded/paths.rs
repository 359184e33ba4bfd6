//! A program that uses a path of every group, and what `zc` says of it.

use std::{
    collections::BTreeSet,
    env, fs,
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Command,
    sync::{LazyLock, Mutex, PoisonError},
    thread,
};

use serde_json::Value;

use super::Btrfs;
use crate::{
    requirement::{self, Skip},
    zc::{run, zc},
};

/// Bytes on every path: a prime, and less than a pipe holds.
pub(crate) const SIZE: u64 = 50_021;

/// What `zc stat --json` said.
pub(crate) struct Watched {
    pub(crate) report: Value,
    /// Whether the program wrote to a file system that is in a module, too.
    pub(crate) has_module: bool,
}

/// The program with everything that this kernel has.
pub(super) fn all() -> Result<&'static Watched, Skip> {
    static ALL: LazyLock<Result<Watched, Skip>> = LazyLock::new(|| watch(&[]));
    ALL.as_ref().map_err(Clone::clone)
}

/// The program with these options of `zc stat`.
pub(crate) fn watch(options: &[&str]) -> Result<Watched, Skip> {
    // There is one place for the mount.
    static MOUNTING: Mutex<()> = Mutex::new(());
    requirement::ebpf()?;
    requirement::program("sh")?;
    let _one_at_a_time = MOUNTING.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir().unwrap();
    let mounted = Btrfs::mount()?;
    fs::write(directory.path().join("from"), vec![b'z'; SIZE as usize]).unwrap();
    let report = directory.path().join("report");
    let mut command = zc(["stat", "--json", "-o"]);
    command.arg(&report).args(options).arg("--").arg(env::current_exe().unwrap());
    command.args(["workload", "paths"]).arg(directory.path());
    run(command).exits(0);
    let report = serde_json::from_str(&fs::read_to_string(report).unwrap()).unwrap();
    Ok(Watched { report, has_module: mounted.is_some() })
}

/// The program: a copy on each path. What goes to a module's file system is written by a process of
/// its own.
pub(crate) fn workload(directory: &Path) {
    let contents = fs::read(directory.join("from")).unwrap();
    fs::write(directory.join("to"), &contents).unwrap();

    let mut back = vec![0; contents.len()];
    let (mut read, mut write) = std::io::pipe().unwrap();
    write.write_all(&contents).unwrap();
    read.read_exact(&mut back).unwrap();

    let (mut one, mut other) = UnixStream::pair().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| one.write_all(&contents).unwrap());
        other.read_exact(&mut back).unwrap();
    });
    assert!(back == contents, "what came back differs");

    // The shell forks, and both go on with the same pages.
    let module = PathBuf::from("/run/btrfs");
    let script = format!(
        "(true); [ ! -d {0} ] || dd if=/dev/zero of={0}/to bs={SIZE} count=1",
        module.display()
    );
    assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success());
}

impl Watched {
    fn rows(&self) -> impl Iterator<Item = (&Value, &Value)> {
        let processes = self.report["processes"].as_array().unwrap().iter();
        processes.flat_map(|process| {
            process["paths"].as_array().unwrap().iter().map(move |row| (process, row))
        })
    }

    /// Where the copies on a path come from, of all processes. What one of them writes to a module's
    /// file system is left out.
    pub(crate) fn provenances(&self, path: &str) -> BTreeSet<&str> {
        let rows =
            self.rows().filter(|(process, row)| row["path"] == path && process["comm"] != "dd");
        rows.map(|(_, row)| row["provenance"].as_str().unwrap()).collect()
    }

    /// What was copied into a module's file system.
    pub(crate) fn module_write(&self) -> (u64, &str) {
        let mut rows = self
            .rows()
            .filter(|(process, row)| process["comm"] == "dd" && row["path"] == "file_write");
        let (_, row) = rows.next().unwrap();
        (row["copied_bytes"].as_u64().unwrap(), row["provenance"].as_str().unwrap())
    }
}
