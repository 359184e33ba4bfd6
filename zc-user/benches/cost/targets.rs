//! What the figures are held against.

use serde_json::{Value, json};

/// A limit on the ratio between what `zc` adds and what another setting adds.
pub(crate) struct Target {
    /// The id of the other setting.
    pub(crate) than: &'static str,
    /// What must hold.
    must: f64,
    /// What would be good.
    aim: f64,
}

/// For a call that moves data.
pub(crate) const DATA_CALL: &[Target] = &[
    Target { than: "floor", must: 3.0, aim: 2.0 },
    Target { than: "bpftrace", must: 1.0 / 3.0, aim: 1.0 / 5.0 },
];

/// For a call that moves none.
pub(crate) const OTHER_CALL: &[Target] = &[Target { than: "floor", must: 1.3, aim: 1.3 }];

/// CPU time of `zc top` with 10,000 processes, in percent of one CPU.
pub(crate) const CPU_PERCENT: f64 = 1.0;

/// Its resident memory, MiB.
pub(crate) const RSS_MIB: f64 = 40.0;

/// Time to the first figures, seconds.
pub(crate) const START_SECONDS: f64 = 0.5;

/// How a value compares with its limit, for people.
pub(crate) fn limit(value: f64, limit: f64) -> String {
    format!("{} {limit}", if value <= limit { "good: at most" } else { "MISSED: more than" })
}

impl Target {
    /// One line for people.
    pub(crate) fn verdict(&self, what: &str, value: f64) -> String {
        let Self { than, must, aim } = self;
        format!(
            "{:8} {what}: {value:.2} of {than} (must {must:.2}, aim {aim:.2})",
            self.word(value)
        )
    }

    pub(crate) fn json(&self, value: f64) -> Value {
        let Self { than, must, aim } = self;
        json!({ "than": than, "must": must, "aim": aim, "value": value, "verdict": self.word(value) })
    }

    fn word(&self, value: f64) -> &'static str {
        if value <= self.aim {
            "good"
        } else if value <= self.must {
            "ok"
        } else {
            "MISSED"
        }
    }
}
