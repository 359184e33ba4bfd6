//! Operations: what one does and with what, and its result.

use zc_common::{
    loss::Loss,
    path::{CopyPath, Lane, lane},
    uring::{EFFECTS, EFFECTS_LEN, Effect, RECVMSG},
};

use crate::{
    account::{Account, count, zc_accessed},
    descriptor::{Class, File, PAGES_COPIED, PAGES_REFERRED_TO, PAGES_UNKNOWN},
    kernel::{Object, frozen, offset, opaque, setting},
    losses::note_loss,
    objects::{self, Copies, Done},
    probes::sys_exit::{BLOCK, splice_evidence, splice_path, zc_block_room},
    user::{Layout, read_user},
};

const MSG_PEEK: u32 = 0x2;
const MSG_TRUNC: u32 = 0x20;
const MSG_CMSG_COMPAT: u32 = 0x8000_0000;
const MSG_ERRQUEUE: u32 = 0x2000;
const MSG_ZEROCOPY: u32 = 0x0400_0000;

const NOTHING: u8 = Effect::Nothing as u8;
const READ: u8 = Effect::Read as u8;
const WRITE: u8 = Effect::Write as u8;
const RECEIVE: u8 = Effect::Receive as u8;
const SEND: u8 = Effect::Send as u8;
const SEND_ZEROCOPY: u8 = Effect::SendZerocopy as u8;
const RECEIVE_ZEROCOPY: u8 = Effect::ReceiveZerocopy as u8;
const SPLICE: u8 = Effect::Splice as u8;
const TEE: u8 = Effect::Tee as u8;
const COMMAND: u8 = Effect::Command as u8;

/// More room than a receive can need: the kernel cuts buffers down to less (`MAX_RW_COUNT`).
const UNLIMITED: u64 = u32::MAX as u64;

/// In read-only data.
static EFFECT: [u8; EFFECTS_LEN] = EFFECTS;

/// What the operation does with data, a number of `Effect`.
#[inline(always)]
pub(super) fn effect(opcode: u8) -> u8 {
    let index = opaque(u64::from(opcode)) as usize & (EFFECTS_LEN - 1);
    EFFECT.get(index).map_or(NOTHING, frozen)
}

/// Whether it may move data that the result counts.
#[inline(always)]
pub(super) fn is_counted(effect: u8) -> bool {
    effect != NOTHING && effect != COMMAND
}

/// What an operation does and with what, in one word: the class of its file, its effect, the class of what a
/// splice reads, flags, and in the upper half the room of a receive that may exceed it, or the length of the header
/// in front of what is received.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct What(pub(super) u64);

impl What {
    const EFFECT_SHIFT: u32 = 8;
    const SOURCE_SHIFT: u32 = 16;
    const BYTES_SHIFT: u32 = 32;
    /// It leaves what it receives where it is, or that came from the error queue.
    const TAKES_NOTHING: u64 = 1 << 24;
    /// The result may be more than the room, which is in the upper half, up to [`UNLIMITED`].
    const TRUNCATES: u64 = 1 << 25;
    /// It receives from the error queue.
    const ERRORS: u64 = 1 << 26;
    /// Zero-copy was requested with a flag...
    const ZEROCOPY: u64 = 1 << 27;
    /// ...on a socket that honours it; or it sends from the ring of a packet socket.
    const HONOURED: u64 = 1 << 28;
    /// In the upper half is the length of the header that is part of the result.
    const HEADER: u64 = 1 << 29;

    #[inline(always)]
    fn new(effect: u8, class: Class) -> Self {
        Self(u64::from(effect) << Self::EFFECT_SHIFT | u64::from(class.number()))
    }

    /// What is known by the effect alone.
    #[inline(always)]
    pub(super) fn of_effect(effect: u8) -> Self {
        Self::new(effect, Class::CLOSED)
    }

    #[inline(always)]
    fn has(self, flag: u64) -> bool {
        self.0 & flag != 0
    }

    #[inline(always)]
    pub(super) fn class(self) -> Class {
        Class::numbered(self.0 as u8)
    }

    #[inline(always)]
    pub(super) fn effect(self) -> u8 {
        (self.0 >> Self::EFFECT_SHIFT) as u8
    }

    #[inline(always)]
    pub(super) fn source(self) -> Class {
        Class::numbered((self.0 >> Self::SOURCE_SHIFT) as u8)
    }

    #[inline(always)]
    fn bytes(self) -> u64 {
        self.0 >> Self::BYTES_SHIFT
    }

    /// The same with a file of this class.
    #[inline(always)]
    pub(super) fn with_class(self, class: Class) -> Self {
        Self(self.0 & !0xff | u64::from(class.number()))
    }

    /// Whether the room is that of the buffer which was selected last.
    #[inline(always)]
    pub(super) fn depends_on_buffer(self) -> bool {
        self.has(Self::TRUNCATES) && !self.has(Self::HEADER)
    }

    /// Whether a header is part of the result.
    #[inline(always)]
    pub(super) fn has_header(self) -> bool {
        self.has(Self::HEADER)
    }

    /// The same with the room that the request has now.
    #[inline(always)]
    pub(super) fn with_room_of(self, request: Object) -> Self {
        Self(self.0 & u64::from(u32::MAX) | room(request) << Self::BYTES_SHIFT)
    }

    /// The path of what the CPU copies while it is carried out.
    #[inline(always)]
    pub(super) fn lane(self) -> Lane {
        match self.effect() {
            TEE => lane(CopyPath::Tee),
            SPLICE => lane(splice_path(self.source(), self.class())),
            SEND_ZEROCOPY => lane(CopyPath::SocketSendZerocopy),
            RECEIVE_ZEROCOPY => lane(CopyPath::SocketRecvZerocopy),
            READ | RECEIVE => self.class().read_lane(),
            _ if self.has(Self::HONOURED) => lane(CopyPath::SocketSendZerocopy),
            _ => self.class().write_lane(),
        }
    }
}

/// Whether something of a request must be noted when it is submitted: what its memory does not say when it completes,
/// or says wrongly.
#[inline(always)]
pub(super) fn must_note(request: Object, opcode: u8, effect: u8) -> bool {
    effect == SPLICE
        || opcode == RECVMSG
            && request.read::<u32>(offset!(uring_message_flags)).unwrap_or_default() & MSG_TRUNC
                != 0
}

/// What a request does with a file of this class. Of a request that is being submitted, the members that its kind
/// has have been filled in.
#[inline(always)]
pub(super) fn describe(request: Object, opcode: u8, effect: u8, class: Class) -> What {
    What(zc_uring_what(
        request.address(),
        u64::from(opcode) | u64::from(effect) << What::EFFECT_SHIFT,
        u64::from(class.number()),
    ))
}

/// A global function, which the verifier follows once (see `zc_class`).
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_uring_what(request: u64, operation: u64, class: u64) -> u64 {
    let request = Object::untyped(request);
    let (opcode, effect) = (operation as u8, (operation >> What::EFFECT_SHIFT) as u8);
    let class = Class::numbered(class as u8);
    let mut what = What::new(effect, class).0;
    if effect == SPLICE {
        what |= u64::from(source(request).number()) << What::SOURCE_SHIFT;
    } else if effect == RECEIVE {
        let flags = request.read::<u32>(offset!(uring_message_flags)).unwrap_or_default();
        if flags & (MSG_PEEK | MSG_ERRQUEUE) != 0 {
            what |= What::TAKES_NOTHING;
        }
        if flags & MSG_ERRQUEUE != 0 {
            what |= What::ERRORS;
        }
        if flags & MSG_TRUNC != 0 {
            what |= What::TRUNCATES;
        }
        // The kernel notes it of rings that were set up by a 32-bit call.
        let layout = Layout::numbered(u64::from(flags & MSG_CMSG_COMPAT != 0));
        if opcode == RECVMSG && is_multishot(request) {
            what |= What::HEADER | header(request, layout) << What::BYTES_SHIFT;
        } else if flags & MSG_TRUNC != 0 {
            let room =
                if opcode == RECVMSG { room_of_message(request, layout) } else { room(request) };
            what |= room << What::BYTES_SHIFT;
        }
    } else if effect == SEND {
        let flags = request.read::<u32>(offset!(uring_message_flags)).unwrap_or_default();
        if flags & MSG_ZEROCOPY != 0 && class.knows_zerocopy() {
            what |= What::ZEROCOPY;
            let file = request.read::<u64>(offset!(kiocb_file)).unwrap_or_default();
            if File::at(file).is_none_or(File::has_zerocopy) {
                what |= What::HONOURED;
            }
        }
    }
    if (effect == SEND || effect == WRITE) && class == Class::PACKET_SOCKET {
        let file = request.read::<u64>(offset!(kiocb_file)).unwrap_or_default();
        if File::at(file).is_some_and(File::has_ring) {
            what |= What::HONOURED;
        }
    }
    what
}

/// The room of a receive into one buffer, bytes: what has been received, and what is left.
#[inline(always)]
fn room(request: Object) -> u64 {
    let left = request.read::<u32>(offset!(uring_message_len)).unwrap_or_default();
    let done = request.read::<u32>(offset!(uring_message_done)).unwrap_or_default();
    u64::from(left.wrapping_add(done))
}

/// The room of a recvmsg, bytes, up to [`UNLIMITED`].
#[inline(always)]
fn room_of_message(request: Object, layout: Layout) -> u64 {
    let message = request.read::<u64>(offset!(uring_message)).unwrap_or_default();
    let vector = layout.vector(message);
    // Not all that there may be: one function more, and all that are called within each other exceed their stack.
    let room = if !vector.is_read() || vector.len > BLOCK {
        note_loss(Loss::MessagesTruncated);
        UNLIMITED
    } else {
        zc_block_room(vector.base, layout.number(), vector.len)
    };
    // Without a buffer of its own it takes one that is provided, whole.
    if room == 0 && is_buffer_selected(request) { UNLIMITED } else { room.min(UNLIMITED) }
}

/// Whether the kernel takes one of the buffers that the program provided.
#[inline(always)]
pub(super) fn is_buffer_selected(request: Object) -> bool {
    /// `include/uapi/linux/io_uring.h`; in the kernel the flag has the same number.
    const IOSQE_BUFFER_SELECT: u8 = 1 << 5;
    request.read::<u8>(offset!(kiocb_flags)).unwrap_or_default() & IOSQE_BUFFER_SELECT != 0
}

/// Whether a receive goes on after the first message.
#[inline(always)]
fn is_multishot(request: Object) -> bool {
    /// `include/uapi/linux/io_uring.h`.
    const IORING_RECV_MULTISHOT: u8 = 1 << 1;
    request.read::<u8>(offset!(uring_message_kind)).unwrap_or_default() & IORING_RECV_MULTISHOT != 0
}

/// Length of what a multishot recvmsg puts in front of each message (`io_recvmsg_multishot`, `io_uring/net.c`, 6.0 to
/// 7.2): a `struct io_uring_recvmsg_out`, and room for the address and the control messages.
#[inline(always)]
fn header(request: Object, layout: Layout) -> u64 {
    const OUT: u64 = 16;
    let message = request.read::<u64>(offset!(uring_message)).unwrap_or_default();
    let (name, control) = layout.lengths(message);
    let name = read_user::<u32>(name).unwrap_or_default();
    let control = read_user::<u32>(control).unwrap_or_default();
    OUT + u64::from(name.wrapping_add(control))
}

/// What a splice reads from: a descriptor of the running task, or a file that is registered with the ring.
#[inline(always)]
fn source(request: Object) -> Class {
    /// `include/uapi/linux/io_uring.h`.
    const SPLICE_F_FD_IN_FIXED: u32 = 1 << 31;
    let from = request.read::<u32>(offset!(uring_splice_in)).unwrap_or_default();
    let flags = request.read::<u32>(offset!(uring_splice_flags)).unwrap_or_default();
    let ring = request.read::<u64>(offset!(kiocb_ring)).unwrap_or_default();
    class_of(ring, from, flags & SPLICE_F_FD_IN_FIXED != 0)
}

/// What `fd` is, a descriptor of the running task, or the place of a file that is registered with `ring`.
#[inline(always)]
pub(super) fn class_of(ring: u64, fd: u32, is_registered: bool) -> Class {
    if is_registered {
        registered(Object::untyped(ring), u64::from(fd))
    } else {
        Class::of_current(u64::from(fd))
    }
}

/// What the file at a place of the ring's table is. Beyond the table it would be whatever lies there, but then the
/// operation has failed.
#[inline(always)]
fn registered(ring: Object, place: u64) -> Class {
    class_at(registered_file(ring, place))
}

/// The address of that file.
#[inline(always)]
pub(super) fn registered_file(ring: Object, place: u64) -> u64 {
    /// The kernel keeps flags in the lowest bits of the address (`io_uring/filetable.h`).
    const FLAGS: u64 = 7;
    const ENTRY: u64 = size_of::<u64>() as u64;
    let file = if let Some(nodes) = ring.read::<u64>(offset!(ring_nodes)) {
        let node = Object::untyped(nodes + place * ENTRY).read::<u64>(0).unwrap_or_default();
        Object::untyped(node).read::<u64>(offset!(ring_node_file))
    } else {
        let files = ring.read::<u64>(offset!(ring_files)).unwrap_or_default();
        Object::untyped(files + place * ENTRY).read::<u64>(offset!(ring_file))
    };
    file.unwrap_or_default() & !FLAGS
}

/// What the file of a request is: also of one that is registered and has no descriptor.
#[inline(always)]
pub(super) fn file_class(request: Object) -> Class {
    class_at(request.read::<u64>(offset!(kiocb_file)).unwrap_or_default())
}

/// A global function, as above.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_class_at(file: u64) -> u64 {
    u64::from(File::at(file).map_or(Class::CLOSED, File::class).number())
}

#[inline(always)]
fn class_at(file: u64) -> Class {
    Class::numbered(zc_class_at(file) as u8)
}

/// Books an operation that has completed: `result` is bytes or a negative error number.
#[inline(always)]
pub(super) fn book(what: What, result: i32) {
    if let Some(account) = Account::current() {
        book_in(account.slot(), what, result);
    }
}

/// As [`book`], on the account in a slot, which costs a call less: functions are nested in eight levels at most.
#[inline(always)]
pub(super) fn book_in(slot: u32, what: What, result: i32) {
    zc_uring_book(what.0, i64::from(result) as u64, u64::from(slot));
}

/// Books an operation of a request that has its file still, on the account of the running thread.
#[inline(always)]
pub(super) fn book_request(account: Account, request: Object, what: What, result: i32) {
    let slot = account.slot();
    if setting!(objects) == 0 {
        return book_in(slot, what, result);
    }
    let before = account.copies(what.lane()).unwrap_or_default();
    let booked = zc_uring_book(what.0, i64::from(result) as u64, u64::from(slot)) as i64;
    let copies = account.copies(what.lane()).map_or(before, |now| now.since(before));
    let (ops, errors, bytes) = if booked < 0 { (0, 1, 0) } else { (1, 0, booked as u64) };
    note_object(Done::new(account, what.lane(), ops, errors), request, what, bytes, copies);
}

/// Counts for the file of a request, for what is counted per object.
#[inline(always)]
pub(super) fn note_object(done: Done, request: Object, what: What, bytes: u64, copies: Copies) {
    let file = request.read::<u64>(offset!(kiocb_file)).unwrap_or_default();
    // What its descriptor was that a splice reads from, may be something else now.
    let from = if what.effect() == SPLICE || what.effect() == TEE { 0 } else { file };
    objects::files(done, from, file, bytes, copies);
}

/// A global function, as above.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_uring_book(what: u64, result: u64, slot: u64) -> u64 {
    match Account::at(slot as u32) {
        Some(account) => book_on(account, What(what), result as i64) as u64,
        None => 0,
    }
}

/// What was booked: bytes, or a negative error number.
#[inline(always)]
fn book_on(account: Account, what: What, result: i64) -> i64 {
    let effect = what.effect();
    count!(account, uring_ops, 1);
    let mut bytes = result;
    let takes = !what.has(What::TAKES_NOTHING);
    if effect == RECEIVE && bytes > 0 {
        if what.has(What::HEADER) {
            bytes = (bytes - what.bytes() as i64).max(0);
        }
        if what.has(What::TRUNCATES) {
            let kept = kept(what, bytes);
            if takes && kept < bytes {
                count!(account, discarded_bytes, (bytes - kept) as u64);
            }
            bytes = kept;
        }
    }
    // Forgotten: the verifier need not follow each way to it.
    let bytes = opaque(bytes as u64) as i64;
    account.book(what.lane(), bytes);
    if bytes <= 0 {
        return bytes;
    }
    note_booked(account, what, bytes);
    bytes
}

/// What follows of an operation that moved bytes.
#[inline(always)]
fn note_booked(account: Account, what: What, bytes: i64) {
    let (effect, class) = (what.effect(), what.class());
    let takes = !what.has(What::TAKES_NOTHING);
    let evidence = class.evidence()
        | if effect == SPLICE {
            // Which socket it was is not known any more.
            let pages = match (what.source(), class) {
                (Class::PIPE, Class::UNIX) => PAGES_REFERRED_TO,
                (Class::PIPE, Class::UNIX_MESSAGES | Class::FILE | Class::MEMORY)
                | (Class::UDP | Class::UNIX_MESSAGES, _) => PAGES_COPIED,
                _ => PAGES_UNKNOWN,
            };
            what.source().evidence() | splice_evidence(what.source(), pages)
        } else {
            0
        };
    account.conclude_operation(what.lane(), bytes, evidence);
    let bytes = bytes as u64;
    let receives = effect == READ || effect == RECEIVE || effect == RECEIVE_ZEROCOPY;
    let from = if effect == SPLICE { what.source() } else { class };
    if (receives && takes || effect == SPLICE) && from.is_network() {
        count!(account, net_rx_bytes, bytes);
    }
    if receives || !class.is_network() {
        return;
    }
    count!(account, net_tx_bytes, bytes);
    if effect == SEND_ZEROCOPY {
        count!(account, zerocopy_requested_bytes, bytes);
        count!(account, zerocopy_uring_bytes, bytes);
    } else if what.has(What::ZEROCOPY) {
        count!(account, zerocopy_requested_bytes, bytes);
        if !what.has(What::HONOURED) {
            count!(account, zerocopy_not_enabled_bytes, bytes);
        }
    }
}

/// How many of `bytes` that a receive with `MSG_TRUNC` returned are in the program's buffers: none of TCP's, which
/// throws them away, and of a datagram what there was room for (recv(2), tcp(7)).
#[inline(always)]
fn kept(what: What, bytes: i64) -> i64 {
    if what.class() == Class::TCP && !what.has(What::ERRORS) {
        return 0;
    }
    let room = what.bytes() as i64;
    if what.has(What::HEADER) { bytes } else { bytes.min(room) }
}

/// Counts the pages that the bytes lie in which a request has read, for the account in a slot: its position has advanced. A request
/// begins with what is particular to its kind, for reads a `struct io_rw` (`io_kiocb_to_cmd`,
/// `include/linux/io_uring_types.h`, 6.0 to 7.2; `struct io_kiocb`, `fs/io_uring.c`, before).
#[inline(always)]
pub(super) fn accessed_in(slot: u32, request: Object, what: What, result: i32) {
    if what.effect() != READ || what.class() != Class::FILE || result <= 0 {
        return;
    }
    if offset!(kiocb_file) != 0 || offset!(uring_kiocb) != 0 {
        return;
    }
    let file = request.read::<u64>(offset!(kiocb_file)).unwrap_or_default();
    if let Some(end) = request.read::<u64>(offset!(kiocb_pos)) {
        zc_accessed(u64::from(slot), file, end, result as u64);
    }
}

/// Counts a command, of which the kernel does not say what it moves. On a socket it moves nothing
/// (`io_uring_cmd_sock`, `io_uring/cmd_net.c`, 6.7 to 7.2).
#[inline(always)]
pub(super) fn command(request: Object) {
    if !file_class(request).is_socket() && Account::current().is_some() {
        note_loss(Loss::UringCommands);
    }
}
