//! Block devices: requests made (by which thread) and completed (by which device).

use zc_common::device::{DeviceKey, KIND_BLOCK};

use super::{
    Arguments, tracepoint,
    writeback::{bypasses_cache, is_of_no_file},
};
use crate::{
    account::{Account, count, count_late},
    devices::{Device, count_device},
    kernel::{Object, offset, setting, variant},
};

/// Operations of a request (`enum req_op`, `include/linux/blk_types.h`): the low byte of its flags.
const REQ_OP_MASK: u32 = 0xff;
const REQ_OP_READ: u32 = 0;
const REQ_OP_WRITE: u32 = 1;

// Bytes are charged where a process hands them to the queue of a device: as a new request, or added
// to one. The thread that issues a request to the device (`block_rq_issue`) says nothing about that: any
// thread may run the queue of an I/O scheduler. Queues of stacked devices (dm, md) take no requests, so that
// nothing is counted twice.

tracepoint!(
    /// `block_getrq(struct bio *bio)`, `include/trace/events/block.h`, 5.11 to 7.2; in 5.10
    /// `(struct request_queue *q, struct bio *bio, int rw)`.
    zc_block_request, zc_block_request_raw, "block_getrq", |arguments| queued(bio(arguments, 1))
);

tracepoint!(
    /// `block_bio_backmerge(struct bio *bio)`, 5.11 to 7.2; in 5.10
    /// `(struct request_queue *q, struct request *rq, struct bio *bio)`.
    zc_block_append, zc_block_append_raw, "block_bio_backmerge", |arguments| queued(bio(arguments, 2))
);

tracepoint!(
    /// `block_bio_frontmerge`, with the arguments of `block_bio_backmerge`.
    zc_block_prepend, zc_block_prepend_raw, "block_bio_frontmerge", |arguments| queued(bio(arguments, 2))
);

/// The only argument; before 5.11 the one at `place`.
#[inline(always)]
fn bio(arguments: Arguments, place: usize) -> Object {
    if variant!(getrq_args) > 1 { arguments.object(place) } else { arguments.object(0) }
}

#[inline(always)]
fn queued(bio: Object) {
    let bytes = u64::from(bio.load::<u32>(offset!(bio_size)));
    let issuer = Account::current();
    match bio.load::<u32>(offset!(bio_flags)) & REQ_OP_MASK {
        REQ_OP_READ => {
            if let Some(issuer) = issuer {
                count!(issuer, block_read_bytes, bytes);
                if setting!(copy_sites) == 0 && is_of_no_file(bio) {
                    issuer.requested(bytes, false);
                }
            }
        }
        REQ_OP_WRITE => {
            if let Some(issuer) = issuer {
                count!(issuer, block_write_bytes, bytes);
                if bypasses_cache(bio) {
                    count_late!(issuer.late(), block_dirtied_bytes, bytes);
                    if setting!(copy_sites) == 0 {
                        issuer.requested(bytes, true);
                    }
                }
            }
        }
        _ => {}
    }
}

tracepoint!(
    /// `block_rq_complete(struct request *rq, blk_status_t error, unsigned int nr_bytes)`, 5.10 to
    /// 7.2. Runs in the thread that was interrupted, which need not be the one that made the request.
    zc_block_complete, zc_block_complete_raw, "block_rq_complete", |arguments| completed(arguments)
);

#[inline(always)]
fn completed(arguments: Arguments) {
    let request = arguments.object(0);
    let operation = request.load::<u32>(offset!(request_cmd_flags)) & REQ_OP_MASK;
    if operation != REQ_OP_READ && operation != REQ_OP_WRITE {
        return;
    }
    let disk = disk(request);
    if disk.is_null() {
        return;
    }
    let id =
        disk.load::<u32>(offset!(disk_major)) << 20 | disk.load::<u32>(offset!(disk_first_minor));
    let name = disk.load_words(offset!(disk_name));
    let key = DeviceKey { kind: KIND_BLOCK, id, namespace: 0, name };
    let Some(device) = Device::of(&key, || 0) else { return };
    let bytes = u64::from(arguments.integer(2) as u32);
    if arguments.integer(1) as u32 != 0 {
        count_device!(device, errors, 1);
    } else if operation == REQ_OP_READ {
        count_device!(device, read_bytes, bytes);
        count_device!(device, read_requests, 1);
    } else {
        count_device!(device, write_bytes, bytes);
        count_device!(device, write_requests, 1);
    }
}

/// The disk of a request: through its queue since 5.17, in the request itself before.
#[inline(always)]
fn disk(request: Object) -> Object {
    if offset!(queue_disk) == zc_common::layout::ABSENT {
        request.follow(offset!(request_disk_old))
    } else {
        request.follow(offset!(request_queue)).follow(offset!(queue_disk))
    }
}
