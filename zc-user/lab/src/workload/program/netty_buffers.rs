//! Netty's buffers: what Netty calls zero-copy in user space, and the copies that it saves.

use super::{
    Program,
    java::{self, Source},
    python,
};
use crate::workload::{
    need::{JAVA, JAVAC, NETTY},
    scenario::{Scenario, Theory, Work},
};

pub(crate) const COPIES: Scenario = Scenario {
    id: "netty_copies",
    title: "Netty copies",
    lesson: "Eight layers each take a header off the front and hand on a copy of the rest; then the parts \
             are copied into one buffer on the heap, which Java copies out of the heap to write it. The \
             kernel sees a read and a write, and zc code with no file: a Java machine makes its routines \
             that copy when it starts.",
    theory: Theory {
        claim: "as read + write, and a copy in user space for each buffer",
        ..python::SLICES.theory
    },
    needs: &[&JAVA, &JAVAC, &NETTY],
    work: Work::Program(&Program {
        launch: |site| java::launch(site, &source(&["copies"])),
        ..java::SERVER
    }),
    ..python::SLICES
};

pub(crate) const SLICES: Scenario = Scenario {
    id: "netty_slices",
    title: "Netty slice() + composite",
    lesson: "The same layers, but each hands on a slice(), and the parts become one message in a \
             CompositeByteBuf: places and lengths in the buffer that was read. The kernel copies as much \
             as before, and the program nothing.",
    theory: Theory { claim: "as read + write", ..python::SLICES.theory },
    work: Work::Program(&Program {
        launch: |site| java::launch(site, &source(&["slices"])),
        ..java::SERVER
    }),
    ..COPIES
};

const fn source(arguments: &'static [&'static str]) -> Source {
    Source {
        class: "NettyBuffers",
        text: include_str!("java/NettyBuffers.java"),
        libraries: "/usr/share/java/netty-buffer.jar:/usr/share/java/netty-common.jar",
        arguments,
    }
}
