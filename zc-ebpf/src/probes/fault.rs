//! Page faults taken in user mode.

use zc_common::path::{CopyPath, lane};

use super::{Arguments, tracepoint};
use crate::{
    account::{Account, count},
    kernel::{setting, variant},
};

/// Bits of the x86 page fault error code (`arch/x86/include/asm/trap_pf.h`).
const X86_PF_PROT: u64 = 1;
const X86_PF_WRITE: u64 = 1 << 1;

tracepoint!(
    /// `page_fault_user(unsigned long address, struct pt_regs *regs, unsigned long error_code)`,
    /// `arch/x86/include/asm/trace/exceptions.h`, 5.10 to 7.2. x86 only.
    zc_page_fault, zc_page_fault_raw, "page_fault_user", |arguments| faulted(arguments)
);

#[inline(always)]
fn faulted(arguments: Arguments) {
    let Some(account) = Account::current() else { return };
    count!(account, page_faults_user, 1);
    let code = arguments.integer(2);
    let is_write = code & X86_PF_WRITE != 0;
    account.note_fault(is_write);
    // A write to a page that is present but read-only: copied, or reused when no other process maps
    // it. Which of the two is not visible here: an upper bound.
    if setting!(cow_sites) == 0 && is_write && code & X86_PF_PROT != 0 {
        account.book(lane(CopyPath::CowCopy), 1 << variant!(page_shift));
    }
}
