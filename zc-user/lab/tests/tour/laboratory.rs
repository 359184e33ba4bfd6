//! A laboratory for tours: it knows beforehand what comes of every workload.

use std::sync::Arc;

use zc_common::path::CopyPath;
use zc_lab::{
    finding::{Finding, Outcome, Ran, Spread},
    hazard::{self, Fact, Hazard, Seen, Sighting},
    job::WorkerReport,
    measurement::{Framing, Measurement},
    sampled::Sampled,
    scenario::{Calls, Scenario, Setting},
    tour::{
        script::Act,
        walk::{Conditions, Exhibit, Laboratory, Progress},
    },
    verdict,
};
use zc_model::{
    counter::CounterId,
    frame::Frame,
    snapshot::{PathId, PathSample, Provenance},
};

use zc_test_support::machine::{Machine, counters, process};

/// What comes of the workloads.
#[derive(Clone, Copy)]
pub(super) enum Luck {
    AsExpected,
    Skipped,
    Failed,
    NotMeasured,
    Unexplained,
    /// As expected, where the number of copies is a model.
    Modelled,
    /// The first run fails, the others are as expected.
    FailsOnce,
    /// The first two do.
    FailsTwice,
    Endless,
}

/// A laboratory in which nothing is done.
pub(super) struct Fake {
    luck: Luck,
    runs: usize,
    conditions: Conditions,
}

impl Fake {
    pub(super) fn new(luck: Luck) -> Self {
        let blind = matches!(luck, Luck::NotMeasured);
        let conditions = Conditions {
            machine: "Linux 6.12.48 x86_64".to_owned(),
            copies: (!blind).then_some(Provenance::Measured),
            limits: if blind {
                format!("Nothing is counted here: {BLIND}.")
            } else {
                String::new()
            },
        };
        Self { luck, runs: 0, conditions }
    }
}

/// Why nothing is measured, where that is so.
pub(super) const BLIND: &str = "it takes CAP_BPF and CAP_PERFMON; run it as root";

impl Laboratory for Fake {
    async fn run(&mut self, act: &Act) -> Exhibit {
        if matches!(self.luck, Luck::Endless) {
            std::future::pending::<()>().await;
        }
        self.runs += 1;
        let luck = match self.luck {
            Luck::FailsOnce if self.runs == 1 => Luck::Failed,
            Luck::FailsTwice if self.runs <= 2 => Luck::Failed,
            Luck::FailsOnce | Luck::FailsTwice => Luck::AsExpected,
            luck => luck,
        };
        let sink = act.how().and_then(|how| how.sink);
        let findings = act
            .scenarios()
            .iter()
            .map(|scenario| {
                let setting = Setting {
                    size: 16_777_213,
                    chunk: 65_536,
                    sink: sink.unwrap_or(scenario.sinks[0]),
                    cold: false,
                    kernel: (6, 12),
                };
                finding(scenario, setting, luck)
            })
            .collect();
        let sighting = match act {
            Act::Hazard(hazard) => Some(sighting(hazard, luck)),
            _ => None,
        };
        Exhibit { findings, sighting }
    }

    fn progress(&self) -> Progress {
        let progress = Progress::default();
        "read + write to TCP over loopback: round 2 of 3".clone_into(&mut progress.borrow_mut());
        progress
    }

    fn conditions(&self) -> &Conditions {
        &self.conditions
    }
}

fn sighting(hazard: &'static Hazard, luck: Luck) -> Sighting {
    let as_expected = !matches!(luck, Luck::Unexplained);
    let text = "the reader died of SIGBUS at \u{1b}[2J offset 45056".to_owned();
    let cases = Err(BLIND.to_owned());
    let outcome = match luck {
        Luck::Skipped => hazard::Outcome::Skipped("no such file system".to_owned()),
        Luck::Failed => hazard::Outcome::Failed("cannot map the file".to_owned()),
        _ => hazard::Outcome::Seen(Seen { facts: vec![Fact { text, as_expected }], cases }),
    };
    Sighting { hazard, outcome }
}

fn finding(scenario: &'static Scenario, setting: Setting, luck: Luck) -> Finding {
    let outcome = match luck {
        Luck::Skipped => Outcome::Skipped("this kernel has no such call".to_owned()),
        Luck::Failed => Outcome::Failed("cannot connect: \u{1b}[2J refused".to_owned()),
        Luck::NotMeasured => Outcome::Ran(Box::new(ran(scenario, setting, Err(BLIND.to_owned())))),
        Luck::AsExpected | Luck::Endless => {
            Outcome::Ran(Box::new(ran(scenario, setting, Ok(frame(scenario, setting, 0)))))
        }
        Luck::Modelled => {
            let frame = modelled(frame(scenario, setting, 0));
            Outcome::Ran(Box::new(ran(scenario, setting, Ok(frame))))
        }
        Luck::FailsOnce | Luck::FailsTwice => unreachable!("decided for each run"),
        Luck::Unexplained => {
            Outcome::Ran(Box::new(ran(scenario, setting, Ok(frame(scenario, setting, 7)))))
        }
    };
    Finding { scenario, setting, outcome }
}

fn ran(scenario: &Scenario, setting: Setting, frame: Result<Frame, String>) -> Ran {
    let report = WorkerReport {
        wall_ns: 7_100_000,
        cpu_ns: 3_800_000,
        told: None,
        completions: None,
        digest: None,
    };
    let (framing, size) = (Framing::STOP, setting.size);
    let measurement = Measurement {
        frame,
        framing,
        size,
        about_pages: false,
        report,
        departure: None,
        sent_again: None,
    };
    let verdict = verdict::judge(scenario, &setting, &measurement);
    let spread = |value| Spread::of([value]).unwrap();
    let relative = (scenario.id != "read_write").then(|| spread(1.63));
    let (wall_ns, cpu_ns) = (spread(7_100_000.0), spread(3_800_000.0));
    let sampled = Sampled::of(measurement.frame.as_ref().ok());
    Ran { rounds: 3, measurement, wall_ns, cpu_ns, relative, sampled, verdict }
}

/// The same on a kernel that does not let its copies be traced.
fn modelled(mut frame: Frame) -> Frame {
    for path in &mut frame.totals.paths {
        path.provenance = Provenance::Modelled;
    }
    frame
}

/// What the scenario expects, and so many bytes more.
fn frame(scenario: &Scenario, setting: Setting, more: u64) -> Frame {
    let expected = (scenario.expect)(&setting);
    let paths: Vec<_> = expected
        .moved
        .iter()
        .map(|(path, bytes)| {
            let copies =
                matches!(path, CopyPath::FileRead | CopyPath::SocketSend | CopyPath::PipeWrite);
            PathSample {
                path: PathId::Known(*path),
                socket: None,
                ops: setting.transfers(),
                errors: 0,
                moved_bytes: bytes + more,
                copied_bytes: if copies { bytes + more } else { 0 },
                assumed_bytes: 0,
                provenance: Provenance::Measured,
            }
        })
        .collect();
    let (Calls::Exactly(calls) | Calls::AtLeast(calls)) = expected.syscalls;
    let counters = counters(
        1,
        &[
            (CounterId::Syscalls, calls + 1),
            (CounterId::ModeSwitches, 2 * (calls + 1)),
            (CounterId::ContextSwitchesVoluntary, 12),
            (CounterId::PageCacheHits, 4096),
            (CounterId::NetTxBytes, if setting.sink.id() == "tcp" { setting.size } else { 0 }),
        ],
    );
    let machine = Machine { empty: true, ..Machine::default() };
    let mut after = machine.after(1);
    after.processes = vec![Arc::new(process(4242, "zc", counters, &paths))];
    Frame::between(&machine.after(0), &after).select(&zc_model::filter::Filter {
        pids: vec![4242],
        ..zc_model::filter::Filter::default()
    })
}
