//! Where processes are in their own code: counted by file and offset, for user space to find out which code copies.
//! No memory of a process is read.

use aya_ebpf::{bindings::BPF_NOEXIST, macros::map, maps::HashMap};
use zc_common::{
    code::{CODE_PLACES, CodePlace, FAULT, NO_FILE},
    record::UNATTRIBUTED_SLOT,
};

use crate::{
    account::{Account, user_registers},
    arch,
    area::Area,
    atomic,
    kernel::{Object, offset, variant},
};

/// Samples by place. Writers: the sampler of any CPU. User space takes them away several times a second, and sizes it:
/// one where it is not asked for.
#[map]
static CODE: HashMap<CodePlace, u64> = HashMap::with_max_entries(CODE_PLACES, 0);

/// `PF_KTHREAD`, `include/linux/sched.h`.
const PF_KTHREAD: u32 = 0x0020_0000;

/// What stands for the number of the call while there is none: in a fault or an interrupt (`entry_64.S` of x86,
/// `kernel_entry` of arm64, 5.10 to 7.2).
const NOT_IN_CALL: u32 = u32::MAX;

/// Counts where in its own code `task` is, which runs and was interrupted at `address`. A copy that causes a page fault
/// is looked for, too: the fault is on its account. In a system call there is no copy of its own.
#[inline(always)]
pub(super) fn note(task: Object, address: u64, account: Account) {
    let (address, flags) = if arch::is_of_user(address) {
        (address, 0)
    } else {
        if task.load::<u32>(offset!(task_flags)) & PF_KTHREAD != 0 {
            return;
        }
        let Some(registers) = user_registers(task) else { return };
        if arch::number(registers) as u32 != NOT_IN_CALL {
            return;
        }
        (arch::instruction(registers), FAULT)
    };
    // What has no record of its own is of no process.
    if account.slot() == UNATTRIBUTED_SLOT || !add(task, address, flags) {
        account.unlocated();
    }
}

/// Whether it was found out where that is, and there was room.
#[inline(always)]
fn add(task: Object, address: u64, flags: u32) -> bool {
    let Some(area) = Area::at(address) else { return false };
    let leader = task.follow(offset!(task_group_leader));
    let mut place = CodePlace {
        process_start_ns: leader.load(offset!(task_start)),
        inode: 0,
        offset: 0,
        area: area.start(),
        tgid: task.load(offset!(task_tgid)),
        device: 0,
        flags,
        pad: 0,
    };
    match area.inode() {
        Some(inode) => {
            let Some(number) = inode.read(offset!(inode_number)) else { return false };
            let Some(file_system) = inode.read(offset!(inode_sb)) else { return false };
            place.inode = number;
            place.device =
                Object::untyped(file_system).read(offset!(sb_device)).unwrap_or_default();
            place.offset = address - place.area + (area.page_offset() << variant!(page_shift));
        }
        None => place.flags |= NO_FILE,
    }
    if let Some(count) = CODE.get_ptr_mut(place) {
        atomic::add(count, 1);
        return true;
    }
    if CODE.insert(place, 1, u64::from(BPF_NOEXIST)).is_ok() {
        return true;
    }
    // Another CPU was faster, or there is no room.
    let Some(count) = CODE.get_ptr_mut(place) else { return false };
    atomic::add(count, 1);
    true
}
