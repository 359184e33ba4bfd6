//! Every copy path: one row says all that is known of it without measuring.
//!
//! A path names what happened to the bytes, not which call was made. The kernel side counts in
//! lanes, see [`lane`]; users see paths.

use crate::named;

mod kind;
mod lane;

pub use kind::{Flow, Mechanism, PathGroup, Place};
pub use lane::{
    ASSUMES_COPIES, COPIES_EACH_BYTE, IS_PSEUDO, LANES, Lane, SocketKind, TAKES_EVIDENCE, lane,
    lane_path, recv_lane, send_lane,
};

/// What is known of a path without measuring.
struct Facts {
    title: &'static str,
    group: PathGroup,
    flow: Flow,
    mechanism: Mechanism,
    route: Option<(Place, Place)>,
    is_mapped: bool,
}

/// Declares the paths. A row holds `/// help`, the variant, the stable id and the title on screen;
/// the group, the flow, the mechanism, and between which places the bytes travel; and `pages` when
/// they are pages that the memory management touched.
macro_rules! paths {
    (@mapped) => { false };
    (@mapped pages) => { true };
    (@route) => { None };
    (@route $from:ident $to:ident) => { Some((Place::$from, Place::$to)) };
    ($(
        $(#[doc = $doc:literal])+
        $variant:ident = $id:literal $title:literal:
            $group:ident, $flow:ident, $mechanism:ident, [$($from:ident -> $to:ident)?] $(, $pages:ident)?;
    )+) => {
        named! {
            /// A way bytes travel. The discriminant is an index, the id never changes.
            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
            #[repr(u8)]
            pub enum CopyPath { $($(#[doc = $doc])+ $variant = $id,)+ }
        }

        /// By the discriminants of the paths. Only user space looks at run time, so the strings are
        /// not in the eBPF object.
        const FACTS: [Facts; CopyPath::COUNT] = [$(Facts {
            title: $title,
            group: PathGroup::$group,
            flow: Flow::$flow,
            mechanism: Mechanism::$mechanism,
            route: paths!(@route $($from $to)?),
            is_mapped: paths!(@mapped $($pages)?),
        },)+];
    };
}

paths! {
    /// Page cache to user buffer: read, pread, readv, preadv on a regular file or block device.
    FileRead = "file_read" "File read": Files, In, Copy, [PageCache -> User];
    /// User buffer to page cache: write, pwrite, writev, pwritev on a regular file or block device.
    FileWrite = "file_write" "File write": Files, Out, Copy, [User -> PageCache];
    /// O_DIRECT read: the device writes into the user's pages.
    DirectRead = "direct_read" "Direct read": Files, In, Dma, [Storage -> User];
    /// O_DIRECT write: the device reads the user's pages.
    DirectWrite = "direct_write" "Direct write": Files, Out, Dma, [User -> Storage];
    /// Read of a procfs, sysfs or device file, terminal or anonymous inode: neither page cache nor socket.
    PseudoRead = "pseudo_read" "Pseudo read": Files, None, Nothing, [];
    /// Write to a procfs, sysfs or device file, terminal or anonymous inode.
    PseudoWrite = "pseudo_write" "Pseudo write": Files, None, Nothing, [];
    /// Socket buffer to user buffer.
    SocketRecv = "socket_recv" "Socket receive": Sockets, In, Copy, [Buffer -> User];
    /// User buffer to socket buffer.
    SocketSend = "socket_send" "Socket send": Sockets, Out, Copy, [User -> Buffer];
    /// Send with MSG_ZEROCOPY or SEND_ZC through a socket that honours it, or from the ring of a packet socket (PACKET_TX_RING): user pages are pinned; the kernel may still copy them later.
    SocketSendZerocopy = "socket_send_zerocopy" "Socket send, zero-copy": Sockets, Out, Requested, [User -> Buffer];
    /// TCP_ZEROCOPY_RECEIVE: received pages are mapped into the process.
    SocketRecvZerocopy = "socket_recv_zerocopy" "Socket receive, zero-copy": Sockets, In, ReferenceOnly, [Buffer -> User];
    /// Pipe buffer to user buffer.
    PipeRead = "pipe_read" "Pipe read": Pipes, In, Copy, [Buffer -> User];
    /// User buffer to pipe buffer.
    PipeWrite = "pipe_write" "Pipe write": Pipes, Out, Copy, [User -> Buffer];
    /// User pages handed to a pipe by reference.
    Vmsplice = "vmsplice" "Vmsplice": Pipes, Out, ReferenceOnly, [User -> Buffer];
    /// Pipe buffers duplicated by reference.
    Tee = "tee" "Tee": Pipes, Through, ReferenceOnly, [Buffer -> Buffer];
    /// sendfile from the page cache to a socket, by page reference.
    SendfileToSocket = "sendfile_to_socket" "Sendfile to socket": InKernel, Through, Reference, [PageCache -> Buffer];
    /// sendfile into another file: one copy, kernel to kernel; none where that bypasses the page cache (O_DIRECT).
    SendfileToFile = "sendfile_to_file" "Sendfile to file": InKernel, Through, Copy, [PageCache -> PageCache];
    /// sendfile into a pipe, by page reference.
    SendfileToPipe = "sendfile_to_pipe" "Sendfile to pipe": InKernel, Through, Reference, [PageCache -> Buffer];
    /// sendfile into a device or pseudo file.
    SendfileToPseudo = "sendfile_to_pseudo" "Sendfile to pseudo file": InKernel, None, Nothing, [];
    /// splice from a file into a pipe, by page reference.
    SpliceFilePipe = "splice_file_pipe" "Splice file to pipe": InKernel, In, Reference, [PageCache -> Buffer];
    /// splice from a pipe into a socket, by page reference.
    SplicePipeSocket = "splice_pipe_socket" "Splice pipe to socket": InKernel, Out, Reference, [Buffer -> Buffer];
    /// splice from a pipe into a file: one copy into the page cache; none where that is bypassed (O_DIRECT).
    SplicePipeFile = "splice_pipe_file" "Splice pipe to file": InKernel, Out, Copy, [Buffer -> PageCache];
    /// splice from a socket into a pipe, by page reference.
    SpliceSocketPipe = "splice_socket_pipe" "Splice socket to pipe": InKernel, In, Reference, [Buffer -> Buffer];
    /// splice from a pipe into another pipe, by page reference.
    SplicePipePipe = "splice_pipe_pipe" "Splice pipe to pipe": InKernel, Through, ReferenceOnly, [Buffer -> Buffer];
    /// splice between a pipe and a device or pseudo file.
    SplicePipePseudo = "splice_pipe_pseudo" "Splice pipe, pseudo file": InKernel, None, Nothing, [];
    /// copy_file_range, FICLONE or FICLONERANGE that shared extents instead of copying.
    CopyRangeReflink = "copy_range_reflink" "Copy range, shared": InKernel, Through, ReferenceOnly, [PageCache -> PageCache];
    /// copy_file_range that copied in the kernel, or passed pages on to a device (O_DIRECT).
    CopyRangeCopied = "copy_range_copied" "Copy range, copied": InKernel, Through, Copy, [PageCache -> PageCache];
    /// File pages mapped in by page faults of reads, or ahead of use (MAP_POPULATE, mlock, madvise).
    MmapRead = "mmap_read" "Mmap read": Memory, None, ReferenceOnly, [PageCache -> User], pages;
    /// File pages mapped in by page faults of writes: by the program, or by calls that fill its memory.
    MmapWrite = "mmap_write" "Mmap write": Memory, None, ReferenceOnly, [User -> PageCache], pages;
    /// Pages copied by the first write after a fork or on a private mapping.
    CowCopy = "cow_copy" "Copy on write": Memory, None, Copy, [User -> User], pages;
    /// process_vm_readv and process_vm_writev: one copy from process to process.
    ProcessVm = "process_vm" "Process to process": Memory, None, Copy, [User -> User];
    /// Copies through bounce buffers, because the device cannot reach the memory.
    SwiotlbBounce = "swiotlb_bounce" "Bounce buffer": KernelsOwn, None, Copy, [];
    /// Socket buffers made linear by a copy, because the route or device lacks scatter-gather.
    SkbLinearize = "skb_linearize" "Socket buffer linearised": KernelsOwn, None, Copy, [Buffer -> Network];
    /// Copies for no call that moves data: loading a program, kernel threads that read and write files (loop devices), message queues, userfaultfd.
    KernelCopy = "kernel_copy" "Kernel's own copies": KernelsOwn, None, Copy, [];
}

impl CopyPath {
    const fn facts(self) -> &'static Facts {
        &FACTS[self as usize]
    }

    /// The name on screen.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.facts().title
    }

    /// The group the path is listed in.
    #[must_use]
    pub const fn group(self) -> PathGroup {
        self.facts().group
    }

    /// Which way the path carries payload.
    #[must_use]
    pub const fn flow(self) -> Flow {
        self.facts().flow
    }

    /// How the bytes travel.
    #[must_use]
    pub const fn mechanism(self) -> Mechanism {
        self.facts().mechanism
    }

    /// Origin and destination of the bytes. `None` for pseudo files, which hold nothing, and where
    /// neither is known.
    #[must_use]
    pub const fn route(self) -> Option<(Place, Place)> {
        self.facts().route
    }

    /// Whether the bytes are pages that the memory management touched, not bytes that a call was
    /// asked to move. Their number is an upper bound: the kernel reports the range it tried to map,
    /// not the pages it found.
    #[must_use]
    pub const fn is_mapped(self) -> bool {
        self.facts().is_mapped
    }

    /// Whether the bytes come from or go to something that holds no data of its own (`/dev/zero`,
    /// procfs, a terminal): they are neither payload nor a copy that was avoided.
    #[must_use]
    pub const fn is_pseudo(self) -> bool {
        matches!(self.mechanism(), Mechanism::Nothing)
    }

    /// CPU copies per moved byte that the path's usual behaviour implies, for kernels where nothing
    /// measures them. `None` where the call may or may not copy and only the kernel knows: such
    /// copies are unavailable, not 0.
    #[must_use]
    pub const fn modelled_copies(self) -> Option<u64> {
        match self.mechanism() {
            Mechanism::Copy => Some(1),
            Mechanism::Requested => None,
            Mechanism::Dma
            | Mechanism::Reference
            | Mechanism::ReferenceOnly
            | Mechanism::Nothing => Some(0),
        }
    }

    /// Whether it takes evidence to tell, where there are no copy sites, that the bytes of a call were copied or that they
    /// were not.
    #[must_use]
    pub const fn takes_evidence(self) -> bool {
        matches!(self.mechanism(), Mechanism::Dma | Mechanism::Reference | Mechanism::Nothing)
            || self.may_bypass_cache()
    }

    /// Whether its bytes are copied into a file, unless that was opened with `O_DIRECT`: then pages go to the device by
    /// reference, if the file system can do that.
    #[must_use]
    pub const fn may_bypass_cache(self) -> bool {
        matches!(self, Self::SendfileToFile | Self::SplicePipeFile | Self::CopyRangeCopied)
    }

    /// Whether bytes that a call on this path returned, and that no copy site accounts for, must be
    /// assumed to be copied. Not on paths whose calls move references only.
    #[must_use]
    pub const fn assumes_copies(self) -> bool {
        !matches!(self.mechanism(), Mechanism::ReferenceOnly)
    }

    /// The path with this id.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|path| path.id() == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_distinct_and_fit_a_narrow_table() {
        for (index, path) in CopyPath::ALL.iter().enumerate() {
            assert!(path.title().len() <= 26, "{path:?}");
            let others = &CopyPath::ALL[..index];
            assert!(others.iter().all(|other| other.title() != path.title()), "{path:?}");
        }
    }

    #[test]
    fn groups_are_contiguous_in_the_order_of_the_paths() {
        assert!(CopyPath::ALL.is_sorted_by_key(|path| path.group()));
        for group in PathGroup::ALL {
            assert!(CopyPath::ALL.iter().any(|path| path.group() == *group), "{group:?}");
        }
    }

    #[test]
    fn pseudo_paths_carry_no_payload_and_lead_nowhere() {
        for path in CopyPath::ALL.iter().copied().filter(|path| path.is_pseudo()) {
            assert_eq!((path.flow(), path.route()), (Flow::None, None), "{path:?}");
        }
    }

    #[test]
    fn every_path_that_carries_payload_leads_somewhere() {
        for path in CopyPath::ALL.iter().filter(|path| path.flow() != Flow::None) {
            assert!(path.route().is_some(), "{path:?}");
        }
    }

    #[test]
    fn only_a_zero_copy_send_has_no_modelled_copies() {
        for path in CopyPath::ALL {
            let is_known = path.modelled_copies().is_some();
            assert_eq!(is_known, *path != CopyPath::SocketSendZerocopy, "{path:?}");
        }
    }
}
