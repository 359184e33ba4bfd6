//! The exit of every system call: the hot path of the whole tool.
//!
//! A call that moves no data costs one addition to a counter of the CPU. A call that does is
//! booked on the path that its descriptors name, with its return value: reads, writes, receives and sends
//! of which nothing is out of the ordinary on a straight path ([`straight`]), all others by [`Call`].

use aya_ebpf::{
    EbpfContext as _,
    macros::{btf_tracepoint, kprobe, raw_tracepoint},
    programs::{BtfTracePointContext, ProbeContext, RawTracePointContext},
};
use zc_common::{
    loss::Loss,
    path::{CopyPath, Lane, lane},
    record::{EVIDENCE_NOTHING, EVIDENCE_REFERENCE, RELAY_LEAST_BYTES},
    syscall::{IO_URING_ENTER, SYSCALL_TABLE_LEN, SyscallKind},
};

use super::{Arguments, uring::zc_uring_settle};
use crate::{
    account::{
        Account, Booked, HAS_TWO, NARROW, NOT_REPLACED, ONE_BUFFER, OWN_POSITION, SENDS, WAITED,
        count, has_work, shares_files, zc_accessed, zc_cut_operation, zc_relay, zc_replaced,
    },
    arch,
    cpu::Cpu,
    descriptor::{Class, File, sends_ring},
    follow,
    kernel::{Object, opaque, setting, variant},
    losses::note_loss,
    objects::{self, Done, NO_DESCRIPTOR, zc_flow_settle, zc_object_settle},
    stacks,
    user::{Layout, read_user},
};

mod aio;
mod clone_range;
mod doubt;
mod foreign;
mod message;
mod straight;
mod transfer;

pub(crate) use aio::forget as forget_pending;
pub(crate) use doubt::note_supervised;
pub(crate) use message::{BLOCK, zc_block_room};
pub(crate) use transfer::{splice_evidence, splice_path};

use straight::{How, straight};

/// `sys_exit(struct pt_regs *regs, long ret)`, `include/trace/events/syscalls.h`, 5.10 to 7.2. Declared
/// by hand: each of the two knows at once whether it has types.
#[btf_tracepoint(function = "sys_exit")]
pub(crate) fn zc_sys_exit(ctx: BtfTracePointContext) -> i32 {
    let arguments = Arguments::typed(ctx.as_ptr().cast());
    sys_exit::<false>(|| arguments.object(0), true, || arguments.integer(1) as i64);
    0
}

/// As [`zc_sys_exit`], where stacks are taken: others do not pay for it.
#[btf_tracepoint(function = "sys_exit")]
pub(crate) fn zc_sys_exit_stacks(ctx: BtfTracePointContext) -> i32 {
    let arguments = Arguments::typed(ctx.as_ptr().cast());
    if sys_exit::<true>(|| arguments.object(0), true, || arguments.integer(1) as i64) {
        stacks::take_due(ctx.as_ptr());
    }
    0
}

/// As [`zc_sys_exit`], for kernels without BTF.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub(crate) fn zc_sys_exit_raw(ctx: RawTracePointContext) -> i32 {
    let arguments = Arguments::untyped(ctx.as_ptr().cast());
    sys_exit::<false>(|| arguments.object(0), false, || arguments.integer(1) as i64);
    0
}

/// As [`zc_sys_exit_stacks`], for kernels without BTF.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub(crate) fn zc_sys_exit_stacks_raw(ctx: RawTracePointContext) -> i32 {
    let arguments = Arguments::untyped(ctx.as_ptr().cast());
    if sys_exit::<true>(|| arguments.object(0), false, || arguments.integer(1) as i64) {
        stacks::take_due(ctx.as_ptr());
    }
    0
}

/// `trace_syscall_exit(struct pt_regs *regs, long ret)`, `kernel/entry/syscall-common.c`, 7.2: what runs
/// the programs of the tracepoint. Those can be preempted, and then the kernel leaves out every other
/// thread's calls on that CPU until the preempted one goes on; a kprobe cannot.
#[kprobe]
pub(crate) fn zc_sys_exit_kprobe(ctx: ProbeContext) -> u32 {
    // The verifier knows what the helper returns, and nothing of the arguments.
    sys_exit::<false>(|| Object::current_task().user_registers(), true, || ctx.arg(1).unwrap_or(0));
    0
}

/// As [`zc_sys_exit_kprobe`], where stacks are taken.
#[kprobe]
pub(crate) fn zc_sys_exit_stacks_kprobe(ctx: ProbeContext) -> u32 {
    if sys_exit::<true>(
        || Object::current_task().user_registers(),
        true,
        || ctx.arg(1).unwrap_or(0),
    ) {
        stacks::take_due(ctx.as_ptr());
    }
    0
}

/// Where the arguments of a call are.
pub(crate) trait Registers: Copy {
    /// Whether they are those that the kernel has saved.
    const ARE_SAVED: bool;

    /// Argument `n`, a constant from 0 to 5.
    fn argument(self, n: u32) -> u64;

    /// The number of the call, or of the native one that does the same.
    fn number(self) -> u64;

    /// How structures in user memory are laid out.
    fn layout(self) -> Layout;

    /// Whether the position that an argument points to has 32 bits.
    fn has_short_position(self) -> bool;
}

/// The registers of a call by a number of 64-bit programs.
#[derive(Clone, Copy)]
pub(crate) struct Native(Object);

impl Registers for Native {
    const ARE_SAVED: bool = true;

    #[inline(always)]
    fn argument(self, n: u32) -> u64 {
        arch::argument(self.0, n)
    }

    #[inline(always)]
    fn number(self) -> u64 {
        arch::number(self.0)
    }

    #[inline(always)]
    fn layout(self) -> Layout {
        Layout::NATIVE
    }

    #[inline(always)]
    fn has_short_position(self) -> bool {
        false
    }
}

/// See [`Call::class_then`].
const UNCHANGED: u8 = u8::MAX;

/// A system call that has returned.
#[derive(Clone, Copy)]
pub(crate) struct Call<R> {
    registers: R,
    task: Object,
    account: Account,
    /// Bytes, messages or a negative error number.
    result: i64,
    /// Which descriptors are not what they were, see [`zc_replaced`].
    replaced: u64,
}

impl<R: Registers> Call<R> {
    /// Argument `n`, a constant from 0 to 5.
    #[inline(always)]
    pub(crate) fn argument(&self, n: u32) -> u64 {
        self.registers.argument(n)
    }

    /// What the descriptor in argument `n` is. `None` when it is not open: the call failed for
    /// that reason, or another thread has closed it since, which is a loss.
    #[inline(always)]
    pub(crate) fn class(&self, n: u32) -> Option<Class> {
        let mut class = self.class_then(n);
        if class == UNCHANGED {
            class = Class::of_current(self.argument(n)).number();
        }
        self.checked(Class::numbered(opaque(class.into()) as u8))
    }

    /// As [`Self::class`], by the way that costs least at run time.
    #[inline(always)]
    fn class_fast(&self, n: u32) -> Option<Class> {
        // What costs least to verify is enough for the others.
        if !R::ARE_SAVED {
            return self.class(n);
        }
        let mut class = self.class_then(n);
        if class == UNCHANGED {
            class = Class::of(self.task, self.argument(n)).number();
        }
        self.checked(Class::numbered(opaque(class.into()) as u8))
    }

    /// The number of the class of the descriptor in argument `n` when the call began, [`UNCHANGED`] if it is the
    /// same now. No `Option`: see `NOT_REFUSED`.
    #[inline(always)]
    fn class_then(&self, n: u32) -> u8 {
        if n == 0 { self.replaced as u8 } else { (self.replaced >> 8) as u8 }
    }

    #[inline(always)]
    fn checked(&self, class: Class) -> Option<Class> {
        if class == Class::CLOSED {
            if self.result < 0 {
                return None;
            }
            note_loss(Loss::DescriptorUnreadable);
        }
        if class == Class::VOID {
            self.account.note(EVIDENCE_NOTHING);
        }
        Some(class)
    }

    /// Books the call on `lane`: `result` is bytes, or negative when it failed.
    #[inline(always)]
    pub(crate) fn book(&self, lane: Lane, result: i64) {
        if setting!(notes) != 0 {
            self.note_book(lane, result);
        }
        self.account.book(lane, result);
        self.account.charge(lane, result);
    }

    /// Notes that the call is about to be booked so, for what is counted per object or taken a stack of.
    #[inline(always)]
    pub(crate) fn note_book(&self, lane: Lane, result: i64) {
        let (ops, errors, bytes) = if result < 0 { (0, 1, 0) } else { (1, 0, result as u64) };
        objects::books(Done::new(self.account, lane, ops, errors), bytes);
    }

    /// Books `ops` messages of `bytes` together.
    #[inline(always)]
    pub(crate) fn book_many(&self, lane: Lane, ops: u64, bytes: u64, errors: u64) {
        if setting!(notes) != 0 {
            objects::books(Done::new(self.account, lane, ops, errors), bytes);
        }
        self.account.book_many(lane, ops, bytes, errors);
        self.account.charge(lane, bytes as i64);
    }

    /// Notes between which descriptors it moves bytes, for what is counted per object or taken a stack of.
    #[inline(always)]
    fn note_ends(&self, kind: u8) {
        const SENDFILE: u8 = SyscallKind::Sendfile as u8;
        const SPLICE: u8 = SyscallKind::Splice as u8;
        const TEE: u8 = SyscallKind::Tee as u8;
        const COPY_FILE_RANGE: u8 = SyscallKind::CopyFileRange as u8;
        let first = self.object(0);
        let (from, to) = match kind {
            SENDFILE => (self.object(1), first),
            SPLICE | COPY_FILE_RANGE => (first, self.object(2)),
            TEE => (first, self.object(1)),
            _ => (first, first),
        };
        objects::between(self.account, from, to);
    }

    /// The descriptor in argument `n`, unless it is another one now.
    #[inline(always)]
    fn object(&self, n: u32) -> u32 {
        if self.class_then(n) == UNCHANGED { self.argument(n) as u32 } else { NO_DESCRIPTOR }
    }

    /// Counts `bytes` that the call has certainly copied and that no path moves, unless a copy site has counted them: what
    /// is staged is charged when the call ends.
    #[inline(always)]
    fn copied(&self, bytes: u64) {
        if setting!(copy_sites) == 0 || !self.account.has_copied() {
            self.account.book_copied(lane(CopyPath::KernelCopy), 0, bytes);
        }
    }

    /// Counts the pages that the bytes of the call lie in: it read the descriptor in argument `n` from
    /// `start` on, or from the file's own position, which has advanced.
    #[inline(always)]
    fn accessed_from(&self, n: u32, start: u64) {
        if self.result > 0 && self.replaced == NOT_REPLACED {
            let bytes = self.result as u64;
            let end = if start == OWN_POSITION { start } else { opaque(start.wrapping_add(bytes)) };
            zc_accessed(u64::from(self.account.slot()), self.fd(n), end, bytes);
        }
    }

    /// As [`Self::accessed_from`], where argument `position` is the address of a position, which has
    /// advanced, or 0 for the file's own.
    #[inline(always)]
    fn accessed_up_to(&self, n: u32, position: u32) {
        if self.result > 0 && self.replaced == NOT_REPLACED {
            let address = self.argument(position);
            let end = if address == 0 {
                Some(OWN_POSITION)
            } else if self.registers.has_short_position() {
                read_user::<u32>(address).map(u64::from)
            } else {
                read_user::<u64>(address)
            };
            // Unreadable is a loss: as many pages as fit in the bytes are as near as can be.
            let end = opaque(end.unwrap_or_default());
            zc_accessed(u64::from(self.account.slot()), self.fd(n), end, self.result as u64);
        }
    }

    /// The path of a write to the descriptor in argument 0, which is of this class.
    #[inline(always)]
    fn write_lane(&self, class: Class) -> Lane {
        if sends_ring(self.argument(0), class) {
            self.account.note(EVIDENCE_REFERENCE);
            return lane(CopyPath::SocketSendZerocopy);
        }
        class.write_lane()
    }

    /// Notes or counts it for what is passed on unchanged: it moved its result between the descriptor in
    /// argument 0, which is of this class, and the buffer in argument 1.
    #[inline(always)]
    fn relay(&self, class: Class, sends: bool) {
        if self.result >= RELAY_LEAST_BYTES && self.replaced == NOT_REPLACED {
            let how = How::of(self.registers.number());
            let given = how.map_or(ONE_BUFFER, How::buffer_given)
                | (self.registers.layout().number() * NARROW);
            let sends = if sends { SENDS } else { 0 };
            let what = u64::from(class.number()) | given << 4 | sends;
            let slot = u64::from(self.account.slot());
            zc_relay(slot, self.fd(0), self.argument(1), self.result as u64, opaque(what));
        }
    }

    /// The descriptor in argument `n`: an int, the upper half of the register is noise.
    #[inline(always)]
    fn fd(&self, n: u32) -> u64 {
        u64::from(self.argument(n) as u32)
    }

    /// The open file in argument `n`.
    #[inline(always)]
    pub(crate) fn file(&self, n: u32) -> Option<File> {
        let address = if self.class_then(n) == UNCHANGED {
            File::address_of(self.task, self.argument(n))
        } else {
            0
        };
        if address == 0 && self.result > 0 {
            note_loss(Loss::DescriptorUnreadable);
        }
        File::at(address)
    }
}

/// A call has returned: `regs` are the caller's registers, `typed` whether the verifier knows types. What is
/// asked for again behind a call of a function need not be kept across it, which every other system call
/// would pay for. `STACKS`: whether stacks are taken; then: whether one may be due.
#[inline(always)]
fn sys_exit<const STACKS: bool>(
    regs: impl Fn() -> Object,
    typed: bool,
    result: impl Fn() -> i64,
) -> bool {
    let Some(cpu) = Cpu::this() else {
        note_loss(Loss::CpuOutOfRange);
        return false;
    };
    match follow::known_by_stack(cpu, &regs) {
        Some(true) => {}
        Some(false) => return false,
        None => {
            if !is_followed_after_all(regs().address()) {
                return false;
            }
        }
    }
    cpu.count_call();
    let number = arch::number(regs());
    let is_done = match How::of(number) {
        None if !arch::is_only_foreign(number) => return false,
        None => false,
        Some(how) if how.is_native() => {
            if typed
                && variant!(current_task_typed) != 0
                && setting!(objects) == 0
                && how.is_straight()
            {
                let booked = straight::<STACKS>(regs().address(), cpu, how, result());
                if booked != Booked::NOT {
                    return booked == Booked::DUE;
                }
            }
            out_of_line(regs().address(), result())
        }
        Some(how) if how.submits() => submitted(regs().address(), result()),
        Some(_) => false,
    };
    if !is_done {
        foreign::exited(regs().address(), result());
    }
    true
}

/// The first call on this CPU since it is unknown whether the process that runs here is followed: whether it is.
///
/// A function of its own: what it needs in registers, the other calls need not save.
#[inline(never)]
fn is_followed_after_all(regs: u64) -> bool {
    let Some(cpu) = Cpu::this() else { return false };
    follow::learn_by_stack(cpu, regs)
}

/// A call that submits operations: what it has copied is charged to those. Whether it was dealt with, see
/// [`out_of_line`].
#[inline(never)]
fn submitted(regs: u64, result: i64) -> bool {
    let regs = Object::argument(regs as *const u8);
    zc_cut_operation();
    // By that number in every table.
    if arch::number(regs) == IO_URING_ENTER {
        zc_uring_settle();
    }
    if arch::is_foreign(Object::current_task(), regs) {
        return false;
    }
    if arch::number(regs) != IO_URING_ENTER && result > 0 {
        aio::submitted(arch::argument(regs, 2), result as u64, Layout::NATIVE);
    }
    true
}

/// A call that the straight path does not take. Whether it was dealt with: not when it is a foreign one.
#[inline(never)]
fn out_of_line(regs: u64, result: i64) -> bool {
    let regs = Object::argument(regs as *const u8);
    let Some(cpu) = Cpu::this() else { return true };
    let task = Object::current_task();
    if arch::is_foreign(task, regs) {
        return false;
    }
    let number = arch::number(regs);
    if number >= SYSCALL_TABLE_LEN as u64 {
        return true;
    }
    let kind = arch::SYSCALLS[number as usize];
    if kind <= SyscallKind::Submit as u8 {
        if number == arch::SECCOMP as u64 {
            note_supervised(cpu, task);
        }
        return true;
    }
    let Some(account) = Account::of(cpu, task) else { return true };
    let slot = u64::from(account.slot());
    if doubt::zc_is_void(slot, number, result as u64, arch::rolled_back(regs)) != 0 {
        account.end_call();
        return true;
    }
    let replaced = NOT_REPLACED;
    Call { registers: Native(regs), task, account, result, replaced }.account_for(cpu, kind);
    if setting!(notes) != 0 {
        zc_flow_settle();
        zc_object_settle();
    }
    true
}

impl<R: Registers> Call<R> {
    /// Counts it; it is of this kind.
    #[inline(always)]
    fn account_for(mut self, cpu: Cpu, kind: u8) {
        const READ: u8 = SyscallKind::Read as u8;
        const PREAD: u8 = SyscallKind::Pread as u8;
        const WRITE: u8 = SyscallKind::Write as u8;
        const RECVMMSG: u8 = SyscallKind::Recvmmsg as u8;
        const SENDMMSG: u8 = SyscallKind::Sendmmsg as u8;
        const IO_GETEVENTS: u8 = SyscallKind::IoGetevents as u8;
        const SENDFILE: u8 = SyscallKind::Sendfile as u8;
        const SPLICE: u8 = SyscallKind::Splice as u8;
        const COPY_FILE_RANGE: u8 = SyscallKind::CopyFileRange as u8;

        let account = self.account;
        let mut replaced = NOT_REPLACED;
        let waited = if cpu.pending_calls() == 1 { WAITED } else { 0 };
        if (waited != 0 || has_work(self.task)) && shares_files(self.task) {
            let (other, how) = match kind {
                SENDFILE => (self.argument(1), waited | HAS_TWO),
                SPLICE | COPY_FILE_RANGE => (self.argument(2), waited | HAS_TWO),
                _ => (0, waited),
            };
            replaced = zc_replaced(u64::from(account.slot()), self.argument(0), other, how);
        }
        // Forgotten: the verifier need not follow both.
        self.replaced = opaque(replaced);
        if setting!(notes) != 0 {
            self.note_ends(kind);
        }
        if kind == READ || kind == PREAD || kind == WRITE {
            let Some(class) = self.class_fast(0) else { return account.end_call() };
            if kind != WRITE {
                self.book(class.read_lane(), self.result);
                note_received(account, class, self.result);
                if class == Class::FILE {
                    let start = if kind == PREAD { self.argument(3) } else { OWN_POSITION };
                    self.accessed_from(0, start);
                }
                self.relay(class, false);
            } else {
                self.book(self.write_lane(class), self.result);
                note_sent(account, class, self.result);
                self.relay(class, true);
            }
        } else {
            // The deepest chains begin here, not in `other`: all frames share 512 bytes.
            match kind {
                RECVMMSG => message::many(&self, true),
                SENDMMSG => message::many(&self, false),
                IO_GETEVENTS => aio::reaped(&self),
                COPY_FILE_RANGE => clone_range::copy_file_range(&self),
                _ => other(&self, kind),
            }
        }
        account.end_call();
    }
}

/// Adds to the network bytes of the account, when the class is a network socket.
#[inline(always)]
fn note_received(account: Account, class: Class, bytes: i64) {
    if bytes > 0 && class.is_network() {
        count!(account, net_rx_bytes, bytes as u64);
    }
}

/// As [`note_received`], for bytes sent.
#[inline(always)]
fn note_sent(account: Account, class: Class, bytes: i64) {
    if bytes > 0 && class.is_network() {
        count!(account, net_tx_bytes, bytes as u64);
    }
}

/// Everything but plain reads and writes, out of line: the hot path stays short.
#[inline(never)]
fn other<R: Registers>(call: &Call<R>, kind: u8) {
    const RECVFROM: u8 = SyscallKind::Recvfrom as u8;
    const RECVMSG: u8 = SyscallKind::Recvmsg as u8;
    const SENDTO: u8 = SyscallKind::Sendto as u8;
    const SENDMSG: u8 = SyscallKind::Sendmsg as u8;
    const SENDFILE: u8 = SyscallKind::Sendfile as u8;
    const SPLICE: u8 = SyscallKind::Splice as u8;
    const TEE: u8 = SyscallKind::Tee as u8;
    const VMSPLICE: u8 = SyscallKind::Vmsplice as u8;
    const IOCTL: u8 = SyscallKind::Ioctl as u8;
    const MMAP: u8 = SyscallKind::Mmap as u8;
    const MUNMAP: u8 = SyscallKind::Munmap as u8;
    const MSYNC: u8 = SyscallKind::Msync as u8;
    const PROCESS_VM: u8 = SyscallKind::ProcessVm as u8;
    const GETSOCKOPT: u8 = SyscallKind::Getsockopt as u8;
    const PRCTL: u8 = SyscallKind::Prctl as u8;
    const MESSAGE_SEND: u8 = SyscallKind::MessageSend as u8;
    const MESSAGE_RECEIVE: u8 = SyscallKind::MessageReceive as u8;

    /// Errors are the last 4095 values (`MAX_ERRNO`): an address is never one of them.
    const MAX_ERRNO: u64 = 4095;

    match kind {
        RECVFROM => message::received(call, call.argument(3) as u32, Some(call.argument(2))),
        RECVMSG => message::received(call, call.argument(2) as u32, None),
        SENDTO => message::sent(call, call.argument(3) as u32, Some(call.argument(2))),
        SENDMSG => message::sent(call, call.argument(2) as u32, None),
        SENDFILE => transfer::sendfile(call),
        SPLICE => transfer::splice(call),
        TEE => call.book(lane(CopyPath::Tee), call.result),
        VMSPLICE => transfer::vmsplice(call),
        IOCTL => clone_range::ioctl(call),
        MMAP if (call.result as u64) < MAX_ERRNO.wrapping_neg() => {
            count!(call.account, mmap_calls, 1);
        }
        MUNMAP if call.result == 0 => {
            count!(call.account, munmap_calls, 1);
        }
        MSYNC if call.result == 0 => {
            count!(call.account, msync_calls, 1);
        }
        PROCESS_VM => call.book(lane(CopyPath::ProcessVm), call.result),
        GETSOCKOPT => message::zerocopy_receive(call),
        PRCTL => renamed(call),
        MESSAGE_SEND if call.result == 0 => call.copied(call.argument(2)),
        MESSAGE_RECEIVE if call.result > 0 => call.copied(call.result as u64),
        _ => {}
    }
}

/// `prctl(PR_SET_NAME)` renames the thread.
#[inline(always)]
fn renamed(call: &Call<impl Registers>) {
    const PR_SET_NAME: u64 = 15;
    if call.argument(0) == PR_SET_NAME && call.result == 0 {
        call.account.rename(call.task);
    }
}
