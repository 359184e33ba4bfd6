//! The exit of every system call: the hot path of the whole tool.
//!
//! A call that moves no data costs one addition to a counter of the CPU. A call that does is
//! booked on the path that its descriptors name, with its return value: reads, writes, receives and sends
//! of which nothing is out of the ordinary on a straight path ([`straight`]), all others by [`Call`].

use aya_ebpf::{
    EbpfContext as _,
    helpers::bpf_probe_read_user,
    macros::{btf_tracepoint, kprobe, raw_tracepoint},
    programs::{BtfTracePointContext, ProbeContext, RawTracePointContext},
};
use zc_common::{
    loss::Loss,
    path::{CopyPath, Lane, lane},
    record::{EVIDENCE_NOTHING, RELAY_LEAST_BYTES},
    syscall::{SYSCALL_TABLE_LEN, SyscallKind},
};

use super::Arguments;
use crate::{
    account::{Account, ONE_BUFFER, OWN_POSITION, SENDS, count, zc_accessed, zc_relay},
    arch,
    cpu::Cpu,
    descriptor::{Class, File},
    follow,
    kernel::{Object, opaque, setting, variant},
    losses::{note_loss, note_losses},
};

mod aio;
mod clone_range;
mod message;
mod straight;
mod transfer;

use straight::{How, straight};

/// `sys_exit(struct pt_regs *regs, long ret)`, `include/trace/events/syscalls.h`, 5.10 to 7.2. Declared
/// by hand: each of the two knows at once whether it has types.
#[btf_tracepoint(function = "sys_exit")]
pub(crate) fn zc_sys_exit(ctx: BtfTracePointContext) -> i32 {
    let arguments = Arguments::typed(ctx.as_ptr().cast());
    sys_exit(|| arguments.object(0), true, || arguments.integer(1) as i64);
    0
}

/// As [`zc_sys_exit`], for kernels without BTF.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub(crate) fn zc_sys_exit_raw(ctx: RawTracePointContext) -> i32 {
    let arguments = Arguments::untyped(ctx.as_ptr().cast());
    sys_exit(|| arguments.object(0), false, || arguments.integer(1) as i64);
    0
}

/// `trace_syscall_exit(struct pt_regs *regs, long ret)`, `kernel/entry/syscall-common.c`, 7.2: what runs
/// the programs of the tracepoint. Those can be preempted, and then the kernel leaves out every other
/// thread's calls on that CPU until the preempted one goes on; a kprobe cannot.
#[kprobe]
pub(crate) fn zc_sys_exit_kprobe(ctx: ProbeContext) -> u32 {
    // The verifier knows what the helper returns, and nothing of the arguments.
    sys_exit(|| Object::current_task().user_registers(), true, || ctx.arg(1).unwrap_or(0));
    0
}

/// A system call that has returned.
#[derive(Clone, Copy)]
pub(crate) struct Call {
    regs: Object,
    task: Object,
    account: Account,
    /// Bytes, messages or a negative error number.
    result: i64,
}

impl Call {
    /// Argument `n`, a constant from 0 to 5.
    #[inline(always)]
    pub(crate) fn argument(&self, n: u32) -> u64 {
        arch::argument(self.regs, n)
    }

    /// What the descriptor in argument `n` is. `None` when it is not open: the call failed for
    /// that reason, or another thread has closed it since, which is a loss.
    #[inline(always)]
    pub(crate) fn class(&self, n: u32) -> Option<Class> {
        self.checked(Class::of_current(self.argument(n)))
    }

    /// As [`Self::class`], by the way that costs least at run time.
    #[inline(always)]
    fn class_fast(&self, n: u32) -> Option<Class> {
        self.checked(Class::of(self.task, self.argument(n)))
    }

    #[inline(always)]
    fn checked(&self, class: Class) -> Option<Class> {
        if class == Class::CLOSED {
            if self.result < 0 {
                return None;
            }
            note_loss(Loss::DescriptorUnreadable);
        }
        if setting!(copy_sites) != 0 && class == Class::VOID {
            self.account.note(EVIDENCE_NOTHING);
        }
        Some(class)
    }

    /// Books the call on `lane`: `result` is bytes, or negative when it failed.
    #[inline(always)]
    pub(crate) fn book(&self, lane: Lane, result: i64) {
        self.account.book(lane, result);
        self.account.charge(lane, result);
    }

    /// Books `ops` messages of `bytes` together.
    #[inline(always)]
    pub(crate) fn book_many(&self, lane: Lane, ops: u64, bytes: u64, errors: u64) {
        self.account.book_many(lane, ops, bytes, errors);
        self.account.charge(lane, bytes as i64);
    }

    /// Counts the pages that the bytes of the call lie in: it read the descriptor in argument `n` from
    /// `start` on, or from the file's own position, which has advanced.
    #[inline(always)]
    fn accessed_from(&self, n: u32, start: u64) {
        if self.result > 0 {
            let bytes = self.result as u64;
            let end = if start == OWN_POSITION { start } else { opaque(start.wrapping_add(bytes)) };
            zc_accessed(u64::from(self.account.slot()), self.fd(n), end, bytes);
        }
    }

    /// As [`Self::accessed_from`], where argument `position` is the address of a position, which has
    /// advanced, or 0 for the file's own.
    #[inline(always)]
    fn accessed_up_to(&self, n: u32, position: u32) {
        if self.result > 0 {
            let address = self.argument(position);
            let end = if address == 0 { Some(OWN_POSITION) } else { read_user::<u64>(address) };
            // Unreadable is a loss: as many pages as fit in the bytes are as near as can be.
            let end = opaque(end.unwrap_or_default());
            zc_accessed(u64::from(self.account.slot()), self.fd(n), end, self.result as u64);
        }
    }

    /// Notes or counts it for what is passed on unchanged: it moved its result between the descriptor in
    /// argument 0, which is of this class, and the buffer in argument 1.
    #[inline(always)]
    fn relay(&self, class: Class, sends: bool) {
        if self.result >= RELAY_LEAST_BYTES {
            let how = How::of(arch::number(self.regs));
            let given = how.map_or(ONE_BUFFER, How::buffer_given);
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
        File::of(self.task, self.argument(n))
    }
}

/// A call has returned: `regs` are the caller's registers, `typed` whether the verifier knows types. What is
/// asked for again behind a call of a function need not be kept across it, which every other system call
/// would pay for.
#[inline(always)]
fn sys_exit(regs: impl Fn() -> Object, typed: bool, result: impl Fn() -> i64) {
    let Some(cpu) = Cpu::this() else {
        return note_loss(Loss::CpuOutOfRange);
    };
    match follow::known_by_stack(cpu, &regs) {
        Some(true) => {}
        Some(false) => return,
        None => return unknown(regs().address(), result()),
    }
    cpu.count_call();
    let Some(how) = How::of(arch::number(regs())) else { return };
    if typed
        && variant!(current_task_typed) != 0
        && how.is_straight()
        && straight(regs().address(), cpu, how, result())
    {
        return;
    }
    out_of_line(regs().address(), result());
}

/// The first call on this CPU since it is unknown whether the process that runs here is followed.
///
/// A function of its own: what it needs in registers, the other calls need not save.
#[inline(never)]
fn unknown(regs: u64, result: i64) {
    let Some(cpu) = Cpu::this() else { return };
    if follow::learn_by_stack(cpu, regs) {
        cpu.count_call();
        if How::of(arch::number(Object::argument(regs as *const u8))).is_some() {
            out_of_line(regs, result);
        }
    }
}

/// A call that the straight path does not take.
#[inline(never)]
fn out_of_line(regs: u64, result: i64) {
    const READ: u8 = SyscallKind::Read as u8;
    const PREAD: u8 = SyscallKind::Pread as u8;
    const WRITE: u8 = SyscallKind::Write as u8;
    const RECVMMSG: u8 = SyscallKind::Recvmmsg as u8;
    const SENDMMSG: u8 = SyscallKind::Sendmmsg as u8;
    const IO_GETEVENTS: u8 = SyscallKind::IoGetevents as u8;

    let regs = Object::argument(regs as *const u8);
    let Some(cpu) = Cpu::this() else { return };
    let number = arch::number(regs);
    if number >= SYSCALL_TABLE_LEN as u64 {
        return;
    }
    let kind = arch::SYSCALLS[number as usize];
    if arch::is_compat(regs) {
        return note_loss(Loss::CompatSyscalls);
    }
    let task = Object::current_task();
    let Some(account) = Account::of(cpu, task) else { return };
    let call = Call { regs, task, account, result };
    if kind == READ || kind == PREAD || kind == WRITE {
        let Some(class) = call.class_fast(0) else { return account.end_call() };
        if kind != WRITE {
            call.book(class.read_lane(), call.result);
            note_received(account, class, call.result);
            if class == Class::FILE {
                let start = if kind == PREAD { call.argument(3) } else { OWN_POSITION };
                call.accessed_from(0, start);
            }
            call.relay(class, false);
        } else {
            call.book(class.write_lane(), call.result);
            note_sent(account, class, call.result);
            call.relay(class, true);
        }
    } else {
        // The deepest chains begin here, not in `other`: all frames share 512 bytes.
        match kind {
            RECVMMSG => message::many(&call, true),
            SENDMMSG => message::many(&call, false),
            IO_GETEVENTS => aio::reaped(&call),
            _ => other(&call, kind),
        }
    }
    account.end_call();
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
fn other(call: &Call, kind: u8) {
    const RECVFROM: u8 = SyscallKind::Recvfrom as u8;
    const RECVMSG: u8 = SyscallKind::Recvmsg as u8;
    const SENDTO: u8 = SyscallKind::Sendto as u8;
    const SENDMSG: u8 = SyscallKind::Sendmsg as u8;
    const SENDFILE: u8 = SyscallKind::Sendfile as u8;
    const SPLICE: u8 = SyscallKind::Splice as u8;
    const TEE: u8 = SyscallKind::Tee as u8;
    const VMSPLICE: u8 = SyscallKind::Vmsplice as u8;
    const COPY_FILE_RANGE: u8 = SyscallKind::CopyFileRange as u8;
    const IOCTL: u8 = SyscallKind::Ioctl as u8;
    const MMAP: u8 = SyscallKind::Mmap as u8;
    const MUNMAP: u8 = SyscallKind::Munmap as u8;
    const MSYNC: u8 = SyscallKind::Msync as u8;
    const PROCESS_VM: u8 = SyscallKind::ProcessVm as u8;
    const GETSOCKOPT: u8 = SyscallKind::Getsockopt as u8;
    const PRCTL: u8 = SyscallKind::Prctl as u8;

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
        COPY_FILE_RANGE => clone_range::copy_file_range(call),
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
        _ => {}
    }
}

/// `prctl(PR_SET_NAME)` renames the thread.
#[inline(always)]
fn renamed(call: &Call) {
    const PR_SET_NAME: u64 = 15;
    if call.argument(0) == PR_SET_NAME && call.result == 0 {
        call.account.rename(call.task);
    }
}

/// A control structure of the caller, or a loss.
#[inline(always)]
fn read_user<T>(address: u64) -> Option<T> {
    // SAFETY: the helper checks the address. Only lengths, descriptors and opcodes are read this
    // way, never the data that a call moves.
    match unsafe { bpf_probe_read_user(address as *const T) } {
        Ok(value) => Some(value),
        Err(_) => {
            note_losses(Loss::UserMemoryUnreadable, 1);
            None
        }
    }
}
