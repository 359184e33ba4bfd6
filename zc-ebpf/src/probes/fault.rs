//! Page faults.

use zc_common::record::{FAULT_OF_COPY, FAULT_OF_READ, FAULT_OF_WRITE};

use super::{Arguments, tracepoint};
use crate::{
    account::{Account, count},
    area::Area,
    kernel::{Object, offset, setting, variant},
};

/// Bits of the x86 page fault error code (`arch/x86/include/asm/trap_pf.h`).
const X86_PF_PROT: u64 = 1;
const X86_PF_WRITE: u64 = 1 << 1;

tracepoint!(
    /// `page_fault_user(unsigned long address, struct pt_regs *regs, unsigned long error_code)`,
    /// `arch/x86/include/asm/trace/exceptions.h`, 5.10 to 7.2. x86 only.
    zc_page_fault, zc_page_fault_raw, "page_fault_user", |arguments| faulted_in_user(arguments)
);

#[inline(always)]
fn faulted_in_user(arguments: Arguments) {
    let Some(account) = Account::current() else { return };
    count!(account, page_faults_user, 1);
    faulted(account, arguments);
}

tracepoint!(
    /// `page_fault_kernel`, with the arguments of `page_fault_user`: the kernel reads or writes the memory of the
    /// program, or looks whether it can.
    zc_kernel_fault, zc_kernel_fault_raw, "page_fault_kernel", |arguments| faulted_in_kernel(arguments)
);

#[inline(always)]
fn faulted_in_kernel(arguments: Arguments) {
    let is_of_kernel = (arguments.integer(0) as i64) < 0;
    // Such a fault is not served. It may have been taken by a program that reads the user's memory, this one or
    // another, in the middle of what is counted (`copy_from_user_nofault`, `mm/maccess.c`).
    let only_looks = Object::current_task().load::<u32>(offset!(task_faults_disabled)) != 0;
    if is_of_kernel || only_looks {
        return;
    }
    let Some(account) = Account::current() else { return };
    faulted(account, arguments);
}

#[inline(always)]
fn faulted(account: Account, arguments: Arguments) {
    let code = arguments.integer(2);
    let is_write = code & X86_PF_WRITE != 0;
    if setting!(cow_sites) != 0 {
        return account.note_fault(if is_write { FAULT_OF_WRITE } else { FAULT_OF_READ });
    }
    let (kind, bytes) = if is_write {
        write(arguments.integer(0), code & X86_PF_PROT != 0)
    } else {
        (FAULT_OF_READ, 0)
    };
    account.begin_fault(kind, bytes);
}

/// What a write to `address` does to a file, and how many bytes it may copy. `present`: the page is there and
/// read-only.
#[inline(always)]
fn write(address: u64, present: bool) -> (u64, u64) {
    let Some(area) = Area::at(address) else { return (FAULT_OF_WRITE, 1 << variant!(page_shift)) };
    if area.is_shared() {
        return (FAULT_OF_WRITE, 0);
    }
    let page = 1 << area.page_shift();
    if area.has_file_pages() {
        // The first write to a page of a private mapping copies it, whether it was mapped or not.
        (FAULT_OF_COPY, page)
    } else if present {
        // Copied, or reused when nothing else refers to it any more.
        (FAULT_OF_WRITE, page)
    } else {
        // A page of zeros.
        (FAULT_OF_WRITE, 0)
    }
}
