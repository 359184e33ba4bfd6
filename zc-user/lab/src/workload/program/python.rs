//! Layers of a program in Python that pass on slices: of bytes, or of a memoryview.

use std::ffi::OsString;

use anyhow::Result;
use zc_common::path::CopyPath;

use super::{Launch, PAYLOAD, Port, Program, Protocol, Site};
use crate::{
    sink::Sink,
    workload::{
        mechanism::read_write,
        need::PYTHON,
        scenario::{Calls, Expected, Scenario, ScenarioGroup, Setting, Theory, Work},
    },
};

pub(crate) const SLICES: Scenario = Scenario {
    id: "python_slices",
    title: "Python slices of bytes",
    group: ScenarioGroup::UserSpace,
    lesson: "Eight layers each take a header off the front: data[:16], and data[16:] for the next one. \
             A slice of bytes is a copy, so that each byte is copied once per layer, by the program.",
    theory: Theory {
        claim: "as read + write, and a copy in user space for each slice",
        ..read_write::SCENARIO.theory
    },
    sinks: &[Sink::Tcp],
    needs: &[&PYTHON],
    work: Work::Program(&Program {
        protocol: Protocol::Line,
        launch: |site| launch(site, "bytes"),
    }),
    expect,
    ..read_write::SCENARIO
};

pub(crate) const VIEWS: Scenario = Scenario {
    id: "python_memoryview",
    title: "Python memoryview",
    lesson: "The same layers, but what they cut is a memoryview: its slices are places and lengths in \
             the bytes that were read. The kernel copies as much as before, and the program nothing.",
    theory: Theory { claim: "as read + write", ..read_write::SCENARIO.theory },
    work: Work::Program(&Program {
        protocol: Protocol::Line,
        launch: |site| launch(site, "memoryview"),
    }),
    ..SLICES
};

const PROGRAM: &str = include_str!("python/headers.py");

fn launch(site: &Site<'_>, kind: &str) -> Result<Launch> {
    let mut server: Vec<OsString> = vec![PYTHON.require()?.into()];
    // Without settings and modules of the user, and without files that it would write.
    server.extend(["-I", "-S", "-B"].map(Into::into));
    server.push(site.scratch.write("headers.py", PROGRAM)?.into());
    server.extend([PAYLOAD.into(), site.chunk.to_string().into(), kind.into()]);
    Ok(Launch { first: None, server, port: Port::Printed })
}

fn expect(setting: &Setting) -> Expected {
    Expected {
        moved: vec![(CopyPath::FileRead, setting.size), (CopyPath::SocketSend, setting.size)],
        copied_bytes: 2 * setting.size,
        // Around them: it accepts, opens and closes.
        syscalls: Calls::AtLeast(2 * setting.transfers() + 1),
        copies_because: None,
        switches_because: None,
    }
}
