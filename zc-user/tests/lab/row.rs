//! A row of the table, and whether a run agrees with it. All rows share one run: attaching the
//! probes takes longer than the work.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use libtest_mimic::Trial;
use zc_lab::catalog::SCENARIOS;

use crate::{
    Test,
    finding::{Finding, findings},
    requirement::{self, Skip},
    runner::trial,
    table::{CHUNK, ROWS, SIZE},
    zc::{run, zc},
};

/// How often a scenario is run again whose machine had something at other moments only.
const ATTEMPTS: usize = 5;

/// What a scenario does with a sink.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    scenario: &'static str,
    sink: &'static str,
    moved: &'static [(&'static str, u64)],
    copied: Option<u64>,
    provenance: &'static str,
    calls: Option<u64>,
    overhead: u64,
    judgement: &'static str,
    needs: fn() -> Result<(), Skip>,
}

/// A row that moves nothing, of whose copies nothing can be known, and which needs nothing.
pub(crate) const fn row(scenario: &'static str, sink: &'static str) -> Row {
    Row {
        scenario,
        sink,
        moved: &[],
        copied: None,
        provenance: "unavailable",
        calls: None,
        overhead: 0,
        judgement: "as_textbook",
        needs: || Ok(()),
    }
}

impl Row {
    /// Bytes moved on each path; there are no others.
    pub(crate) const fn moved(self, moved: &'static [(&'static str, u64)]) -> Self {
        Self { moved, ..self }
    }

    /// Bytes copied by the CPU, which this kernel can only model.
    pub(crate) const fn copied(self, bytes: u64) -> Self {
        Self { copied: Some(bytes), provenance: "modelled", ..self }
    }

    /// Bytes copied by the CPU, which a device proves.
    pub(crate) const fn measured(self, bytes: u64) -> Self {
        Self { copied: Some(bytes), provenance: "measured", ..self }
    }

    /// System calls of the work, where their number does not depend on how fast the far end is.
    pub(crate) const fn calls(self, calls: u64) -> Self {
        Self { calls: Some(calls), ..self }
    }

    /// At most so many bytes are received and sent around the payload: a request, and the header of
    /// the answer, which is as long as the version of the server is. `zc` itself is exact there.
    pub(crate) const fn overhead(self, bytes: u64) -> Self {
        Self { overhead: bytes, ..self }
    }

    /// The textbook is wrong here, for reasons that `zc` gives.
    pub(crate) const fn differs(self) -> Self {
        Self { judgement: "differs", ..self }
    }

    /// What it needs in addition to the kernel.
    pub(crate) const fn needs(self, needs: fn() -> Result<(), Skip>) -> Self {
        Self { needs, ..self }
    }

    /// Whether the finding of a run is this row.
    fn check(&self) -> Result<(), Skip> {
        let mut finding = self.find(everything());
        for _ in 0..ATTEMPTS {
            if finding.outcome() != "skipped" {
                break;
            }
            // What it needs is missing indeed, or was missing at that moment.
            (self.needs)()?;
            finding = self.find(&run_all(&[self.scenario, "--sink", self.sink]));
        }
        assert_eq!((finding.outcome(), finding.why()), ("ran", None), "{finding}");
        assert_eq!((finding.number("size"), finding.number("chunk")), (SIZE, CHUNK));
        if let Err(skip) = requirement::ebpf() {
            assert_eq!(finding.judgement(), "not_measured", "{finding}");
            assert!(finding.paths().is_empty(), "{finding}");
            return Err(skip);
        }
        let moved: BTreeMap<_, _> =
            self.moved.iter().map(|(path, bytes)| ((*path).to_owned(), *bytes)).collect();
        let (paths, overhead) = self.without_overhead(finding.paths());
        assert_eq!(paths, moved, "{finding}");
        let (copies, provenance) = finding.metric("cpu_copies");
        #[expect(clippy::cast_precision_loss, reason = "small")]
        match self.copied {
            Some(bytes) => {
                let bytes = bytes + overhead;
                let known = bytes as f64 / SIZE as f64;
                // Read back from text, it may differ in the last digit; a byte is more than that.
                let copies = copies.expect("a number");
                assert!((copies - known).abs() < 1e-9, "{copies} instead of {known}: {finding}");
                assert_eq!(provenance, Some(self.provenance), "{finding}");
            }
            None => assert_eq!((copies, provenance), (None, Some(self.provenance)), "{finding}"),
        }
        #[expect(clippy::cast_precision_loss, reason = "small")]
        if let Some(calls) = self.calls {
            let measured = finding.metric("syscalls");
            assert_eq!(measured, (Some(calls as f64), Some("measured")), "{finding}");
        }
        assert_eq!(finding.judgement(), self.judgement, "{finding}");
        // A difference is explained, an agreement is not.
        assert_eq!(finding.reasons() > 0, self.judgement == "differs", "{finding}");
        Ok(())
    }

    /// Its finding among those of a run.
    fn find(&self, findings: &[Finding]) -> Finding {
        let mut findings = findings.iter();
        let found = findings
            .find(|finding| (finding.scenario(), finding.sink()) == (self.scenario, self.sink));
        found.unwrap_or_else(|| panic!("no {} to {}", self.scenario, self.sink)).clone()
    }

    /// The paths as if only the payload had been moved, and how much else was.
    fn without_overhead(&self, mut paths: BTreeMap<String, u64>) -> (BTreeMap<String, u64>, u64) {
        let mut overhead = 0;
        if self.overhead > 0 {
            // The Java machine looks into its control group and wakes its threads when it likes.
            paths.retain(|path, _| !path.starts_with("pseudo_"));
            for path in ["socket_recv", "socket_send"] {
                let payload = self.moved.iter().find(|(known, _)| *known == path);
                let payload = payload.map_or(0, |(_, bytes)| *bytes);
                let moved = paths.remove(path).unwrap_or(0);
                let extra = moved.checked_sub(payload).unwrap_or_else(|| panic!("lost: {moved}"));
                assert!(
                    extra <= self.overhead,
                    "{extra} bytes on {path} in addition to the payload"
                );
                overhead += extra;
                if payload > 0 {
                    paths.insert(path.to_owned(), payload);
                }
            }
        }
        (paths, overhead)
    }
}

/// A trial for each row.
pub(crate) fn trials() -> Vec<Trial> {
    let rows = ROWS.iter();
    rows.map(|row| trial(format!("row::{}_to_{}", row.scenario, row.sink), || row.check()))
        .collect()
}

/// Tests of the table itself.
pub(crate) const TESTS: &[(&str, Test)] =
    &[("row::every_listed_scenario_has_a_row_for_each_sink", complete)];

fn complete() -> Result<(), Skip> {
    let mut known = BTreeSet::new();
    for row in ROWS {
        assert!(known.insert((row.scenario, row.sink)), "twice: {} to {}", row.scenario, row.sink);
    }
    let listed = |(id, sinks): (&'static str, Vec<&'static str>)| {
        sinks.into_iter().map(move |sink| (id, sink)).collect::<Vec<_>>()
    };
    let listed: BTreeSet<_> = catalog().into_iter().flat_map(listed).collect();
    let missing: Vec<_> = listed.difference(&known).collect();
    assert!(missing.is_empty(), "without a row in tests/lab/table.rs: {missing:?}");
    let gone: Vec<_> = known.difference(&listed).collect();
    assert!(gone.is_empty(), "rows of what does not exist: {gone:?}");

    let list = run(zc(["lab", "list"])).exits(0).stdout();
    for (id, _) in catalog() {
        assert!(list.split_whitespace().any(|word| word == id), "no {id} in {list}");
    }
    Ok(())
}

/// Every scenario with its sinks.
fn catalog() -> Vec<(&'static str, Vec<&'static str>)> {
    let sinks = |sinks: &[zc_lab::sink::Sink]| sinks.iter().map(|sink| sink.id()).collect();
    SCENARIOS.iter().map(|scenario| (scenario.id, sinks(scenario.sinks))).collect()
}

/// The findings of all scenarios to all their sinks, run once.
fn everything() -> &'static [Finding] {
    static FINDINGS: OnceLock<Vec<Finding>> = OnceLock::new();
    FINDINGS.get_or_init(|| run_all(&["--all", "--sink", "all"]))
}

/// The findings of these scenarios.
fn run_all(which: &[&str]) -> Vec<Finding> {
    let (size, chunk) = (SIZE.to_string(), CHUNK.to_string());
    let words = [&["lab", "run"], which, &["--repeat", "1", "--json", "--quiet"]].concat();
    // Its status is 1 when one of them fails, which is for that one's row to say.
    findings(&run(zc(words.iter().chain(&["--size", &size, "--chunk", &chunk]))).json())
}
