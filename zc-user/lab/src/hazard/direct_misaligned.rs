//! Direct I/O has rules of alignment, and every file system its own way of enforcing them.

use std::{
    fs::{File, OpenOptions},
    os::{
        fd::AsRawFd as _,
        unix::fs::{FileExt as _, OpenOptionsExt as _},
    },
};

use anyhow::{Context as _, Result};
use rustix::fs::{AtFlags, OFlags, StatxFlags, statx};

use super::{Case, Fact, Hazard};
use crate::{unsupported::Unsupported, workload::job::Job};

pub(super) const HAZARD: Hazard = Hazard {
    id: "direct_misaligned",
    title: "direct I/O with a misaligned buffer, offset or length",
    lesson: "The device transfers whole blocks to memory that it can address: buffer, offset and \
             length must be aligned. What happens otherwise depends on the file system.",
    danger: "a program that works on one disk gets EINVAL on the next, or silently uses the page \
             cache, which it wanted to avoid",
    cases: &[Case { title: "reads with O_DIRECT", run }],
    figures: |_| Vec::new(),
};

/// More than any rule requires.
const ALIGNED: usize = 1 << 16;

fn run(job: &mut Job) -> Result<Vec<Fact>> {
    let link = format!("/proc/self/fd/{}", job.source.as_raw_fd());
    let flags = OFlags::DIRECT.bits().cast_signed();
    let direct = match OpenOptions::new().read(true).custom_flags(flags).open(&link) {
        Ok(direct) => direct,
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            let why = "this file system has no direct I/O; choose another directory with --dir";
            return Err(Unsupported(why.to_owned()).into());
        }
        Err(error) => return Err(error).context("cannot open the file for direct I/O"),
    };
    let mut memory = vec![0; 3 * ALIGNED];
    let start = memory.as_ptr().align_offset(ALIGNED);
    job.begin()?;
    let mut facts = vec![attempt(
        &job.source,
        &direct,
        "buffer, offset and length aligned",
        0,
        &mut memory[start..start + ALIGNED],
    )];
    // An aligned read must work; the others may be refused or served, but not with wrong bytes.
    facts[0].as_expected &= facts[0].text.contains("bytes");
    for (what, offset, buffer) in [
        ("a buffer at an odd address", 0, start + 1..start + 1 + ALIGNED),
        ("an odd offset", 1, start..start + ALIGNED),
        ("an odd length", 0, start..start + 1009),
    ] {
        facts.push(attempt(&job.source, &direct, what, offset, &mut memory[buffer]));
    }
    job.end()?;
    facts.push(rules(&direct));
    Ok(facts)
}

/// Reads once, and compares with the page cache.
fn attempt(cached: &File, direct: &File, what: &str, offset: u64, buffer: &mut [u8]) -> Fact {
    match direct.read_at(buffer, offset) {
        Ok(got) => {
            let mut same = vec![0; got];
            let is_same = cached.read_exact_at(&mut same, offset).is_ok() && same == buffer[..got];
            let result = if is_same { "right" } else { "WRONG" };
            Fact::new(is_same, format!("{what}: {got} bytes, {result}"))
        }
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            Fact::new(true, format!("{what}: refused with EINVAL"))
        }
        Err(error) => Fact::new(false, format!("{what}: refused, {error}")),
    }
}

/// What the kernel says the rules are.
fn rules(direct: &File) -> Fact {
    // STATX_DIOALIGN, since Linux 6.1 (include/uapi/linux/stat.h).
    let wanted = StatxFlags::from_bits_retain(0x2000);
    let reported = statx(direct, "", AtFlags::EMPTY_PATH, wanted).ok();
    let reported = reported.filter(|statx| statx.stx_mask & wanted.bits() != 0);
    Fact::new(
        true,
        match reported {
            Some(rules) if rules.stx_dio_mem_align > 0 => format!(
                "the kernel requires buffers aligned to {} bytes, offsets and lengths to {} \
                 (statx, STATX_DIOALIGN)",
                rules.stx_dio_mem_align, rules.stx_dio_offset_align
            ),
            _ => "the kernel does not report its rules (statx, STATX_DIOALIGN)".to_owned(),
        },
    )
}
