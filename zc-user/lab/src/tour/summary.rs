//! The results of the tour as a whole.

use std::fmt;

use super::walk::Tour;
use crate::{
    hazard::{self, Sighting},
    judge::{
        finding::{Finding, Outcome},
        verdict::Judgement,
    },
};

/// Number of workloads by result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// As the textbook says.
    pub textbook: usize,
    /// Different, for known reasons.
    pub differs: usize,
    /// Different, for unknown reasons.
    pub unexplained: usize,
    /// Ran, but nothing was counted.
    pub not_measured: usize,
    /// Hazards that were reproduced as expected.
    pub hazards: usize,
    /// Hazards that had another outcome.
    pub unexpected: usize,
    /// Not possible here.
    pub skipped: usize,
    /// Went wrong.
    pub failed: usize,
}

impl Tally {
    /// Counts the results of a tour.
    #[must_use]
    pub fn of(tour: &Tour) -> Self {
        let mut tally = Self::default();
        for sighting in tour.results().filter_map(|exhibit| exhibit.sighting.as_ref()) {
            *match &sighting.outcome {
                hazard::Outcome::Seen(seen) if seen.is_as_expected() => &mut tally.hazards,
                hazard::Outcome::Seen(_) => &mut tally.unexpected,
                hazard::Outcome::Skipped(_) => &mut tally.skipped,
                hazard::Outcome::Failed(_) => &mut tally.failed,
            } += 1;
        }
        for finding in tour.findings() {
            *match &finding.outcome {
                Outcome::Skipped(_) => &mut tally.skipped,
                Outcome::Failed(_) => &mut tally.failed,
                Outcome::Ran(ran) => match ran.verdict.judgement {
                    Judgement::Textbook => &mut tally.textbook,
                    Judgement::Differs(_) => &mut tally.differs,
                    Judgement::Unexplained(_) => &mut tally.unexplained,
                    Judgement::NotMeasured(_) => &mut tally.not_measured,
                },
            } += 1;
        }
        tally
    }

    /// All of them.
    #[must_use]
    pub const fn total(self) -> usize {
        let Self {
            textbook,
            differs,
            unexplained,
            not_measured,
            hazards,
            unexpected,
            skipped,
            failed,
        } = self;
        textbook + differs + unexplained + not_measured + hazards + unexpected + skipped + failed
    }

    /// Whether a workload failed, or its result is unexplained.
    #[must_use]
    pub const fn is_bad(self) -> bool {
        self.unexplained > 0 || self.unexpected > 0 || self.failed > 0
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            textbook,
            differs,
            unexplained,
            not_measured,
            hazards,
            unexpected,
            skipped,
            failed,
        } = *self;
        let parts = [
            (textbook, "as the textbook says"),
            (differs, "different for a known reason"),
            (unexplained, "different for no known reason"),
            (not_measured, "not measured"),
            (hazards, if hazards == 1 { "hazard reproduced" } else { "hazards reproduced" }),
            (unexpected, "with an unexpected hazard"),
            (skipped, "skipped"),
            (failed, "failed"),
        ];
        let ran = self.total();
        write!(f, "{ran} {}", if ran == 1 { "workload" } else { "workloads" })?;
        let mut separator = ": ";
        for (count, what) in parts.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, "{separator}{count} {what}")?;
            separator = ", ";
        }
        Ok(())
    }
}

/// The result of a finding, in a word or two.
#[must_use]
pub const fn word(finding: &Finding) -> &'static str {
    match &finding.outcome {
        Outcome::Skipped(_) => "skipped",
        Outcome::Failed(_) => "failed",
        Outcome::Ran(ran) => match ran.verdict.judgement {
            Judgement::Textbook => "as the textbook",
            Judgement::Differs(_) => "differs",
            Judgement::Unexplained(_) => "unexplained",
            Judgement::NotMeasured(_) => "not measured",
        },
    }
}

/// The result of a hazard, in a word or two.
#[must_use]
pub fn hazard_word(sighting: &Sighting) -> &'static str {
    match &sighting.outcome {
        hazard::Outcome::Seen(seen) if seen.is_as_expected() => "as expected",
        hazard::Outcome::Seen(_) => "unexpected",
        hazard::Outcome::Skipped(_) => "skipped",
        hazard::Outcome::Failed(_) => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_occurred_is_listed() {
        let tally = Tally { textbook: 3, skipped: 1, ..Tally::default() };
        assert_eq!(tally.to_string(), "4 workloads: 3 as the textbook says, 1 skipped");
        assert!(!tally.is_bad());
        assert_eq!(Tally::default().to_string(), "0 workloads");
        assert!(Tally { unexplained: 1, ..Tally::default() }.is_bad());
    }
}
