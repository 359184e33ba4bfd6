//! What a file descriptor is.
//!
//! Nothing is remembered per descriptor: it changes meaning through close, dup2, `F_SETFL`,
//! `SCM_RIGHTS` and execve, from any thread, and a stale class would be a wrong number. What is
//! remembered is a property of the kernel's code, see [`operations`].

use zc_common::{
    layout::ABSENT,
    path::{CopyPath, Lane, SocketKind, lane, recv_lane, send_lane},
    record::{EVIDENCE_NOTHING, RELAY_FILE, RELAY_NONE, RELAY_PIPE, RELAY_SOCKET},
};

use crate::{
    arch::O_DIRECT,
    kernel::{Object, frozen, offset, opaque, variant},
    operations,
};

mod known;
mod pages;

pub(crate) use known::{Booking, booking, flags, mapping, position};
pub(crate) use pages::{
    PAGES_COPIED, PAGES_COPIED_ON_THE_WAY, PAGES_REFERRED_TO, PAGES_UNKNOWN, pages_from,
    pages_into, pages_to,
};

/// What stands behind a descriptor. A number, not an enumeration: the verifier must be able to
/// forget which one it is (see [`opaque`]).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Class(u8);

/// Number of classes.
const CLASSES: usize = 14;

impl Class {
    /// The descriptor is not open.
    pub(crate) const CLOSED: Self = Self(0);
    /// A regular file or block device, through the page cache.
    pub(crate) const FILE: Self = Self(1);
    pub(crate) const DIRECT: Self = Self(2);
    pub(crate) const PSEUDO: Self = Self(3);
    pub(crate) const PIPE: Self = Self(4);
    pub(crate) const TCP: Self = Self(5);
    pub(crate) const UDP: Self = Self(6);
    /// A unix socket that carries a stream.
    pub(crate) const UNIX: Self = Self(7);
    /// A socket of another kind that reaches no network: netlink, the crypto API.
    pub(crate) const LOCAL_SOCKET: Self = Self(8);
    /// `/dev/null`, `/dev/zero`, `/dev/full`: nothing is copied to or from them.
    pub(crate) const VOID: Self = Self(9);
    /// A regular file of a file system in memory: `O_DIRECT` changes nothing, and what is read was not
    /// brought in from anywhere.
    pub(crate) const MEMORY: Self = Self(10);
    /// A unix socket that carries messages.
    pub(crate) const UNIX_MESSAGES: Self = Self(11);
    /// A socket of another kind through which bytes leave or reach the host, or its virtual machines: raw, ICMP,
    /// SCTP, vsock.
    pub(crate) const NETWORK_SOCKET: Self = Self(12);
    /// A packet socket, which may send what is in a ring of its own.
    pub(crate) const PACKET_SOCKET: Self = Self(13);

    /// As a number, for a map.
    #[inline(always)]
    pub(crate) const fn number(self) -> u8 {
        self.0
    }

    /// What [`Self::number`] has made a number.
    #[inline(always)]
    pub(crate) fn numbered(number: u8) -> Self {
        Self(number)
    }

    /// A socket whose family is still to be found out. Never leaves [`File::class`].
    const SOCKET: Self = Self(Self::NEEDS_A_LOOK | 1);
    /// A regular file whose flags are still to be looked at. Never leaves [`File::class`].
    const REGULAR: Self = Self(Self::NEEDS_A_LOOK | 2);
    /// What the table of operations says is not all.
    const NEEDS_A_LOOK: u8 = 16;
}

/// The lane of a copy from each class to user memory.
static READ_LANES: [Lane; CLASSES] = [
    lane(CopyPath::PseudoRead),
    lane(CopyPath::FileRead),
    lane(CopyPath::DirectRead),
    lane(CopyPath::PseudoRead),
    lane(CopyPath::PipeRead),
    recv_lane(SocketKind::Tcp),
    recv_lane(SocketKind::Udp),
    recv_lane(SocketKind::Unix),
    recv_lane(SocketKind::Other),
    lane(CopyPath::PseudoRead),
    lane(CopyPath::FileRead),
    recv_lane(SocketKind::Unix),
    recv_lane(SocketKind::Other),
    recv_lane(SocketKind::Other),
];

/// The lane of a copy from user memory to each class.
static WRITE_LANES: [Lane; CLASSES] = [
    lane(CopyPath::PseudoWrite),
    lane(CopyPath::FileWrite),
    lane(CopyPath::DirectWrite),
    lane(CopyPath::PseudoWrite),
    lane(CopyPath::PipeWrite),
    send_lane(SocketKind::Tcp),
    send_lane(SocketKind::Udp),
    send_lane(SocketKind::Unix),
    send_lane(SocketKind::Other),
    lane(CopyPath::PseudoWrite),
    lane(CopyPath::FileWrite),
    send_lane(SocketKind::Unix),
    send_lane(SocketKind::Other),
    send_lane(SocketKind::Other),
];

/// Where bytes that are passed on come from and go to, for each class: a `RELAY_` value.
static RELAY_ENDS: [u8; CLASSES] = {
    let mut ends = [RELAY_NONE as u8; CLASSES];
    ends[Class::FILE.0 as usize] = RELAY_FILE as u8;
    ends[Class::MEMORY.0 as usize] = RELAY_FILE as u8;
    ends[Class::PIPE.0 as usize] = RELAY_PIPE as u8;
    ends[Class::TCP.0 as usize] = RELAY_SOCKET as u8;
    ends[Class::UNIX.0 as usize] = RELAY_SOCKET as u8;
    ends
};

const S_IFMT: u16 = 0o170_000;
const S_IFSOCK: u16 = 0o140_000;
const S_IFREG: u16 = 0o100_000;
const S_IFBLK: u16 = 0o060_000;
const S_IFCHR: u16 = 0o020_000;
const S_IFIFO: u16 = 0o010_000;

// `include/uapi/linux/magic.h`.
const TMPFS_MAGIC: u32 = 0x0102_1994;
const HUGETLBFS_MAGIC: u32 = 0x9584_58f6;
const BTRFS_MAGIC: u32 = 0x9123_683e;
const XFS_MAGIC: u32 = 0x5846_5342;
const BCACHEFS_MAGIC: u32 = 0xca45_1a4e;
const OCFS2_MAGIC: u32 = 0x7461_636f;
const NFS_MAGIC: u32 = 0x6969;
const CIFS_MAGIC: u32 = 0xff53_4d42;
const SMB2_MAGIC: u32 = 0xfe53_4d42;
const CEPH_MAGIC: u32 = 0x00c3_6400;
const FUSE_MAGIC: u32 = 0x6573_5546;
const OVERLAYFS_MAGIC: u32 = 0x794c_7630;

const IPPROTO_TCP: u16 = 6;
const IPPROTO_UDP: u16 = 17;

/// File systems whose regular files are made up by the kernel on the fly.
const fn is_pseudo(magic: u32) -> bool {
    matches!(
        magic,
        0x9fa0 // proc
        | 0x6265_6572 // sysfs
        | 0x6462_6720 // debugfs
        | 0x7472_6163 // tracefs
        | 0x6367_7270 // cgroup2
        | 0x0027_e0eb // cgroup
        | 0xcafe_4a11 // bpf
        | 0x7363_6673 // securityfs
        | 0xf97c_ff8c // selinuxfs
        | 0x4341_5d53 // smackfs
        | 0xde5e_81e4 // efivarfs
        | 0x6265_6570 // configfs
        | 0x6165_676c // pstore
        | 0x4249_4e4d // binfmt_misc
        | 0x6e73_6673 // nsfs
        | 0x6573_5543 // fusectl
        | 0x1980_0202 // mqueue
        | 0x5049_4446 // pidfs
        | 0x0904_1934 // anonymous inodes, regular files since 6.16: eventfd, epoll, timerfd...
        | 0x444d_4142 // dma-buf
    )
}

/// The open file behind a descriptor. Of its members, each is read when it is needed: what every file of a
/// kind has in common is remembered by the first.
#[derive(Clone, Copy)]
pub(crate) struct File(Object);

impl File {
    /// The open file that `fd` names in `task`.
    #[inline(always)]
    pub(crate) fn of(task: Object, fd: u64) -> Option<Self> {
        Self::at(Self::address_of(task, fd))
    }

    /// Its address, 0 when `fd` is not open.
    #[inline(always)]
    pub(crate) fn address_of(task: Object, fd: u64) -> u64 {
        let files = task.follow(offset!(task_files));
        if files.is_null() {
            return 0;
        }
        let table = files.follow(offset!(files_fdt));
        // A descriptor is an int: the upper half of the register is noise.
        let fd = fd as u32;
        if fd >= table.load::<u32>(offset!(fdt_max_fds)) {
            return 0;
        }
        let slots = table.load::<u64>(offset!(fdt_fd));
        Object::words(slots + u64::from(fd) * 8).load(0)
    }

    /// The open file at `address`.
    #[inline(always)]
    pub(crate) fn at(address: u64) -> Option<Self> {
        if address == 0 { None } else { Some(Self(Object::words(address))) }
    }

    /// Its table of operations.
    #[inline(always)]
    fn operations(self) -> u64 {
        self.0.load(offset!(file_op))
    }

    /// `O_` flags of the open file.
    #[inline(always)]
    pub(crate) fn flags(self) -> u32 {
        self.0.load(offset!(file_flags))
    }

    /// Its socket, when it is one.
    #[inline(always)]
    fn socket(self) -> Object {
        Object::untyped(self.0.load(offset!(file_private_data)))
    }

    #[inline(always)]
    fn inode(self) -> Object {
        Object::untyped(self.0.load(offset!(file_inode)))
    }

    /// What the file is.
    #[inline(always)]
    pub(crate) fn class(self) -> Class {
        let table = self.operations();
        let mut class = Class(operations::recall(table) as u8);
        if class == Class::CLOSED {
            class = self.inspect();
            operations::remember(table, class.0);
        }
        if class == Class::SOCKET {
            class = self.socket_class();
        } else if class == Class::REGULAR {
            class = if self.flags() & O_DIRECT != 0 { Class::DIRECT } else { Class::FILE };
        }
        Class(opaque(u64::from(class.0)) as u8)
    }

    /// What the inode and its file system say: everything but the flags and the kind of socket.
    #[inline(never)]
    fn inspect(self) -> Class {
        let Some(mode) = self.inode().read::<u16>(offset!(inode_mode)) else {
            return Class::CLOSED;
        };
        let class = match mode & S_IFMT {
            S_IFREG => match self.magic() {
                TMPFS_MAGIC | HUGETLBFS_MAGIC => Class::MEMORY,
                magic if is_pseudo(magic) => Class::PSEUDO,
                _ => Class::REGULAR,
            },
            S_IFSOCK => Class::SOCKET,
            S_IFIFO => Class::PIPE,
            S_IFBLK => Class::REGULAR,
            S_IFCHR if self.is_void() => Class::VOID,
            _ => Class::PSEUDO,
        };
        Class(opaque(u64::from(class.0)) as u8)
    }

    /// `drivers/char/mem.c`; device numbers as the kernel has them (`include/linux/kdev_t.h`).
    #[inline(always)]
    fn is_void(self) -> bool {
        const MINOR_BITS: u32 = 20;
        const NULL: u32 = 1 << MINOR_BITS | 3;
        const ZERO: u32 = 1 << MINOR_BITS | 5;
        const FULL: u32 = 1 << MINOR_BITS | 7;
        let device = self.inode().read::<u32>(offset!(inode_rdev)).unwrap_or_default();
        matches!(device, NULL | ZERO | FULL)
    }

    #[inline(always)]
    fn magic(self) -> u32 {
        let sb = self.inode().read::<u64>(offset!(inode_sb)).unwrap_or_default();
        Object::untyped(sb).read::<u64>(offset!(sb_magic)).unwrap_or_default() as u32
    }

    #[inline(always)]
    fn socket_class(self) -> Class {
        let Some(table) = self.socket().read::<u64>(offset!(socket_ops)) else {
            return Class::CLOSED;
        };
        let mut class = Class(operations::recall(table) as u8);
        if class == Class::CLOSED {
            class = inspect_socket(self.socket());
            operations::remember(table, class.0);
        }
        class
    }

    /// Whether the file system can satisfy copy_file_range without reading the data: by sharing
    /// extents, or by asking a server.
    #[inline(always)]
    pub(crate) fn can_share_extents(self) -> bool {
        matches!(
            self.magic(),
            BTRFS_MAGIC
                | XFS_MAGIC
                | BCACHEFS_MAGIC
                | OCFS2_MAGIC
                | NFS_MAGIC
                | CIFS_MAGIC
                | SMB2_MAGIC
                | CEPH_MAGIC
                | FUSE_MAGIC
                | OVERLAYFS_MAGIC
        )
    }

    /// Whether it is a file of an overlay, which has its contents in a file of another file system.
    #[inline(always)]
    pub(crate) fn is_of_overlay(self) -> bool {
        self.magic() == OVERLAYFS_MAGIC
    }

    /// Whether btrfs may have the contents of such a range in its metadata: of files up to a block (`max_inline`).
    #[inline(always)]
    pub(crate) fn may_be_inline(self, bytes: u64) -> bool {
        bytes < 1 << variant!(page_shift) && self.magic() == BTRFS_MAGIC
    }

    /// Whether the socket has `SO_ZEROCOPY`; `true` where that is unknown on this kernel.
    #[inline(always)]
    pub(crate) fn has_zerocopy(self) -> bool {
        if variant!(sock_zerocopy) == ABSENT || offset!(socket_flags) == ABSENT {
            return true;
        }
        self.sock()
            .read::<u64>(offset!(socket_flags))
            .is_none_or(|flags| flags >> variant!(sock_zerocopy) & 1 != 0)
    }

    /// Whether a packet socket sends what is in a ring that it shares with the program (`PACKET_TX_RING`).
    #[inline(always)]
    pub(crate) fn has_ring(self) -> bool {
        offset!(packet_ring) != ABSENT
            && self.sock().read::<u64>(offset!(packet_ring)).is_some_and(|ring| ring != 0)
    }

    #[inline(always)]
    fn sock(self) -> Object {
        Object::untyped(self.socket().read::<u64>(offset!(socket_sk)).unwrap_or_default())
    }

    /// Where it is read next, bytes from its beginning.
    #[inline(always)]
    pub(crate) fn position(self) -> u64 {
        self.0.load(offset!(file_pos))
    }

    /// Where its pages are, the address of a `struct address_space`.
    #[inline(always)]
    pub(crate) fn mapping(self) -> u64 {
        self.0.load(offset!(file_mapping))
    }

    /// Size of the file, bytes.
    #[inline(always)]
    pub(crate) fn size(self) -> u64 {
        self.inode().read(offset!(inode_size)).unwrap_or_default()
    }
}

/// What the family, the type and the protocol say.
///
/// All sockets that share a table of operations must get the same answer here, because it is remembered for the
/// table. Raw sockets of every protocol share one, with ICMP sockets (`inet_sockraw_ops`, `net/ipv4/af_inet.c`):
/// the number of their protocol says nothing of how they carry bytes, so the type comes first.
#[inline(never)]
fn inspect_socket(socket: Object) -> Class {
    const SOCK_STREAM: u16 = 1;
    const SOCK_DGRAM: u16 = 2;
    const AF_UNIX: u16 = 1;
    const AF_INET: u16 = 2;
    const AF_INET6: u16 = 10;
    const AF_KEY: u16 = 15;
    const AF_NETLINK: u16 = 16;
    const AF_PACKET: u16 = 17;
    const AF_ALG: u16 = 38;
    const IPPROTO_UDPLITE: u16 = 136;
    const IPPROTO_MPTCP: u16 = 262;

    let sock = socket.read::<u64>(offset!(socket_sk)).unwrap_or_default();
    let sock = Object::untyped(sock);
    let kind = socket.read::<u16>(offset!(socket_type)).unwrap_or_default();
    let protocol = sock.read::<u16>(offset!(sock_protocol)).unwrap_or_default();
    let class = match sock.read::<u16>(offset!(sock_family)).unwrap_or_default() {
        AF_UNIX if kind == SOCK_STREAM => Class::UNIX,
        AF_UNIX => Class::UNIX_MESSAGES,
        AF_INET | AF_INET6 => match (kind, protocol) {
            (SOCK_STREAM, IPPROTO_TCP | IPPROTO_MPTCP) => Class::TCP,
            (SOCK_DGRAM, IPPROTO_UDP | IPPROTO_UDPLITE) => Class::UDP,
            _ => Class::NETWORK_SOCKET,
        },
        AF_NETLINK | AF_KEY | AF_ALG => Class::LOCAL_SOCKET,
        AF_PACKET => Class::PACKET_SOCKET,
        _ => Class::NETWORK_SOCKET,
    };
    Class(opaque(u64::from(class.0)) as u8)
}

/// What `fd` is in the running task.
///
/// A function of its own also for the verifier, which follows a global function once, whatever calls
/// it, and takes any number for its result. That is what keeps the rare calls, each of which asks
/// for a class or two, within a million instructions.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn zc_class(fd: u64) -> u64 {
    u64::from(Class::of(Object::current_task(), fd).0)
}

/// Whether the socket `fd` of the running task has `SO_ZEROCOPY`.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_has_zerocopy(fd: u64) -> u64 {
    File::of(Object::current_task(), fd).map_or(1, |file| u64::from(file.has_zerocopy()))
}

/// Whether the packet socket `fd` of the running task sends from a ring.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_has_ring(fd: u64) -> u64 {
    File::of(Object::current_task(), fd).map_or(0, |file| u64::from(file.has_ring()))
}

/// Whether a send through the socket `fd`, which is of this class, sends what is in a ring that the socket shares with
/// the program: the frames are passed on by reference to the pages of the ring (`tpacket_fill_skb`,
/// `net/packet/af_packet.c`, 5.10 to 7.2), but for their link headers.
#[inline(always)]
pub(crate) fn sends_ring(fd: u64, class: Class) -> bool {
    class == Class::PACKET_SOCKET && zc_has_ring(fd) != 0
}

/// Whether the kernel honours `MSG_ZEROCOPY` on the socket `fd`.
#[inline(always)]
pub(crate) fn honours_zerocopy(fd: u64) -> bool {
    zc_has_zerocopy(fd) != 0
}

impl Class {
    /// What `fd` is in the running task: the short way for the programs, not for the processor.
    #[inline(always)]
    pub(crate) fn of_current(fd: u64) -> Self {
        Self(zc_class(fd) as u8)
    }

    /// What `fd` is in `task`.
    #[inline(always)]
    pub(crate) fn of(task: Object, fd: u64) -> Self {
        match File::of(task, fd) {
            Some(file) => file.class(),
            None => Self::CLOSED,
        }
    }

    /// Whether bytes through it count as network traffic.
    #[inline(always)]
    pub(crate) fn is_network(self) -> bool {
        self == Self::TCP
            || self == Self::UDP
            || self == Self::NETWORK_SOCKET
            || self == Self::PACKET_SOCKET
    }

    /// Whether the kernel knows `MSG_ZEROCOPY` there (`sk_setsockopt`, `net/core/sock.c`, 5.10 to 7.2).
    #[inline(always)]
    pub(crate) fn knows_zerocopy(self) -> bool {
        self == Self::TCP || self == Self::UDP
    }

    /// Whether it is a socket of any kind.
    #[inline(always)]
    pub(crate) fn is_socket(self) -> bool {
        self.is_network()
            || self == Self::UNIX
            || self == Self::UNIX_MESSAGES
            || self == Self::LOCAL_SOCKET
    }

    /// What the kind alone says of how bytes reach or leave it, an `EVIDENCE_` value; 0 where it does not tell.
    #[inline(always)]
    pub(crate) fn evidence(self) -> u64 {
        if self == Self::VOID { EVIDENCE_NOTHING } else { 0 }
    }

    /// Where bytes that are passed on come from or go to: a `RELAY_` value.
    #[inline(always)]
    pub(crate) fn relay_end(self) -> u64 {
        let index = opaque(u64::from(self.0)) as usize;
        RELAY_ENDS.get(index).map_or(RELAY_NONE, |end| u64::from(frozen(end)))
    }

    /// The lane of a copy from it to user memory.
    #[inline(always)]
    pub(crate) fn read_lane(self) -> Lane {
        READ_LANES.get(usize::from(self.0)).map_or(lane(CopyPath::PseudoRead), frozen)
    }

    /// The lane of a copy from user memory to it.
    #[inline(always)]
    pub(crate) fn write_lane(self) -> Lane {
        // Opaque, so that the check is made on what the address is computed from.
        let index = opaque(u64::from(self.0)) as usize;
        WRITE_LANES.get(index).map_or(lane(CopyPath::PseudoWrite), frozen)
    }
}
