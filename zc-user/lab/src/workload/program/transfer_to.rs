//! `FileChannel.transferTo`: sendfile, as the Java machine calls it.

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
    id: "java_transfer_to",
    title: "Java FileChannel.transferTo",
    group: ScenarioGroup::Program,
    lesson: "To a socket the Java machine turns transferTo into sendfile: the bytes never enter \
             the heap, nor any other memory of the program.",
    theory: Theory {
        cpu_copies: Some(0.0),
        storage_dma: 1,
        network_dma: 1,
        mode_switches: Some(2),
        claim: "as sendfile",
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
    class: "TransferTo",
    text: include_str!("java/TransferTo.java"),
    libraries: "",
    arguments: &[],
};
