//! The class of a descriptor of which everything is remembered: the straight path of reads and writes.

use core::ptr;

use zc_common::{
    path::{ASSUMES_COPIES, COPIES_EACH_BYTE, IS_PSEUDO, LANES, Lane},
    record::{LaneCount, Record},
};

use super::{CLASSES, Class, READ_LANES, RELAY_ENDS, WRITE_LANES};
use crate::{
    arch::O_DIRECT,
    kernel::{Object, low_half, member, offset, variant, words},
    operations,
};

/// How calls of one direction on descriptors of a class are counted, in one word.
#[derive(Clone, Copy)]
pub(crate) struct Booking(u64);

/// Bytes from the first lane of a record to the last one.
const SPAN: u64 = ((LANES - 1) * size_of::<LaneCount>()) as u64;

impl Booking {
    /// Bits that hold where among the lanes of a record the counts are, bytes.
    const OFFSET_BITS: u32 = 16;
    /// Bytes that nothing explains are assumed to be copied.
    const ASSUMES: u64 = 1 << Self::OFFSET_BITS;
    /// Bytes count as network traffic.
    const NETWORK: u64 = 1 << (Self::OFFSET_BITS + 1);
    /// The pages that the bytes lie in are counted.
    const PAGES: u64 = 1 << (Self::OFFSET_BITS + 2);
    /// It bypasses the page cache, or is meant to.
    const DIRECT: u64 = 1 << (Self::OFFSET_BITS + 3);
    /// Bits above which it says where bytes that are passed on come from and go to, a `RELAY_` value.
    const RELAY_SHIFT: u32 = Self::OFFSET_BITS + 4;
    /// Bits of such a value.
    const RELAY_MASK: u64 = 3;
    /// Each byte is modelled as one copy, where there are no copy sites.
    const EACH: u64 = 1 << (Self::RELAY_SHIFT + 2);
    /// Bits of a booking: two of them, for reading and for writing, are in a row of [`BOOKINGS`].
    pub(crate) const BITS: u32 = 32;
    /// Both bookings of what is no class: behind all lanes.
    const NONE: u64 = u64::MAX;

    /// The counts of the lane in `record`. `None` for what is no class.
    #[inline(always)]
    pub(crate) fn count(self, record: *mut Record) -> Option<*mut LaneCount> {
        let offset = self.0 & ((1 << Self::OFFSET_BITS) - 1);
        if offset > SPAN {
            return None;
        }
        // SAFETY: the offset is that of a lane.
        unsafe {
            let lanes = (&raw mut (*record).lanes).cast::<u8>();
            Some(lanes.add(offset as usize).cast())
        }
    }

    /// Whether bytes that nothing explains are assumed to be copied.
    #[inline(always)]
    pub(crate) fn assumes(self) -> bool {
        self.0 & Self::ASSUMES != 0
    }

    /// Whether bytes count as network traffic.
    #[inline(always)]
    pub(crate) fn is_network(self) -> bool {
        self.0 & Self::NETWORK != 0
    }

    /// Whether bytes bypass the page cache, or are meant to.
    #[inline(always)]
    pub(crate) fn is_direct(self) -> bool {
        self.0 & Self::DIRECT != 0
    }

    /// Whether the pages that the bytes lie in are counted.
    #[inline(always)]
    pub(crate) fn is_of_pages(self) -> bool {
        self.0 & Self::PAGES != 0
    }

    /// Where bytes that are passed on come from or go to: a `RELAY_` value.
    #[inline(always)]
    pub(crate) fn relay_end(self) -> u64 {
        (self.0 >> Self::RELAY_SHIFT) & Self::RELAY_MASK
    }

    /// The lane.
    #[inline(always)]
    pub(crate) fn lane(self) -> Lane {
        ((self.0 & ((1 << Self::OFFSET_BITS) - 1)) as u32 / size_of::<LaneCount>() as u32) as Lane
    }

    /// Whether each byte is modelled as one copy, where there are no copy sites.
    #[inline(always)]
    pub(crate) fn copies_each(self) -> bool {
        self.0 & Self::EACH != 0
    }

    const fn of(class: usize, lane: usize) -> u64 {
        let mut booking = (lane * size_of::<LaneCount>()) as u64;
        booking |= (RELAY_ENDS[class] as u64) << Self::RELAY_SHIFT;
        if class == Class::DIRECT.0 as usize {
            booking |= Self::DIRECT;
        }
        // There is nothing at the other end of the void to copy.
        if ASSUMES_COPIES[lane] && class != Class::VOID.0 as usize {
            booking |= Self::ASSUMES;
            if IS_PSEUDO[lane] {
                booking |= Self::EACH;
            }
        }
        if COPIES_EACH_BYTE[lane] {
            booking |= Self::EACH;
        }
        if class == Class::TCP.0 as usize
            || class == Class::UDP.0 as usize
            || class == Class::NETWORK_SOCKET.0 as usize
            || class == Class::PACKET_SOCKET.0 as usize
        {
            booking |= Self::NETWORK;
        }
        booking
    }
}

/// Rows of [`BOOKINGS`]: a power of two, so that a mask keeps every number inside.
const ROWS: usize = 16;
const _: () = assert!(CLASSES <= ROWS && Class::NEEDS_A_LOOK as usize >= CLASSES);

/// By class: the booking of reads in the low half, that of writes in the high one.
static BOOKINGS: [u64; ROWS] = {
    let mut rows = [Booking::NONE; ROWS];
    let mut class = Class::CLOSED.0 as usize + 1;
    while class < CLASSES {
        let mut read = Booking::of(class, READ_LANES[class] as usize);
        if class == Class::FILE.0 as usize {
            read |= Booking::PAGES;
        }
        // What a packet socket sends may be in a ring: that takes a look.
        let write = if class == Class::PACKET_SOCKET.0 as usize {
            Booking::NONE
        } else {
            Booking::of(class, WRITE_LANES[class] as usize)
        };
        rows[class] = read | write << Booking::BITS;
        class += 1;
    }
    rows
};

/// How to count what was moved through the descriptor `fd` of the running task, whose address is `task` and
/// of which the verifier knows the type, in the direction of `half`: 0 for reads, [`Booking::BITS`] for
/// writes. And the open file, for [`position`]; 0 when the descriptor is not open.
#[inline(always)]
pub(crate) fn booking(task: u64, fd: u64, half: u64) -> (Booking, u64) {
    let (class, file) = class(task, fd);
    let class = class as usize & (ROWS - 1);
    // SAFETY: inside the table.
    let row = unsafe { ptr::read_volatile((&raw const BOOKINGS).cast::<u64>().add(class)) };
    (Booking(row >> half), file)
}

/// Where the open file `file` of [`booking`], which is not 0, is read next, bytes from its beginning.
#[inline(always)]
pub(crate) fn position(file: u64) -> u64 {
    if variant!(cast) != 0 {
        member!(u64, file, file_pos)
    } else {
        Object::untyped(file).read(offset!(file_pos)).unwrap_or_default()
    }
}

/// Where the pages of the open file `file` of [`booking`], which is not 0, are.
#[inline(always)]
pub(crate) fn mapping(file: u64) -> u64 {
    if variant!(cast) != 0 {
        member!(u64, file, file_mapping)
    } else {
        Object::untyped(file).read(offset!(file_mapping)).unwrap_or_default()
    }
}

/// How the open file `file` of [`booking`], which is not 0, was opened.
#[inline(always)]
pub(crate) fn flags(file: u64) -> u32 {
    if variant!(cast) != 0 {
        member!(u32, file, file_flags) as u32
    } else {
        Object::untyped(file).read(offset!(file_flags)).unwrap_or_default()
    }
}

/// The class of a descriptor, [`Class::CLOSED`] when it is not remembered, and its open file.
#[inline(always)]
fn class(task: u64, fd: u64) -> (u64, u64) {
    const CLOSED: u64 = Class::CLOSED.0 as u64;
    const NONE: (u64, u64) = (CLOSED, 0);
    let files = member!(u64, task, task_files);
    if files == 0 {
        return NONE;
    }
    let table = member!(u64, files, files_fdt);
    // A descriptor is an int: the upper half of the register is noise.
    let fd = low_half(fd);
    if table == 0 || fd >= member!(u32, table, fdt_max_fds) {
        return NONE;
    }
    let slot = member!(u64, table, fdt_fd) + fd * 8;
    if variant!(cast) != 0 {
        let slot = words(slot);
        // SAFETY: the verifier lets the words behind it be read.
        let file = words(unsafe { ptr::read_volatile(slot as *const u64) });
        let class = operations::recall(member!(u64, file, file_op));
        if class < u64::from(Class::NEEDS_A_LOOK) {
            return (class, file);
        }
        if class == u64::from(Class::REGULAR.0) {
            return (of_file(member!(u32, file, file_flags) as u32), file);
        }
        let socket = words(member!(u64, file, file_private_data));
        return (operations::recall(member!(u64, socket, socket_ops)), file);
    }
    let Some(address) = Object::untyped(slot).read::<u64>(0) else { return NONE };
    let file = Object::untyped(address);
    let Some(table) = file.read::<u64>(offset!(file_op)) else { return NONE };
    let class = operations::recall(table);
    if class < u64::from(Class::NEEDS_A_LOOK) {
        return (class, address);
    }
    if class == u64::from(Class::REGULAR.0) {
        let Some(flags) = file.read::<u32>(offset!(file_flags)) else { return NONE };
        return (of_file(flags), address);
    }
    let Some(socket) = file.read::<u64>(offset!(file_private_data)) else { return NONE };
    let table = Object::untyped(socket).read::<u64>(offset!(socket_ops));
    (table.map_or(CLOSED, operations::recall), address)
}

/// A regular file, by how it was opened.
#[inline(always)]
fn of_file(flags: u32) -> u64 {
    u64::from(if flags & O_DIRECT != 0 { Class::DIRECT.0 } else { Class::FILE.0 })
}
