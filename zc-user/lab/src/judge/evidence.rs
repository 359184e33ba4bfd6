//! What is known of copies that are made after the call: counted where they are made, or else, on
//! kernels where no function that copies can be hooked, derived from the network device.
//!
//! A packet reaches its device as a linear part, which the kernel wrote for this packet alone, and
//! fragments, which refer to pages. TCP writes nothing but headers to the linear part, on every
//! kernel since 4.17: payload arrives there by one more copy, made when the device or the route
//! lack scatter-gather (`skb_segment`, `__skb_linearize` in `validate_xmit_skb`, `net/core/dev.c`). So
//!
//! - payload that left linear was copied there, whatever call had sent it: that is the path
//!   `skb_linearize`, measured;
//! - payload that calls passed on by reference, and that left as fragments, was copied nowhere
//!   between the call and the device: those paths' copies are measured to be 0.
//!
//! It says nothing of write() and send(): what they copy, they copy to fresh pages, which leave as
//! fragments too. Nor of `MSG_ZEROCOPY`: the pages are still the program's when the packet leaves a
//! veth device, but its twin copies them on reception (`skb_orphan_frags_rx`).

use std::{
    mem::offset_of,
    os::fd::{AsRawFd as _, OwnedFd},
};

use anyhow::{Context as _, Result};
use rustix::net::{Shutdown, shutdown};
use zc_common::path::CopyPath;

use crate::{sink::Interface, workload::job::Completions};
use zc_model::{
    counter::CounterId,
    frame::Frame,
    snapshot::{DeviceSample, PathId, PathSample, Provenance, Snapshot},
};

/// A TCP connection.
pub(crate) struct Wire {
    socket: OwnedFd,
    interface: Option<Interface>,
}

/// How the payload left through the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Departure {
    /// Bytes in fragments: references to pages.
    pub referenced_bytes: u64,
    /// Bytes in linear packets: copied for the device.
    pub linear_bytes: u64,
    /// Bytes that TCP sent in packets of which the kernel showed no event to the probes. If there are
    /// any, the other two prove nothing.
    pub unseen_bytes: u64,
}

impl Wire {
    /// `socket` is another descriptor of the near end, `interface` a device between the ends that
    /// only they use.
    pub(crate) fn new(socket: OwnedFd, interface: Option<Interface>) -> Self {
        Self { socket, interface }
    }

    /// No more payload will come: the far end reads to the end.
    pub(crate) fn close(&self) -> Result<()> {
        shutdown(&self.socket, Shutdown::Write).context("cannot end the connection")
    }

    /// Bytes that TCP sent again, because the receiver was slow to acknowledge them: what the network
    /// stack copies of them later, it copies again.
    /// `None` when the kernel does not report it.
    pub(crate) fn sent_again(&self) -> Result<Option<u64>> {
        Ok(sent(&self.socket)?.map(|sent| sent.again))
    }

    /// What left between two snapshots, and `frame` with what that proves, where copies were not
    /// counted. The later snapshot is one of after everything had arrived. `None` when the device
    /// was not seen, or the kernel does not report how much TCP sent (before 4.19).
    pub(crate) fn prove(
        &self,
        frame: Frame,
        size: u64,
        before: &Snapshot,
        arrived: &Snapshot,
    ) -> Result<(Frame, Option<Departure>)> {
        let devices = Frame::between(before, arrived).devices;
        let device = devices.into_iter().find(|device| self.is(device));
        let (Some(device), Some(sent)) = (device, sent(&self.socket)?) else {
            return Ok((frame, None));
        };
        let headers = device.write_requests * LEAST_HEADERS;
        let linear = device.linear_bytes.saturating_sub(headers);
        let seen = Seen { gathered: device.gather_bytes, linear };
        let departure = departure(size, seen, sent);
        let proves = departure.unseen_bytes == 0 && !counts_late_copies(&frame);
        let mut frame = if proves { amend(frame, departure, size) } else { frame };
        frame
            .devices
            .retain(|known| (&known.device, known.namespace) != (&device.device, device.namespace));
        frame.devices.push(device);
        Ok((frame, Some(departure)))
    }

    fn is(&self, device: &DeviceSample) -> bool {
        self.interface.as_ref().is_some_and(|interface| {
            device.device == interface.name && device.namespace == Some(interface.namespace)
        })
    }
}

/// Whether what the network stack copies later, on behalf of the sender, is counted where it is
/// copied.
pub(crate) fn counts_late_copies(frame: &Frame) -> bool {
    frame.host.limitation(CounterId::ZerocopyAchievedBytes).is_none()
}

/// `frame`, the work of one process, with the copies that the network stack made of what it had
/// sent until everything had arrived: `until` is of the same process, and of that time.
pub(crate) fn with_late_copies(frame: Frame, until: &Frame) -> Frame {
    frame.amended(|process| {
        let Some(later) = until.process(process.id) else { return };
        let of = |path: PathId| later.paths.iter().filter(move |sample| sample.path == path);
        // Nothing else is on this path.
        process.paths.retain(|sample| sample.path != CopyPath::SkbLinearize);
        process.paths.extend(of(CopyPath::SkbLinearize.into()));
        let requested = |sample: &&mut PathSample| sample.path == CopyPath::SocketSendZerocopy;
        for sample in process.paths.iter_mut().filter(requested) {
            for later in of(sample.path).filter(|later| later.socket == sample.socket) {
                sample.copied_bytes = later.copied_bytes;
                sample.assumed_bytes = later.assumed_bytes;
                sample.provenance = later.provenance;
            }
        }
    })
}

/// `frame` with what the kernel reported to the program of its zero-copy sends, where the copies were
/// not counted: that it copied all, or none. It reports that per send, not per byte, so the bytes are
/// modelled.
pub(crate) fn with_reported_copies(frame: Frame, completions: Option<Completions>) -> Frame {
    if counts_late_copies(&frame) {
        return frame;
    }
    let all = match completions {
        Some(Completions { sends, copied }) if sends > 0 && copied == sends => true,
        Some(Completions { sends, copied: 0 }) if sends > 0 => false,
        _ => return frame,
    };
    frame.amended(|process| {
        let requested = |sample: &&mut PathSample| sample.path == CopyPath::SocketSendZerocopy;
        for sample in process.paths.iter_mut().filter(requested) {
            sample.copied_bytes = if all { sample.moved_bytes } else { 0 };
            sample.provenance = Provenance::Modelled;
        }
    })
}

/// Bytes of the packets that a device was given.
#[derive(Clone, Copy)]
struct Seen {
    /// In fragments.
    gathered: u64,
    /// In linear parts, with what the headers have beyond the shortest ones.
    linear: u64,
}

/// The headers of a packet: Ethernet, IPv4 and TCP without options.
const LEAST_HEADERS: u64 = 14 + 20 + 20;

/// Payload bytes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sent {
    /// All that left, what was sent again included.
    bytes: u64,
    /// What was sent again.
    again: u64,
}

/// What was sent again is left out: fragments of it do not hide bytes that left linear, so
/// `linear_bytes` is what was copied, or less if there was a mixture and something was sent again.
///
/// All payload that left linear is in the linear parts of packets: what they have no room for was in a
/// packet that was not seen.
fn departure(size: u64, seen: Seen, sent: Sent) -> Departure {
    let linear = sent.bytes.saturating_sub(seen.gathered).saturating_sub(sent.again);
    Departure {
        referenced_bytes: size.saturating_sub(linear),
        linear_bytes: linear.min(size),
        unseen_bytes: linear.saturating_sub(seen.linear),
    }
}

fn amend(frame: Frame, departure: Departure, size: u64) -> Frame {
    let mut frame = frame.amended(|process| {
        let by_reference =
            process.paths.iter().filter(|sample| sample.path.is_known_and(is_reference));
        // Otherwise something else has sent, too, and the fragments cannot be attributed.
        if by_reference.map(|sample| sample.moved_bytes).sum::<u64>() != size {
            return;
        }
        for sample in process.paths.iter_mut().filter(|sample| sample.path.is_known_and(passes_on))
        {
            sample.copied_bytes = 0;
            sample.provenance = Provenance::Measured;
        }
    });
    if departure.linear_bytes > 0 {
        frame = frame.amended(|process| {
            process.paths.push(PathSample {
                path: PathId::Known(CopyPath::SkbLinearize),
                socket: None,
                ops: 0,
                errors: 0,
                // The calls that sent them have moved them.
                moved_bytes: 0,
                copied_bytes: departure.linear_bytes,
                assumed_bytes: 0,
                provenance: Provenance::Measured,
            });
        });
    }
    frame
}

/// Whether the path hands pages to a socket.
const fn is_reference(path: CopyPath) -> bool {
    matches!(path, CopyPath::SendfileToSocket | CopyPath::SplicePipeSocket)
}

/// Whether the path passes pages on that reach a socket at last.
const fn passes_on(path: CopyPath) -> bool {
    is_reference(path) || matches!(path, CopyPath::SpliceFilePipe)
}

/// What TCP reports to have sent; `None` before Linux 4.19, which does not report it.
fn sent(socket: &OwnedFd) -> Result<Option<Sent>> {
    // SAFETY: a structure of integers.
    let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut size = libc::socklen_t::try_from(size_of::<libc::tcp_info>()).unwrap_or(0);
    // SAFETY: the kernel writes at most `size` bytes, and says how many.
    let result = unsafe {
        let (socket, info) = (socket.as_raw_fd(), (&raw mut info).cast());
        libc::getsockopt(socket, libc::IPPROTO_TCP, libc::TCP_INFO, info, &raw mut size)
    };
    if result != 0 {
        return Err(std::io::Error::last_os_error())
            .context("cannot read the state of the connection");
    }
    let length = usize::try_from(size).unwrap_or(0);
    let complete = length >= offset_of!(libc::tcp_info, tcpi_bytes_retrans) + size_of::<u64>();
    Ok(complete.then_some(Sent { bytes: info.tcpi_bytes_sent, again: info.tcpi_bytes_retrans }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of all options in headers here.
    const OPTIONS: u64 = 12;

    fn departed(gathered: u64, linear: u64, (bytes, again): (u64, u64)) -> Departure {
        let seen = Seen { gathered, linear: linear + OPTIONS };
        departure(1000, seen, Sent { bytes, again })
    }

    const fn of(referenced_bytes: u64, linear_bytes: u64) -> Departure {
        Departure { referenced_bytes, linear_bytes, unseen_bytes: 0 }
    }

    #[test]
    fn what_was_sent_again_hides_nothing() {
        assert_eq!(departed(1000, 0, (1000, 0)), of(1000, 0));
        assert_eq!(departed(0, 1000, (1000, 0)), of(0, 1000));
        assert_eq!(departed(1100, 0, (1100, 100)), of(1000, 0));
        assert_eq!(departed(0, 1100, (1100, 100)), of(0, 1000));
        assert_eq!(departed(700, 300, (1000, 0)), of(700, 300));
    }

    #[test]
    fn a_packet_without_an_event_was_not_copied_for_that() {
        assert_eq!(departed(800, 0, (1000, 0)).unseen_bytes, 200 - OPTIONS);
        assert_eq!(departed(0, 800, (1000, 0)).unseen_bytes, 200 - OPTIONS);
    }
}
