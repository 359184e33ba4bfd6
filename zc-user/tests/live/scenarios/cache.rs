//! The page cache: which pages reads find there.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::FileExt as _,
    ptr::null_mut,
};

use rustix::fs::{Advice, fadvise};

use super::{FIGURE, Ground, Scenario, Stage, fd, moved, ok, pipes::pipe};
use crate::report::Process;

const PAGE: usize = 4096;
/// Bytes of the files that are not in memory.
const COLD: usize = 8 << 20;
/// Bytes of a read of them.
const CHUNK: usize = 300_007;
/// Bytes of the reads that have no readahead.
const SMALL: usize = 5 * PAGE;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "cold",
        cold,
        &[moved("file_write", 2, COLD + FIGURE), moved("file_read", COLD.div_ceil(CHUNK), COLD)],
    )
    .also(|row, ground| {
        let found = ground.figure("cold");
        // Without readahead there would be nothing to find.
        assert!(found > 0);
        assert_eq!(row.known("page_cache_hits").unwrap_or(found), found);
    }),
    Scenario::new(
        "cold_random",
        cold_random,
        &[moved("file_write", 1, COLD), moved("file_read", 2 * 7, 2 * 7 * SMALL)],
    )
    .also(|row, _| {
        // The first time each page has to be brought in, the second time none.
        hits(row, 7 * SMALL / PAGE);
        let misses = row.known("page_cache_misses").unwrap_or(u64::MAX);
        assert!(misses >= (7 * SMALL / PAGE) as u64, "{misses} misses");
    }),
    Scenario::new("positions", positions, &[moved("file_read", 6, 6 * 4099)])
        .in_proc_io()
        .also(|row, _| hits(row, spans(4099, [0, 4090, 8000, 1, 4100, 8199]))),
    Scenario::new(
        "sendfile_positions",
        sendfile_positions,
        &[moved("sendfile_to_pseudo", 3, 3 * 10_007)],
    )
    .in_proc_io()
    .also(|row, _| hits(row, spans(10_007, [0, 4090, 10_007]))),
    Scenario::new(
        "splice_positions",
        splice_positions,
        &[moved("splice_file_pipe", 3, 3 * 4099), moved("pipe_read", 3, 3 * 4099)],
    )
    .also(|row, _| hits(row, spans(4099, [0, 8190, 4099]))),
];

/// Pages that `bytes` lie in from each of the positions on.
pub(super) fn spans(bytes: usize, starts: impl IntoIterator<Item = usize>) -> usize {
    starts.into_iter().map(|start| (start + bytes - 1) / PAGE - start / PAGE + 1).sum()
}

/// Every page that was read was in memory, and they were `pages`.
pub(super) fn hits(row: &Process, pages: usize) {
    let pages = pages as u64;
    assert_eq!(row.known("page_cache_hits").unwrap_or(pages), pages);
}

/// A file of which no page is in memory.
fn dropped(stage: &Stage, name: &str) -> Result<File, String> {
    let mut file = stage.output(name);
    file.write_all(&vec![1; COLD]).expect("room");
    file.sync_all().expect("a disk");
    fadvise(&file, 0, None, Advice::DontNeed).expect("a file");
    // SAFETY: a mapping of its own, and room for a byte per page of it.
    let resident = unsafe {
        let address = libc::mmap(null_mut(), COLD, libc::PROT_READ, libc::MAP_SHARED, fd(&file), 0);
        assert_ne!(address, libc::MAP_FAILED);
        let mut pages = vec![0_u8; COLD / PAGE];
        ok(libc::mincore(address, COLD, pages.as_mut_ptr()) as isize);
        libc::munmap(address, COLD);
        pages.iter().filter(|page| **page & 1 != 0).count()
    };
    if resident > 0 {
        return Err("this file system keeps its pages in memory".to_owned());
    }
    file.rewind().expect("a file with positions");
    Ok(file)
}

/// `struct cachestat_range` and `struct cachestat`, `include/uapi/linux/mman.h`.
#[derive(Default)]
#[repr(C)]
struct CacheStat {
    offset: u64,
    bytes: u64,
    cached: u64,
    rest: [u64; 4],
}

/// How many pages of a range are in the page cache, also those that are still being read: those
/// mincore does not report.
fn cached(file: &File, offset: usize, bytes: usize) -> Result<u64, String> {
    const CACHESTAT: libc::c_long = 451;
    let (offset, bytes) = (offset as u64, bytes as u64);
    let mut stat = CacheStat { offset, bytes, ..CacheStat::default() };
    // SAFETY: structures as the kernel defines them.
    let result = unsafe {
        let range = &raw const stat.offset;
        libc::syscall(CACHESTAT, fd(file), range, &raw mut stat.cached, 0)
    };
    if result < 0 {
        return Err(format!("no cachestat: {}", std::io::Error::last_os_error()));
    }
    Ok(stat.cached)
}

/// Some of the pages of each read are in memory, those that readahead has brought in for earlier ones.
fn cold(stage: &Stage) -> Result<(), String> {
    let mut file = dropped(stage, "cold")?;
    let mut buffer = vec![0; CHUNK];
    let (mut position, mut found) = (0, 0);
    while position < COLD {
        let bytes = CHUNK.min(COLD - position);
        found += cached(&file, position, bytes)?;
        assert_eq!(file.read(&mut buffer).expect("readable"), bytes);
        position += bytes;
    }
    stage.tell("cold", found);
    Ok(())
}

fn cold_random(stage: &Stage) -> Result<(), String> {
    let file = dropped(stage, "cold_random")?;
    fadvise(&file, 0, None, Advice::Random).expect("a file");
    let mut buffer = [0; SMALL];
    for _ in 0..2 {
        for i in 0..7 {
            file.read_exact_at(&mut buffer, i * (1 << 20)).expect("readable");
        }
    }
    Ok(())
}

/// Three reads from the file's own position on, and three from others, one each of which begins on the
/// last bytes of a page.
fn positions(stage: &Stage) -> Result<(), String> {
    let mut input = stage.input();
    let mut buffer = [0_u8; 4099];
    input.read_exact(&mut buffer).expect("readable");
    let vector = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    input.seek(SeekFrom::Start(4090)).expect("a file with positions");
    // SAFETY: the vector points to a buffer that lives on.
    unsafe {
        assert_eq!(ok(libc::readv(fd(&input), &raw const vector, 1)), 4099);
        input.seek(SeekFrom::Start(8000)).expect("a file with positions");
        // A position of -1 is the file's own.
        assert_eq!(ok(libc::preadv2(fd(&input), &raw const vector, 1, -1, 0)), 4099);
        assert_eq!(ok(libc::pread(fd(&input), buffer.as_mut_ptr().cast(), 4099, 1)), 4099);
        assert_eq!(ok(libc::preadv(fd(&input), &raw const vector, 1, 4100)), 4099);
        assert_eq!(ok(libc::preadv2(fd(&input), &raw const vector, 1, 8199, 0)), 4099);
    }
    Ok(())
}

fn sendfile_positions(stage: &Stage) -> Result<(), String> {
    let input = stage.input();
    let null = File::create("/dev/null").expect("/dev/null");
    let mut position = 4090;
    // SAFETY: descriptors, and a position that lives on.
    unsafe {
        assert_eq!(ok(libc::sendfile(fd(&null), fd(&input), null_mut(), 10_007)), 10_007);
        let sent = libc::sendfile(fd(&null), fd(&input), &raw mut position, 10_007);
        assert_eq!(ok(sent), 10_007);
        assert_eq!(ok(libc::sendfile(fd(&null), fd(&input), null_mut(), 10_007)), 10_007);
    }
    assert_eq!(position, 4090 + 10_007);
    Ok(())
}

fn splice_positions(stage: &Stage) -> Result<(), String> {
    let input = stage.input();
    let (mut from, to) = pipe();
    let mut position = 8190;
    for at in [null_mut(), &raw mut position, null_mut()] {
        // SAFETY: descriptors, and a position that lives on.
        let moved = unsafe { libc::splice(fd(&input), at, fd(&to), null_mut(), 4099, 0) };
        assert_eq!(ok(moved), 4099);
        from.read_exact(&mut [0; 4099]).expect("as many");
    }
    assert_eq!(position, 8190 + 4099);
    Ok(())
}

/// What a scenario tells its check.
impl Ground {
    fn figure(&self, scenario: &str) -> u64 {
        self.figures[scenario]
    }
}
