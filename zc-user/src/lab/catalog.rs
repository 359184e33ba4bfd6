//! The scenarios, in the order in which they are taught.

use super::{
    mechanism::{read_write, sendfile},
    scenario::Scenario,
};

/// Every scenario.
pub const SCENARIOS: &[&Scenario] = &[&read_write::SCENARIO, &sendfile::SCENARIO];

/// What others are compared with.
pub const BASELINE: &Scenario = &read_write::SCENARIO;

/// The scenario with this id.
#[must_use]
pub fn find(id: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().copied().find(|scenario| scenario.id == id)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn scenarios_have_distinct_ids_and_at_least_one_sink() {
        let ids: HashSet<_> = SCENARIOS.iter().map(|scenario| scenario.id).collect();
        assert_eq!(ids.len(), SCENARIOS.len());
        for scenario in SCENARIOS {
            assert!(!scenario.sinks.is_empty(), "{}", scenario.id);
        }
    }

    #[test]
    fn groups_are_contiguous() {
        assert!(SCENARIOS.iter().map(|scenario| scenario.group).is_sorted());
    }
}
