//! The results of expectations, in sentences.

use crate::{cell, human};
use zc_model::{
    column::Unit,
    expectation::{Figure, Outcome, Verdict},
    value::Value,
};

/// The result of the expectation `text`, in a line: the verdict first, then the figures that it looked at.
#[must_use]
pub fn line(text: &str, outcome: &Outcome<'_>) -> String {
    let verdict = match outcome.verdict {
        Verdict::Met => "met",
        Verdict::Failed => "FAILED",
        Verdict::Unknown => "UNKNOWN",
    };
    let figures: Vec<_> = outcome.figures.iter().map(figure).collect();
    format!("expected {text}: {verdict}: {}", figures.join("; "))
}

fn figure(figure: &Figure<'_>) -> String {
    let Figure { name, unit, value, margin, doubt } = figure;
    let text = match value {
        Value::Unavailable(why) => return format!("{name} is not known: {why}"),
        Value::Absent => {
            return format!("{name} is not known: there was nothing to compute it from");
        }
        Value::Integer(bytes, _) if *unit == Unit::Bytes && *bytes >= 1024 => {
            format!("{} ({} B)", cell::full(value, *unit), human::count(*bytes))
        }
        // Digits that tell on which side of a limit it is.
        Value::Real(ratio, quality) if *unit == Unit::Ratio => {
            format!("{ratio:.4}{}", human::mark(*quality))
        }
        _ => cell::full(value, *unit),
    };
    let margin = margin.map_or_else(String::new, |margin| format!(" ±{}", human::percent(margin)));
    let doubt = doubt.as_ref().map_or_else(String::new, |doubt| format!(", {doubt}"));
    format!("{name} is {text}{margin}{doubt}")
}

/// The sum of all results, where some are not met: how many `failed`, and how many are `unknown`.
#[must_use]
pub fn sum(all: usize, failed: usize, unknown: usize) -> String {
    let count = |number: usize, what| (number > 0).then(|| format!("{number} {what}"));
    let parts = [count(failed, "failed"), count(unknown, "unknown")];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    let expectations = if all == 1 { "expectation" } else { "expectations" };
    format!("{all} {expectations}: {}", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use zc_common::path::CopyPath;
    use zc_model::{
        expectation::Expectation,
        fixture::sketch::{path, process, snapshot},
        frame::Frame,
    };

    #[test]
    fn sentences() {
        let paths = [path(CopyPath::FileRead, 1, 100_000_007), path(CopyPath::Tee, 1, 1013)];
        let mut snapshot = snapshot(1, &[process(7, "cp", &paths)]);
        snapshot.losses[zc_common::loss::Loss::OperationsCut] = 1;
        let frame = Frame::cumulative(snapshot);
        let said = |text: &str| line(text, &Expectation::parse(text).unwrap().check(&frame));
        assert_eq!(
            said("path.file_read > 1MB and path.tee > 2"),
            "expected path.file_read > 1MB and path.tee > 2: met: path.file_read is 95.4 MiB (100,000,007 B), or more: \
             not everything was counted, see the losses; path.tee is 1013 B, or more: not everything was \
             counted, see the losses"
        );
        assert_eq!(
            said("copy_tax < 5%"),
            "expected copy_tax < 5%: UNKNOWN: copy_tax is not known: too little CPU time: fewer than 25 samples in \
             this interval"
        );
        assert_eq!(said("losses == 0"), "expected losses == 0: FAILED: losses is 1");
        assert_eq!(sum(3, 1, 1), "3 expectations: 1 failed, 1 unknown");
        assert_eq!(sum(1, 0, 1), "1 expectation: 1 unknown");
    }
}
