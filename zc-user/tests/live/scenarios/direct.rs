//! Direct I/O that is no plain read or write: by asynchronous operations, of which one thread makes the requests and
//! another one may see them complete, and from descriptor to descriptor.

use std::{
    ffi::CStr,
    fs,
    io::Write as _,
    os::{fd::AsRawFd as _, unix::fs::OpenOptionsExt as _},
    path::{Path, PathBuf},
    ptr::{null, null_mut},
};

use io_uring::{
    IoUring, opcode,
    squeue::{Entry, Flags},
    types::Fd,
};

use super::{
    Expected, Scenario, Stage, fd, moved, ok,
    pipes::{pipe, splice},
    transfers::shares_extents,
};
use crate::{report::Process, requirement::kernel_before};

const PAGE: usize = 4096;
const SIZE: usize = 3 * PAGE;
const READS: usize = 11;
const WRITES: usize = 7;

const BOTH: [Expected; 2] =
    [moved("direct_write", WRITES, WRITES * SIZE), moved("direct_read", READS, READS * SIZE)];

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "io_uring_direct",
        |stage| on_disk(stage, "io_uring_direct", IoUring::new(8), Flags::empty()),
        &BOTH,
    )
    .threads(1 + READS as u64)
    .also(|row, _| copies(row, Some(0))),
    // Workers make the requests.
    Scenario::new(
        "io_uring_direct_deferred",
        |stage| on_disk(stage, "io_uring_direct_deferred", IoUring::new(8), Flags::ASYNC),
        &BOTH,
    )
    .threads(1 + READS as u64)
    .also(|row, _| copies(row, Some(0))),
    // The thread that polls the queue does.
    Scenario::new(
        "io_uring_direct_polled",
        |stage| {
            let ring = IoUring::builder().setup_sqpoll(11).build(8);
            on_disk(stage, "io_uring_direct_polled", ring, Flags::empty())
        },
        &BOTH,
    )
    .threads(2 + READS as u64)
    .also(|row, _| copies(row, Some(0))),
    // Files in memory are copied, whatever the flag says, and no device shows it.
    Scenario::new("io_uring_direct_in_memory", in_memory, &BOTH)
        .threads(1 + READS as u64)
        .all_copied()
        .also(|row, _| copies(row, None)),
    // From the page cache of one file to the device of another.
    Scenario::new(
        "sendfile_to_direct",
        |stage| {
            let (source, target) = (source(stage, "sendfile_to_direct")?, stage.output("sent"));
            sendfile(&source, &direct(&target, &stage.directory.join("sent"))?);
            Ok(())
        },
        &SENT,
    )
    .by_reference("sendfile_to_file")
    .also(|row, _| assert_eq!(row.copied("sendfile_to_file").0, Some(0))),
    Scenario::new(
        "splice_to_direct",
        |stage| {
            let target = stage.output("spliced");
            let target = direct(&target, &stage.directory.join("spliced"))?;
            let (from, mut to) = pipe();
            for _ in 0..WRITES {
                to.write_all(&[1; SIZE]).expect("room");
                splice(&from, &target, SIZE);
            }
            Ok(())
        },
        &[
            moved("pipe_write", WRITES, WRITES * SIZE),
            moved("splice_pipe_file", WRITES, WRITES * SIZE),
        ],
    )
    .by_reference("splice_pipe_file")
    .also(|row, _| assert_eq!(row.copied("splice_pipe_file").0, Some(0))),
    Scenario::new(
        "copy_range_to_direct",
        |stage| {
            let source = source(stage, "copy_range_to_direct")?;
            if shares_extents(&source) {
                return Err("this file system may share extents".to_owned());
            }
            let target = stage.output("copied");
            let target = direct(&target, &stage.directory.join("copied"))?;
            let (from, to, none) = (fd(&source), fd(&target), null_mut());
            for _ in 0..WRITES {
                // SAFETY: descriptors and integers.
                let copied = unsafe { libc::copy_file_range(from, none, to, null_mut(), SIZE, 0) };
                assert_eq!(ok(copied), SIZE);
            }
            Ok(())
        },
        &[moved("file_write", 1, WRITES * SIZE), moved("copy_range_copied", WRITES, WRITES * SIZE)],
    )
    .by_reference("copy_range_copied")
    .also(|row, _| assert_eq!(row.copied("copy_range_copied").0, Some(0))),
    // Copied into memory, whatever the flag says.
    Scenario::new(
        "sendfile_to_direct_in_memory",
        |stage| {
            let source = source(stage, "sendfile_to_direct_in_memory")?;
            let path = overlay(stage, "sent-in-memory")?;
            let plain = fs::File::create(&path).expect("room");
            sendfile(&source, &direct(&plain, &path)?);
            Ok(())
        },
        &SENT,
    )
    .also(|row, _| {
        let (copied, provenance) = row.copied("sendfile_to_file");
        let is_measured = provenance == "measured";
        assert_eq!(copied, is_measured.then_some((WRITES * SIZE) as u64), "{provenance}");
    }),
];

const SENT: [Expected; 2] =
    [moved("file_write", 1, WRITES * SIZE), moved("sendfile_to_file", WRITES, WRITES * SIZE)];

/// A new file in the page cache, with whole pages.
fn source(stage: &Stage, name: &str) -> Result<fs::File, String> {
    let mut file = stage.output(&format!("{name}-source"));
    file.write_all(&[1; WRITES * SIZE]).expect("room");
    std::io::Seek::rewind(&mut file).expect("a file with positions");
    Ok(file)
}

/// The file at `path` once more, for direct I/O, with its blocks: a write that allocates may go through the cache.
fn direct(plain: &fs::File, path: &Path) -> Result<fs::File, String> {
    // SAFETY: a descriptor and integers.
    if unsafe { libc::posix_fallocate(fd(plain), 0, (WRITES * SIZE) as i64) } != 0 {
        return Err("this file system cannot allocate blocks".to_owned());
    }
    let file = fs::File::options().write(true).custom_flags(libc::O_DIRECT).open(path);
    file.map_err(|_| "this file system has no O_DIRECT".to_owned())
}

fn sendfile(from: &fs::File, to: &fs::File) {
    for _ in 0..WRITES {
        // SAFETY: descriptors and integers.
        assert_eq!(ok(unsafe { libc::sendfile(fd(to), fd(from), null_mut(), SIZE) }), SIZE);
    }
}

/// What is known of the copies where no copy site is; before 5.18 nothing, as the kernel does not report whose
/// requests are those of a ring.
fn copies(row: &Process, expected: Option<u64>) {
    for path in ["direct_write", "direct_read"] {
        let (copied, provenance) = row.copied(path);
        if provenance != "measured" {
            let expected = if kernel_before(5, 18) { None } else { expected };
            assert_eq!(copied, expected, "copied on {path}: {provenance}");
        }
    }
}

fn on_disk(
    stage: &Stage,
    name: &str,
    ring: std::io::Result<IoUring>,
    flags: Flags,
) -> Result<(), String> {
    let mut ring = ring.map_err(|error| format!("this kernel has no such ring: {error}"))?;
    stage.output(name);
    transfer(&stage.directory.join(name), &mut ring, flags)
}

/// Memory that direct I/O accepts.
#[repr(align(4096))]
struct Aligned([u8; SIZE]);

/// Writes and reads directly. The file has its blocks before, as a write that allocates may go through the cache.
fn transfer(path: &Path, ring: &mut IoUring, flags: Flags) -> Result<(), String> {
    let options =
        fs::File::options().read(true).write(true).custom_flags(libc::O_DIRECT).open(path);
    let Ok(file) = options else { return Err("this file system has no O_DIRECT".to_owned()) };
    // SAFETY: a descriptor and integers.
    if unsafe { libc::posix_fallocate(fd(&file), 0, (READS * SIZE) as i64) } != 0 {
        return Err("this file system cannot allocate blocks".to_owned());
    }
    let mut memory = Aligned([1; SIZE]);
    let (target, address, length) = (Fd(file.as_raw_fd()), memory.0.as_mut_ptr(), SIZE as u32);
    let mut run = |entry: Entry| {
        // SAFETY: the buffer and the file outlive the request, which is awaited.
        unsafe { ring.submission().push(&entry.flags(flags)).expect("room in the queue") };
        ring.submit_and_wait(1).expect("a request completes");
        let results: Vec<_> = ring.completion().map(|completion| completion.result()).collect();
        assert_eq!(results, [SIZE as i32]);
    };
    for i in 0..WRITES {
        run(opcode::Write::new(target, address, length).offset((i * SIZE) as u64).build());
    }
    for i in 0..READS {
        let at = (i % WRITES * SIZE) as u64;
        run(opcode::Read::new(target, address, length).offset(at).build());
    }
    Ok(())
}

/// On an overlay on a file system in memory, mounted in a namespace of its own, which ends with this process.
fn in_memory(stage: &Stage) -> Result<(), String> {
    let file = overlay(stage, "in-memory")?;
    fs::File::create(&file).expect("room");
    let mut ring = IoUring::new(8).map_err(|error| format!("no ring: {error}"))?;
    transfer(&file, &mut ring, Flags::empty())
}

/// Where a file may be made on such an overlay.
fn overlay(stage: &Stage, name: &str) -> Result<PathBuf, String> {
    const NONE: *const libc::c_char = null();
    let mount = |kind: &CStr, at: &CStr, flags, data: *const libc::c_char| {
        // SAFETY: strings that end.
        unsafe { libc::mount(kind.as_ptr(), at.as_ptr(), kind.as_ptr(), flags, data.cast()) }
    };
    let here = stage.directory.join(name);
    fs::create_dir(&here).expect("room");
    std::env::set_current_dir(&here).expect("it was just made");
    // SAFETY: integers; this process has one thread.
    if unsafe { libc::unshare(libc::CLONE_NEWNS) } != 0 {
        return Err("mount namespaces are not allowed here".to_owned());
    }
    ok(mount(c"none", c"/", libc::MS_REC | libc::MS_PRIVATE, NONE) as isize);
    ok(mount(c"tmpfs", c".", 0, NONE) as isize);
    std::env::set_current_dir(&here).expect("it was just mounted");
    for directory in ["lower", "upper", "work", "merged"] {
        fs::create_dir(directory).expect("room");
    }
    let layers = c"lowerdir=lower,upperdir=upper,workdir=work";
    if mount(c"overlay", c"merged", 0, layers.as_ptr()) != 0 {
        return Err("this kernel has no overlays".to_owned());
    }
    Ok(here.join("merged/file"))
}
