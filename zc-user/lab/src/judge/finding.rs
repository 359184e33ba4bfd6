//! The result of a scenario: skipped, failed, or measured and judged.

use super::{
    measurement::Measurement,
    sampled::Sampled,
    verdict::{Judgement, Verdict},
};
use crate::workload::scenario::{Scenario, Setting};

/// A scenario in a setting, and its outcome.
pub struct Finding {
    /// The scenario.
    pub scenario: &'static Scenario,
    /// Its setting.
    pub setting: Setting,
    /// Its outcome.
    pub outcome: Outcome,
}

/// The outcome of a scenario.
pub enum Outcome {
    /// It ran.
    Ran(Box<Ran>),
    /// This machine, or these privileges, cannot run it: why, and what to do.
    Skipped(String),
    /// It failed: why.
    Failed(String),
}

/// Figures of the rounds.
pub struct Ran {
    /// How many rounds there were.
    pub rounds: u32,
    /// The round of median duration.
    pub measurement: Measurement,
    /// Duration of each round, ns.
    pub wall_ns: Spread,
    /// CPU time of the worker in each round, ns.
    pub cpu_ns: Spread,
    /// Throughput as a multiple of the baseline's, round by round; `None` for the baseline itself
    /// and where there is nothing to compare with.
    pub relative: Option<Spread>,
    /// Where the CPU time of all rounds went.
    pub sampled: Sampled,
    /// Theory and measurement compared.
    pub verdict: Verdict,
}

/// A figure over several rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The smallest.
    pub min: f64,
    /// The one in the middle; of an even number the mean of both.
    pub median: f64,
    /// The greatest.
    pub max: f64,
}

impl Spread {
    /// The spread of `values`; `None` if there are none.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        Some(Self { min, median: f64::midpoint(low, high), max })
    }
}

impl Outcome {
    /// The stable id.
    #[must_use]
    pub const fn id(&self) -> &'static str {
        match self {
            Self::Ran(_) => "ran",
            Self::Skipped(_) => "skipped",
            Self::Failed(_) => "failed",
        }
    }

    /// Why it did not run to its end; `None` if it did.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Ran(_) => None,
            Self::Skipped(why) | Self::Failed(why) => Some(why),
        }
    }
}

impl Finding {
    /// The figures, if it ran.
    #[must_use]
    pub fn ran(&self) -> Option<&Ran> {
        match &self.outcome {
            Outcome::Ran(ran) => Some(ran),
            Outcome::Skipped(_) | Outcome::Failed(_) => None,
        }
    }
}

impl Ran {
    /// Whether the result is neither the textbook's nor one that is known of this kernel.
    #[must_use]
    pub const fn is_unexplained(&self) -> bool {
        matches!(self.verdict.judgement, Judgement::Unexplained(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_lies_in_the_middle() {
        let spread = |values: &[f64]| Spread::of(values.iter().copied());
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[3.0, 1.0, 2.0]), Some(Spread { min: 1.0, median: 2.0, max: 3.0 }));
        assert_eq!(spread(&[4.0, 1.0]), Some(Spread { min: 1.0, median: 2.5, max: 4.0 }));
    }
}
