//! cp on a file system that can share extents: an option of cp decides whether it copies or shares.

use std::{fs, sync::LazyLock};

use libtest_mimic::Trial;

use super::{Expected, check};
use crate::{
    report::Report,
    requirement::{self, Skip, program},
    runner::trial,
    workload::{Launch, Launched},
    zc::{observe, on_disk, workload},
};

/// Bytes of the file: a prime.
const BYTES: u64 = 1_000_003;

/// What the file systems want at least.
const IMAGE: u64 = 320 << 20;

/// Makes the file system `$1` in the file `$2` and mounts it on the directory `$3`, in a mount
/// namespace that ends with the programs; says in the file `$4` why it cannot. The loop device goes
/// when the file system does. Then the file is there, and the programs run.
const SCRIPT: &str = "
workload=$0
{ mkfs.$1 -q \"$2\" && mount -o loop \"$2\" \"$3\"; } 2>\"$4\" || exit 0
rm \"$4\"
head -c $5 /dev/urandom >\"$3/input\"
exec \"$workload\" workload launch \"$6\"
";

const KINDS: [&str; 2] = ["btrfs", "xfs"];
const WAYS: [&str; 2] = ["always", "never"];

struct Run {
    report: Report,
    launched: Vec<Launched>,
}

static RUNS: [LazyLock<Result<Run, Skip>>; 2] =
    [LazyLock::new(|| run(KINDS[0])), LazyLock::new(|| run(KINDS[1]))];

fn run(kind: &str) -> Result<Run, Skip> {
    requirement::administrator()?;
    for name in ["unshare", "mount", &format!("mkfs.{kind}")] {
        program(name)?;
    }
    let cp = program("cp")?.to_string_lossy().into_owned();
    // Below the directory of the build: the image is large, though it is mostly holes.
    let directory = on_disk();
    let path = |name: &str| directory.path().join(name);
    let text = |name: &str| path(name).to_string_lossy().into_owned();
    fs::File::create(path("image")).and_then(|file| file.set_len(IMAGE)).expect("room");
    fs::create_dir(path("mount")).expect("room");
    let plan = WAYS.map(|way| Launch {
        words: vec![
            cp.clone(),
            format!("--reflink={way}"),
            text("mount/input"),
            text(&format!("mount/{way}")),
        ],
    });
    fs::write(path("plan"), serde_json::to_string(&plan).expect("a plan is JSON")).expect("room");
    let [workload, _] = workload();
    let workload = workload.to_string_lossy().into_owned();
    let bytes = BYTES.to_string();
    let (image, mount, why, plan) = (text("image"), text("mount"), text("why"), text("plan"));
    let words = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", SCRIPT];
    let arguments = [&workload, kind, &image, &mount, &why, &bytes, &plan];
    let report = observe(&[], &[&words[..], &arguments].concat()).report;
    if let Ok(why) = fs::read_to_string(path("why")) {
        return Err(Skip::Kernel(format!("no {kind} here: {}", why.trim())));
    }
    let results = fs::read_to_string(path("plan.results")).expect("results");
    Ok(Run { report, launched: serde_json::from_str(&results).expect("results are JSON") })
}

/// A test for each kind of file system and each way.
pub(super) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for (place, kind) in KINDS.iter().enumerate() {
        for (way, name) in WAYS.iter().enumerate() {
            let name = format!("witness::cp_reflink_{name}_on_{kind}");
            trials.push(trial(name, move || agrees(place, way)));
        }
    }
    trials
}

fn agrees(kind: usize, way: usize) -> Result<(), Skip> {
    requirement::administrator()?;
    let run = RUNS[kind].as_ref().map_err(Clone::clone)?;
    assert!(run.launched.iter().all(|launched| launched.code == 0), "cp failed");
    let rows: Vec<_> =
        run.launched.iter().map(|launched| run.report.process(launched.pid)).collect();
    // The loader reads the heads of libraries, whatever cp does then; who shares reads nothing else.
    let start_up = rows[0].path("file_read");
    assert!(start_up.bytes < BYTES, "{start_up:?}");
    let of = |path, bytes, copied| Expected { path, ops: None, bytes, copied };
    let mut read = of("file_read", start_up.bytes, start_up.bytes);
    let expected = if WAYS[way] == "always" {
        vec![read, Expected { ops: Some(1), ..of("copy_range_reflink", BYTES, 0) }]
    } else {
        read.bytes += BYTES;
        read.copied += BYTES;
        vec![read, of("file_write", BYTES, BYTES)]
    };
    check(&rows[way], &expected);
    Ok(())
}
