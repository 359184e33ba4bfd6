//! One of the three programs: moves a file of its own through a pipe into `/dev/null`, at a bounded rate.
//!
//! Standard input says what it does: a byte for its role, later one that fixes it. It ends with standard input, and
//! with the lab.

use std::{
    ffi::CString,
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use memmap2::Mmap;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    pipe::{SpliceFlags, splice},
    process::{Resource, Rlimit, setrlimit},
    thread::{CapabilitySet, set_name},
};
use zc_privilege::keep_only;

use super::role::{Pace, Role, TICK_MS};
use crate::{process::child, sink::scratch};

/// Bytes of its file.
const SIZE: usize = 4 << 20;

/// The byte that fixes a program: it goes on by reference, at its own pace.
pub const FIX: u8 = b'f';

/// Says on standard output that it has changed.
pub const CHANGED: u8 = b'.';

/// Runs until standard input ends.
///
/// # Errors
/// When a call fails.
pub fn main(name: &str, directory: &Path) -> Result<()> {
    let name = CString::new(name).context("a name with a zero byte")?;
    set_name(&name).context("cannot name the process")?;
    let mut file = scratch(directory)?;
    file.write_all(&vec![0x5a; SIZE]).context("cannot write a file")?;
    keep_only(CapabilitySet::empty())?;
    // A mistake of this program fills no disk.
    let most = Some(SIZE as u64);
    let _ = setrlimit(Resource::Fsize, Rlimit { current: most, maximum: most });
    let (mut orders, mut answers) = (child::standard_input()?, child::standard_output()?);
    let mut code = [0];
    orders.read_exact(&mut code).context("cannot read what to do")?;
    let Some(role) = Role::of_code(code[0]) else {
        bail!("internal subcommand; use `zc lab mystery`")
    };
    let mut program = Program::new(file, role)?;
    answers.write_all(&[CHANGED]).context("cannot answer")?;
    let mut next = Instant::now();
    loop {
        program.tick()?;
        next += Duration::from_millis(TICK_MS);
        // After a pause, such as that of a machine that slept, nothing is made up for.
        let now = Instant::now();
        next = next.max(now);
        if !wait(&orders, next - now)? {
            continue;
        }
        match orders.read(&mut code).context("cannot read what to do")? {
            0 => return Ok(()),
            _ if code[0] == FIX => {
                program.role = Role::Refers;
                answers.write_all(&[CHANGED]).context("cannot answer")?;
            }
            _ => bail!("internal subcommand; use `zc lab mystery`"),
        }
    }
}

/// Waits for an order; whether there is one.
fn wait(orders: &File, time: Duration) -> Result<bool> {
    let timeout = Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(0),
        tv_nsec: i64::from(time.subsec_nanos()),
    };
    match poll(&mut [PollFd::new(orders, PollFlags::IN)], Some(&timeout)) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error).context("cannot wait for what to do"),
    }
}

struct Program {
    role: Role,
    /// How much: that of the first role, also when it has been fixed.
    pace: Pace,
    file: File,
    map: Mmap,
    at: usize,
    buffer: Vec<u8>,
    pipe: (io::PipeReader, io::PipeWriter),
    null: File,
}

impl Program {
    fn new(mut file: File, role: Role) -> Result<Self> {
        file.seek(SeekFrom::Start(0)).context("cannot go back in a file")?;
        // SAFETY: the file has no name, and only this process has it open: it does not become shorter.
        let map = unsafe { Mmap::map(&file) }.context("cannot map a file")?;
        let pace = role.pace();
        Ok(Self {
            role,
            pace,
            file,
            map,
            at: 0,
            buffer: vec![0; pace.call],
            pipe: io::pipe().context("cannot make a pipe")?,
            null: OpenOptions::new()
                .write(true)
                .open("/dev/null")
                .context("cannot open /dev/null")?,
        })
    }

    fn tick(&mut self) -> Result<()> {
        for _ in 0..self.pace.tick / self.pace.call {
            if self.at + self.pace.call > SIZE {
                self.at = 0;
                self.file.seek(SeekFrom::Start(0)).context("cannot go back in a file")?;
            }
            self.transfer().context("cannot move bytes")?;
            self.at += self.pace.call;
        }
        Ok(())
    }

    /// Moves the bytes of one call into the pipe, and out of it. A pipe has room for 64 KiB.
    fn transfer(&mut self) -> io::Result<()> {
        let Self { file, map, at, buffer, pipe: (reader, writer), null, pace, .. } = self;
        match self.role {
            Role::Copies => {
                file.read_exact(buffer)?;
                writer.write_all(buffer)?;
            }
            Role::Maps => writer.write_all(&map[*at..*at + pace.call])?,
            Role::Refers => {
                let mut offset = *at as u64;
                let mut left = pace.call;
                while left > 0 {
                    let moved = splice(
                        &*file,
                        Some(&mut offset),
                        &*writer,
                        None,
                        left,
                        SpliceFlags::empty(),
                    )?;
                    left -= moved.clamp(1, left);
                }
            }
        }
        let mut left = pace.call;
        while left > 0 {
            let moved = splice(&*reader, None, &*null, None, left, SpliceFlags::empty())?;
            left -= moved.clamp(1, left);
        }
        Ok(())
    }
}
