//! What whole programs lose while `zc` counts them, from the rates that the benchmark measured.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use super::builds::{self, Compared};
use super::{BPFTRACE, cost};
use crate::apt::Program;
use crate::setup::{self, Needs};

const SCHEMA: &str = "zc-bench-servers/1";

const PROGRAMS: [Program; 7] = [
    BPFTRACE,
    Program { name: "nginx", package: "nginx-light" },
    Program { name: "wrk", package: "wrk" },
    Program { name: "redis-server", package: "redis-server" },
    Program { name: "redis-benchmark", package: "redis-tools" },
    Program { name: "fio", package: "fio" },
    Program { name: "iperf3", package: "iperf3" },
];

/// All rates.
#[derive(Debug, Deserialize)]
struct Figures {
    schema: String,
    kernel: String,
    processor: String,
    processors: usize,
    /// How long each rate was measured.
    seconds: u64,
    /// What the setting without probes is called.
    bare: String,
    /// What the build of this checkout is called.
    own: String,
    programs: Vec<Measured>,
    failed: Vec<Failed>,
}

/// A program that could not be measured.
#[derive(Debug, Deserialize)]
struct Failed {
    id: String,
    why: String,
}

/// A program, per round and setting.
#[derive(Debug, Deserialize)]
struct Measured {
    what: String,
    unit: String,
    rates: BTreeMap<String, Vec<f64>>,
}

/// What a program loses in a setting, in percent of its rate without probes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Loss {
    /// Of the best round of each.
    best: f64,
    /// In the middle of all rounds.
    median: f64,
    /// In the best and in the worst round.
    range: (f64, f64),
}

pub(super) fn run(programs: &[String], compared: &[Compared], rest: &[String]) -> Result<()> {
    setup::prepare(Needs { programs: &PROGRAMS, ..Needs::default() })?;
    let comparison = builds::resolve(compared)?;
    let mut words = vec!["servers"];
    words.extend(comparison.words.iter().map(String::as_str));
    let path = cost(&words, "bench-servers.json", programs, rest)?;
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read '{}'", path.display()))?;
    let figures = Figures::parse(&text)?;
    println!("\n{}", figures.table());
    eprintln!("xtask: the rates of all rounds are in {}", path.display());
    match figures.failed.as_slice() {
        [] => Ok(()),
        failed => {
            let each = |Failed { id, why }: &Failed| format!("{id}: {why}");
            bail!("not measured: {}", failed.iter().map(each).collect::<Vec<_>>().join("; "))
        }
    }
}

impl Figures {
    fn parse(text: &str) -> Result<Self> {
        let figures: Self = serde_json::from_str(text).context("cannot read the rates")?;
        ensure!(figures.schema == SCHEMA, "rates of another kind: {}", figures.schema);
        Ok(figures)
    }

    /// The settings that are compared with the one without probes: this checkout's build first.
    fn settings(&self) -> Vec<&str> {
        let all = self.programs.iter().flat_map(|it| it.rates.keys()).map(String::as_str);
        let mut all: Vec<_> = all.filter(|name| *name != self.bare).collect();
        all.sort_unstable_by_key(|name| (*name != "floor", *name != self.own, *name));
        all.dedup();
        all
    }

    /// A table in Markdown.
    fn table(&self) -> String {
        let settings = self.settings();
        let mut text = String::new();
        let mut line = |line: String| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{line}");
        };
        line(format!("| program | {} | {} |", self.bare, settings.join(" | ")));
        line(format!("| --- |{}", " --- |".repeat(settings.len() + 1)));
        for program in &self.programs {
            let mut cells = vec![program.what.clone(), program.speed(&self.bare)];
            cells.extend(settings.iter().map(|setting| match program.loss(&self.bare, setting) {
                Some(loss) => loss.to_string(),
                None => "-".to_owned(),
            }));
            line(format!("| {} |", cells.join(" | ")));
        }
        line(String::new());
        let rounds = self.programs.iter().flat_map(|it| it.rates.values()).map(Vec::len).min();
        line(format!(
            "Loss of throughput in percent: best round of each setting / median of {} rounds (least to most), \
             {} s each. Servers and clients share {} CPUs ({}), Linux {}.",
            rounds.unwrap_or(0),
            self.seconds,
            self.processors,
            self.processor,
            self.kernel
        ));
        text.trim_end().to_owned()
    }
}

impl Measured {
    /// The rate in the best round.
    fn speed(&self, setting: &str) -> String {
        let best = self.rates.get(setting).map_or(f64::NAN, |rates| best(rates));
        let (value, prefix) = if best >= 1e9 {
            (best / 1e9, "G ")
        } else if best >= 1e6 {
            (best / 1e6, "M ")
        } else if best >= 1e3 {
            (best / 1e3, "k ")
        } else {
            (best, "")
        };
        format!("{value:.1} {prefix}{}/s", self.unit)
    }

    fn loss(&self, bare: &str, setting: &str) -> Option<Loss> {
        let (bare, other) = (self.rates.get(bare)?, self.rates.get(setting)?);
        let lost = |bare: f64, other: f64| 100.0 * (1.0 - other / bare);
        // Rounds are compared with themselves: the machine changes in the course of them.
        let mut rounds: Vec<_> = bare.iter().zip(other).map(|(a, b)| lost(*a, *b)).collect();
        rounds.sort_by(f64::total_cmp);
        let range = (*rounds.first()?, *rounds.last()?);
        let middle = rounds.len() / 2;
        let median = if rounds.len() % 2 == 1 {
            rounds[middle]
        } else {
            f64::midpoint(rounds[middle - 1], rounds[middle])
        };
        Some(Loss { best: lost(best(bare), best(other)), median, range })
    }
}

impl std::fmt::Display for Loss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { best, median, range: (least, most) } = self;
        write!(f, "{best:.1} / {median:.1} ({least:.1} to {most:.1})")
    }
}

fn best(rates: &[f64]) -> f64 {
    rates.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES: &str = r#"{
        "schema": "zc-bench-servers/1", "kernel": "6.18.1", "processor": "A CPU", "processors": 2,
        "seconds": 3, "bare": "bare", "own": "zc",
        "programs": [
            { "id": "redis", "what": "redis GET", "unit": "requests",
              "rates": { "bare": [100000.0, 80000.0, 100000.0], "zc": [90000.0, 80000.0, 70000.0],
                         "before": [80000.0, 60000.0, 70000.0], "bpftrace": [50000.0, 40000.0, 25000.0],
                         "floor": [100000.0, 80000.0, 110000.0] } } ],
        "failed": [] }"#;

    #[test]
    fn rounds_are_compared_with_themselves() {
        let figures = Figures::parse(RATES).expect("it is valid");
        let loss = figures.programs[0].loss("bare", "zc").expect("both were measured");
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        // 10, 0 and 30 percent.
        assert!(close(loss.best, 10.0) && close(loss.median, 10.0), "{loss:?}");
        assert!(close(loss.range.0, 0.0) && close(loss.range.1, 30.0), "{loss:?}");
        assert_eq!(figures.programs[0].loss("bare", "other"), None);
    }

    #[test]
    fn the_table_names_the_machine_and_lists_this_checkout_first() {
        let figures = Figures::parse(RATES).expect("it is valid");
        let table = figures.table();
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(
            lines,
            [
                "| program | bare | floor | zc | before | bpftrace |",
                "| --- | --- | --- | --- | --- | --- |",
                "| redis GET | 100.0 k requests/s | -10.0 / 0.0 (-10.0 to 0.0) | 10.0 / 10.0 (0.0 to 30.0) | \
                 20.0 / 25.0 (20.0 to 30.0) | 50.0 / 50.0 (50.0 to 75.0) |",
                "",
                "Loss of throughput in percent: best round of each setting / median of 3 rounds (least to \
                 most), 3 s each. Servers and clients share 2 CPUs (A CPU), Linux 6.18.1.",
            ]
        );
    }
}
