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
    device::{DeviceKey, INTERFACE_SLOTS, InterfaceCounts, InterfaceKey, KIND_NET},
};

use crate::{
    devices::{Device, count_device},
    kernel::{low_half, opaque},
};

/// Writer: each CPU its own [`INTERFACE_SLOTS`]. User space maps it, sizes it by the CPUs there are, and
/// adds all up. Interfaces beyond the slots are counted in the table of devices directly.
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

/// The slot of the interface at `address` on this CPU, which another may have. `None` on a CPU beyond the table.
#[inline(always)]
fn slot(address: u64) -> Option<*mut InterfaceCounts> {
    // A structure takes a page at least: the slots of those that were made one after the other differ.
    const PAGE_SHIFT: u32 = 12;
    // SAFETY: no arguments.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    let place = low_half(address) as u32 >> PAGE_SHIFT;
    INTERFACES.get_ptr_mut(cpu * INTERFACE_SLOTS + place % INTERFACE_SLOTS)
}

/// [`InterfaceKey::device`]: adjacent zeroes would become a call of `memset`.
#[inline(always)]
pub(crate) fn device_key(key: &InterfaceKey) -> DeviceKey {
    let (zero, [start, end]) = (opaque(0), key.name);
    DeviceKey { kind: KIND_NET, id: 0, namespace: key.namespace, name: [start, end, zero, zero] }
}

/// Whether the slot is that of this interface.
///
/// # Safety
///
/// `counts` is a map value that only this CPU writes.
#[inline(always)]
unsafe fn is_owner(counts: *const InterfaceCounts, key: &InterfaceKey) -> bool {
    // SAFETY: as the caller says. Word by word: a comparison of arrays is a call of `memcmp`.
    unsafe {
        (*counts).key.namespace == key.namespace
            && (*counts).key.name[0] == key.name[0]
            && (*counts).key.name[1] == key.name[1]
    }
}

impl Interface {
    /// The counts of the interface at `address`, while a packet whose shape was counted is on its way to its
    /// driver: nothing but its own hooks runs on this CPU until it is there, so that it is the owner still.
    #[inline(always)]
    pub(crate) fn pending(address: u64) -> Option<Self> {
        let counts = slot(address)?;
        // SAFETY: a map value that only this CPU writes.
        if unsafe { (*counts).pending } == address { Some(Self(counts)) } else { None }
    }

    /// The counts of the interface at `address`, if it has its slot.
    #[inline(always)]
    pub(crate) fn of(address: u64, key: &InterfaceKey) -> Option<Self> {
        let counts = slot(address)?;
        // SAFETY: a map value that only this CPU writes.
        if unsafe { is_owner(counts, key) } { Some(Self(counts)) } else { None }
    }

    /// Takes the slot of the interface at `address`, which has a record, if it is free or its owner moves nothing
    /// any more.
    #[inline(always)]
    pub(crate) fn claim(address: u64, key: &InterfaceKey) -> Option<Self> {
        let counts = slot(address)?;
        // SAFETY: as above.
        unsafe {
            if (*counts).key.namespace != 0 && !is_owner(counts, key) {
                let packets = (*counts).packets();
                if (*counts).contended_at != packets {
                    (*counts).contended_at = packets;
                    (*counts).contenders = 0;
                }
                (*counts).contenders += 1;
                if (*counts).contenders < PATIENCE {
                    return None;
                }
                let owner = (*counts).key;
                // It may have no record in this table. User space knows its flags from an earlier one.
                Self(counts).move_to(Device::of(&device_key(&owner), || 0)?);
            }
            // The name first: the namespace says that the slot is taken. Volatile: the order is part of it.
            (&raw mut (*counts).key.name[0]).write_volatile(key.name[0]);
            (&raw mut (*counts).key.name[1]).write_volatile(key.name[1]);
            (&raw mut (*counts).key.namespace).write_volatile(key.namespace);
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
        count_device!(device, write_bytes, old.sent_bytes);
        count_device!(device, write_requests, old.sent_packets);
        count_device!(device, read_bytes, old.received_bytes);
        count_device!(device, read_requests, old.received_packets);
        count_device!(device, errors, old.refused_packets);
        count_device!(device, shaped_bytes, old.shaped_bytes);
        count_device!(device, shaped_packets, old.shaped_packets);
        count_device!(device, gather_bytes, old.gather_bytes);
        // SAFETY: as above.
        unsafe {
            (&raw mut (*counts).key.namespace).write_volatile(0);
            (&raw mut (*counts).sent_bytes).write_volatile(0);
            (&raw mut (*counts).sent_packets).write_volatile(0);
            (&raw mut (*counts).received_bytes).write_volatile(0);
            (&raw mut (*counts).received_packets).write_volatile(0);
            (&raw mut (*counts).refused_packets).write_volatile(0);
            (&raw mut (*counts).shaped_bytes).write_volatile(0);
            (&raw mut (*counts).shaped_packets).write_volatile(0);
            (&raw mut (*counts).gather_bytes).write_volatile(0);
            (&raw mut (*counts).pending).write_volatile(0);
            (&raw mut (*counts).pending_gather_bytes).write_volatile(0);
            (&raw mut (*counts).contenders).write_volatile(0);
            (&raw mut (*counts).contended_at).write_volatile(0);
            (&raw mut (*counts).moves).write_volatile(old.moves + 2);
        }
    }

    /// Counts the shape of a packet that is handed to the driver of the interface at `address`.
    #[inline(always)]
    pub(crate) fn shaped(self, address: u64, bytes: u64, gathered: u64) {
        // SAFETY: fields of a map value that only this CPU writes.
        unsafe {
            (*self.0).shaped_bytes += bytes;
            (*self.0).shaped_packets += 1;
            (*self.0).gather_bytes += gathered;
            (*self.0).pending_gather_bytes = gathered;
            (*self.0).pending = address;
        }
    }

    /// Counts a packet that the driver took.
    #[inline(always)]
    pub(crate) fn sent(self, bytes: u64) {
        // SAFETY: as above.
        unsafe {
            (*self.0).sent_bytes += bytes;
            (*self.0).sent_packets += 1;
            (*self.0).pending = 0;
        }
    }

    /// Counts a packet that the driver did not take, and takes back its shape: it may be handed over again.
    #[inline(always)]
    pub(crate) fn refused(self, bytes: u64) {
        // SAFETY: as above.
        unsafe {
            (*self.0).refused_packets += 1;
            if (*self.0).pending != 0 {
                (*self.0).shaped_bytes -= bytes;
                (*self.0).shaped_packets -= 1;
                (*self.0).gather_bytes -= (*self.0).pending_gather_bytes;
                (*self.0).pending = 0;
            }
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
