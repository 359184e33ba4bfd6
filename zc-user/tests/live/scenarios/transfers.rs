//! From one descriptor to another inside the kernel: sendfile, splice, copy_file_range, clones.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::{fd::AsRawFd, unix::net::UnixStream},
};

use super::{
    INPUT, Scenario, Stage,
    cache::{hits, spans},
    failed, fails, fd, moved, ok,
    pipes::{pipe, splice},
    sockets::tcp,
};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "sendfile_to_tcp",
        |stage| {
            let (from, to) = tcp();
            sendfile_to_socket(stage, from, to)
        },
        &[moved("sendfile_to_socket", 13, 13 * 10_007), moved("socket_recv:tcp", 13, 13 * 10_007)],
    )
    .also(|row, _| {
        assert_eq!(row.counter("net_tx_bytes"), 13 * 10_007);
        assert_eq!(row.counter("net_rx_bytes"), 13 * 10_007);
        assert_eq!(row.payload_copied(), 13 * 10_007, "by the receiver alone");
    }),
    Scenario::new(
        "sendfile_to_unix",
        |stage| {
            let (from, to) = UnixStream::pair().expect("a pair of sockets");
            sendfile_to_socket(stage, from, to)
        },
        &[moved("sendfile_to_socket", 13, 13 * 10_007), moved("socket_recv:unix", 13, 13 * 10_007)],
    )
    .also(|row, _| assert_eq!(row.counter("net_tx_bytes"), 0)),
    Scenario::new(
        "sendfile_to_file",
        |stage| {
            sendfile_all(&stage.input(), &stage.output("sendfile"), INPUT);
            Ok(())
        },
        // The last call finds the end of the file.
        &[moved("sendfile_to_file", 2, INPUT)],
    )
    .in_proc_io(),
    Scenario::new(
        "sendfile_to_pipe",
        |stage| {
            let (mut from, to) = pipe();
            let input = stage.input();
            for _ in 0..13 {
                sendfile(&input, &to, 10_007);
                from.read_exact(&mut [0; 10_007]).expect("as many");
            }
            Ok(())
        },
        &[moved("sendfile_to_pipe", 13, 13 * 10_007), moved("pipe_read", 13, 13 * 10_007)],
    )
    .in_proc_io(),
    Scenario::new(
        "sendfile_to_null",
        |stage| {
            sendfile_all(&stage.input(), &File::create("/dev/null").expect("/dev/null"), INPUT);
            Ok(())
        },
        &[moved("sendfile_to_pseudo", 2, INPUT)],
    )
    .in_proc_io()
    .also(|row, _| assert_eq!(row.payload_copied(), 0)),
    Scenario::new(
        "splice_relay",
        relay,
        &[
            moved("splice_file_pipe", 13, 13 * 4099),
            moved("splice_pipe_socket", 13, 13 * 4099),
            moved("socket_recv:unix", 13, 13 * 4099),
        ],
    ),
    Scenario::new(
        "splice_receiver",
        receiver,
        &[
            moved("socket_send:tcp", 11, 11 * 4099),
            moved("splice_socket_pipe", 11, 11 * 4099),
            moved("splice_pipe_file", 11, 11 * 4099),
        ],
    )
    .also(|row, _| {
        assert_eq!(row.counter("net_tx_bytes"), 11 * 4099);
        assert_eq!(row.counter("net_rx_bytes"), 11 * 4099);
    }),
    Scenario::new(
        "splice_to_null",
        |_| {
            let (from, mut to) = pipe();
            let null = File::create("/dev/null").expect("/dev/null");
            to.write_all(&[1; 10_007]).expect("room");
            splice(&from, &null, 10_007);
            Ok(())
        },
        &[moved("pipe_write", 1, 10_007), moved("splice_pipe_pseudo", 1, 10_007)],
    ),
    Scenario::new(
        "copy_file_range",
        copy_file_range,
        // The last call finds the end of the file.
        &[moved("copy_range_copied", INPUT.div_ceil(100_003) + 1, INPUT)],
    )
    .in_proc_io()
    .also(|row, _| {
        let full = INPUT / 100_003;
        let last = spans(INPUT % 100_003, [full * 100_003]);
        hits(row, spans(100_003, (0..full).map(|i| i * 100_003)) + last);
    }),
    Scenario::new("clone_that_cannot_be", clone, &[failed("copy_range_reflink", 2)]).in_proc_io(),
];

fn sendfile(from: &File, to: &impl AsRawFd, bytes: usize) {
    // SAFETY: descriptors and integers.
    let count = unsafe { libc::sendfile(fd(to), fd(from), std::ptr::null_mut(), bytes) };
    assert_eq!(ok(count), bytes);
}

fn sendfile_all(from: &File, to: &File, bytes: usize) {
    sendfile(from, to, bytes);
    // SAFETY: descriptors and integers.
    assert_eq!(ok(unsafe { libc::sendfile(fd(to), fd(from), std::ptr::null_mut(), 1) }), 0);
}

/// Sends at most what fits into a socket buffer at a time, so that no call blocks.
fn sendfile_to_socket(stage: &Stage, from: impl AsRawFd, to: impl AsRawFd) -> Result<(), String> {
    let input = stage.input();
    for _ in 0..13 {
        sendfile(&input, &to, 10_007);
        super::sockets::receive(&from, 10_007);
    }
    Ok(())
}

fn relay(stage: &Stage) -> Result<(), String> {
    let input = stage.input();
    let (pipe_from, pipe_to) = pipe();
    let (near, far) = UnixStream::pair().expect("a pair of sockets");
    for _ in 0..13 {
        splice(&input, &pipe_to, 4099);
        splice(&pipe_from, &near, 4099);
        super::sockets::receive(&far, 4099);
    }
    Ok(())
}

fn receiver(stage: &Stage) -> Result<(), String> {
    let output = stage.output("splice");
    let (pipe_from, pipe_to) = pipe();
    let (near, mut far) = tcp();
    for _ in 0..11 {
        far.write_all(&[1; 4099]).expect("room");
        splice(&near, &pipe_to, 4099);
        splice(&pipe_from, &output, 4099);
    }
    Ok(())
}

/// Whether the file system may share extents, so that nothing need be copied.
pub(super) fn shares_extents(file: &File) -> bool {
    const EXT4: i64 = 0xef53;
    const TMPFS: i64 = 0x0102_1994;
    // SAFETY: a structure of integers, filled by the call.
    let kind = unsafe {
        let mut information: libc::statfs = std::mem::zeroed();
        ok(libc::fstatfs(fd(file), &raw mut information) as isize);
        information.f_type
    };
    kind != EXT4 && kind != TMPFS
}

fn copy_file_range(stage: &Stage) -> Result<(), String> {
    let (input, output) = (stage.input(), stage.output("copy_file_range"));
    if shares_extents(&input) {
        return Err("this file system may share extents".to_owned());
    }
    let (none, none_either) = (std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: descriptors and integers.
    while ok(unsafe {
        libc::copy_file_range(fd(&input), none, fd(&output), none_either, 100_003, 0)
    }) > 0
    {}
    Ok(())
}

fn clone(stage: &Stage) -> Result<(), String> {
    /// `struct file_clone_range`, `include/uapi/linux/fs.h`.
    #[repr(C)]
    struct Range {
        source: i64,
        source_offset: u64,
        source_length: u64,
        target_offset: u64,
    }
    const FICLONERANGE: libc::Ioctl = 0x4020_940d;

    let (input, output) = (stage.input(), stage.output("clone"));
    if shares_extents(&input) {
        return Err("this file system may share extents".to_owned());
    }
    let range =
        Range { source: fd(&input).into(), source_offset: 0, source_length: 0, target_offset: 0 };
    // SAFETY: descriptors, and a structure of the expected form.
    unsafe {
        fails(libc::ioctl(fd(&output), libc::FICLONE, fd(&input)) as isize, libc::EOPNOTSUPP);
        let cloned = libc::ioctl(fd(&output), FICLONERANGE, &raw const range);
        fails(cloned as isize, libc::EOPNOTSUPP);
        // Some other request, which fails too: no copy was asked for.
        fails(libc::ioctl(fd(&output), libc::TCGETS, &raw const range) as isize, libc::ENOTTY);
    }
    Ok(())
}
