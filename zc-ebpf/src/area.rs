//! The memory areas of the running process: which one an address lies in.
//!
//! They are looked up without the kernel's locks. Another thread may change them at the same time, then
//! the answer may be none; but what is read exists: the kernel frees nodes and areas after a grace period of RCU.

use zc_common::layout::ABSENT;

use crate::kernel::{Object, offset, opaque, setting, variant};

/// `VM_SHARED` and `VM_HUGETLB`, `include/linux/mm.h`, 5.10 to 7.2.
const VM_SHARED: u64 = 8;
/// `VM_EXEC`, the same.
const VM_EXEC: u64 = 4;
const VM_HUGETLB: u64 = 0x0040_0000;

/// A memory area, a `struct vm_area_struct`.
#[derive(Clone, Copy)]
pub(crate) struct Area(Object);

impl Area {
    /// The area that `address` lies in.
    #[inline(always)]
    pub(crate) fn at(address: u64) -> Option<Self> {
        let area = zc_area(address);
        if area == 0 { None } else { Some(Self(Object::untyped(area))) }
    }

    /// Its first address.
    #[inline(always)]
    pub(crate) fn start(self) -> u64 {
        self.0.load(offset!(vma_start))
    }

    /// Which page of its file it begins with.
    #[inline(always)]
    pub(crate) fn page_offset(self) -> u64 {
        self.0.load(offset!(vma_page_offset))
    }

    /// The inode of its file.
    #[inline(always)]
    pub(crate) fn inode(self) -> Option<Object> {
        let file = Object::untyped(self.0.load(offset!(vma_file)));
        if file.is_null() {
            return None;
        }
        file.read(offset!(file_inode)).map(Object::untyped)
    }

    /// Whether what is written to it reaches others that map the same.
    #[inline(always)]
    pub(crate) fn is_shared(self) -> bool {
        self.0.load::<u64>(offset!(vma_flags)) & VM_SHARED != 0
    }

    /// Whether what it shows may be executed.
    #[inline(always)]
    pub(crate) fn is_code(self) -> bool {
        self.0.load::<u64>(offset!(vma_flags)) & VM_EXEC != 0
    }

    /// Whether it shows a file that has pages. The one behind anonymous memory of huge pages never has any.
    #[inline(always)]
    pub(crate) fn has_file_pages(self) -> bool {
        let file = self.0.load::<u64>(offset!(vma_file));
        file != 0 && (!self.is_of_huge_pages() || pages_of(file) != Some(0))
    }

    #[inline(always)]
    fn is_of_huge_pages(self) -> bool {
        self.0.load::<u64>(offset!(vma_flags)) & VM_HUGETLB != 0
    }

    /// log2 of the size of its pages: what hugetlbfs calls its blocks.
    #[inline(always)]
    pub(crate) fn page_shift(self) -> u32 {
        const MAX_SHIFT: u8 = 40;
        if !self.is_of_huge_pages() {
            return variant!(page_shift);
        }
        let file = Object::untyped(self.0.load(offset!(vma_file)));
        let inode = Object::untyped(file.read(offset!(file_inode)).unwrap_or_default());
        match inode.read::<u8>(offset!(inode_block_shift)) {
            Some(shift) if shift < MAX_SHIFT => u32::from(shift),
            _ => variant!(page_shift),
        }
    }
}

/// How many pages the open file at an address has in the page cache.
#[inline(always)]
fn pages_of(file: u64) -> Option<u64> {
    let mapping = Object::untyped(file).read::<u64>(offset!(file_mapping))?;
    Object::untyped(mapping).read(offset!(mapping_pages))
}

/// The address of the area that `address` of the running process lies in, 0 for none.
///
/// A global function, which the verifier follows once (see `zc_class`).
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_area(address: u64) -> u64 {
    // Until 6.8 it is verified in every program that it is linked into, also where nothing calls it.
    if setting!(areas) == 0 {
        return 0;
    }
    let memory = Object::current_task().load::<u64>(offset!(task_mm));
    if memory == 0 {
        return 0;
    }
    let memory = Object::untyped(memory);
    let area = if offset!(mm_tree) != ABSENT {
        in_maple_tree(memory.read(offset!(mm_tree)).unwrap_or_default(), address)
    } else {
        in_red_black_tree(memory.read(offset!(mm_root)).unwrap_or_default(), address)
    };
    if area == 0 {
        return 0;
    }
    let found = Object::untyped(area);
    let holds = found.load::<u64>(offset!(vma_start)) <= address
        && address < found.load::<u64>(offset!(vma_end));
    if holds { area } else { 0 }
}

/// Since 6.1: what `root` leads to (`mas_walk`, `lib/maple_tree.c`). A node has pivots in ascending order; a
/// slot holds what lies above the pivot before it, up to and with its own. Behind the last pivot in use is a 0. The
/// low byte of a reference to a node tells its kind (`include/linux/maple_tree.h`).
#[inline(always)]
fn in_maple_tree(root: u64, address: u64) -> u64 {
    const MAX_DEPTH: u32 = 8;
    const NODE_BITS: u64 = 0xff;
    const KIND_SHIFT: u64 = 3;
    const KIND_MASK: u64 = 0xf;
    /// Pivots of a node (`MAPLE_RANGE64_SLOTS`, `MAPLE_ARANGE64_SLOTS`, less one).
    const RANGE_PIVOTS: u64 = 15;
    const AREA_RANGE_PIVOTS: u64 = 9;

    let mut node = root;
    for _ in 0..MAX_DEPTH {
        let kind = (node >> KIND_SHIFT & KIND_MASK) as u32;
        let base = node & !NODE_BITS;
        let is_leaf = kind == variant!(maple_leaf);
        let (pivots, slots, count) = if kind == variant!(maple_area_range) {
            (offset!(maple_area_pivots), offset!(maple_area_slots), AREA_RANGE_PIVOTS)
        } else if is_leaf || kind == variant!(maple_range) {
            (offset!(maple_pivots), offset!(maple_slots), RANGE_PIVOTS)
        } else {
            return 0;
        };
        if base == 0 {
            return 0;
        }
        let mut slot = 0;
        for place in 0..RANGE_PIVOTS {
            if place >= count {
                break;
            }
            let pivot = Object::words(base + u64::from(pivots) + 8 * place).load::<u64>(0);
            if address <= pivot || pivot == 0 {
                break;
            }
            slot = place + 1;
        }
        // Forgotten, so that the verifier follows one slot of each node.
        let slot = opaque(slot);
        let entry = Object::words(base + u64::from(slots) + 8 * slot).load::<u64>(0);
        if is_leaf {
            return entry;
        }
        node = opaque(entry);
    }
    0
}

/// Until 6.0: from `node`, the address of a `struct rb_node` in an area (`find_vma`, `mm/mmap.c`).
#[inline(always)]
fn in_red_black_tree(mut node: u64, address: u64) -> u64 {
    /// As many areas as a process may have are in a tree of this height.
    const MAX_HEIGHT: u32 = 34;
    for _ in 0..MAX_HEIGHT {
        if node == 0 {
            return 0;
        }
        let area = node.wrapping_sub(u64::from(offset!(vma_node)));
        let found = Object::untyped(area);
        let Some(end) = found.read::<u64>(offset!(vma_end)) else { return 0 };
        let next = if address >= end {
            offset!(rb_right)
        } else if found.read::<u64>(offset!(vma_start)).unwrap_or_default() <= address {
            return area;
        } else {
            offset!(rb_left)
        };
        node = opaque(Object::untyped(node).read(next).unwrap_or_default());
    }
    0
}
