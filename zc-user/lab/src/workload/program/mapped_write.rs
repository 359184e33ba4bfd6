//! A mapped buffer written to a socket: mmap + write, in Java.

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
    id: "java_mapped_write",
    title: "Java mapped ByteBuffer + write",
    group: ScenarioGroup::Program,
    lesson: "A mapped buffer is direct: write copies from the page cache to the socket buffer, \
             once. A heap buffer would be copied to a direct one first, in user space, where no \
             counter of the kernel sees it.",
    theory: Theory {
        cpu_copies: Some(1.0),
        storage_dma: 1,
        network_dma: 1,
        mode_switches: Some(4),
        claim: "as mmap + write",
    },
    sinks: &[Sink::Tcp],
    // The Java machine keeps what was mapped until it collects garbage, and the kernel keeps mapped
    // pages in the cache.
    cache: Cache::Warm,
    needs: java::NEEDS,
    work: Work::Program(&Program { launch: |site| java::launch(site, &SOURCE), ..java::SERVER }),
    expect: |setting| Expected {
        moved: vec![(CopyPath::SocketSend, setting.size)],
        copied_bytes: setting.size,
        syscalls: Calls::AtLeast(setting.transfers()),
        copies_because: None,
        switches_because: (setting.transfers() > 1)
            .then_some("the file is mapped once, not once per transfer"),
    },
};

const SOURCE: Source = Source {
    class: "MappedWrite",
    text: include_str!("java/MappedWrite.java"),
    libraries: "",
    arguments: &[],
};
