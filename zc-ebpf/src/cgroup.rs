//! Control groups of cgroup v2. Of those of v1 nothing is known: a task is in one of each hierarchy there.

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;

use crate::kernel::{Object, offset};

/// A control group, by its address; 0 when that is not known.
#[derive(Clone, Copy)]
pub(crate) struct Cgroup(u64);

impl Cgroup {
    /// The one that `task` is in.
    #[inline(always)]
    pub(crate) fn of(task: Object) -> Self {
        Self(read(task.load(offset!(task_cgroups)), offset!(css_set_cgroup)))
    }

    /// The one that a tracepoint is about, if it is of v2: each hierarchy has ids of its own.
    #[inline(always)]
    pub(crate) fn named(cgroup: Object) -> Option<Self> {
        let hierarchy = cgroup.follow(offset!(cgroup_root)).load::<u32>(offset!(cgroup_root_id));
        if hierarchy == 0 { Some(Self(cgroup.address())) } else { None }
    }

    /// Its id, the number of its inode; 0 when that is not known.
    #[inline(always)]
    pub(crate) fn id(self) -> u64 {
        read(read(self.0, offset!(cgroup_node)), offset!(node_id))
    }

    /// The one above it.
    #[inline(always)]
    pub(crate) fn parent(self) -> Self {
        // `cgroup.self` is the first member (`include/linux/cgroup-defs.h`, 5.10 to 7.2): the parent of that is
        // the cgroup above.
        Self(read(self.0, offset!(cgroup_parent)))
    }

    #[inline(always)]
    pub(crate) fn is_known(self) -> bool {
        self.0 != 0
    }
}

/// The word at `offset` of what lies at `address`, or 0, which is no address and no id.
#[inline(always)]
fn read(address: u64, offset: u32) -> u64 {
    // Not an option: the verifier of 5.10 refuses a loop over those.
    let mut value = 0_u64;
    let place = address.wrapping_add(u64::from(offset));
    // SAFETY: the helper checks the address, and clears the word when it cannot be read.
    unsafe { bpf_probe_read_kernel((&raw mut value).cast(), 8, place as *const _) };
    value
}
