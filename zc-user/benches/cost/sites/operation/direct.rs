//! A block device that completes every request at once, without an interrupt and without a real
//! device, for which such a guest would wait in leaps.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
};

use anyhow::{Result, ensure};

use super::{Work, file};

const BLOCK: usize = 4096;

#[repr(C, align(4096))]
struct Block([u8; BLOCK]);

pub(super) fn read() -> Result<Work> {
    let device = open(libc::O_DIRECT)?;
    let mut block = Box::new(Block([0; BLOCK]));
    Ok(Box::new(move || {
        ensure!(device.read_at(&mut block.0, 0)? == BLOCK, "a read was short");
        Ok(())
    }))
}

pub(super) fn write_cached() -> Result<Work> {
    let device = open(0)?;
    Ok(file::writing(device))
}

fn open(flags: i32) -> Result<File> {
    // Completes in the context of who submits.
    file::shell(
        "test -e /dev/nullb0 || modprobe null_blk queue_mode=2 irqmode=0 gb=1 nr_devices=1",
    )?;
    Ok(OpenOptions::new().read(true).write(true).custom_flags(flags).open("/dev/nullb0")?)
}
