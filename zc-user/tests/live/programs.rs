//! Real programs. What they do at start-up is measured by running them without work.

use std::{fs, path::Path, process::Command, sync::LazyLock};

use crate::{
    Test,
    report::{Count, Paths, Process, Report},
    requirement::{self, Skip, program},
    workload::{Launch, Launched},
    zc::{observe, on_disk, workload},
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("programs::dd_copies_by_read_and_write", dd),
    ("programs::dd_reads_directly", dd_direct),
    ("programs::dd_from_zero_to_null_moves_no_data", dd_zero),
    ("programs::cp_copies_in_the_kernel", cp),
    ("programs::cp_with_reflink_never_reads_and_writes", cp_never),
    ("programs::cat_writes_to_a_pipe", cat),
    ("programs::python_sends_files_to_tcp", python_tcp),
    ("programs::python_sends_files_to_unix_sockets", python_unix),
    ("programs::python_copies_files", python_copyfile),
    ("programs::a_status_is_passed_on", status),
    ("programs::the_kernel_counts_the_same", kernel_counts),
];

/// Bytes of the file with content: a prime.
const INPUT: u64 = 1_000_003;

/// Bytes of the file with little content.
const LITTLE: u64 = 101;

/// Sends a file to the socket of an address, in pieces, until there is nothing left.
const SENDFILE: &str = "
import os, socket, sys
family, address = (socket.AF_UNIX, sys.argv[2]) if '/' in sys.argv[2] else (
    socket.AF_INET, ('127.0.0.1', int(sys.argv[2])))
with socket.socket(family) as to, open(sys.argv[1], 'rb') as file:
    to.connect(address)
    while os.sendfile(to.fileno(), file.fileno(), None, 10007):
        pass
";

const COPYFILE: &str = "
import shutil, sys
shutil.copyfile(sys.argv[1], sys.argv[2])
";

/// A program with work, and the same without.
struct Pair {
    with: usize,
    without: [usize; 2],
}

/// Every program, in one run.
struct Runs {
    report: Report,
    launched: Vec<Launched>,
}

/// The command line of `name`, on a file that may be empty.
fn words(name: &str, directory: &Path, empty: bool) -> Result<Vec<String>, Skip> {
    let file = |name: &str| directory.join(name).to_string_lossy().into_owned();
    let input = file(if empty { "empty" } else { "input" });
    let count = |n: u32| format!("count={}", if empty { 0 } else { n });
    let found = |name| Ok(program(name)?.to_string_lossy().into_owned());
    let python = |script: &str, target: &str| {
        let words = [python()?, "-BSIc".into(), script.into(), input.clone(), target.into()];
        Ok(words.to_vec())
    };
    Ok(match name {
        "dd" => {
            let (from, to) = (format!("if={}", file("input")), format!("of={}", file("dd")));
            vec![found("dd")?, from, to, "bs=10007".into(), count(97), "status=none".into()]
        }
        "dd direct" => {
            let from = format!("if={}", file("input"));
            let words = ["of=/dev/null", "iflag=direct", "bs=12288", "status=none"];
            let mut all = vec![found("dd")?, from, count(37)];
            all.extend(words.map(str::to_owned));
            all
        }
        "dd zero" => {
            let words = ["if=/dev/zero", "of=/dev/null", "bs=65537", "status=none"];
            let mut all = vec![found("dd")?, count(101)];
            all.extend(words.map(str::to_owned));
            all
        }
        // With nothing to copy it would read once, to make sure: so there is a little.
        "cp" => {
            vec![found("cp")?, file(if empty { "little" } else { "input" }), file("cp")]
        }
        "cp never" => vec![found("cp")?, "--reflink=never".into(), input, file("cp-never")],
        "cat" => vec![found("cat")?, input],
        "python tcp" => python(SENDFILE, "{tcp}")?,
        "python unix" => python(SENDFILE, "{unix}")?,
        "python copyfile" => python(COPYFILE, &file("copyfile"))?,
        other => panic!("no program '{other}'"),
    })
}

const NAMES: [&str; 9] = [
    "dd",
    "dd direct",
    "dd zero",
    "cp",
    "cp never",
    "cat",
    "python tcp",
    "python unix",
    "python copyfile",
];

/// The interpreter itself: what the name leads to may be a script of a version manager.
fn python() -> Result<String, Skip> {
    let output = Command::new(program("python3")?)
        .args(["-c", "import sys; print(sys.executable)"])
        .output()
        .map_err(|_| Skip::Program("python3".to_owned()))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Where the runs of `name` are in the list of programs.
fn pair(name: &str) -> Pair {
    let at = NAMES.iter().position(|known| *known == name).expect("a known name") * 3;
    Pair { with: at + 1, without: [at, at + 2] }
}

fn runs() -> Result<&'static Runs, Skip> {
    static RUNS: LazyLock<Result<Runs, Skip>> = LazyLock::new(run_all);
    requirement::ebpf()?;
    RUNS.as_ref().map_err(Clone::clone)
}

fn run_all() -> Result<Runs, Skip> {
    // Below the directory of the build: /tmp may be in memory, which cannot do direct I/O.
    let directory = on_disk();
    let path = directory.path();
    fs::write(path.join("input"), vec![b'z'; INPUT as usize]).expect("room");
    fs::write(path.join("little"), vec![b'z'; LITTLE as usize]).expect("room");
    fs::write(path.join("empty"), "").expect("room");
    let mut plan = Vec::new();
    for name in NAMES {
        // Before and after: what is read for the first time comes from the disk.
        for empty in [true, false, true] {
            plan.push(Launch { words: words(name, path, empty)? });
        }
    }
    let file = path.join("plan");
    fs::write(&file, serde_json::to_string(&plan).expect("a plan is JSON")).expect("room");
    let mut command = Vec::from(workload());
    command.extend(["launch".into(), file.clone()]);
    let observed = observe(&[], &command);
    let results = fs::read_to_string(file.with_extension("results")).expect("results");
    Ok(Runs {
        report: observed.report,
        launched: serde_json::from_str(&results).expect("results are JSON"),
    })
}

/// What a program did beyond its start-up, and how it was launched.
fn work_of(name: &str) -> Result<(Paths, &'static Launched), Skip> {
    let runs = runs()?;
    let Pair { with, without } = pair(name);
    let row = |at: usize| -> Process {
        assert_eq!(runs.launched[at].code, 0, "{name} failed");
        runs.report.process(runs.launched[at].pid)
    };
    let start_up = without.map(|at| row(at).data_paths());
    assert_eq!(start_up[0], start_up[1], "the start-up of {name} is not always the same");
    let mut paths = row(with).data_paths();
    for (path, before) in &start_up[0] {
        let count = paths.get_mut(path).expect("what is done at start-up is done with work, too");
        *count = Count {
            ops: count.ops.checked_sub(before.ops).expect("more with work"),
            errors: count.errors.checked_sub(before.errors).expect("more with work"),
            bytes: count.bytes.checked_sub(before.bytes).expect("more with work"),
        };
    }
    paths.retain(|_, count| *count != Count::default());
    Ok((paths, &runs.launched[with]))
}

fn counts<const N: usize>(expected: [(&str, u64, u64); N]) -> Paths {
    let count = |ops, bytes| Count { ops, errors: 0, bytes };
    expected.into_iter().map(|(path, ops, bytes)| (path.to_owned(), count(ops, bytes))).collect()
}

fn dd() -> Result<(), Skip> {
    let (paths, _) = work_of("dd")?;
    assert_eq!(paths, counts([("file_read", 97, 97 * 10_007), ("file_write", 97, 97 * 10_007)]));
    Ok(())
}

fn dd_direct() -> Result<(), Skip> {
    let (paths, _) = work_of("dd direct")?;
    let bytes = 37 * 12_288;
    assert_eq!(paths, counts([("direct_read", 37, bytes), ("pseudo_write", 37, bytes)]));
    Ok(())
}

fn dd_zero() -> Result<(), Skip> {
    let (paths, _) = work_of("dd zero")?;
    let bytes = 101 * 65_537;
    assert_eq!(paths, counts([("pseudo_read", 101, bytes), ("pseudo_write", 101, bytes)]));
    Ok(())
}

fn cp() -> Result<(), Skip> {
    let (paths, _) = work_of("cp")?;
    // What cp tries first, and in how many pieces, depends on its version and the file system;
    // that every byte is there once does not.
    let bytes: u64 = paths.values().map(|count| count.bytes).sum();
    assert_eq!(bytes, INPUT - LITTLE, "{paths:?}");
    let in_kernel = ["copy_range_copied", "copy_range_reflink"];
    assert!(paths.keys().all(|path| in_kernel.contains(&path.as_str())), "{paths:?}");
    Ok(())
}

fn cp_never() -> Result<(), Skip> {
    let (paths, _) = work_of("cp never")?;
    assert_eq!(paths.keys().collect::<Vec<_>>(), ["file_read", "file_write"], "{paths:?}");
    assert_eq!((paths["file_read"].bytes, paths["file_write"].bytes), (INPUT, INPUT));
    Ok(())
}

fn cat() -> Result<(), Skip> {
    let (paths, launched) = work_of("cat")?;
    assert_eq!(launched.output, INPUT);
    assert_eq!(paths.keys().collect::<Vec<_>>(), ["file_read", "pipe_write"], "{paths:?}");
    assert_eq!((paths["file_read"].bytes, paths["pipe_write"].bytes), (INPUT, INPUT));
    // Every piece is read and written; the call that finds the end is made without work, too.
    assert_eq!(paths["file_read"].ops, paths["pipe_write"].ops);
    let piece = INPUT.div_ceil(paths["file_read"].ops).next_power_of_two();
    assert_eq!(paths["file_read"].ops, INPUT.div_ceil(piece));
    Ok(())
}

fn python_tcp() -> Result<(), Skip> {
    let (paths, launched) = work_of("python tcp")?;
    assert_eq!(launched.received, INPUT);
    assert_eq!(paths, counts([("sendfile_to_socket", INPUT.div_ceil(10_007), INPUT)]));
    Ok(())
}

fn python_unix() -> Result<(), Skip> {
    let (paths, launched) = work_of("python unix")?;
    assert_eq!(launched.received, INPUT);
    assert_eq!(paths, counts([("sendfile_to_socket", INPUT.div_ceil(10_007), INPUT)]));
    Ok(())
}

fn python_copyfile() -> Result<(), Skip> {
    let (paths, _) = work_of("python copyfile")?;
    // Newer versions than 3.13 use copy_file_range where they can.
    let ways = ["sendfile_to_file", "copy_range_copied", "copy_range_reflink"];
    let used: Vec<_> = paths.keys().map(String::as_str).collect();
    assert_eq!(used.len(), 1, "{paths:?}");
    assert!(ways.contains(&used[0]), "{paths:?}");
    assert_eq!((paths[used[0]].ops, paths[used[0]].bytes), (1, INPUT));
    Ok(())
}

/// `zc stat -- CMD` ends as CMD does.
fn status() -> Result<(), Skip> {
    requirement::ebpf()?;
    let shell = program("sh")?;
    let output = crate::zc::zc()
        .args(["stat", "--json", "--"])
        .arg(shell)
        .args(["-c", "exit 43"])
        .output()
        .expect("zc runs");
    assert_eq!(output.status.code(), Some(43));
    Report::parse(&String::from_utf8_lossy(&output.stdout));
    Ok(())
}

/// `wait4` and `/proc/PID/io`, for programs that are executed.
fn kernel_counts() -> Result<(), Skip> {
    let runs = runs()?;
    for launched in &runs.launched {
        let row = runs.report.process(launched.pid);
        assert_eq!(row.counter("page_faults_minor"), launched.minor, "{row:?}");
        assert_eq!(row.counter("page_faults_major"), launched.major, "{row:?}");
        // The last switch of a process, and a preemption just before it, come after the kernel has
        // added up.
        let switches = [
            (row.counter("context_switches_voluntary"), launched.voluntary),
            (row.counter("context_switches_involuntary"), launched.involuntary),
        ];
        for (zc, kernel) in switches {
            assert!((kernel..=kernel + 1).contains(&zc), "{row:?} {launched:?}");
        }
    }
    for name in ["dd", "dd direct", "dd zero", "cp never", "cat"] {
        let launched = &runs.launched[pair(name).with];
        let row = runs.report.process(launched.pid);
        let paths = row.data_paths();
        let sum = |way: &str| -> u64 {
            paths.iter().filter(|(path, _)| path.ends_with(way)).map(|(_, count)| count.bytes).sum()
        };
        assert_eq!(sum("_write"), launched.wchar, "{name}: {row:?}");
        // execve reads the head of the program and of its interpreter by itself, and the kernel
        // charges that as reads; it is no system call of the program's.
        let by_exec = launched.rchar - sum("_read");
        assert!(by_exec <= 4096, "{name}: {by_exec} of {} more: {row:?}", launched.rchar);
    }
    Ok(())
}
