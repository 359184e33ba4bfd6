//! What each CPU sends and receives through each interface, counted without a lookup in a hash and
//! without atomic additions.
//!
//! A CPU writes its own slots only, and nothing interrupts one of these programs to run another: all
//! three tracepoints are passed with softirqs disabled. Packets are transmitted between
//! `rcu_read_lock_bh` and its end in `__dev_queue_xmit`, or by the softirq `net_tx_action`; they are
//! received by softirqs, or by a thread that disabled them (`netif_receive_skb`; `net/core/dev.c`, 5.10
//! to 6.18). Hard interrupts (netpoll) call the driver past these tracepoints. With `PREEMPT_RT`, threads with
//! softirqs disabled can take turns on a CPU inside a program (`include/linux/tracepoint.h`, 7.0). An
//! addition is not lost there either: each word has one program as its writer, and no program runs twice
//! at a time on a CPU (`bpf_prog.active`, since 6.1). Only when two interfaces claim one free slot at the
//! same moment, counts of one may go to the other.

use aya_ebpf::{
    bindings::BPF_F_MMAPABLE, helpers::bpf_get_smp_processor_id, macros::map, maps::Array,
};
use zc_common::{
    MAX_CPUS,
    device::{INTERFACE_SLOTS, InterfaceCounts, interface_device},
};

use crate::devices::{Device, count_device};

/// Writer: each CPU its own [`INTERFACE_SLOTS`]. User space maps it, sizes it by the CPUs there are, and
/// adds all up. Interfaces beyond the slots are counted in `DEVICES` directly.
#[map]
static INTERFACES: Array<InterfaceCounts> =
    Array::with_max_entries(MAX_CPUS * INTERFACE_SLOTS, BPF_F_MMAPABLE);

/// Packets that find their slot taken before an interface that moves nothing any more has to give it up.
/// While they wait they are counted in the shared record: two busy interfaces do not displace each
/// other with every packet.
const PATIENCE: u64 = 64;

/// The counts of one interface on this CPU.
#[derive(Clone, Copy)]
pub(crate) struct Interface(*mut InterfaceCounts);

/// The slot of an interface on this CPU, which another may have. `None` on a CPU beyond the table.
#[inline(always)]
fn slot(key: u64) -> Option<*mut InterfaceCounts> {
    // SAFETY: no arguments.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    // Indexes follow each other within a namespace, and so do the numbers of namespaces, each of which has
    // the same few indexes.
    let spread = (key as u32).wrapping_add((key >> 32) as u32);
    INTERFACES.get_ptr_mut(cpu * INTERFACE_SLOTS + spread % INTERFACE_SLOTS)
}

impl Interface {
    /// The counts of an interface that has its slot.
    #[inline(always)]
    pub(crate) fn of(key: u64) -> Option<Self> {
        let counts = slot(key)?;
        // SAFETY: a map value that only this CPU writes.
        if unsafe { (*counts).key } == key { Some(Self(counts)) } else { None }
    }

    /// Takes the slot of an interface that has a record in `DEVICES`, if it is free or its owner moves
    /// nothing any more.
    #[inline(always)]
    pub(crate) fn claim(key: u64) -> Option<Self> {
        let counts = slot(key)?;
        // SAFETY: as above.
        unsafe {
            let owner = (*counts).key;
            if owner != 0 && owner != key {
                let packets = (*counts).packets();
                if (*counts).contended_at != packets {
                    (*counts).contended_at = packets;
                    (*counts).contenders = 0;
                }
                (*counts).contenders += 1;
                if (*counts).contenders < PATIENCE {
                    return None;
                }
                Self(counts).move_to(Device::known(&interface_device(owner))?);
            }
            (&raw mut (*counts).key).write_volatile(key);
        }
        Some(Self(counts))
    }

    /// Moves the counts to the shared record and frees the slot. User space reads again when it finds
    /// that `moves` was odd or has changed; the stores must stay in this order.
    #[inline(always)]
    fn move_to(self, device: Device) {
        let counts = self.0;
        // SAFETY: a map value that only this CPU writes.
        let old = unsafe { *counts };
        // SAFETY: as above. Volatile, here and below: the order is part of the protocol, and adjacent zeroes
        // would become a call of `memset`.
        unsafe { (&raw mut (*counts).moves).write_volatile(old.moves + 1) };
        let packets = old.sent_packets.wrapping_sub(old.refused_packets);
        let gathered = old.sent_gather_bytes.wrapping_sub(old.refused_gather_bytes);
        count_device!(device, write_bytes, old.sent_bytes.wrapping_sub(old.refused_bytes));
        count_device!(device, write_requests, packets);
        count_device!(device, gather_bytes, gathered);
        count_device!(device, errors, old.refused_packets);
        count_device!(device, read_bytes, old.received_bytes);
        count_device!(device, read_requests, old.received_packets);
        // SAFETY: as above.
        unsafe {
            (&raw mut (*counts).key).write_volatile(0);
            (&raw mut (*counts).sent_bytes).write_volatile(0);
            (&raw mut (*counts).sent_gather_bytes).write_volatile(0);
            (&raw mut (*counts).sent_packets).write_volatile(0);
            (&raw mut (*counts).last_gather_bytes).write_volatile(0);
            (&raw mut (*counts).received_bytes).write_volatile(0);
            (&raw mut (*counts).received_packets).write_volatile(0);
            (&raw mut (*counts).refused_bytes).write_volatile(0);
            (&raw mut (*counts).refused_gather_bytes).write_volatile(0);
            (&raw mut (*counts).refused_packets).write_volatile(0);
            (&raw mut (*counts).contenders).write_volatile(0);
            (&raw mut (*counts).contended_at).write_volatile(0);
            (&raw mut (*counts).moves).write_volatile(old.moves + 2);
        }
    }

    /// Counts a packet handed to the driver.
    #[inline(always)]
    pub(crate) fn sent(self, bytes: u64, gathered: u64) {
        // SAFETY: fields of a map value that only this CPU writes.
        unsafe {
            (*self.0).sent_bytes += bytes;
            (*self.0).sent_gather_bytes += gathered;
            (*self.0).sent_packets += 1;
            (*self.0).last_gather_bytes = gathered;
        }
    }

    /// Takes back the packet handed over last, which the driver did not take.
    #[inline(always)]
    pub(crate) fn refused(self, bytes: u64) {
        // SAFETY: as above.
        unsafe {
            (*self.0).refused_bytes += bytes;
            (*self.0).refused_gather_bytes += (*self.0).last_gather_bytes;
            (*self.0).refused_packets += 1;
        }
    }

    /// Counts a packet handed to the stack.
    #[inline(always)]
    pub(crate) fn received(self, bytes: u64) {
        // SAFETY: as above.
        unsafe {
            (*self.0).received_bytes += bytes;
            (*self.0).received_packets += 1;
        }
    }
}
