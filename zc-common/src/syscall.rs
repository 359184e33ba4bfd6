//! Which system call numbers move data, and how to read them.

pub mod foreign;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// How the exit of a system call is accounted. Indexes nothing; compared by value.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum SyscallKind { $($(#[doc = $doc])* $name,)* }
    };
}

kinds! {
    /// Moves no data: leaves at once.
    None,
    /// Carries out operations that are booked when they complete (io_uring_enter, io_submit): leaves
    /// at once as well.
    Submit,
    /// read(fd, ...) and its relatives: fd first, the return value is bytes.
    Read,
    /// pread64(fd, ..., position) and its relatives. A position of -1 (preadv2) means the file's own.
    Pread,
    /// write(fd, ...) and its relatives.
    Write,
    /// recvfrom(fd, buf, len, flags).
    Recvfrom,
    /// recvmsg(fd, msg, flags).
    Recvmsg,
    /// recvmmsg(fd, vec, vlen, flags): the return value counts messages.
    Recvmmsg,
    /// sendto(fd, buf, len, flags).
    Sendto,
    /// sendmsg(fd, msg, flags).
    Sendmsg,
    /// sendmmsg(fd, vec, vlen, flags): the return value counts messages.
    Sendmmsg,
    /// sendfile(out, in, ...).
    Sendfile,
    /// splice(in, off, out, off, ...).
    Splice,
    /// tee(in, out, ...).
    Tee,
    /// vmsplice(fd, ...): the direction is in how the pipe was opened.
    Vmsplice,
    /// copy_file_range(in, off, out, off, ...).
    CopyFileRange,
    /// ioctl(fd, request, arg): FICLONE and FICLONERANGE.
    Ioctl,
    /// mmap.
    Mmap,
    /// munmap.
    Munmap,
    /// msync.
    Msync,
    /// process_vm_readv, process_vm_writev.
    ProcessVm,
    /// io_getevents(ctx, min, nr, events, ...) and io_pgetevents.
    IoGetevents,
    /// getsockopt(fd, level, name, value, len): TCP_ZEROCOPY_RECEIVE.
    Getsockopt,
    /// prctl(option): PR_SET_NAME renames the thread.
    Prctl,
    /// msgsnd(queue, message, size, ...), mq_timedsend(queue, message, size, ...): the return value is 0.
    MessageSend,
    /// msgrcv, mq_timedreceive: the return value is bytes.
    MessageReceive,
}

/// Numbers below this are looked up; every data call of both architectures is.
pub const SYSCALL_TABLE_LEN: usize = 512;

/// io_uring_enter, on every architecture.
pub const IO_URING_ENTER: u64 = 426;

/// System call number to kind.
pub type SyscallTable = [u8; SYSCALL_TABLE_LEN];

const fn table(entries: &[(usize, SyscallKind)]) -> SyscallTable {
    let mut table = [SyscallKind::None as u8; SYSCALL_TABLE_LEN];
    let mut i = 0;
    while i < entries.len() {
        table[entries[i].0] = entries[i].1 as u8;
        i += 1;
    }
    table
}

use SyscallKind::{
    CopyFileRange, Getsockopt, IoGetevents, Ioctl, MessageReceive, MessageSend, Mmap, Msync,
    Munmap, Prctl, Pread, ProcessVm, Read, Recvfrom, Recvmmsg, Recvmsg, Sendfile, Sendmmsg,
    Sendmsg, Sendto, Splice, Submit, Tee, Vmsplice, Write,
};

/// x86-64 (`arch/x86/entry/syscalls/syscall_64.tbl`).
///
/// The bytes of io_submit and io_uring_enter are known when the operation completes
/// (`io_getevents`, the `io_uring_complete` tracepoint), not when it is submitted.
pub const X86_64: SyscallTable = table(&[
    (0, Read),
    (1, Write),
    (9, Mmap),
    (11, Munmap),
    (16, Ioctl),
    (17, Pread),
    (18, Write),
    (19, Read),
    (20, Write),
    (26, Msync),
    (40, Sendfile),
    (44, Sendto),
    (45, Recvfrom),
    (46, Sendmsg),
    (47, Recvmsg),
    (55, Getsockopt),
    (69, MessageSend),
    (70, MessageReceive),
    (157, Prctl),
    (208, IoGetevents),
    (209, Submit),
    (242, MessageSend),
    (243, MessageReceive),
    (275, Splice),
    (276, Tee),
    (278, Vmsplice),
    (295, Pread),
    (296, Write),
    (299, Recvmmsg),
    (307, Sendmmsg),
    (310, ProcessVm),
    (311, ProcessVm),
    (326, CopyFileRange),
    (327, Pread),
    (328, Write),
    (333, IoGetevents),
    (426, Submit),
]);

/// arm64 and every architecture with the generic table (`include/uapi/asm-generic/unistd.h`).
pub const GENERIC: SyscallTable = table(&[
    (2, Submit),
    (4, IoGetevents),
    (29, Ioctl),
    (63, Read),
    (64, Write),
    (65, Read),
    (66, Write),
    (67, Pread),
    (68, Write),
    (69, Pread),
    (70, Write),
    (71, Sendfile),
    (75, Vmsplice),
    (76, Splice),
    (77, Tee),
    (167, Prctl),
    (182, MessageSend),
    (183, MessageReceive),
    (188, MessageReceive),
    (189, MessageSend),
    (206, Sendto),
    (207, Recvfrom),
    (209, Getsockopt),
    (211, Sendmsg),
    (212, Recvmsg),
    (215, Munmap),
    (222, Mmap),
    (227, Msync),
    (243, Recvmmsg),
    (269, Sendmmsg),
    (270, ProcessVm),
    (271, ProcessVm),
    (285, CopyFileRange),
    (286, Pread),
    (287, Write),
    (292, IoGetevents),
    (426, Submit),
]);

/// Calls that take a vector of buffers instead of one: readv, writev, preadv, pwritev, preadv2, pwritev2.
pub const X86_64_VECTORED: [usize; 6] = [19, 20, 295, 296, 327, 328];

/// The same with the generic table.
pub const GENERIC_VECTORED: [usize; 6] = [65, 66, 69, 70, 286, 287];
