//! The copy sites: kernel functions whose return says how many bytes the CPU copied, or that bytes
//! went by reference.
//!
//! The routines that do the copying cannot be probed (`lib/` is built without tracing); their
//! callers can, and there are few. Which argument is what differs between kernels: user space
//! reads it from BTF and hands it to the programs as [`Shapes`].

macro_rules! sites {
    ($($(#[doc = $doc:literal])* $variant:ident = $program:literal,)*) => {
        /// A copy site. The discriminant indexes [`Shapes`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Site { $($(#[doc = $doc])* $variant,)* }

        impl Site {
            /// Every site.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name of its program.
            #[must_use]
            pub const fn program(self) -> &'static str {
                match self { $(Self::$variant => $program,)* }
            }

            /// What is counted there.
            #[must_use]
            pub const fn help(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc,)*).trim_ascii_start(),)* }
            }
        }
    };
}

sites! {
    /// Page cache to the caller's buffer.
    FilemapRead = "zc_filemap_read",
    /// Memory file (tmpfs, memfd) to the caller's buffer.
    ShmemRead = "zc_shmem_read",
    /// Huge page file to the caller's buffer.
    HugetlbRead = "zc_hugetlb_read",
    /// Text made by the kernel (procfs, sysfs) to the caller's buffer.
    SeqRead = "zc_seq_read",
    /// The caller's buffer, or pages of a pipe, to the page cache.
    PerformWrite = "zc_perform_write",
    /// As before, on file systems that write through iomap.
    IomapWrite = "zc_iomap_write",
    /// As before, on FUSE.
    FuseWrite = "zc_fuse_write",
    /// Pages pinned or bounced for direct I/O.
    DirectPages = "zc_direct_pages",
    /// Pages of the page cache handed to a pipe.
    FileSplice = "zc_file_splice",
    /// Pages of a memory file handed to a pipe.
    ShmemSplice = "zc_shmem_splice",
    /// Memory of one process to that of another.
    ProcessVm = "zc_process_vm",
    /// A message of a System V queue from user memory.
    LoadMessage = "zc_load_message",
    /// A message of a System V queue to user memory.
    StoreMessage = "zc_store_message",
    /// Requests and pages to a FUSE daemon.
    FuseDeviceRead = "zc_fuse_device_read",
    /// Answers and pages from a FUSE daemon.
    FuseDeviceWrite = "zc_fuse_device_write",
    /// Pipe buffer to the caller's buffer.
    PipeRead = "zc_pipe_read",
    /// The caller's buffer to a pipe buffer.
    PipeWrite = "zc_pipe_write",
    /// Pipe buffer to user memory, by vmsplice.
    PipeToUser = "zc_pipe_to_user",
    /// Pages handed to a pipe.
    SpliceToPipe = "zc_splice_to_pipe",
    /// Pipe buffers duplicated by reference.
    Tee = "zc_tee",
    /// Socket buffer to the caller's buffer.
    SkbToIter = "zc_skb_to_iter",
    /// The caller's buffer to a socket buffer.
    SkbFromIter = "zc_skb_from_iter",
    /// Datagram to the caller's buffer over IPv4.
    UdpRecv = "zc_udp_recv",
    /// Datagram to the caller's buffer over IPv6.
    Udp6Recv = "zc_udp6_recv",
    /// The caller's buffer to a datagram.
    Getfrag = "zc_getfrag",
    /// The caller's buffer to the send queue of a TCP socket.
    TcpSend = "zc_tcp_send",
    /// The caller's buffer to a kernel message (kTLS, sockmap).
    SkMsgCopy = "zc_sk_msg_copy",
    /// The caller's buffer to a netlink socket.
    NetlinkSend = "zc_netlink_send",
    /// Pages handed to a socket buffer.
    SkbSplice = "zc_skb_splice",
    /// Pages handed to a unix socket, before 6.5.
    UnixSendpage = "zc_unix_sendpage",
    /// User pages pinned for a socket buffer.
    SkbZerocopy = "zc_skb_zerocopy",
    /// User pages are about to be pinned for a socket buffer, and the sender is notified when they are free.
    ZerocopyPages = "zc_zerocopy_pages",
    /// A send begins for which the kernel honours `MSG_ZEROCOPY`.
    ZerocopyNotice = "zc_zerocopy_notice",
    /// Pinned user pages copied after all, because the receiver is on this host.
    CopyUbufs = "zc_copy_ubufs",
    /// Payload of a socket buffer copied to make it linear.
    SkbCopyBits = "zc_skb_copy_bits",
    /// As before, together with the checksum.
    SkbCopyCsum = "zc_skb_copy_csum",
    /// The segmentation of a socket buffer into packets begins.
    SegmentBegin = "zc_segment_begin",
    /// The segmentation of a socket buffer ends.
    SegmentEnd = "zc_segment_end",
    /// A page copied by the first write to it.
    CowCopy = "zc_cow_copy",
    /// A page of a private file mapping copied by the first write, before 6.12.
    CowFile = "zc_cow_file",
    /// Pages of a file mapped by a fault.
    MapPages = "zc_map_ptes",
    /// A huge page of a file mapped by a fault.
    MapHuge = "zc_map_huge",
    /// A bounce buffer filled or emptied.
    Bounce = "zc_bounce",
    /// An io_uring operation begins.
    UringBegin = "zc_uring_begin",
    /// An io_uring operation ends, or is deferred.
    UringEnd = "zc_uring_end",
    /// An io_uring operation that goes on is tried again.
    UringRetryBegin = "zc_uring_retry_begin",
    /// The end of that.
    UringRetryEnd = "zc_uring_retry_end",
    /// A libaio read begins.
    AioReadBegin = "zc_aio_read_begin",
    /// A libaio read ends, or goes on in the background.
    AioReadEnd = "zc_aio_read_end",
    /// A libaio write begins.
    AioWriteBegin = "zc_aio_write_begin",
    /// A libaio write ends, or goes on in the background.
    AioWriteEnd = "zc_aio_write_end",
    /// A buffered write of btrfs begins: it copies what the call returns.
    BtrfsWrite = "zc_btrfs_write",
    /// A buffered write of a network file system begins.
    NetfsWrite = "zc_netfs_write",
    /// Memory of one process to that of another, where its function has more arguments than a
    /// trampoline takes.
    ProcessVmEntry = "zc_process_vm_entry",
    /// kTLS in software encrypts what the caller sends.
    TlsSend = "zc_tls_send",
    /// kTLS in software encrypts what a pipe or a file hands over.
    TlsSendpage = "zc_tls_sendpage",
    /// kTLS in software decrypts what the caller receives.
    TlsRecv = "zc_tls_recv",
    /// kTLS in software decrypts what a pipe receives.
    TlsSplice = "zc_tls_splice",
}

impl Site {
    /// Number of sites.
    pub const COUNT: usize = Self::ALL.len();
}

/// How a kernel function is called, as far as its program must know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Shape {
    /// Number of arguments: behind them lies the result.
    pub arguments: u32,
    /// Which argument is the `struct iov_iter`; [`Shape::NONE`] when there is none.
    pub iter: u32,
    /// Which argument tells the length or the count that this site needs.
    pub length: u32,
    /// Which variant of the function this kernel has: meaning by site.
    pub variant: u32,
}

impl Shape {
    /// No such argument.
    pub const NONE: u32 = u32::MAX;
}

/// The shapes of all sites, by their discriminants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Shapes(pub [Shape; Site::COUNT]);

impl Shapes {
    /// Nothing known.
    pub const UNKNOWN: Self =
        Self([Shape { arguments: 0, iter: Shape::NONE, length: 0, variant: 0 }; Site::COUNT]);
}

const _: () = assert!(size_of::<Shape>() == 16);
