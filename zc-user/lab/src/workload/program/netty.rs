//! Netty's `DefaultFileRegion`: the only zero-copy of Netty that the kernel carries out.

use zc_common::path::CopyPath;

use super::{
    Program,
    java::{self, Source},
};
use crate::{
    sink::Sink,
    workload::{
        need::{JAVA, JAVAC, NETTY},
        scenario::{Cache, Calls, Expected, Scenario, ScenarioGroup, Theory, Work},
    },
};

pub(crate) const SCENARIO: Scenario = Scenario {
    id: "netty_file_region",
    title: "Netty DefaultFileRegion",
    group: ScenarioGroup::Program,
    lesson: "A DefaultFileRegion is a transferTo, which is a sendfile. The other features \
             that Netty calls zero-copy (composite, sliced and wrapped buffers) save copies in \
             user space: see netty_copies and netty_slices.",
    theory: Theory {
        cpu_copies: Some(0.0),
        storage_dma: 1,
        network_dma: 1,
        mode_switches: Some(2),
        claim: "as sendfile",
    },
    sinks: &[Sink::Tcp],
    cache: Cache::Any,
    needs: &[&JAVA, &JAVAC, &NETTY],
    work: Work::Program(&Program { launch: |site| java::launch(site, &SOURCE), ..java::SERVER }),
    expect: |setting| Expected {
        moved: vec![(CopyPath::SendfileToSocket, setting.size)],
        copied_bytes: 0,
        syscalls: Calls::AtLeast(1),
        copies_because: None,
        switches_because: Some("Netty passes all that is left to the kernel, not a chunk"),
    },
};

const SOURCE: Source = Source {
    class: "NettyFileRegion",
    text: include_str!("java/NettyFileRegion.java"),
    libraries: "/usr/share/java/netty-transport.jar:/usr/share/java/netty-buffer.jar:\
                /usr/share/java/netty-codec.jar:/usr/share/java/netty-common.jar:\
                /usr/share/java/netty-resolver.jar",
    arguments: &[],
};
