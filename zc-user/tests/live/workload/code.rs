//! Processes whose own code copies, or does something like it. The hot code is the C library's, or written in
//! assembly: what a test finds does not depend on how this program was compiled.

use std::{
    arch::asm, ffi::c_void, fs::OpenOptions, hint::black_box, io::Write as _, os::fd::AsRawFd as _,
    path::Path, ptr, time::Duration,
};

use rustix::{
    process::{Signal, set_parent_process_death_signal},
    time::{ClockId, clock_gettime},
};

/// Bytes of a copy, and of memory that no process has touched.
const PIECE: usize = 32 << 10;
const FRESH: usize = 8 << 20;

/// Bytes of a file of instructions that do nothing.
const NOTHINGS: usize = 4 << 20;

/// Bytes of code that is made at run time.
const MADE: usize = 64 << 10;

/// Uses `milliseconds` of CPU time in code of this kind. `path` is a file that may be made.
pub(super) fn burn(kind: &str, milliseconds: u64, path: &Path) {
    set_parent_process_death_signal(Some(Signal::KILL)).expect("a process may wish to end");
    let mut from = vec![7_u64; PIECE / 8];
    let mut to = vec![0_u64; PIECE / 8];
    let (source, target) = (from.as_mut_ptr(), to.as_mut_ptr());
    let copy = |to: *mut u64, from: *const u64, bytes: usize| {
        // SAFETY: both have so many bytes, and do not overlap.
        unsafe { libc::memcpy(to.cast(), from.cast(), bytes) };
    };
    let words = PIECE / 8;
    match kind {
        "copy" => repeat(milliseconds, || copy(target, source, PIECE)),
        "copy-small" => {
            let mut bytes = 0;
            repeat(milliseconds, || {
                bytes = (bytes + 13) % 32;
                copy(target, source, bytes);
            });
        }
        "loop" => repeat(milliseconds, || copy_words(target, source, words)),
        "fresh" => repeat_slowly(milliseconds, || {
            let [to, from] =
                [FRESH, FRESH].map(|bytes| map(bytes, libc::PROT_READ | libc::PROT_WRITE, -1));
            copy(to.cast(), from.cast(), FRESH);
            [to, from].into_iter().for_each(|at| unmap(at, FRESH));
        }),
        "fill" => repeat(milliseconds, || {
            // SAFETY: it has so many bytes.
            unsafe { libc::memset(target.cast(), 7, PIECE) };
        }),
        "length" => {
            let mut text = vec![b'x'; PIECE];
            text[PIECE - 1] = 0;
            // SAFETY: it ends with a zero.
            repeat(milliseconds, || _ = black_box(unsafe { libc::strlen(text.as_ptr().cast()) }));
        }
        "compare" => repeat(milliseconds, || {
            // SAFETY: both have so many bytes.
            _ = black_box(unsafe { libc::memcmp(source.cast(), target.cast(), PIECE) });
        }),
        "checksum" => repeat(milliseconds, || sum_and_copy_words(target, source, words)),
        "swap" => repeat(milliseconds, || swap_words(target, source, words)),
        "made" => {
            let code = map(MADE, libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC, -1);
            run(code, MADE, milliseconds);
        }
        // A file that is no program, with more places than can be remembered.
        "nothings" => {
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(true)
                .open(path)
                .expect("a file");
            file.write_all(&vec![0; NOTHINGS]).expect("room");
            let rights = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
            let code = map(NOTHINGS, rights, file.as_raw_fd());
            run(code, NOTHINGS, milliseconds);
        }
        other => panic!("there is no code that does '{other}'"),
    }
}

fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// Does a small piece of work until the time is used.
fn repeat(milliseconds: u64, mut work: impl FnMut()) {
    repeat_slowly(milliseconds, || (0..1_000).for_each(|_| work()));
}

fn repeat_slowly(milliseconds: u64, mut work: impl FnMut()) {
    let end = cpu_time() + Duration::from_millis(milliseconds);
    while cpu_time() < end {
        work();
    }
}

fn map(bytes: usize, rights: i32, file: i32) -> *mut c_void {
    let flags = if file < 0 { libc::MAP_PRIVATE | libc::MAP_ANONYMOUS } else { libc::MAP_SHARED };
    // SAFETY: new memory.
    let at = unsafe { libc::mmap(ptr::null_mut(), bytes, rights, flags, file, 0) };
    assert_ne!(at, libc::MAP_FAILED, "there is memory");
    at
}

fn unmap(at: *mut c_void, bytes: usize) {
    // SAFETY: nothing refers to it.
    assert_eq!(unsafe { libc::munmap(at, bytes) }, 0);
}

/// Fills memory with instructions that do nothing, and runs them, over and over.
fn run(code: *mut c_void, bytes: usize, milliseconds: u64) {
    #[cfg(target_arch = "x86_64")]
    const NOTHING: &[u8] = &[0x90];
    #[cfg(target_arch = "x86_64")]
    const RETURN: &[u8] = &[0xc3];
    #[cfg(target_arch = "aarch64")]
    const NOTHING: &[u8] = &0xd503_201f_u32.to_le_bytes();
    #[cfg(target_arch = "aarch64")]
    const RETURN: &[u8] = &0xd65f_03c0_u32.to_le_bytes();
    let count = bytes / NOTHING.len() - 1;
    let all = [&NOTHING.repeat(count)[..], RETURN].concat();
    // SAFETY: it has so many bytes, and it is a function then.
    let function: extern "C" fn() = unsafe {
        ptr::copy_nonoverlapping(all.as_ptr(), code.cast(), all.len());
        std::mem::transmute(code)
    };
    repeat(milliseconds, || function());
}

/// A loop that copies.
fn copy_words(to: *mut u64, from: *const u64, count: usize) {
    // SAFETY: both have so many words.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        asm!(
            "2:", "mov {word}, [{from}]", "mov [{to}], {word}",
            "add {from}, 8", "add {to}, 8", "dec {count}", "jnz 2b",
            from = inout(reg) from => _, to = inout(reg) to => _, count = inout(reg) count => _,
            word = out(reg) _, options(nostack),
        );
        #[cfg(target_arch = "aarch64")]
        asm!(
            "2:", "ldr {word}, [{from}], 8", "str {word}, [{to}], 8",
            "subs {count}, {count}, 1", "b.ne 2b",
            from = inout(reg) from => _, to = inout(reg) to => _, count = inout(reg) count => _,
            word = out(reg) _, options(nostack),
        );
    }
}

/// A loop that copies and looks at what it copies.
fn sum_and_copy_words(to: *mut u64, from: *const u64, count: usize) {
    // SAFETY: as above.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        asm!(
            "2:", "mov {word}, [{from}]", "add {sum}, {word}", "mov [{to}], {word}",
            "add {from}, 8", "add {to}, 8", "dec {count}", "jnz 2b",
            from = inout(reg) from => _, to = inout(reg) to => _, count = inout(reg) count => _,
            word = out(reg) _, sum = inout(reg) 0_u64 => _, options(nostack),
        );
        #[cfg(target_arch = "aarch64")]
        asm!(
            "2:", "ldr {word}, [{from}], 8", "add {sum}, {sum}, {word}", "str {word}, [{to}], 8",
            "subs {count}, {count}, 1", "b.ne 2b",
            from = inout(reg) from => _, to = inout(reg) to => _, count = inout(reg) count => _,
            word = out(reg) _, sum = inout(reg) 0_u64 => _, options(nostack),
        );
    }
}

/// A loop that puts each of two where the other was.
fn swap_words(one: *mut u64, two: *mut u64, count: usize) {
    // SAFETY: as above.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        asm!(
            "2:", "mov {word}, [{one}]", "mov {other}, [{two}]", "mov [{two}], {word}", "mov [{one}], {other}",
            "add {one}, 8", "add {two}, 8", "dec {count}", "jnz 2b",
            one = inout(reg) one => _, two = inout(reg) two => _, count = inout(reg) count => _,
            word = out(reg) _, other = out(reg) _, options(nostack),
        );
        #[cfg(target_arch = "aarch64")]
        asm!(
            "2:", "ldr {word}, [{one}]", "ldr {other}, [{two}]", "str {word}, [{two}], 8", "str {other}, [{one}], 8",
            "subs {count}, {count}, 1", "b.ne 2b",
            one = inout(reg) one => _, two = inout(reg) two => _, count = inout(reg) count => _,
            word = out(reg) _, other = out(reg) _, options(nostack),
        );
    }
}
