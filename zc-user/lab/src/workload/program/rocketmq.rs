//! Small messages served as RocketMQ does: written from a mapped commit log.

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
    id: "rocketmq_like",
    title: "RocketMQ-style broker",
    group: ScenarioGroup::Program,
    lesson: "Messages are appended to a mapped log by plain stores, and written from the \
             mapping: one copy, but a call for each small message. With RocketMQ's \
             transferMsgByHeap, another copy is made in user space, where zc cannot see it.",
    theory: Theory {
        cpu_copies: Some(1.0),
        storage_dma: 1,
        network_dma: 1,
        mode_switches: Some(4),
        claim: "as mmap + write, with small messages",
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
        syscalls: Calls::AtLeast(setting.size.div_ceil(1024)),
        copies_because: None,
        switches_because: Some("every message of 1 KiB is a write of its own"),
    },
};

const SOURCE: Source = Source {
    class: "RocketMqLike",
    text: include_str!("java/RocketMqLike.java"),
    libraries: "",
    arguments: &[],
};
