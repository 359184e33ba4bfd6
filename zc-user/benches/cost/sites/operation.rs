//! The operations: each passes the copy sites that it is there for, always as often.

use anyhow::{Result, bail};
use serde_json::{Value, json};
use zc_common::site::Site;

mod asynchronous;
mod bounce;
mod direct;
mod fault;
mod file;
mod fuse;
mod message;
mod pipe;
mod socket;
mod stream;
mod tls;
mod transmit;

/// Operations in a batch: much that the kernel does for every few of them is in it.
const BATCH: u32 = 128;

/// An operation after which a device interrupts, whenever it likes, is looked at alone: some are over
/// before that.
const ALONE: &str = "bounce";

/// What is done once.
type Work = Box<dyn FnMut() -> Result<()>>;

/// An operation that can be carried out here.
pub(crate) struct Operation {
    /// Stable id.
    pub(crate) id: &'static str,
    /// For people.
    pub(crate) what: &'static str,
    /// The sites that are measured with it. Those together hook the same function.
    pub(crate) sites: &'static [&'static [Site]],
    /// How often it is carried out between two looks at the clock.
    pub(crate) batch: u32,
    pub(crate) work: Work,
}

impl Operation {
    /// Whether its system calls move data.
    pub(crate) fn moves_data(&self) -> bool {
        !MOVES_NOTHING.contains(&self.id)
    }
}

/// One that cannot.
pub(crate) struct Refused {
    pub(crate) id: &'static str,
    pub(crate) sites: &'static [&'static [Site]],
    pub(crate) why: String,
}

impl Refused {
    pub(crate) fn json(&self) -> Value {
        let sites: Vec<_> = self.sites.iter().copied().flatten().map(|it| it.program()).collect();
        json!({ "id": self.id, "sites": sites, "why": self.why })
    }
}

/// An operation as it is written down here.
struct Row {
    id: &'static str,
    what: &'static str,
    sites: &'static [&'static [Site]],
    make: fn() -> Result<Work>,
}

/// Operations that move no data by a system call.
const MOVES_NOTHING: [&str; 4] = ["none", "cow", "map", "map_huge"];

/// Sites that nothing here passes.
pub(crate) const NOT_DRIVEN: &[(Site, &str)] =
    &[(Site::NetfsWrite, "it takes a server of a network file system")];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    Row { id: "none", what: "getppid: moves no data", sites: &[], make: file::none },
    Row { id: "read_zero", what: "read of /dev/zero", sites: &[], make: file::read_zero },
    Row { id: "read_file", what: "read of a cached file",
          sites: &[&[Site::FilemapRead]], make: file::read },
    Row { id: "read_memfd", what: "read of a memory file",
          sites: &[&[Site::ShmemRead]], make: file::read_memfd },
    Row { id: "read_huge", what: "read of a huge page file",
          sites: &[&[Site::HugetlbRead]], make: file::read_huge },
    Row { id: "read_proc", what: "read of /proc/version",
          sites: &[&[Site::SeqRead]], make: file::read_proc },
    Row { id: "write_file", what: "write to a cached file",
          sites: &[&[Site::PerformWrite]], make: file::write },
    Row { id: "write_device", what: "write to a cached block device",
          sites: &[&[Site::IomapWrite]], make: direct::write_cached },
    Row { id: "write_btrfs", what: "write to a cached file of btrfs",
          sites: &[&[Site::BtrfsWrite]], make: file::write_btrfs },
    Row { id: "read_direct", what: "direct read of a block device, 4 KiB",
          sites: &[&[Site::DirectPages]], make: direct::read },
    Row { id: "splice_file", what: "sendfile of a cached file to /dev/null",
          sites: &[&[Site::FileSplice]], make: pipe::sendfile },
    Row { id: "splice_memfd", what: "sendfile of a memory file to /dev/null",
          sites: &[&[Site::ShmemSplice]], make: pipe::sendfile_memfd },
    Row { id: "process_vm", what: "process_vm_readv",
          sites: &[&[Site::ProcessVm], &[Site::ProcessVmEntry]], make: message::process_vm },
    Row { id: "message", what: "msgsnd and msgrcv",
          sites: &[&[Site::LoadMessage], &[Site::StoreMessage]], make: message::queue },
    Row { id: "fuse", what: "write to a file of FUSE, and its daemon",
          sites: &[&[Site::FuseWrite], &[Site::FuseDeviceRead], &[Site::FuseDeviceWrite]],
          make: fuse::write },
    Row { id: "uring", what: "io_uring: read of a cached file",
          sites: &[&[Site::UringBegin, Site::UringEnd]], make: asynchronous::uring },
    Row { id: "uring_goes_on", what: "io_uring: receive that goes on, unix send",
          sites: &[&[Site::UringRetryBegin, Site::UringRetryEnd]], make: asynchronous::goes_on },
    Row { id: "aio_read", what: "libaio: read of a memory file",
          sites: &[&[Site::AioReadBegin, Site::AioReadEnd]], make: asynchronous::aio_read },
    Row { id: "aio_write", what: "libaio: write to a memory file",
          sites: &[&[Site::AioWriteBegin, Site::AioWriteEnd]], make: asynchronous::aio_write },
    Row { id: "pipe", what: "write to and read of a pipe",
          sites: &[&[Site::PipeWrite], &[Site::PipeRead]], make: pipe::write_read },
    Row { id: "vmsplice", what: "write to a pipe, vmsplice from it to memory",
          sites: &[&[Site::PipeToUser]], make: pipe::vmsplice },
    Row { id: "socket_pipe", what: "unix send, splice to a pipe, splice to /dev/null",
          sites: &[&[Site::SpliceToPipe]], make: pipe::from_socket },
    Row { id: "tee", what: "tee between pipes, splice to /dev/null",
          sites: &[&[Site::Tee]], make: pipe::tee },
    Row { id: "unix", what: "send and recv, unix socket pair",
          sites: &[&[Site::SkbFromIter], &[Site::SkbToIter]], make: socket::unix },
    Row { id: "udp", what: "send and recv, UDP loopback",
          sites: &[&[Site::Getfrag], &[Site::UdpRecv]], make: socket::udp },
    Row { id: "udp6", what: "send and recv, UDP loopback over IPv6",
          sites: &[&[Site::Udp6Recv]], make: socket::udp6 },
    Row { id: "netlink", what: "send and recv, netlink",
          sites: &[&[Site::NetlinkSend]], make: socket::netlink },
    Row { id: "tcp", what: "send and recv, TCP loopback",
          sites: &[&[Site::TcpSend]], make: stream::tcp },
    Row { id: "tcp_sendfile", what: "sendfile and recv, TCP loopback",
          sites: &[&[Site::SkbSplice]], make: stream::sendfile },
    Row { id: "unix_sendfile", what: "sendfile and recv, unix socket pair",
          sites: &[&[Site::UnixSendpage]], make: stream::sendfile_unix },
    Row { id: "zerocopy", what: "MSG_ZEROCOPY send of 4 KiB, recv, error queue, TCP loopback",
          sites: &[&[Site::ZerocopyNotice], &[Site::SkbZerocopy], &[Site::ZerocopyPages],
                   &[Site::CopyUbufs]],
          make: stream::zerocopy },
    Row { id: "tls", what: "send and recv, kTLS over TCP loopback",
          sites: &[&[Site::TlsSend], &[Site::TlsRecv]], make: tls::exchange },
    Row { id: "tls_more", what: "the same in two sends, the first with MSG_MORE",
          sites: &[&[Site::SkMsgCopy]], make: tls::in_parts },
    Row { id: "tls_sendfile", what: "sendfile and recv, kTLS over TCP loopback",
          sites: &[&[Site::TlsSendpage]], make: tls::sendfile },
    Row { id: "tls_splice", what: "send, splice to a pipe, splice to /dev/null, the same",
          sites: &[&[Site::TlsSplice]], make: tls::splice },
    Row { id: "linear", what: "sendfile of 4 KiB and recv, veth that cannot gather",
          sites: &[&[Site::SkbCopyBits]], make: transmit::linear },
    Row { id: "checksum", what: "the same, veth without checksums",
          sites: &[&[Site::SkbCopyCsum], &[Site::SegmentBegin, Site::SegmentEnd]], make: transmit::checksum },
    Row { id: "cow", what: "first write to a page of a private mapping",
          sites: &[&[Site::CowCopy], &[Site::CowFile]], make: fault::cow },
    Row { id: "map", what: "first read of a page of a shared mapping",
          sites: &[&[Site::MapPages]], make: fault::map },
    Row { id: "map_huge", what: "first read of a huge page of a memory file",
          sites: &[&[Site::MapHuge]], make: fault::map_huge },
    Row { id: "bounce", what: "packet to an e1000e through a bounce buffer",
          sites: &[&[Site::Bounce]], make: bounce::send },
];

const _: () = assert!(every_site_is_there(), "every site is to be in one of the two tables");

/// Whether every site is passed by an operation, or else said not to be.
const fn every_site_is_there() -> bool {
    let mut at = 0;
    while at < Site::COUNT {
        let (mut row, mut places) = (0, 0);
        while row < ROWS.len() {
            let mut group = 0;
            while group < ROWS[row].sites.len() {
                places += count(ROWS[row].sites[group], Site::ALL[at]);
                group += 1;
            }
            row += 1;
        }
        let mut told = 0;
        while told < NOT_DRIVEN.len() {
            places += count(&[NOT_DRIVEN[told].0], Site::ALL[at]);
            told += 1;
        }
        if places != 1 {
            return false;
        }
        at += 1;
    }
    true
}

const fn count(sites: &[Site], site: Site) -> usize {
    let (mut at, mut found) = (0, 0);
    while at < sites.len() {
        found += (sites[at] as u8 == site as u8) as usize;
        at += 1;
    }
    found
}

/// The operations of these ids, or all when none is named: those that can be carried out here, and
/// those that cannot.
pub(crate) fn chosen(ids: &[String]) -> Result<(Vec<Operation>, Vec<Refused>)> {
    if let Some(id) = ids.iter().find(|id| ROWS.iter().all(|row| row.id != id.as_str())) {
        let known: Vec<_> = ROWS.iter().map(|row| row.id).collect();
        bail!("there is no operation '{id}'; expected some of {}", known.join(", "));
    }
    let mut operations = Vec::new();
    let mut refused = Vec::new();
    for Row { id, what, sites, make } in ROWS {
        if !ids.is_empty() && ids.iter().all(|named| named != id) {
            continue;
        }
        // Once, because some fail only then.
        let made = make().and_then(|mut work| {
            work()?;
            Ok(work)
        });
        match made {
            Ok(work) => {
                let batch = if *id == ALONE { 1 } else { BATCH };
                operations.push(Operation { id, what, sites, batch, work });
            }
            Err(error) => refused.push(Refused { id, sites, why: format!("{error:#}") }),
        }
    }
    Ok((operations, refused))
}
