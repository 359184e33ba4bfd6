//! Files: the page cache, direct I/O, pseudo files, and failures.

use std::{
    ffi::c_void,
    fs,
    io::{Read as _, Write as _},
    os::{fd::FromRawFd as _, unix::fs::OpenOptionsExt as _},
};

use super::{
    INPUT, Scenario, Stage,
    cache::{hits, spans},
    failed, fails, fd, moved, ok,
};

/// Room for a read: a prime that divides nothing.
const CHUNK: usize = 65_537;
const PAGE: usize = 4096;
/// Three buffers of a vectored call.
const VECTOR: [usize; 3] = [101, 1009, 10_007];
const VECTOR_BYTES: usize = VECTOR[0] + VECTOR[1] + VECTOR[2];

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new("nothing", |_| Ok(()), &[]).in_proc_io(),
    Scenario::new(
        "read",
        read,
        // The last call finds the end of the file.
        &[moved("file_read", INPUT.div_ceil(CHUNK) + 1, INPUT)],
    )
    .in_proc_io()
    .also(|row, _| {
        // All calls but the last are of that many bytes.
        let full = INPUT / CHUNK;
        let last = spans(INPUT % CHUNK, [full * CHUNK]);
        hits(row, spans(CHUNK, (0..full).map(|i| i * CHUNK)) + last);
    }),
    Scenario::new("write", write, &[moved("file_write", 13, 13 * 7919)]).in_proc_io(),
    Scenario::new(
        "pread_pwrite",
        pread_pwrite,
        &[moved("file_read", 11, 11 * 4099), moved("file_write", 11, 11 * 4099)],
    )
    .in_proc_io(),
    Scenario::new(
        "readv_writev",
        readv_writev,
        &[moved("file_read", 7, 7 * VECTOR_BYTES), moved("file_write", 7, 7 * VECTOR_BYTES)],
    )
    .in_proc_io(),
    Scenario::new(
        "preadv_pwritev",
        preadv_pwritev,
        &[moved("file_read", 5, 5 * VECTOR_BYTES), moved("file_write", 5, 5 * VECTOR_BYTES)],
    )
    .in_proc_io(),
    Scenario::new(
        "preadv2_pwritev2",
        preadv2_pwritev2,
        &[moved("file_read", 3, 3 * VECTOR_BYTES), moved("file_write", 3, 3 * VECTOR_BYTES)],
    )
    .in_proc_io(),
    Scenario::new("memfd", memfd, &[moved("file_read", 2, 10_007), moved("file_write", 1, 10_007)])
        .in_proc_io()
        // It was not brought in from anywhere.
        .also(|row, _| hits(row, 0)),
    Scenario::new(
        "cached",
        cached,
        &[
            moved("file_write", CACHED + 1, CACHED * PAGE + 101),
            moved("file_read", 2, CACHED * PAGE + 101),
        ],
    )
    .in_proc_io()
    .also(|row, _| {
        // The reader finds each page of the file, however large its buffer is.
        hits(row, CACHED + 1);
        // A new file may need a metadata block of the file system that was not in memory.
        let misses = row.known("page_cache_misses").unwrap_or_default();
        assert!(misses <= 3, "{misses} misses");
    }),
    Scenario::new(
        "direct",
        direct,
        &[moved("direct_write", 7, 7 * 5 * PAGE), moved("direct_read", 11, 11 * 3 * PAGE)],
    )
    .in_proc_io()
    .also(|row, _| {
        // Direct I/O has no cache in between: what was asked for is what the disk was asked for.
        assert_eq!(row.counter("block_write_bytes"), (7 * 5 * PAGE) as u64);
        assert_eq!(row.counter("block_read_bytes"), (11 * 3 * PAGE) as u64);
        for path in ["direct_write", "direct_read"] {
            assert_eq!(row.copied(path).0, Some(0), "copied on {path}");
        }
        assert_eq!(row.known("page_cache_hits").unwrap_or(0), 0);
    }),
    Scenario::new(
        "direct_by_fcntl",
        direct_by_fcntl,
        &[moved("direct_read", 1, PAGE), moved("file_read", 2, 2 * PAGE)],
    )
    .in_proc_io(),
    Scenario::new(
        "zero_to_null",
        zero_to_null,
        &[moved("pseudo_read", 5, 5 * 10_007), moved("pseudo_write", 5, 5 * 10_007)],
    )
    .in_proc_io(),
    Scenario::new("procfs", procfs, &[moved("pseudo_read", 2, "Linux\n".len())]).in_proc_io(),
    Scenario::new("failures", failures, &[failed("file_read", 2), failed("file_write", 1)])
        .in_proc_io(),
];

fn read(stage: &Stage) -> Result<(), String> {
    let mut input = stage.input();
    let mut buffer = vec![0; CHUNK];
    while input.read(&mut buffer).expect("a readable file") > 0 {}
    Ok(())
}

fn write(stage: &Stage) -> Result<(), String> {
    let mut output = stage.output("write");
    for _ in 0..13 {
        output.write_all(&[1; 7919]).expect("room");
    }
    Ok(())
}

/// Whole pages of a file that was just written.
const CACHED: usize = 241;

/// The file is written a page at a time, so that its pages are single ones, and read at once: the
/// kernel takes several looks, of a batch of pages each.
fn cached(stage: &Stage) -> Result<(), String> {
    let mut output = stage.output("cached");
    for _ in 0..CACHED {
        output.write_all(&[1; PAGE]).expect("room");
    }
    output.write_all(&[1; 101]).expect("room");
    let mut input = fs::File::open(stage.directory.join("cached")).expect("it was just made");
    let mut buffer = vec![0; 2 * CACHED * PAGE];
    assert_eq!(input.read(&mut buffer).expect("readable"), CACHED * PAGE + 101);
    assert_eq!(input.read(&mut buffer).expect("readable"), 0);
    Ok(())
}

fn pread_pwrite(stage: &Stage) -> Result<(), String> {
    use std::os::unix::fs::FileExt as _;
    let (input, output) = (stage.input(), stage.output("pwrite"));
    let mut buffer = [0; 4099];
    for i in 0..11 {
        input.read_exact_at(&mut buffer, i * 10_007).expect("a readable file");
        output.write_all_at(&buffer, i * 20_011).expect("room");
    }
    Ok(())
}

/// Buffers, and the vector that points to them.
fn vector(buffers: &mut [Vec<u8>; 3]) -> [libc::iovec; 3] {
    buffers
        .each_mut()
        .map(|buffer| libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() })
}

fn buffers() -> [Vec<u8>; 3] {
    VECTOR.map(|len| vec![0; len])
}

fn readv_writev(stage: &Stage) -> Result<(), String> {
    let (input, output) = (stage.input(), stage.output("writev"));
    let mut buffers = buffers();
    let vector = vector(&mut buffers);
    for _ in 0..7 {
        // SAFETY: the vector points to buffers that live on.
        unsafe {
            assert_eq!(ok(libc::readv(fd(&input), vector.as_ptr(), 3)), VECTOR_BYTES);
            assert_eq!(ok(libc::writev(fd(&output), vector.as_ptr(), 3)), VECTOR_BYTES);
        }
    }
    Ok(())
}

fn preadv_pwritev(stage: &Stage) -> Result<(), String> {
    let (input, output) = (stage.input(), stage.output("pwritev"));
    let mut buffers = buffers();
    let vector = vector(&mut buffers);
    for i in 0..5 {
        // SAFETY: as above.
        unsafe {
            assert_eq!(ok(libc::preadv(fd(&input), vector.as_ptr(), 3, i * 7919)), VECTOR_BYTES);
            assert_eq!(ok(libc::pwritev(fd(&output), vector.as_ptr(), 3, i * 7919)), VECTOR_BYTES);
        }
    }
    Ok(())
}

fn preadv2_pwritev2(stage: &Stage) -> Result<(), String> {
    let (input, output) = (stage.input(), stage.output("pwritev2"));
    let mut buffers = buffers();
    let vector = vector(&mut buffers);
    for i in 0..3 {
        let at = i * 7919;
        // SAFETY: as above.
        unsafe {
            assert_eq!(ok(libc::preadv2(fd(&input), vector.as_ptr(), 3, at, 0)), VECTOR_BYTES);
            let written = libc::pwritev2(fd(&output), vector.as_ptr(), 3, at, libc::RWF_DSYNC);
            assert_eq!(ok(written), VECTOR_BYTES);
        }
    }
    Ok(())
}

/// A file that is nowhere but in memory.
pub(super) fn in_memory() -> fs::File {
    // SAFETY: a terminated name; the descriptor is owned by the file.
    unsafe {
        let descriptor = libc::memfd_create(c"zc".as_ptr(), 0);
        ok(descriptor as isize);
        fs::File::from_raw_fd(descriptor)
    }
}

fn memfd(_: &Stage) -> Result<(), String> {
    let mut file = in_memory();
    file.write_all(&[1; 10_007]).expect("memory");
    std::io::Seek::rewind(&mut file).expect("a file with positions");
    let mut buffer = [0; CHUNK];
    assert_eq!(file.read(&mut buffer).expect("readable"), 10_007);
    assert_eq!(file.read(&mut buffer).expect("readable"), 0);
    Ok(())
}

/// Memory that direct I/O accepts.
#[repr(align(4096))]
struct Aligned([u8; 5 * PAGE]);

fn direct(stage: &Stage) -> Result<(), String> {
    let name = stage.directory.join("direct");
    // The file has its blocks before it is written to directly, as a write that allocates may be
    // done through the cache.
    let plain = stage.output("direct");
    let size = i64::try_from(7 * 5 * PAGE).expect("small");
    // SAFETY: a descriptor and integers.
    let allocated = unsafe { libc::posix_fallocate(fd(&plain), 0, size) };
    if allocated != 0 {
        return Err("this file system cannot allocate blocks".to_owned());
    }
    let file = fs::File::options().read(true).write(true).custom_flags(libc::O_DIRECT).open(name);
    let Ok(mut file) = file else {
        return Err("this file system has no O_DIRECT".to_owned());
    };
    let mut memory = Aligned([1; 5 * PAGE]);
    for _ in 0..7 {
        assert_eq!(file.write(&memory.0).expect("room"), 5 * PAGE);
    }
    std::io::Seek::rewind(&mut file).expect("a file with positions");
    for _ in 0..11 {
        assert_eq!(file.read(&mut memory.0[..3 * PAGE]).expect("readable"), 3 * PAGE);
    }
    Ok(())
}

/// The same descriptor goes from the cache to the disk and back.
fn direct_by_fcntl(stage: &Stage) -> Result<(), String> {
    let mut file = stage.input();
    let mut memory = Aligned([1; 5 * PAGE]);
    for flags in [0, libc::O_DIRECT, 0] {
        // SAFETY: integers.
        if unsafe { libc::fcntl(fd(&file), libc::F_SETFL, flags) } != 0 {
            return Err("this file system has no O_DIRECT".to_owned());
        }
        assert_eq!(file.read(&mut memory.0[..PAGE]).expect("readable"), PAGE);
    }
    Ok(())
}

fn zero_to_null(_: &Stage) -> Result<(), String> {
    let mut zero = fs::File::open("/dev/zero").expect("/dev/zero");
    let mut null = fs::File::create("/dev/null").expect("/dev/null");
    let mut buffer = [0; 10_007];
    for _ in 0..5 {
        zero.read_exact(&mut buffer).expect("zeros");
        null.write_all(&buffer).expect("room");
    }
    Ok(())
}

fn procfs(_: &Stage) -> Result<(), String> {
    let mut file = fs::File::open("/proc/sys/kernel/ostype").expect("/proc");
    let mut buffer = [0; 101];
    assert_eq!(file.read(&mut buffer).expect("readable"), "Linux\n".len());
    assert_eq!(file.read(&mut buffer).expect("readable"), 0);
    Ok(())
}

fn failures(stage: &Stage) -> Result<(), String> {
    let (input, output) = (stage.input(), stage.output("failures"));
    let write_only = fs::File::options()
        .write(true)
        .open(stage.directory.join("failures"))
        .expect("it was just made");
    drop(output);
    let nowhere = std::ptr::without_provenance_mut::<c_void>(8);
    // SAFETY: the calls fail before they touch memory, or because of where it is.
    unsafe {
        fails(libc::read(fd(&write_only), nowhere, 1), libc::EBADF);
        fails(libc::read(fd(&input), nowhere, 1), libc::EFAULT);
        fails(libc::write(fd(&input), nowhere, 1), libc::EBADF);
        // A descriptor that does not exist has no type.
        fails(libc::read(i32::MAX, nowhere, 1), libc::EBADF);
    }
    Ok(())
}
