//! sendfile to a device without scatter-gather: as in Linux 2.1, before there were devices with it.

use zc_common::path::CopyPath;

use super::sendfile;
use crate::{
    sink::Sink,
    workload::scenario::{Cache, Calls, Expected, Scenario, ScenarioGroup, Setting, Theory, Work},
};

pub(crate) const SCENARIO: Scenario = Scenario {
    id: "sendfile_linear",
    title: "sendfile without scatter-gather",
    group: ScenarioGroup::Transfer,
    lesson: "The same calls as sendfile, and the program sees no difference. But the device needs \
             every packet in one piece, so the kernel copies each byte out of the page cache.",
    theory: Theory {
        cpu_copies: Some(1.0),
        storage_dma: 1,
        network_dma: 1,
        mode_switches: Some(2),
        claim: "in 2.1, and with devices that lack scatter-gather: page cache to socket buffer",
    },
    sinks: &[Sink::VethLinear],
    cache: Cache::Any,
    needs: &[],
    work: Work::Mechanism(sendfile::run),
    expect,
};

fn expect(setting: &Setting) -> Expected {
    Expected {
        moved: vec![(CopyPath::SendfileToSocket, setting.size)],
        // Made later than in the textbook: sendfile passes references, and the copy is made when
        // TCP's large packet is segmented for the device.
        copied_bytes: setting.sink.linearised(setting.size),
        syscalls: Calls::AtLeast(setting.transfers() + 1),
        copies_because: None,
        switches_because: None,
    }
}
