//! What is known of each copy path without measuring: its name on screen, its group, and which way the
//! bytes travel.

use zc_common::path::CopyPath;

/// Where a path belongs in the list of paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Between files and user memory.
    Files,
    /// Between sockets and user memory.
    Sockets,
    /// Between pipes and user memory.
    Pipes,
    /// From descriptor to descriptor inside the kernel.
    InKernel,
    /// Through the address space: mappings, copy on write, other processes' memory.
    Memory,
    /// Copies the kernel makes on its own account.
    KernelsOwn,
}

impl Group {
    /// Every group, in the order of the paths.
    pub const ALL: &'static [Self] =
        &[Self::Files, Self::Sockets, Self::Pipes, Self::InKernel, Self::Memory, Self::KernelsOwn];

    /// The heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Files => "Files",
            Self::Sockets => "Sockets",
            Self::Pipes => "Pipes",
            Self::InKernel => "In-kernel",
            Self::Memory => "Memory",
            Self::KernelsOwn => "Kernel's own",
        }
    }
}

/// Which way a path carries payload, seen from the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Into the process, or into a pipe on its behalf.
    In,
    /// Out of the process, or out of a pipe on its behalf.
    Out,
    /// In and out in one call, from descriptor to descriptor.
    Through,
    /// No payload: nothing stands behind the bytes (pseudo files), they were not asked for as
    /// bytes (memory), or they are counted on another path already (the kernel's own copies).
    None,
}

/// The path's name on screen.
#[must_use]
pub const fn title(path: CopyPath) -> &'static str {
    match path {
        CopyPath::FileRead => "File read",
        CopyPath::FileWrite => "File write",
        CopyPath::DirectRead => "Direct read",
        CopyPath::DirectWrite => "Direct write",
        CopyPath::PseudoRead => "Pseudo read",
        CopyPath::PseudoWrite => "Pseudo write",
        CopyPath::SocketRecv => "Socket receive",
        CopyPath::SocketSend => "Socket send",
        CopyPath::SocketSendZerocopy => "Socket send, zero-copy",
        CopyPath::SocketRecvZerocopy => "Socket receive, zero-copy",
        CopyPath::PipeRead => "Pipe read",
        CopyPath::PipeWrite => "Pipe write",
        CopyPath::Vmsplice => "Vmsplice",
        CopyPath::Tee => "Tee",
        CopyPath::SendfileToSocket => "Sendfile to socket",
        CopyPath::SendfileToFile => "Sendfile to file",
        CopyPath::SendfileToPipe => "Sendfile to pipe",
        CopyPath::SendfileToPseudo => "Sendfile to pseudo file",
        CopyPath::SpliceFilePipe => "Splice file to pipe",
        CopyPath::SplicePipeSocket => "Splice pipe to socket",
        CopyPath::SplicePipeFile => "Splice pipe to file",
        CopyPath::SpliceSocketPipe => "Splice socket to pipe",
        CopyPath::SplicePipePipe => "Splice pipe to pipe",
        CopyPath::SplicePipePseudo => "Splice pipe, pseudo file",
        CopyPath::CopyRangeReflink => "Copy range, shared",
        CopyPath::CopyRangeCopied => "Copy range, copied",
        CopyPath::MmapRead => "Mmap read",
        CopyPath::MmapWrite => "Mmap write",
        CopyPath::CowCopy => "Copy on write",
        CopyPath::ProcessVm => "Process to process",
        CopyPath::SwiotlbBounce => "Bounce buffer",
        CopyPath::SkbLinearize => "Socket buffer linearised",
        CopyPath::KernelCopy => "Kernel's own copies",
    }
}

/// The group the path is listed in.
#[must_use]
pub const fn group(path: CopyPath) -> Group {
    match path {
        CopyPath::FileRead
        | CopyPath::FileWrite
        | CopyPath::DirectRead
        | CopyPath::DirectWrite
        | CopyPath::PseudoRead
        | CopyPath::PseudoWrite => Group::Files,
        CopyPath::SocketRecv
        | CopyPath::SocketSend
        | CopyPath::SocketSendZerocopy
        | CopyPath::SocketRecvZerocopy => Group::Sockets,
        CopyPath::PipeRead | CopyPath::PipeWrite | CopyPath::Vmsplice | CopyPath::Tee => {
            Group::Pipes
        }
        CopyPath::SendfileToSocket
        | CopyPath::SendfileToFile
        | CopyPath::SendfileToPipe
        | CopyPath::SendfileToPseudo
        | CopyPath::SpliceFilePipe
        | CopyPath::SplicePipeSocket
        | CopyPath::SplicePipeFile
        | CopyPath::SpliceSocketPipe
        | CopyPath::SplicePipePipe
        | CopyPath::SplicePipePseudo
        | CopyPath::CopyRangeReflink
        | CopyPath::CopyRangeCopied => Group::InKernel,
        CopyPath::MmapRead | CopyPath::MmapWrite | CopyPath::CowCopy | CopyPath::ProcessVm => {
            Group::Memory
        }
        CopyPath::SwiotlbBounce | CopyPath::SkbLinearize | CopyPath::KernelCopy => {
            Group::KernelsOwn
        }
    }
}

/// Which way the path carries payload.
#[must_use]
pub const fn flow(path: CopyPath) -> Flow {
    match path {
        CopyPath::FileRead
        | CopyPath::DirectRead
        | CopyPath::SocketRecv
        | CopyPath::SocketRecvZerocopy
        | CopyPath::PipeRead
        | CopyPath::SpliceFilePipe
        | CopyPath::SpliceSocketPipe => Flow::In,
        CopyPath::FileWrite
        | CopyPath::DirectWrite
        | CopyPath::SocketSend
        | CopyPath::SocketSendZerocopy
        | CopyPath::PipeWrite
        | CopyPath::Vmsplice
        | CopyPath::SplicePipeSocket
        | CopyPath::SplicePipeFile => Flow::Out,
        CopyPath::Tee
        | CopyPath::SendfileToSocket
        | CopyPath::SendfileToFile
        | CopyPath::SendfileToPipe
        | CopyPath::SplicePipePipe
        | CopyPath::CopyRangeReflink
        | CopyPath::CopyRangeCopied => Flow::Through,
        CopyPath::PseudoRead
        | CopyPath::PseudoWrite
        | CopyPath::SendfileToPseudo
        | CopyPath::SplicePipePseudo
        | CopyPath::MmapRead
        | CopyPath::MmapWrite
        | CopyPath::CowCopy
        | CopyPath::ProcessVm
        | CopyPath::SwiotlbBounce
        | CopyPath::SkbLinearize
        | CopyPath::KernelCopy => Flow::None,
    }
}

/// Whether the bytes of the path come from or go to something that holds no data of its own
/// (`/dev/zero`, procfs, a terminal): they are neither payload nor a copy that was avoided.
#[must_use]
pub const fn is_pseudo(path: CopyPath) -> bool {
    matches!(
        path,
        CopyPath::PseudoRead
            | CopyPath::PseudoWrite
            | CopyPath::SendfileToPseudo
            | CopyPath::SplicePipePseudo
    )
}

/// Whether the bytes of the path are pages that the memory management touched, not bytes that a
/// call was asked to move. How many were mapped is an upper bound besides: the kernel tells the
/// range it tried, not the pages it found.
#[must_use]
pub const fn is_mapped(path: CopyPath) -> bool {
    matches!(path, CopyPath::MmapRead | CopyPath::MmapWrite | CopyPath::CowCopy)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn titles_are_distinct_and_fit_a_narrow_table() {
        let titles: HashSet<_> = CopyPath::ALL.iter().map(|path| title(*path)).collect();
        assert_eq!(titles.len(), CopyPath::COUNT);
        assert!(titles.iter().all(|title| title.len() <= 26));
    }

    #[test]
    fn groups_are_contiguous_in_the_order_of_the_paths() {
        let groups: Vec<_> = CopyPath::ALL.iter().map(|path| group(*path)).collect();
        assert!(groups.is_sorted());
        assert!(Group::ALL.iter().all(|group| groups.contains(group)));
    }

    #[test]
    fn pseudo_paths_carry_no_payload_and_copy_nothing() {
        for path in CopyPath::ALL.iter().copied().filter(|path| is_pseudo(*path)) {
            assert_eq!((flow(path), path.modelled_copies()), (Flow::None, Some(0)), "{path:?}");
        }
    }

    #[test]
    fn only_a_zero_copy_send_has_no_modelled_copies() {
        let unknown: Vec<_> =
            CopyPath::ALL.iter().filter(|path| path.modelled_copies().is_none()).collect();
        assert_eq!(unknown, [&CopyPath::SocketSendZerocopy]);
    }
}
