//! Two alternating scenarios, and how the second compares with the first.

use super::finding::{Finding, Ran, Spread};
use crate::{metric::Metric, sink::Sink, workload::scenario::Scenario};

/// Two scenarios that alternated in one setting.
pub struct Comparison {
    /// Both.
    pub findings: [Finding; 2],
    /// Throughput of the second as a multiple of the first's, round by round; `None` if they did
    /// not run.
    pub throughput: Option<Spread>,
    /// CPU time of the second as a multiple of the first's, round by round; `None` if they did not
    /// run, or the first took none.
    pub cpu: Option<Spread>,
}

/// One of the figures in which they differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The first's figure.
    pub first: f64,
    /// The second's figure.
    pub second: f64,
}

impl Comparison {
    /// Both, if they ran.
    #[must_use]
    pub fn ran(&self) -> Option<[&Ran; 2]> {
        let [first, second] = &self.findings;
        Some([first.ran()?, second.ran()?])
    }

    /// The metric for both, if it is known for both.
    #[must_use]
    pub fn difference(&self, metric: &Metric) -> Option<Difference> {
        let [first, second] = &self.findings;
        Some(Difference {
            first: metric.of(first, &()).number()?,
            second: metric.of(second, &()).number()?,
        })
    }
}

/// The sink in which two scenarios are compared by default: the first that both have.
#[must_use]
pub fn common_sink(first: &Scenario, second: &Scenario) -> Option<Sink> {
    first.sinks.iter().copied().find(|sink| second.sinks.contains(sink))
}
