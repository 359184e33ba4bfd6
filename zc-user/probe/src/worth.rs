//! Which paths have their copies measured here.

use zc_common::path::{CopyPath, LANES, lane_path};

use super::{attach::Attached, catalog::Group};

/// Per lane, whether its copies are counted where they are made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Worth([bool; LANES]);

impl Worth {
    /// Follows from the groups that are attached.
    pub(super) fn of(attached: &Attached) -> Self {
        Self(std::array::from_fn(|lane| {
            groups(lane_path(lane).0).iter().all(|group| attached.has(*group))
        }))
    }

    /// As if no group were attached.
    #[cfg(test)]
    pub(super) fn nothing() -> Self {
        Self([false; LANES])
    }

    /// Whether the copies of a lane are measured.
    pub(super) fn is_measured(&self, lane: usize) -> bool {
        self.0[lane]
    }
}

/// The groups that together see every copy on a path.
#[must_use]
pub(crate) const fn groups(path: CopyPath) -> &'static [Group] {
    match path {
        CopyPath::FileRead
        | CopyPath::FileWrite
        | CopyPath::DirectRead
        | CopyPath::DirectWrite
        | CopyPath::PseudoRead
        | CopyPath::PseudoWrite
        | CopyPath::SendfileToFile
        | CopyPath::SendfileToPipe
        | CopyPath::SendfileToPseudo
        | CopyPath::SpliceFilePipe
        | CopyPath::SplicePipeFile
        | CopyPath::SplicePipePseudo
        | CopyPath::CopyRangeReflink
        | CopyPath::CopyRangeCopied
        | CopyPath::ProcessVm
        | CopyPath::KernelCopy => &[Group::CopyFiles],
        CopyPath::PipeRead
        | CopyPath::PipeWrite
        | CopyPath::Vmsplice
        | CopyPath::Tee
        | CopyPath::SplicePipePipe => &[Group::CopyPipes],
        CopyPath::SocketRecv
        | CopyPath::SocketSend
        | CopyPath::SocketRecvZerocopy
        | CopyPath::SendfileToSocket
        | CopyPath::SplicePipeSocket => &[Group::CopySockets],
        CopyPath::SpliceSocketPipe => &[Group::CopySockets, Group::CopyPipes],
        CopyPath::SocketSendZerocopy => &[Group::CopySockets, Group::CopyLate],
        CopyPath::SkbLinearize => &[Group::CopyLate],
        CopyPath::CowCopy => &[Group::CopyFaults],
        CopyPath::MmapRead | CopyPath::MmapWrite => &[Group::Mapped],
        CopyPath::SwiotlbBounce => &[Group::Bounce],
    }
}
