//! The copy sites: which function of which kernel, by which kind of hook, in which group.

use zc_common::site::{Shape, Shapes, Site};

use super::{
    btf::{Btf, Signature},
    catalog::ProbeGroup,
};

/// How a site is hooked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// At the return of a function of the kernel image (fexit).
    Return,
    /// At the entry of a function of the kernel image (fentry).
    Entry,
    /// At the entry of any function, in a module too (kprobe).
    Kprobe,
}

/// What it takes for a group to do without a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: without it the group is refused.
    Always,
    /// That the kernel has none of its functions: then it has no such copy either.
    IfPresent,
    /// That it cannot be hooked: its bytes are assumed then.
    Wanted,
}

/// Where a program finds what it needs among the arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    /// It needs nothing.
    Nowhere,
    /// At this place.
    At(u32),
    /// By the name of the parameter, if there is one.
    Named(&'static str),
}

/// A site and its hooks.
#[derive(Clone, Copy, Debug)]
pub struct Hooked {
    /// The site.
    pub site: Site,
    /// The group it belongs to.
    pub group: ProbeGroup,
    /// Kind of hook.
    pub hook: Hook,
    /// Whether the group can do without.
    pub need: Need,
    /// The names that its function has had: the first that the kernel has is hooked, and its place
    /// is the variant in the [`Shape`].
    pub functions: &'static [&'static str],
    length: Length,
}

macro_rules! sites {
    ($($group:ident $site:ident $hook:ident $need:ident [$($function:literal),+] $length:expr;)*) => {
        /// Every copy site.
        pub const SITES: &[Hooked] = &[$(Hooked {
            site: Site::$site,
            group: ProbeGroup::$group,
            hook: Hook::$hook,
            need: Need::$need,
            functions: &[$($function),+],
            length: $length,
        },)*];
    };
}

use Length::{At, Named, Nowhere};

sites! {
    CopyFiles FilemapRead Return Always ["filemap_read", "generic_file_buffered_read"] At(2);
    CopyFiles ShmemRead Return IfPresent ["shmem_file_read_iter"] Nowhere;
    CopyFiles HugetlbRead Return IfPresent ["hugetlbfs_read_iter"] Nowhere;
    CopyFiles SeqRead Return Always ["seq_read_iter"] Nowhere;
    CopyFiles PerformWrite Return Always ["generic_perform_write"] Nowhere;
    CopyFiles IomapWrite Return IfPresent ["iomap_file_buffered_write"] Nowhere;
    CopyFiles FuseWrite Return IfPresent ["fuse_perform_write"] Nowhere;
    CopyFiles FuseDeviceRead Return IfPresent ["fuse_dev_do_read"] Nowhere;
    CopyFiles FuseDeviceWrite Return IfPresent ["fuse_dev_do_write"] Nowhere;
    CopyFiles DirectPages Return Always ["bio_iov_iter_get_pages"] Nowhere;
    CopyFiles FileSplice Return Always ["filemap_splice_read", "generic_file_splice_read"] Nowhere;
    CopyFiles ShmemSplice Return IfPresent ["shmem_file_splice_read"] Nowhere;
    CopyFiles ProcessVm Return Wanted ["process_vm_rw"] Nowhere;
    CopyFiles ProcessVmEntry Kprobe Wanted ["process_vm_rw"] Nowhere;
    CopyFiles LoadMessage Return IfPresent ["load_msg"] Nowhere;
    CopyFiles StoreMessage Return IfPresent ["store_msg"] Nowhere;
    CopyFiles BtrfsWrite Kprobe Wanted ["btrfs_buffered_write", "btrfs_buffered_write.isra.0"] Nowhere;
    CopyFiles NetfsWrite Kprobe Wanted ["netfs_perform_write"] Nowhere;
    CopyFiles UringBegin Entry IfPresent ["io_issue_sqe"] Nowhere;
    CopyFiles UringEnd Return IfPresent ["io_issue_sqe"] Nowhere;
    // Since 6.17 it takes an empty structure, which trampolines refuse. The end first: one without a beginning does
    // nothing.
    CopyFiles UringRetryEnd Return Wanted ["io_poll_issue"] Nowhere;
    CopyFiles UringRetryBegin Entry Wanted ["io_poll_issue"] Nowhere;
    CopyFiles AioReadBegin Entry IfPresent ["aio_read"] Nowhere;
    CopyFiles AioReadEnd Return IfPresent ["aio_read"] Nowhere;
    CopyFiles AioWriteBegin Entry IfPresent ["aio_write"] Nowhere;
    CopyFiles AioWriteEnd Return IfPresent ["aio_write"] Nowhere;
    CopyPipes PipeRead Return Always ["anon_pipe_read", "pipe_read"] Nowhere;
    CopyPipes PipeWrite Return Always ["anon_pipe_write", "pipe_write"] Nowhere;
    CopyPipes PipeToUser Return Always ["pipe_to_user"] Nowhere;
    CopyPipes SpliceToPipe Return Always ["splice_to_pipe"] Nowhere;
    CopyPipes Tee Return Always ["do_tee"] Nowhere;
    CopySockets SkbToIter Return Always ["skb_copy_datagram_iter"] Nowhere;
    CopySockets SkbFromIter Return Always ["skb_copy_datagram_from_iter"] Nowhere;
    CopySockets UdpRecv Return Always ["udp_recvmsg"] Nowhere;
    CopySockets Udp6Recv Return IfPresent ["udpv6_recvmsg"] Nowhere;
    CopySockets Getfrag Return Always ["ip_generic_getfrag"] Nowhere;
    CopySockets TcpSend Return Always ["tcp_sendmsg_locked"] Nowhere;
    CopySockets SkMsgCopy Return IfPresent ["sk_msg_memcopy_from_iter"] Nowhere;
    CopySockets NetlinkSend Return IfPresent ["netlink_sendmsg"] Nowhere;
    CopySockets SkbSplice Return Always ["skb_splice_from_iter", "do_tcp_sendpages"] Nowhere;
    CopySockets UnixSendpage Return IfPresent ["unix_stream_sendpage"] Nowhere;
    CopySockets SkbZerocopy Return Always ["skb_zerocopy_iter_stream"] Nowhere;
    CopySockets ZerocopyPages Entry IfPresent ["__zerocopy_sg_from_iter"] Nowhere;
    CopySockets ZerocopyNotice Return Wanted ["msg_zerocopy_realloc", "sock_zerocopy_realloc"] Nowhere;
    CopySockets TlsSend Kprobe Wanted ["tls_sw_sendmsg"] Nowhere;
    CopySockets TlsSendpage Kprobe Wanted ["tls_sw_sendpage"] Nowhere;
    CopySockets TlsRecv Kprobe Wanted ["tls_sw_recvmsg"] Nowhere;
    CopySockets TlsSplice Kprobe Wanted ["tls_sw_splice_read"] Nowhere;
    CopyLate CopyUbufs Entry Always ["skb_copy_ubufs"] Nowhere;
    CopyLate SkbCopyBits Return Always ["skb_copy_bits"] Nowhere;
    CopyLate SkbCopyCsum Return Always ["skb_copy_and_csum_bits"] Nowhere;
    CopyLate SegmentBegin Entry Wanted ["skb_segment"] Nowhere;
    CopyLate SegmentEnd Return Wanted ["skb_segment"] Nowhere;
    CopyFaults CowCopy Return Always ["copy_mc_to_kernel", "wp_page_copy"] Nowhere;
    CopyFaults CowFile Return IfPresent ["finish_fault"] Nowhere;
    Mapped MapPages Return Always ["set_pte_range", "do_set_pte", "alloc_set_pte"] Named("nr");
    Mapped MapHuge Return IfPresent ["do_set_pmd"] Nowhere;
    Bounce Bounce Return IfPresent ["swiotlb_bounce"] Nowhere;
}

/// Trampolines take this many arguments everywhere; more of them since 6.4 on x86.
pub(super) const TRAMPOLINE_ARGUMENTS: usize = 6;

impl Hooked {
    /// The function of this kernel that is hooked, with its place among the names. `None` when BTF
    /// knows none of them; functions of modules are never known.
    #[must_use]
    pub fn function(&self, btf: &Btf) -> Option<(usize, &'static str, Signature)> {
        let names = || self.functions.iter().copied().enumerate();
        let found =
            |(place, name): (usize, &'static str)| Some((place, name, btf.signature(name)?));
        match self.site {
            // Older kernels have both and copy by the second.
            Site::CowCopy => names().rev().find_map(found),
            // Only they need it.
            Site::CowFile if !btf.has_function("wp_page_copy") => None,
            // Before, its first argument is another one, and MSG_ZEROCOPY alone notifies.
            Site::ZerocopyPages => {
                btf.offset("msghdr", "msg_ubuf").and_then(|_| names().find_map(found))
            }
            _ => names().find_map(found),
        }
    }

    /// The module that the function is in, where distributions do not build it into the kernel.
    #[must_use]
    pub const fn module(&self) -> Option<&'static str> {
        match self.site {
            Site::BtrfsWrite => Some("btrfs"),
            Site::NetfsWrite => Some("netfs"),
            Site::TlsSend | Site::TlsSendpage | Site::TlsRecv | Site::TlsSplice => Some("tls"),
            _ => None,
        }
    }

    fn shape(&self, btf: &Btf) -> Shape {
        let Some((variant, _, signature)) = self.function(btf) else { return Shape::default() };
        let place = |found: &dyn Fn(&super::btf::Parameter) -> bool| {
            signature.parameters.iter().position(found).map_or(Shape::NONE, |at| at as u32)
        };
        Shape {
            arguments: signature.parameters.len() as u32,
            iter: place(&|parameter| parameter.pointee == "iov_iter"),
            length: match self.length {
                Nowhere => Shape::NONE,
                At(place) => place,
                Named(name) => place(&|parameter| parameter.name == name),
            },
            variant: variant as u32,
        }
    }
}

/// Whether this kernel has every function that a group cannot do without.
#[must_use]
pub fn is_complete(group: ProbeGroup, btf: &Btf) -> bool {
    SITES
        .iter()
        .filter(|hooked| hooked.group == group && hooked.need == Need::Always)
        .all(|hooked| hooked.function(btf).is_some())
}

/// The shapes of all sites on the kernel that `btf` describes.
#[must_use]
pub fn shapes(btf: &Btf) -> Shapes {
    let mut shapes = Shapes::UNKNOWN;
    for hooked in SITES {
        shapes.0[hooked.site as usize] = hooked.shape(btf);
    }
    shapes
}
