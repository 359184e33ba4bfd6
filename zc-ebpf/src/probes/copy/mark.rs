//! Functions in modules, which no trampoline reaches, and functions with too many arguments for one:
//! probes at their entry. A probe at the return (kretprobe) would lose calls that sleep.

use aya_ebpf::{macros::kprobe, programs::ProbeContext};
use zc_common::record::{EVIDENCE_COPY, EVIDENCE_TRANSFORM};

use crate::account::Account;

/// Declares the program of a site at the entry of a function that a kprobe reaches.
macro_rules! marks {
    ($(#[doc = $doc:literal])* $program:ident, $evidence:expr) => {
        $(#[doc = $doc])*
        #[kprobe]
        pub(crate) fn $program(_ctx: ProbeContext) -> u32 {
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
    /// `tls_sw_sendpage`, `net/tls/tls_sw.c`, until 6.4; `tls_sw_sendmsg` since.
    zc_tls_sendpage, EVIDENCE_TRANSFORM
);
marks!(
    /// `tls_sw_splice_read`, `net/tls/tls_sw.c`.
    zc_tls_splice, EVIDENCE_TRANSFORM
);

/// `int tls_sw_recvmsg(struct sock *, struct msghdr *, size_t, [int nonblock,] int flags, int *addr_len)`,
/// `net/tls/tls_sw.c`. A caller that only peeks receives the data later: it is decrypted once.
#[kprobe]
pub(crate) fn zc_tls_recv(ctx: ProbeContext) -> u32 {
    /// `MSG_PEEK`, `include/linux/socket.h`.
    const PEEK: u64 = 2;
    // The flags are the fourth argument, or the fifth (before 5.19). The other one never has this bit: it
    // is the flag `MSG_DONTWAIT`, or the address of an integer.
    let argument = |n| ctx.arg::<u64>(n).unwrap_or(0);
    if (argument(3) | argument(4)) & PEEK == 0 {
        note(EVIDENCE_TRANSFORM);
    }
    0
}

#[inline(always)]
fn note(evidence: u64) {
    if let Some(account) = Account::current() {
        account.note(evidence);
    }
}
