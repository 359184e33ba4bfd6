//! MSG_ZEROCOPY: send without a copy, if route and device allow it.

use std::{
    io::{self, Read as _},
    os::fd::AsRawFd as _,
};

use anyhow::{Context as _, Result};
use zc_common::path::CopyPath;

use crate::{
    sink::Sink,
    unsupported::Unsupported,
    workload::{
        job::Job,
        memory,
        scenario::{Cache, Calls, Expected, Scenario, ScenarioGroup, Setting, Theory, Work},
    },
};

pub(crate) const SCENARIO: Scenario = Scenario {
    id: "zerocopy",
    title: "send with MSG_ZEROCOPY",
    group: ScenarioGroup::Network,
    lesson: "The socket buffer refers to the program's pages, which the program must not change \
             until a message in the error queue. The message says whether the kernel copied.",
    theory: Theory {
        cpu_copies: Some(0.0),
        storage_dma: 0,
        network_dma: 1,
        mode_switches: Some(2),
        claim: "since 4.14: user pages are pinned instead of copied, at the cost of a completion",
    },
    sinks: &[Sink::Tcp, Sink::Veth],
    cache: Cache::Any,
    needs: &[],
    work: Work::Mechanism(run),
    expect,
};

/// Why every zero-copy send to this machine itself is copied.
pub(super) const COPIED_ON_ARRIVAL: &str = "packets that arrive on this machine must not refer to a program's memory: loopback and veth \
     copy them on reception (skb_orphan_frags_rx, net/core/dev.c); zero-copy was requested, and \
     achieved for no byte";

fn run(job: &mut Job) -> Result<()> {
    let mut memory = memory::pages(job.size)?;
    job.source.read_exact(&mut memory)?;
    let socket = job.sink.as_raw_fd();
    request_zerocopy(socket)?;
    let mut completions = Completions::default();
    job.begin()?;
    let mut sends = 0;
    for chunk in memory.chunks(job.chunk) {
        let mut done = 0;
        while done < chunk.len() {
            let rest = &chunk[done..];
            // SAFETY: pages that live, and that are not written to, until all completions are there.
            let sent =
                unsafe { libc::send(socket, rest.as_ptr().cast(), rest.len(), libc::MSG_ZEROCOPY) };
            match usize::try_from(sent) {
                Ok(sent) => {
                    done += sent;
                    sends += 1;
                }
                // Too many pages are pinned: some have to come back first.
                Err(_) if last_error() == libc::ENOBUFS && completions.sends < sends => {
                    completions.wait(job)?;
                }
                Err(_) => return Err(io::Error::last_os_error()).context("cannot send"),
            }
        }
    }
    while completions.sends < sends {
        completions.wait(job)?;
    }
    // Before the memory is given back, which takes a call.
    job.end()?;
    job.completed(completions.sends, completions.copied);
    Ok(())
}

/// `SO_ZEROCOPY`: without it the flag of the sends is silently ignored.
fn request_zerocopy(socket: i32) -> Result<()> {
    let on = 1_i32;
    // SAFETY: an integer and its size.
    let set = unsafe {
        let value = (&raw const on).cast();
        libc::setsockopt(socket, libc::SOL_SOCKET, libc::SO_ZEROCOPY, value, 4)
    };
    if set == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    Err(Unsupported(format!("this kernel has no zero-copy sends: {error}")).into())
}

/// What the error queue said.
#[derive(Default)]
struct Completions {
    /// Sends that are complete.
    sends: u64,
    /// Those of them that were copied. The kernel reports adjacent completions as one, with the
    /// flag of the first of them.
    copied: u64,
}

/// `struct cmsghdr` with `struct sock_extended_err` and the address that follows it.
#[repr(C, align(8))]
struct Control([u8; 128]);

impl Completions {
    /// Waits for at least one.
    fn wait(&mut self, job: &Job) -> Result<()> {
        // A message in the error queue is an error condition, which needs no asking for.
        let socket = job.sink.as_raw_fd();
        let mut watched = libc::pollfd { fd: socket, events: 0, revents: 0 };
        // SAFETY: one structure.
        if unsafe { libc::poll(&raw mut watched, 1, -1) } < 0 {
            return Err(io::Error::last_os_error()).context("cannot wait for completions");
        }
        while let Some(error) = from_error_queue(socket)? {
            if error.ee_origin != ORIGIN_ZEROCOPY {
                continue;
            }
            // The first and the last of a range of sends.
            let count = u64::from(error.ee_data.wrapping_sub(error.ee_info)) + 1;
            self.sends += count;
            if error.ee_code & COPIED != 0 {
                self.copied += count;
            }
        }
        Ok(())
    }
}

// `include/uapi/linux/errqueue.h`.
/// `SO_EE_ORIGIN_ZEROCOPY`.
const ORIGIN_ZEROCOPY: u8 = 5;
/// `SO_EE_CODE_ZEROCOPY_COPIED`.
const COPIED: u8 = 1;

/// The next notification in the error queue, if there is one.
pub(super) fn from_error_queue(socket: i32) -> Result<Option<libc::sock_extended_err>> {
    let mut control = Control([0; 128]);
    // SAFETY: integers and pointers, of which zero is a value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = control.0.len();
    let flags = libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT;
    // SAFETY: the message points to room of the size that it says.
    if unsafe { libc::recvmsg(socket, &raw mut message, flags) } < 0 {
        return match last_error() {
            libc::EAGAIN => Ok(None),
            _ => Err(io::Error::last_os_error()).context("cannot read the error queue"),
        };
    }
    // SAFETY: as the kernel filled it in; the payload of IP_RECVERR and IPV6_RECVERR is this
    // structure, which may lie unaligned.
    unsafe {
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        if header.is_null() {
            return Ok(None);
        }
        Ok(Some(libc::CMSG_DATA(header).cast::<libc::sock_extended_err>().read_unaligned()))
    }
}

fn last_error() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

fn expect(setting: &Setting) -> Expected {
    Expected {
        moved: vec![(CopyPath::SocketSendZerocopy, setting.size)],
        copied_bytes: setting.size,
        // One more at least for the error queue.
        syscalls: Calls::AtLeast(setting.transfers() + 1),
        copies_because: Some(COPIED_ON_ARRIVAL),
        switches_because: None,
    }
}
