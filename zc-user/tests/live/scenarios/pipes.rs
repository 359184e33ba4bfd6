//! Pipes: copies in and out, and the calls that pass pages by reference.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::fd::FromRawFd as _,
};

use super::{Scenario, Stage, fd, moved, ok};

const PAGE: usize = 4096;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "pipe",
        write_read,
        &[moved("pipe_write", 17, 17 * 4099), moved("pipe_read", 17, 17 * 4099)],
    )
    .in_proc_io(),
    Scenario::new(
        "vmsplice",
        vmsplice,
        &[moved("vmsplice", 7, 7 * PAGE), moved("pipe_read", 7, 7 * PAGE)],
    ),
    Scenario::new(
        "vmsplice_out",
        vmsplice_out,
        &[moved("pipe_write", 1, 10_007), moved("pipe_read", 1, 10_007)],
    ),
    Scenario::new(
        "tee",
        tee,
        &[
            moved("pipe_write", 3, 3 * 10_007),
            moved("tee", 3, 3 * 10_007),
            moved("pipe_read", 6, 6 * 10_007),
        ],
    ),
    Scenario::new(
        "splice_pipe_to_pipe",
        pipe_to_pipe,
        &[
            moved("pipe_write", 5, 5 * 10_007),
            moved("splice_pipe_pipe", 5, 5 * 10_007),
            moved("pipe_read", 5, 5 * 10_007),
        ],
    ),
];

/// The two ends of a pipe: to read from, and to write to.
pub(super) fn pipe() -> (File, File) {
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors, which the files then own.
    unsafe {
        ok(libc::pipe(ends.as_mut_ptr()) as isize);
        (File::from_raw_fd(ends[0]), File::from_raw_fd(ends[1]))
    }
}

/// splice(2) without offsets.
pub(super) fn splice(
    from: &impl std::os::fd::AsRawFd,
    to: &impl std::os::fd::AsRawFd,
    bytes: usize,
) {
    // SAFETY: descriptors and integers.
    let moved = unsafe {
        libc::splice(fd(from), std::ptr::null_mut(), fd(to), std::ptr::null_mut(), bytes, 0)
    };
    assert_eq!(ok(moved), bytes);
}

fn write_read(_: &Stage) -> Result<(), String> {
    let (mut from, mut to) = pipe();
    let mut buffer = [0; 4099];
    for _ in 0..17 {
        to.write_all(&buffer).expect("room");
        from.read_exact(&mut buffer).expect("as many");
    }
    Ok(())
}

#[repr(align(4096))]
struct Page([u8; PAGE]);

fn vmsplice(_: &Stage) -> Result<(), String> {
    let (mut from, to) = pipe();
    let mut page = Page([7; PAGE]);
    let vector = libc::iovec { iov_base: page.0.as_mut_ptr().cast(), iov_len: PAGE };
    for _ in 0..7 {
        // SAFETY: the page outlives its stay in the pipe, which ends with the read below.
        assert_eq!(ok(unsafe { libc::vmsplice(fd(&to), &raw const vector, 1, 0) }), PAGE);
        from.read_exact(&mut [0; PAGE]).expect("as many");
    }
    Ok(())
}

fn vmsplice_out(_: &Stage) -> Result<(), String> {
    let (from, mut to) = pipe();
    let mut buffer = [0_u8; 10_007];
    to.write_all(&buffer).expect("room");
    let vector = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: the vector points to the buffer.
    assert_eq!(ok(unsafe { libc::vmsplice(fd(&from), &raw const vector, 1, 0) }), buffer.len());
    Ok(())
}

fn tee(_: &Stage) -> Result<(), String> {
    let ((mut first_from, mut first_to), (mut second_from, second_to)) = (pipe(), pipe());
    let mut buffer = [0; 10_007];
    for _ in 0..3 {
        first_to.write_all(&buffer).expect("room");
        // SAFETY: descriptors and integers.
        let count = unsafe { libc::tee(fd(&first_from), fd(&second_to), buffer.len(), 0) };
        assert_eq!(ok(count), buffer.len());
        first_from.read_exact(&mut buffer).expect("as many");
        second_from.read_exact(&mut buffer).expect("as many");
    }
    Ok(())
}

fn pipe_to_pipe(_: &Stage) -> Result<(), String> {
    let ((first_from, mut first_to), (mut second_from, second_to)) = (pipe(), pipe());
    let mut buffer = [0; 10_007];
    for _ in 0..5 {
        first_to.write_all(&buffer).expect("room");
        splice(&first_from, &second_to, buffer.len());
        second_from.read_exact(&mut buffer).expect("as many");
    }
    Ok(())
}
