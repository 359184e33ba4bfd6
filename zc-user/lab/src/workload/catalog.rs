//! The scenarios, in the order in which they are taught.

use super::{
    mechanism::{
        cache_cold, cache_cold_no_readahead, cache_warm, copy_range_copied, copy_range_reflink,
        cow, cow_huge, direct_read, direct_write, hand_over, libaio, mmap_write, read_write,
        sendfile, sendfile_linear, sendfile_to_file, shared_ring, splice, tee, uring_direct,
        uring_read_write, uring_send_zc, vmsplice, zerocopy, zerocopy_unset,
    },
    program::{kafka, mapped_write, netty, netty_buffers, nginx, python, rocketmq, transfer_to},
    scenario::Scenario,
};

/// Every scenario.
pub const SCENARIOS: &[&Scenario] = &[
    &read_write::SCENARIO,
    &mmap_write::SCENARIO,
    &sendfile_linear::SCENARIO,
    &sendfile::SCENARIO,
    &splice::SCENARIO,
    &vmsplice::SCENARIO,
    &tee::SCENARIO,
    &sendfile_to_file::SCENARIO,
    &copy_range_copied::SCENARIO,
    &copy_range_reflink::SCENARIO,
    &direct_read::SCENARIO,
    &direct_write::SCENARIO,
    &zerocopy::SCENARIO,
    &zerocopy_unset::SCENARIO,
    &uring_read_write::SCENARIO,
    &uring_direct::SCENARIO,
    &uring_send_zc::SCENARIO,
    &libaio::SCENARIO,
    &cow::SCENARIO,
    &cow_huge::SCENARIO,
    &shared_ring::SCENARIO,
    &cache_cold::SCENARIO,
    &cache_cold_no_readahead::SCENARIO,
    &cache_warm::SCENARIO,
    &nginx::SENDFILE,
    &nginx::READ_WRITE,
    &transfer_to::SCENARIO,
    &mapped_write::SCENARIO,
    &netty::SCENARIO,
    &kafka::SCENARIO,
    &rocketmq::SCENARIO,
    &hand_over::CLONES,
    &hand_over::MOVES,
    &python::SLICES,
    &python::VIEWS,
    &netty_buffers::COPIES,
    &netty_buffers::SLICES,
];

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
