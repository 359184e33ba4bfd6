//! The cost of each copy site: two guests, one table.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::figures::{Figures, spread};
use super::table;
use crate::checkout;
use crate::vm::{self, Measurement, matrix};
use crate::workspace;

/// Recent, and in Debian's stable release.
const KERNEL: &str = "6.12";

/// Two, to show how far repeated measurements differ.
const GUESTS: u32 = 2;

const TIMEOUT: Duration = Duration::from_secs(600);

/// The document with the table.
const DOCUMENT: &str = "docs/benchmark.md";
const BEGIN: &str = "<!-- begin of what `cargo xtask bench --sites --write` writes -->\n";
const END: &str = "<!-- end -->\n";

pub(super) fn run(kernel: Option<&'static matrix::Kernel>, write: bool) -> Result<()> {
    let kernel = match kernel {
        Some(kernel) => kernel,
        None => matrix::parse(KERNEL).map_err(anyhow::Error::msg)?,
    };
    let measurement = Measurement {
        words: "sites --json \"$ZC_VM_RESULTS/sites.json\"",
        file: "sites.json",
        programs: &[],
        timeout: TIMEOUT,
    };
    let texts = vm::measure(kernel, &measurement, GUESTS)?;
    let runs: Vec<Figures> =
        texts.iter().map(|text| Figures::parse(text)).collect::<Result<_>>()?;
    let first = runs.first().context("no guest was booted")?;
    let text = table::markdown(first, &spread(&runs));
    println!("\n{text}");

    let path = workspace::target()?.join("bench-sites.json");
    let all = format!("[\n{}]\n", texts.join(","));
    fs::write(&path, all).with_context(|| format!("cannot write '{}'", path.display()))?;
    eprintln!("xtask: the figures of both guests are in {}", path.display());
    if write {
        let path = checkout::root().join(DOCUMENT);
        let before = fs::read_to_string(&path)
            .with_context(|| format!("cannot read '{}'", path.display()))?;
        let after = replace(&before, &text)
            .with_context(|| format!("'{}' has no marks for the table", path.display()))?;
        fs::write(&path, after).with_context(|| format!("cannot write '{}'", path.display()))?;
    }
    Ok(())
}

/// The document with the generated part replaced.
fn replace(document: &str, part: &str) -> Option<String> {
    let (before, rest) = document.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{part}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_generated_part_is_replaced() {
        let document = format!("a\n{BEGIN}old\n{END}b\n");
        let once = replace(&document, "new").expect("it has the marks");
        assert_eq!(once, format!("a\n{BEGIN}\nnew\n{END}b\n"));
        assert_eq!(replace(&once, "new").expect("it still has them"), once);
        assert_eq!(replace("a\nb\n", "new"), None);
    }
}
