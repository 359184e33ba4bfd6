//! Rings of requests that the kernel carries out by itself: io_uring.

use std::io;

use anyhow::{Context as _, Result};
use io_uring::{IoUring, opcode, squeue::Entry, squeue::Flags, types::Fd};

use crate::unsupported::Unsupported;

/// Requests that are submitted by one call.
pub(crate) const BATCH: usize = 8;

/// A ring for a batch.
///
/// # Errors
/// [`Unsupported`] where there is no io_uring, or this process may not have one.
pub(crate) fn open() -> Result<IoUring> {
    // Twice as many completions: a zero-copy send has two.
    IoUring::new(2 * BATCH as u32).map_err(|error| match error.raw_os_error() {
        Some(libc::ENOSYS) => Unsupported("this kernel has no io_uring".to_owned()).into(),
        Some(libc::EPERM | libc::EACCES) => Unsupported(
            "io_uring is not permitted: check sysctl kernel.io_uring_disabled and the seccomp \
             filter of the container"
                .to_owned(),
        )
        .into(),
        Some(libc::ENOMEM) => {
            Unsupported("io_uring cannot lock memory: raise the limit (ulimit -l)".to_owned())
                .into()
        }
        _ => anyhow::Error::new(error).context("cannot make an io_uring"),
    })
}

/// Submits requests by one call and waits for all of them; their results, in the order of the
/// requests. What the requests point to has to live as long.
///
/// # Errors
/// When the ring fails; a request that fails has a negative result.
pub(crate) fn complete(ring: &mut IoUring, requests: &[Entry]) -> Result<Vec<i32>> {
    submit(ring, requests)?;
    ring.submit_and_wait(requests.len()).context("io_uring does not complete")?;
    let mut results = vec![0; requests.len()];
    for completion in ring.completion() {
        results[usize::try_from(completion.user_data())?] = completion.result();
    }
    Ok(results)
}

/// Puts requests into the queue, numbered by their place.
pub(crate) fn submit(ring: &mut IoUring, requests: &[Entry]) -> Result<()> {
    let mut queue = ring.submission();
    for (place, request) in requests.iter().enumerate() {
        let request = request.clone().user_data(place as u64);
        // SAFETY: the callers keep what a request points to until it has completed.
        unsafe { queue.push(&request) }.context("the queue of the io_uring is full")?;
    }
    Ok(())
}

/// Reads pieces of a file, one after the other from `position` on, by one call.
///
/// # Errors
/// When a read fails.
pub(crate) fn read<'a>(
    ring: &mut IoUring,
    fd: Fd,
    pieces: impl Iterator<Item = &'a mut [u8]>,
    mut position: u64,
) -> Result<usize> {
    let requests: Vec<_> = pieces
        .map(|piece| {
            let length = u32::try_from(piece.len())?;
            let read = opcode::Read::new(fd, piece.as_mut_ptr(), length).offset(position).build();
            position += u64::from(length);
            Ok(read)
        })
        .collect::<Result<_>>()?;
    let mut total = 0;
    for result in complete(ring, &requests)? {
        total += done(result).context("cannot read the payload")?;
    }
    Ok(total)
}

/// The requests as a chain: each begins when the one before it is done.
pub(crate) fn chained(mut requests: Vec<Entry>) -> Vec<Entry> {
    if let Some((_, first)) = requests.split_last_mut() {
        for request in first {
            *request = request.clone().flags(Flags::IO_LINK);
        }
    }
    requests
}

/// The bytes of a result, or its error.
pub(crate) fn done(result: i32) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::from_raw_os_error(-result))
}

/// What is left of pieces that were sent in a chain: it broke where one was sent in part.
///
/// # Errors
/// When one could not be sent.
pub(crate) fn unsent<'a>(pieces: &[&'a [u8]], results: &[i32]) -> io::Result<Vec<&'a [u8]>> {
    let mut left = Vec::new();
    for (piece, result) in pieces.iter().zip(results) {
        let sent = if *result == -libc::ECANCELED { 0 } else { done(*result)? };
        if sent < piece.len() {
            left.push(&piece[sent..]);
        }
    }
    Ok(left)
}
