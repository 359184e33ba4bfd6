//! The results of the tour as a whole.

use super::{walk::Tour, words::Words};
use crate::{
    hazard::{self, Sighting},
    judge::{
        finding::{Finding, Outcome},
        verdict::Judgement,
    },
    language::fill,
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

impl Tally {
    /// In a sentence.
    #[must_use]
    pub fn sentence(self, words: &Words) -> String {
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
        let parts = [
            (textbook, words.tally_textbook),
            (differs, words.tally_differs),
            (unexplained, words.tally_unexplained),
            (not_measured, words.tally_not_measured),
            (hazards, if hazards == 1 { words.tally_hazard } else { words.tally_hazards }),
            (unexpected, words.tally_unexpected),
            (skipped, words.tally_skipped),
            (failed, words.tally_failed),
        ];
        let total = self.total();
        let total_words = if total == 1 { words.workload } else { words.workloads };
        let mut text = fill(total_words, &[("count", &total)]);
        let mut separator = words.colon;
        for (count, part) in parts.into_iter().filter(|(count, _)| *count > 0) {
            text += separator;
            text += &fill(part, &[("count", &count)]);
            separator = words.comma;
        }
        text
    }
}

/// The result of a finding, in a word or two.
#[must_use]
pub const fn word(finding: &Finding, words: &Words) -> &'static str {
    match &finding.outcome {
        Outcome::Skipped(_) => words.word_skipped,
        Outcome::Failed(_) => words.word_failed,
        Outcome::Ran(ran) => match ran.verdict.judgement {
            Judgement::Textbook => words.word_textbook,
            Judgement::Differs(_) => words.word_differs,
            Judgement::Unexplained(_) => words.word_unexplained,
            Judgement::NotMeasured(_) => words.word_not_measured,
        },
    }
}

/// The result of a hazard, in a word or two.
#[must_use]
pub fn hazard_word(sighting: &Sighting, words: &Words) -> &'static str {
    match &sighting.outcome {
        hazard::Outcome::Seen(seen) if seen.is_as_expected() => words.word_expected,
        hazard::Outcome::Seen(_) => words.word_unexpected,
        hazard::Outcome::Skipped(_) => words.word_skipped,
        hazard::Outcome::Failed(_) => words.word_failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tour::words::ENGLISH;

    #[test]
    fn only_what_occurred_is_listed() {
        let tally = Tally { textbook: 3, skipped: 1, ..Tally::default() };
        assert_eq!(tally.sentence(&ENGLISH), "4 workloads: 3 as the textbook says, 1 skipped");
        assert!(!tally.is_bad());
        assert_eq!(Tally::default().sentence(&ENGLISH), "0 workloads");
        assert!(Tally { unexplained: 1, ..Tally::default() }.is_bad());
    }
}
