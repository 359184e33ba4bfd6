//! Functions in modules, which no trampoline reaches, and functions with too many arguments for one:
//! probes at their entry. A probe at the return (kretprobe) would lose calls that sleep.

use zc_common::record::{EVIDENCE_COPY, EVIDENCE_TRANSFORM};

use super::current;

/// Declares the program of a site at the entry of a function that a kprobe reaches.
macro_rules! marks {
    ($(#[doc = $doc:literal])* $program:ident, $evidence:expr) => {
        $(#[doc = $doc])*
        #[aya_ebpf::macros::kprobe]
        pub(crate) fn $program(_ctx: aya_ebpf::programs::ProbeContext) -> u32 {
            note($evidence);
            0
        }
    };
}

marks!(
    /// `btrfs_buffered_write`, `fs/btrfs/file.c`: it returns what it copied, and so does the call, but
    /// for what direct I/O had done before it fell back.
    zc_btrfs_write, EVIDENCE_COPY
);
marks!(
    /// `netfs_perform_write`, `fs/netfs/buffered_write.c`, since 6.8.
    zc_netfs_write, EVIDENCE_COPY
);
marks!(
    /// `process_vm_rw`, `mm/process_vm_access.c`: seven arguments.
    zc_process_vm_entry, EVIDENCE_COPY
);
marks!(
    /// `tls_sw_sendmsg`, `net/tls/tls_sw.c`.
    zc_tls_send, EVIDENCE_TRANSFORM
);
marks!(
    /// `tls_sw_recvmsg`, `net/tls/tls_sw.c`.
    zc_tls_recv, EVIDENCE_TRANSFORM
);

#[inline(always)]
fn note(evidence: u64) {
    if let Some(account) = current() {
        account.note(evidence);
    }
}
