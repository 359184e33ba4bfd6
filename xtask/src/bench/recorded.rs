//! The recorded figures, and what is made of a difference.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use super::instructions::Figures;

/// Where they are, below the root of the checkout.
pub(super) const FILE: &str = "zc-user/benches/cost/recorded.json";

const SCHEMA: &str = "zc-bench-recorded/1";

/// By which share an operation may cost more.
const MORE: f64 = 0.03;

const RECORD: &str = "cargo xtask bench --instructions --record";

/// What this checkout added to operations when it was recorded.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Recorded {
    schema: String,
    /// The release of the guest's kernel.
    kernel: String,
    /// How it mitigates faults of processors.
    mitigations: String,
    /// Instructions, by operation.
    added: BTreeMap<String, u64>,
}

/// Whether the gate lets this checkout pass.
#[derive(Debug)]
pub(super) struct Verdict {
    /// For people: what has changed, and what to do.
    pub(super) text: String,
    /// Why it does not pass.
    pub(super) failure: Option<String>,
}

impl Recorded {
    pub(super) fn of(figures: &Figures) -> Self {
        let whole = |(id, added): (String, f64)| (id, added.round() as u64);
        Self {
            schema: SCHEMA.to_owned(),
            kernel: figures.kernel.clone(),
            mitigations: figures.mitigations.clone(),
            added: figures.added().into_iter().map(whole).collect(),
        }
    }

    pub(super) fn read(path: &Path) -> Result<Self> {
        let read = || -> Result<Self> {
            let recorded: Self = serde_json::from_str(&fs::read_to_string(path)?)?;
            ensure!(recorded.schema == SCHEMA, "it is of another kind: {}", recorded.schema);
            Ok(recorded)
        };
        read().with_context(|| {
            format!(
                "cannot read the recorded figures in '{}'; write them: {RECORD}",
                path.display()
            )
        })
    }

    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(path, text).with_context(|| format!("cannot write '{}'", path.display()))?;
        eprintln!("xtask: the figures are recorded in {}", path.display());
        Ok(())
    }

    /// Compares the figures of this checkout with the recorded ones.
    pub(super) fn judge(&self, figures: &Figures) -> Verdict {
        let now = figures.added();
        let mut text = String::new();
        let (mut over, mut under) = (Vec::new(), Vec::new());
        for (id, recorded) in &self.added {
            let recorded = *recorded as f64;
            let Some(now) = now.get(id).copied() else { continue };
            let change = now / recorded - 1.0;
            let line =
                format!("{id}: {recorded:.0} recorded, {now:.0} now ({:+.1} %)", 100.0 * change);
            if now > recorded * (1.0 + MORE) {
                over.push(line);
            } else if now < recorded * (1.0 - MORE) {
                under.push(line);
            }
        }
        let other_machine =
            self.kernel != figures.kernel || self.mitigations != figures.mitigations;
        let mut say = |line: &str| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{line}");
        };
        if other_machine {
            say(&format!(
                "The figures were recorded on Linux {} ({}), and this is Linux {} ({}).",
                self.kernel, self.mitigations, figures.kernel, figures.mitigations
            ));
            say(&format!(
                "Check that zc costs what it did when they were recorded, then record them again:\n  \
                 cargo xtask bench --instructions --compare before=rev:$(git log -1 --format=%h -- {FILE})\n  \
                 {RECORD}"
            ));
        }
        if !under.is_empty() {
            say(&format!("Cheaper than recorded; to keep it so, run {RECORD}:"));
            under.iter().for_each(|line| say(&format!("  {line}")));
        }
        let unknown = self.added.keys().filter(|id| !now.contains_key(*id));
        let new = now.keys().filter(|id| !self.added.contains_key(*id));
        let differ: Vec<_> = unknown.chain(new).map(String::as_str).collect();
        let failure = if !differ.is_empty() {
            Some(format!("recorded or measured, not both: {}; run {RECORD}", differ.join(", ")))
        } else if over.is_empty() {
            say(&format!(
                "{} operations cost at most {:.0} % more than recorded.",
                self.added.len(),
                100.0 * MORE
            ));
            None
        } else {
            Some(format!(
                "over {:.0} % more instructions than recorded:\n  {}\nfind the change that did it, or say in \
                 the commit why it has to be so and run {RECORD}",
                100.0 * MORE,
                over.join("\n  ")
            ))
        };
        Verdict { text: text.trim_end().to_owned(), failure }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(kernel: &str, none: f64, tcp: f64) -> Figures {
        let operation = |id: &str, added: f64| {
            format!(
                r#"{{ "id": "{id}", "what": "", "bare": 1.0, "bare_again": 1.0, "added": {{ "zc": {added} }} }}"#
            )
        };
        let text = format!(
            r#"{{ "schema": "zc-bench-instructions/1", "kernel": "{kernel}", "mitigations": "Retpolines",
                  "own": "zc", "operations": [{}, {}], "builds": [] }}"#,
            operation("none", none),
            operation("tcp", tcp)
        );
        Figures::parse(&text).expect("it is valid")
    }

    fn recorded() -> Recorded {
        Recorded::of(&figures("6.12.1", 100.4, 2000.0))
    }

    #[test]
    fn three_percent_more_pass_and_more_do_not() {
        let passes = recorded().judge(&figures("6.12.1", 103.0, 1999.0));
        assert_eq!(passes.failure, None);
        assert_eq!(passes.text, "2 operations cost at most 3 % more than recorded.");
        let fails = recorded().judge(&figures("6.12.1", 103.1, 2061.0));
        let why = fails.failure.expect("it is more");
        assert!(why.contains("none: 100 recorded, 103 now (+3.1 %)"), "{why}");
        assert!(why.contains("tcp: 2000 recorded, 2061 now (+3.0 %)"), "{why}");
        assert!(why.contains(RECORD), "{why}");
    }

    #[test]
    fn less_passes_and_asks_to_be_recorded() {
        let verdict = recorded().judge(&figures("6.12.1", 90.0, 2000.0));
        assert_eq!(verdict.failure, None);
        assert!(verdict.text.contains("none: 100 recorded, 90 now (-10.0 %)"), "{}", verdict.text);
        assert!(verdict.text.contains(RECORD), "{}", verdict.text);
    }

    #[test]
    fn another_kernel_is_named_with_what_to_do_whether_it_passes_or_not() {
        for (none, passes) in [(100.0, true), (200.0, false)] {
            let verdict = recorded().judge(&figures("6.12.2", none, 2000.0));
            assert_eq!(verdict.failure.is_none(), passes);
            assert!(verdict.text.contains("recorded on Linux 6.12.1"), "{}", verdict.text);
            assert!(verdict.text.contains("this is Linux 6.12.2"), "{}", verdict.text);
            assert!(verdict.text.contains("--compare before=rev:"), "{}", verdict.text);
        }
    }

    #[test]
    fn an_operation_that_was_not_recorded_fails() {
        let mut recorded = recorded();
        recorded.added.remove("tcp");
        recorded.added.insert("udp".to_owned(), 5);
        let verdict = recorded.judge(&figures("6.12.1", 100.0, 2000.0));
        assert!(verdict.failure.expect("they differ").contains("udp, tcp"));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let directory = tempfile::tempdir().expect("there is room");
        let path = directory.path().join("recorded.json");
        let error = Recorded::read(&path).expect_err("there is none yet");
        assert!(error.to_string().contains(RECORD), "{error}");
        recorded().write(&path).expect("it can be written");
        let read = Recorded::read(&path).expect("it can be read");
        assert_eq!(read.added, recorded().added);
        assert_eq!(read.kernel, "6.12.1");
    }
}
