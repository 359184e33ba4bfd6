//! A log served as Kafka does: a mapped index, and transferTo from the log.

use zc_common::path::CopyPath;

use super::{
    Program,
    java::{self, Source},
};
use crate::{
    sink::Sink,
    workload::scenario::{Cache, Calls, Expected, Scenario, ScenarioGroup, Theory, Work},
};

pub(crate) const SCENARIO: Scenario = Scenario {
    id: "kafka_like",
    title: "Kafka-style broker",
    group: ScenarioGroup::Program,
    lesson: "Bulk reads of a log go from the page cache to the socket by sendfile; the program \
             reads only the small index, in a mapping.",
    theory: Theory {
        cpu_copies: Some(0.0),
        storage_dma: 1,
        network_dma: 1,
        mode_switches: Some(2),
        claim: "sendfile for the log, mmap for the index",
    },
    sinks: &[Sink::Tcp],
    cache: Cache::Any,
    needs: java::NEEDS,
    work: Work::Program(&Program { launch: |site| java::launch(site, &SOURCE), ..java::SERVER }),
    expect: |setting| Expected {
        moved: vec![(CopyPath::SendfileToSocket, setting.size)],
        copied_bytes: 0,
        syscalls: Calls::AtLeast(2 * setting.transfers()),
        copies_because: None,
        switches_because: Some(java::ASKS_FOR_SIZE),
    },
};

const SOURCE: Source = Source {
    class: "KafkaLike",
    text: include_str!("java/KafkaLike.java"),
    libraries: "",
    arguments: &[],
};
