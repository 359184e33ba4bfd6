//! Copies that programs make themselves, in processes of which it is known what their code does.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use tempfile::TempDir;
use zc_model::{counter::CounterId, frame::Frame, source::SnapshotSource as _};
use zc_probe::{attach::Options, live::Live};

use crate::{Test, requirement::Skip, tax::sampler, zc::workload};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("user_copies::copies_are_found_and_what_resembles_them_is_not", kinds),
    ("user_copies::the_function_that_copies_is_named", named),
    ("user_copies::a_program_that_was_deleted_is_still_looked_at", deleted),
    ("user_copies::more_places_than_there_is_room_for_are_unknown", flood),
    ("user_copies::a_process_that_ended_before_it_was_looked_at_is_unknown", ended),
];

/// Samples a second, and CPU time of each process in ms: more than a thousand samples, of which one percent is more
/// than chance, and no more than the thread that looks at code keeps up with.
const FREQUENCY: u32 = 799;
const TIME: u64 = 1_500;
const LEAST_SAMPLES: u64 = 400;

const TEND: Duration = Duration::from_millis(50);

/// Samples of a process.
#[derive(Clone, Copy, Debug)]
struct Samples {
    all: f64,
    known: f64,
    library: f64,
    inlined: f64,
    faults: f64,
    no_file: f64,
    unknown: f64,
}

impl Samples {
    fn copies(self) -> f64 {
        self.library + self.inlined + self.faults
    }
}

struct Observed {
    live: Live,
    children: Vec<Child>,
    directory: TempDir,
}

impl Observed {
    fn start() -> Result<Self, Skip> {
        sampler()?;
        let options =
            Options { sampling: Some(FREQUENCY), user_copies: true, ..Options::default() };
        let live = Live::start(&options).expect("zc attaches");
        // Not where programs may not be run.
        let directory = TempDir::new_in("/var/tmp").expect("a directory");
        Ok(Self { live, children: Vec::new(), directory })
    }

    /// Starts a process that runs code of this kind, from this program.
    fn spawn(&mut self, program: &Path, kind: &str) {
        let mut command = Command::new(program);
        command.args(["workload", "code", kind, &TIME.to_string()]);
        command.arg(self.directory.path().join(kind)).stdin(Stdio::null());
        self.children.push(command.spawn().expect("the workload runs"));
    }

    /// Waits until all have ended, while `zc` looks at what they do.
    fn finish(&mut self) -> Vec<Samples> {
        for child in &mut self.children {
            while child.try_wait().expect("a child").is_none() {
                self.live.tend().expect("zc tidies up");
                thread::sleep(TEND);
            }
        }
        self.samples()
    }

    fn frame(&mut self) -> Frame {
        Frame::cumulative(self.live.next().expect("zc counts").expect("a snapshot"))
    }

    fn samples(&mut self) -> Vec<Samples> {
        let frame = self.frame();
        let samples = self.children.iter().map(|child| {
            let row = frame.processes.iter().find(|row| row.id.pid == child.id());
            let counters = &row.expect("a row").counters;
            let of = |counter| counters[counter] as f64;
            assert!(counters[CounterId::CpuSamples] >= LEAST_SAMPLES, "{counters:?}");
            let samples = Samples {
                all: of(CounterId::CpuSamples),
                known: of(CounterId::CpuSamples) - of(CounterId::UnknownCodeSamples),
                library: of(CounterId::LibraryCopySamples),
                inlined: of(CounterId::InlinedCopySamples),
                faults: of(CounterId::CopyFaultSamples),
                no_file: of(CounterId::NoFileSamples),
                unknown: of(CounterId::UnknownCodeSamples),
            };
            let all = samples.copies() + samples.no_file + samples.unknown;
            assert!(all + of(CounterId::CopySamples) <= samples.all, "{samples:?}");
            samples
        });
        samples.collect()
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn own_program() -> PathBuf {
    workload()[0].clone()
}

/// What is unknown depends on how fast the code is looked at, so shares are those of what is known.
fn kinds() -> Result<(), Skip> {
    const OTHERS: [&str; 5] = ["fill", "length", "compare", "checksum", "swap"];
    let mut observed = Observed::start()?;
    let copies = ["copy", "copy-small", "loop", "fresh", "made"];
    for kind in copies.iter().chain(&OTHERS) {
        observed.spawn(&own_program(), kind);
    }
    let found = observed.finish();
    for (kind, samples) in copies.iter().chain(&OTHERS).zip(&found) {
        println!("{kind}: {samples:?}");
    }
    let [copy, small, inlined, fresh, made] = found[..copies.len()] else { unreachable!() };
    assert!(copy.library > 0.8 * copy.known && copy.faults < 0.02 * copy.known, "{copy:?}");
    assert!(copy.unknown < 0.5 * copy.all, "{copy:?}");
    // Each call costs as much as the copy, and this program is not optimised.
    assert!(small.library > 0.02 * small.known, "{small:?}");
    assert!(
        inlined.inlined > 0.8 * inlined.known && inlined.library < 0.01 * inlined.known,
        "{inlined:?}"
    );
    assert!(fresh.faults > 0.3 * fresh.known, "{fresh:?}");
    assert!(made.no_file > 0.8 * made.known && made.copies() < 0.01 * made.known, "{made:?}");
    for (kind, samples) in OTHERS.iter().zip(&found[copies.len()..]) {
        assert!(samples.copies() <= 0.01 * samples.known, "{kind}: {samples:?}");
    }
    Ok(())
}

fn named() -> Result<(), Skip> {
    let mut observed = Observed::start()?;
    observed.spawn(&own_program(), "copy");
    observed.finish();
    let frame = observed.frame();
    let pid = observed.children[0].id();
    let copier =
        frame.copiers.iter().filter(|it| it.process.pid == pid).max_by_key(|it| it.samples);
    let copier = copier.expect("it copies");
    assert_eq!(copier.function.as_deref(), Some("memcpy"), "{copier:?}");
    assert!(copier.file.contains("libc"), "{copier:?}");
    Ok(())
}

fn deleted() -> Result<(), Skip> {
    let mut observed = Observed::start()?;
    let program = observed.directory.path().join("program");
    fs::copy(own_program(), &program).expect("a copy");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).expect("it may be run");
    observed.spawn(&program, "loop");
    // It runs what was deleted.
    fs::remove_file(&program).expect("it was there");
    let samples = observed.finish()[0];
    assert!(samples.inlined > 0.8 * samples.known, "{samples:?}");
    Ok(())
}

/// Places are unknown because the file is no program, and many of them because there is no room: both are counted.
fn flood() -> Result<(), Skip> {
    let mut observed = Observed::start()?;
    observed.spawn(&own_program(), "nothings");
    let samples = observed.finish()[0];
    assert!(
        samples.unknown > 0.6 * samples.all && samples.copies() <= 0.01 * samples.all,
        "{samples:?}"
    );
    Ok(())
}

fn ended() -> Result<(), Skip> {
    let mut observed = Observed::start()?;
    // A file that no other process has.
    let program = observed.directory.path().join("program");
    fs::copy(own_program(), &program).expect("a copy");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).expect("it may be run");
    observed.spawn(&program, "loop");
    let status = observed.children[0].wait().expect("a child");
    assert!(status.success());
    let samples = observed.samples()[0];
    assert!(
        samples.unknown > 0.6 * samples.all && samples.copies() <= 0.01 * samples.all,
        "{samples:?}"
    );
    Ok(())
}
