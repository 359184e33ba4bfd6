//! A file system in user space, with one file that swallows what is written to it.

use std::{
    ffi::CString,
    fs::{self, File, OpenOptions},
    io::{Read as _, Write as _},
    os::{fd::AsRawFd as _, unix::fs::FileExt as _},
    thread,
};

use anyhow::{Context as _, Result, ensure};

use super::{Work, file};
use crate::sites::checked;

const MOUNT_POINT: &str = "/run/fuse";

// `enum fuse_opcode`, `include/uapi/linux/fuse.h`.
const LOOKUP: u32 = 1;
const FORGET: u32 = 2;
const GETATTR: u32 = 3;
const OPEN: u32 = 14;
const WRITE: u32 = 16;
const INIT: u32 = 26;

/// Length of `struct fuse_in_header`.
const HEADER: usize = 40;
/// The root is 1.
const FILE_NODE: u64 = 2;
/// The least that a daemon has to be able to read (`FUSE_MIN_READ_BUFFER` and a write).
const BUFFER: usize = 64 << 10;

pub(super) fn write() -> Result<Work> {
    fs::create_dir_all(MOUNT_POINT)?;
    file::shell("test -e /dev/fuse || modprobe fuse")?;
    let device = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/fuse")
        .context("this kernel has no FUSE")?;
    let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", device.as_raw_fd());
    let options = CString::new(options)?;
    let point = CString::new(MOUNT_POINT)?;
    // SAFETY: words that end with a NUL.
    checked(unsafe {
        let kind = c"fuse".as_ptr();
        libc::mount(kind, point.as_ptr(), kind, 0, options.as_ptr().cast())
    } as isize)?;
    // It ends with the process.
    thread::spawn(move || serve(device));
    let file = OpenOptions::new().write(true).open(format!("{MOUNT_POINT}/file"))?;
    Ok(Box::new(move || {
        ensure!(file.write_at(&[1], 0)? == 1, "nothing was written");
        Ok(())
    }))
}

/// Answers requests until the file system is unmounted.
fn serve(mut device: File) {
    let mut request = vec![0; BUFFER];
    while let Ok(length) = device.read(&mut request) {
        let word = |at: usize| u32::from_ne_bytes(request[at..at + 4].try_into().unwrap_or([0; 4]));
        let long = |at: usize| u64::from_ne_bytes(request[at..at + 8].try_into().unwrap_or([0; 8]));
        if length < HEADER {
            break;
        }
        let (opcode, unique, node) = (word(4), long(8), long(16));
        let mut answer = Answer::to(unique);
        match opcode {
            INIT => {
                // Version 7.31; what follows is limits, of which none means the kernel's.
                answer.word(7).word(31).word(BUFFER as u32).word(0).word(0).word(4096).word(1);
                for _ in 0..9 {
                    answer.word(0);
                }
            }
            LOOKUP => {
                answer.long(FILE_NODE).long(0).long(3600).long(3600).word(0).word(0);
                answer.attributes(FILE_NODE);
            }
            GETATTR => {
                answer.long(3600).word(0).word(0);
                answer.attributes(node);
            }
            OPEN => {
                answer.long(1).word(0).word(0);
            }
            WRITE => {
                let size = word(HEADER + 16);
                answer.word(size).word(0);
            }
            FORGET => continue,
            _ => answer.fail(libc::ENOSYS),
        }
        if device.write_all(answer.finish()).is_err() {
            break;
        }
    }
}

/// What is written to the device.
struct Answer(Vec<u8>);

impl Answer {
    /// `struct fuse_out_header`, without the length.
    fn to(unique: u64) -> Self {
        let mut answer = Self(Vec::with_capacity(256));
        answer.word(0).word(0).long(unique);
        answer
    }

    fn word(&mut self, value: u32) -> &mut Self {
        self.0.extend(value.to_ne_bytes());
        self
    }

    fn long(&mut self, value: u64) -> &mut Self {
        self.0.extend(value.to_ne_bytes());
        self
    }

    /// `struct fuse_attr`.
    fn attributes(&mut self, node: u64) {
        let mode = if node == FILE_NODE { libc::S_IFREG | 0o644 } else { libc::S_IFDIR | 0o755 };
        self.long(node).long(4096).long(8);
        // Times, and their nanoseconds.
        self.long(0).long(0).long(0).word(0).word(0).word(0);
        self.word(mode).word(1).word(0).word(0).word(0).word(4096).word(0);
    }

    fn fail(&mut self, error: i32) {
        self.0.truncate(16);
        self.0[4..8].copy_from_slice(&(-error).to_ne_bytes());
    }

    fn finish(&mut self) -> &[u8] {
        let length = self.0.len() as u32;
        self.0[..4].copy_from_slice(&length.to_ne_bytes());
        &self.0
    }
}
