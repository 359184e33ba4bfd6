//! What builds of `zc` add to operations, in instructions: one guest, one table. And the gate: the
//! figures of this checkout compared with recorded ones.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use super::builds::{self, Compared};
use super::recorded::{self, Recorded};
use crate::checkout;
use crate::setup::{self, Needs};
use crate::shell;
use crate::vm::{self, Measurement, matrix};
use crate::workspace;

const SCHEMA: &str = "zc-bench-instructions/1";

/// Recent, and in Debian's stable release.
const KERNEL: &str = "6.12";

/// Operations that the gate measures: a call that moves nothing, and the paths that busy servers use.
const OPERATIONS: [&str; 8] =
    ["none", "read_zero", "read_file", "write_file", "pipe", "unix", "udp", "tcp"];

const TIMEOUT: Duration = Duration::from_secs(1800);

/// What to do with the figures of this checkout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    /// Print them.
    Open,
    /// Fail if they are worse than the recorded ones.
    Check,
    /// Record them.
    Record,
}

/// The figures of a guest.
#[derive(Debug, Deserialize)]
pub(super) struct Figures {
    schema: String,
    /// The kernel's release.
    pub(super) kernel: String,
    /// How it mitigates faults of processors: it decides how it makes indirect calls.
    pub(super) mitigations: String,
    /// What the build of this checkout is called.
    own: String,
    operations: Vec<Operation>,
    builds: Vec<Build>,
}

/// An operation, in instructions per time it was carried out.
#[derive(Debug, Deserialize)]
struct Operation {
    id: String,
    bare: f64,
    /// The same at the end of everything.
    bare_again: f64,
    /// What each setting adds.
    added: BTreeMap<String, f64>,
}

/// A build that was measured.
#[derive(Debug, Deserialize)]
struct Build {
    name: String,
    attach_instructions: u64,
    /// What it could not measure on this kernel.
    limitations: Vec<String>,
}

/// Measures on a kernel, 6.12 unless another is given. The operations are the gate's unless others
/// are named.
pub(super) fn run(
    kernel: Option<&'static matrix::Kernel>,
    operations: &[String],
    compared: &[Compared],
    gate: Gate,
) -> Result<()> {
    let kernel = match kernel {
        Some(kernel) => kernel,
        None => matrix::parse(KERNEL).map_err(anyhow::Error::msg)?,
    };
    setup::prepare(Needs::default())?;
    let comparison = builds::resolve(compared)?;
    ensure!(
        !comparison.bpftrace,
        "cannot count the instructions of bpftrace: guests do not have it; compare with it in \
         nanoseconds: cargo xtask bench --compare bpftrace"
    );
    let mut words = vec!["instructions".to_owned()];
    if operations.is_empty() {
        words.extend(["--ops".to_owned(), OPERATIONS.join(",")]);
    } else if operations != ["all"] {
        words.extend(["--ops".to_owned(), operations.join(",")]);
    }
    words.extend(comparison.words);
    let words: Vec<_> = words.iter().map(|word| shell::quote(word)).collect();
    let measurement = Measurement {
        words: &format!("{} --json \"$ZC_VM_RESULTS/instructions.json\"", words.join(" ")),
        file: "instructions.json",
        programs: &comparison.programs,
        timeout: TIMEOUT,
    };
    let text = vm::measure(kernel, &measurement, 1)?.swap_remove(0);
    let figures = Figures::parse(&text)?;
    println!("\n{}", figures.table());
    let path = workspace::target()?.join("bench-instructions.json");
    fs::write(&path, &text).with_context(|| format!("cannot write '{}'", path.display()))?;

    let path = checkout::root().join(recorded::FILE);
    match gate {
        Gate::Open => Ok(()),
        Gate::Record => Recorded::of(&figures).write(&path),
        Gate::Check => {
            let verdict = Recorded::read(&path)?.judge(&figures);
            println!("{}", verdict.text);
            match verdict.failure {
                Some(why) => bail!("{why}"),
                None => Ok(()),
            }
        }
    }
}

impl Figures {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let figures: Self = serde_json::from_str(text).context("cannot read the figures")?;
        ensure!(figures.schema == SCHEMA, "figures of another kind: {}", figures.schema);
        Ok(figures)
    }

    /// What the build of this checkout adds to each operation.
    pub(super) fn added(&self) -> BTreeMap<String, f64> {
        let of = |it: &Operation| Some((it.id.clone(), *it.added.get(&self.own)?));
        self.operations.iter().filter_map(of).collect()
    }

    /// A table for people.
    fn table(&self) -> String {
        let own = &self.own;
        let others: Vec<&str> =
            self.builds.iter().map(|it| it.name.as_str()).filter(|name| name != own).collect();
        let columns: Vec<&str> = ["floor", own].into_iter().chain(others.iter().copied()).collect();
        let against: Vec<&str> = ["floor"].into_iter().chain(others.iter().copied()).collect();
        let mut text = format!("Instructions added per operation, Linux {}\n", self.kernel);
        let mut line = format!("{:14} {:>8}", "operation", "bare");
        line.extend(columns.iter().map(|name| format!(" {:>11}", format!("+ {name}"))));
        line.extend(against.iter().map(|name| format!(" {:>12}", format!("{own}/{name}"))));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{line}");
        for operation in &self.operations {
            let added = |name: &str| operation.added.get(name).copied().unwrap_or(f64::NAN);
            let mut line = format!("{:14} {:8.0}", operation.id, operation.bare);
            line.extend(columns.iter().map(|name| format!(" {:11.0}", added(name))));
            line.extend(against.iter().map(|name| format!(" {:12.2}", added(own) / added(name))));
            let _ = writeln!(text, "{line}");
        }
        for Build { name, attach_instructions, .. } in &self.builds {
            let millions = *attach_instructions as f64 / 1e6;
            let _ = writeln!(text, "{name}: attached after {millions:.0} million instructions");
        }
        self.drift(&mut text);
        self.limits(&mut text);
        text.trim_end().to_owned()
    }

    /// By how much the same operation without probes differs at the end.
    fn drift(&self, text: &mut String) {
        let drift = |it: &Operation| (it.bare_again - it.bare).abs();
        let worst = self.operations.iter().max_by(|a, b| drift(a).total_cmp(&drift(b)));
        if let Some(worst) = worst.filter(|it| drift(it) >= 1.0) {
            let _ = writeln!(
                text,
                "without probes, at the end again: all within {:.0} instructions ({})",
                drift(worst),
                worst.id
            );
        }
    }

    /// What one build cannot measure and another can: that costs it nothing.
    fn limits(&self, text: &mut String) {
        for build in &self.builds {
            let everywhere =
                |it: &&String| self.builds.iter().all(|other| other.limitations.contains(it));
            for limitation in build.limitations.iter().filter(|it| !everywhere(it)) {
                let _ = writeln!(text, "{} does not measure {limitation}", build.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUEST: &str = r#"{
        "schema": "zc-bench-instructions/1", "kernel": "6.12.1", "mitigations": "Mitigation: Retpolines",
        "own": "zc",
        "operations": [
            { "id": "none", "what": "getppid", "bare": 465.0, "bare_again": 465.0,
              "added": { "floor": 135.0, "zc": 177.25, "before": 182.0 } },
            { "id": "tcp", "what": "a pair", "bare": 17966.0, "bare_again": 17969.5,
              "added": { "floor": 270.0, "zc": 2362.0, "before": 4724.0 } } ],
        "builds": [
            { "name": "zc", "attach_instructions": 1234567890, "limitations": ["cow: no function"] },
            { "name": "before", "attach_instructions": 2000000000,
              "limitations": ["cow: no function", "net: refused"] } ] }"#;

    #[test]
    fn the_table_compares_every_build_with_this_checkouts() {
        let figures = Figures::parse(GUEST).expect("it is valid");
        let table = figures.table();
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(
            lines,
            [
                "Instructions added per operation, Linux 6.12.1",
                "operation          bare     + floor        + zc    + before     zc/floor    zc/before",
                "none                465         135         177         182         1.31         0.97",
                "tcp               17966         270        2362        4724         8.75         0.50",
                "zc: attached after 1235 million instructions",
                "before: attached after 2000 million instructions",
                "without probes, at the end again: all within 4 instructions (tcp)",
                "before does not measure net: refused",
            ]
        );
        assert_eq!(figures.added()["none"], 177.25);
    }

    #[test]
    fn figures_of_another_kind_are_refused() {
        let other = GUEST.replace("zc-bench-instructions/1", "zc-bench-sites/1");
        let error = Figures::parse(&other).expect_err("it is another schema");
        assert!(error.to_string().contains("zc-bench-sites/1"), "{error}");
    }
}
