//! What every scenario does on this kernel, written down by hand: nothing here is taken from `zc`.
//!
//! A scenario has a row for each of its sinks, in the order of the list.

use std::path::Path;

use crate::{
    requirement::{self, Skip},
    row::{Row, row},
};

/// Bytes of the payload: a prime, so that the last transfer is a short one.
pub(crate) const SIZE: u64 = 1_048_573;
/// Bytes of a transfer.
pub(crate) const CHUNK: u64 = 65_536;
/// Transfers.
const TRANSFERS: u64 = 16;

/// Bytes of the payload in whole blocks of 4 KiB.
const BLOCKS: u64 = 1_048_576;

/// Every scenario, to every sink.
pub(crate) const ROWS: &[Row] = &[
    // One call more finds the end of the file.
    row("read_write", "tcp")
        .moved(&[("file_read", SIZE), ("socket_send", SIZE)])
        .copied(2 * SIZE)
        .calls(2 * TRANSFERS + 1),
    row("read_write", "unix")
        .moved(&[("file_read", SIZE), ("socket_send", SIZE)])
        .copied(2 * SIZE)
        .calls(2 * TRANSFERS + 1),
    row("read_write", "pipe")
        .moved(&[("file_read", SIZE), ("pipe_write", SIZE)])
        .copied(2 * SIZE)
        .calls(2 * TRANSFERS + 1),
    row("read_write", "file")
        .moved(&[("file_read", SIZE), ("file_write", SIZE)])
        .copied(2 * SIZE)
        .calls(2 * TRANSFERS + 1),
    row("read_write", "veth")
        .moved(&[("file_read", SIZE), ("socket_send", SIZE)])
        .copied(2 * SIZE)
        .calls(2 * TRANSFERS + 1),
    // What the program has written is copied once more for a device that lacks scatter-gather.
    row("read_write", "veth-linear")
        .moved(&[("file_read", SIZE), ("socket_send", SIZE)])
        .copied(3 * SIZE)
        .calls(2 * TRANSFERS + 1)
        .differs(),
    row("sendfile_linear", "veth-linear").moved(&[("sendfile_to_socket", SIZE)]).measured(SIZE),
    row("sendfile", "veth").moved(&[("sendfile_to_socket", SIZE)]).measured(0),
    row("sendfile", "tcp").moved(&[("sendfile_to_socket", SIZE)]).copied(0),
    row("sendfile", "unix").moved(&[("sendfile_to_socket", SIZE)]).copied(0),
    row("sendfile", "pipe").moved(&[("sendfile_to_pipe", SIZE)]).copied(0),
    // One call maps, one unmaps: there are no two calls per transfer.
    row("mmap_write", "tcp")
        .moved(&[("socket_send", SIZE)])
        .copied(SIZE)
        .calls(TRANSFERS + 2)
        .differs(),
    row("mmap_write", "unix")
        .moved(&[("socket_send", SIZE)])
        .copied(SIZE)
        .calls(TRANSFERS + 2)
        .differs(),
    row("mmap_write", "pipe")
        .moved(&[("pipe_write", SIZE)])
        .copied(SIZE)
        .calls(TRANSFERS + 2)
        .differs(),
    row("mmap_write", "file")
        .moved(&[("file_write", SIZE)])
        .copied(SIZE)
        .calls(TRANSFERS + 2)
        .differs(),
    row("splice", "tcp")
        .moved(&[("splice_file_pipe", SIZE), ("splice_pipe_socket", SIZE)])
        .copied(0),
    row("splice", "unix")
        .moved(&[("splice_file_pipe", SIZE), ("splice_pipe_socket", SIZE)])
        .copied(0),
    row("splice", "pipe")
        .moved(&[("splice_file_pipe", SIZE), ("splice_pipe_pipe", SIZE)])
        .copied(0),
    row("splice", "file")
        .moved(&[("splice_file_pipe", SIZE), ("splice_pipe_file", SIZE)])
        .copied(SIZE)
        .calls(2 * TRANSFERS + 1)
        .differs(),
    row("vmsplice", "pipe").moved(&[("vmsplice", SIZE)]).copied(0),
    // The original is drained to /dev/null.
    row("tee", "pipe")
        .moved(&[("splice_file_pipe", SIZE), ("tee", SIZE), ("splice_pipe_pseudo", SIZE)])
        .copied(0),
    row("sendfile_to_file", "file")
        .moved(&[("sendfile_to_file", SIZE)])
        .copied(SIZE)
        .calls(TRANSFERS + 1)
        .differs(),
    row("copy_range_copied", "file")
        .moved(&[("copy_range_copied", SIZE)])
        .copied(SIZE)
        .calls(TRANSFERS + 1),
    row("copy_range_reflink", "file")
        .moved(&[("copy_range_reflink", SIZE)])
        .copied(0)
        .calls(TRANSFERS + 1)
        .needs(shared_extents),
    row("direct_read", "memory").moved(&[("direct_read", SIZE)]).copied(0).calls(TRANSFERS),
    // Whole blocks; one call more cuts the file to its length.
    row("direct_write", "file").moved(&[("direct_write", BLOCKS)]).copied(0).calls(TRANSFERS + 1),
    row("cache_cold", "memory").moved(&[("file_read", SIZE)]).copied(SIZE).calls(TRANSFERS),
    // One call more says that reads will be at random.
    row("cache_cold_no_readahead", "memory")
        .moved(&[("file_read", SIZE)])
        .copied(SIZE)
        .calls(TRANSFERS + 1),
    row("cache_warm", "memory").moved(&[("file_read", SIZE)]).copied(SIZE).calls(TRANSFERS),
    // A page for every byte that is written first, the last page included.
    row("cow", "memory").moved(&[]).copied(SIZE.next_multiple_of(4096)).calls(0),
    // A small page for the first byte of the one huge page.
    row("cow_huge", "memory").moved(&[]).copied(4096).calls(0).needs(huge_pages).differs(),
    // Nothing passes through the kernel.
    row("shared_ring", "memory").moved(&[]).copied(0),
    // Programs: their headers are copied, of nginx's answer some 250 bytes.
    row("nginx_sendfile", "tcp")
        .moved(&[("sendfile_to_socket", SIZE)])
        .copied(0)
        .overhead(512)
        .needs(nginx)
        .differs(),
    row("nginx_read_write", "tcp")
        .moved(&[("file_read", SIZE), ("socket_send", SIZE)])
        .copied(2 * SIZE)
        .overhead(512)
        .needs(nginx),
    row("java_transfer_to", "tcp")
        .moved(&[("sendfile_to_socket", SIZE)])
        .copied(0)
        .overhead(4)
        .needs(java)
        .differs(),
    row("java_mapped_write", "tcp")
        .moved(&[("socket_send", SIZE)])
        .copied(SIZE)
        .overhead(4)
        .needs(java)
        .differs(),
    row("netty_file_region", "tcp")
        .moved(&[("sendfile_to_socket", SIZE)])
        .copied(0)
        .overhead(4)
        .needs(netty)
        .differs(),
    row("kafka_like", "tcp")
        .moved(&[("sendfile_to_socket", SIZE)])
        .copied(0)
        .overhead(4)
        .needs(java)
        .differs(),
    row("rocketmq_like", "tcp")
        .moved(&[("socket_send", SIZE)])
        .copied(SIZE)
        .overhead(4)
        .needs(java)
        .differs(),
    // The kernel sees a read and a write, whatever the program does in between; how often the allocator asks for
    // memory is its own affair.
    row("rust_clones", "tcp").moved(&[("file_read", SIZE), ("socket_send", SIZE)]).copied(2 * SIZE),
    row("rust_clones", "pipe").moved(&[("file_read", SIZE), ("pipe_write", SIZE)]).copied(2 * SIZE),
    row("rust_moves", "tcp")
        .moved(&[("file_read", SIZE), ("socket_send", SIZE)])
        .copied(2 * SIZE)
        .calls(2 * TRANSFERS + 1),
    row("rust_moves", "pipe")
        .moved(&[("file_read", SIZE), ("pipe_write", SIZE)])
        .copied(2 * SIZE)
        .calls(2 * TRANSFERS + 1),
    row("python_slices", "tcp")
        .moved(&[("file_read", SIZE), ("socket_send", SIZE)])
        .copied(2 * SIZE)
        .overhead(4)
        .needs(python),
    row("python_memoryview", "tcp")
        .moved(&[("file_read", SIZE), ("socket_send", SIZE)])
        .copied(2 * SIZE)
        .overhead(4)
        .needs(python),
    row("netty_copies", "tcp")
        .moved(&[("file_read", SIZE), ("socket_send", SIZE)])
        .copied(2 * SIZE)
        .overhead(4)
        .needs(netty),
    row("netty_slices", "tcp")
        .moved(&[("file_read", SIZE), ("socket_send", SIZE)])
        .copied(2 * SIZE)
        .overhead(4)
        .needs(netty),
    row("splice", "veth")
        .moved(&[("splice_file_pipe", SIZE), ("splice_pipe_socket", SIZE)])
        .measured(0),
    // The receiver copies both; the kernel reports that to the program.
    row("zerocopy", "tcp").moved(&[("socket_send_zerocopy", SIZE)]).copied(SIZE).differs(),
    row("zerocopy", "veth").moved(&[("socket_send_zerocopy", SIZE)]).copied(SIZE).differs(),
    // A send like any other.
    row("zerocopy_unset", "tcp").moved(&[("socket_send", SIZE)]).copied(SIZE).differs(),
    row("zerocopy_unset", "veth").moved(&[("socket_send", SIZE)]).copied(SIZE).differs(),
    row("uring_send_zc", "tcp").moved(&[("socket_send_zerocopy", SIZE)]).copied(SIZE).differs(),
    row("uring_send_zc", "veth").moved(&[("socket_send_zerocopy", SIZE)]).copied(SIZE).differs(),
    row("uring_read_write", "tcp")
        .moved(&[("file_read", SIZE), ("socket_send", SIZE)])
        .copied(2 * SIZE),
    row("uring_read_write", "veth")
        .moved(&[("file_read", SIZE), ("socket_send", SIZE)])
        .copied(2 * SIZE),
    row("uring_read_write", "unix")
        .moved(&[("file_read", SIZE), ("socket_send", SIZE)])
        .copied(2 * SIZE),
    // Eight reads by a call; libaio takes a second one to collect them.
    row("uring_direct", "memory").moved(&[("direct_read", SIZE)]).copied(0).calls(TRANSFERS / 8),
    row("libaio", "memory").moved(&[("direct_read", SIZE)]).copied(0).calls(TRANSFERS / 4),
];

/// A file system that shares extents is made where there is none.
fn shared_extents() -> Result<(), Skip> {
    requirement::administrator()?;
    requirement::program("mkfs.btrfs").or_else(|_| requirement::program("mkfs.xfs")).map(drop)
}

fn huge_pages() -> Result<(), Skip> {
    let enabled = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled");
    match enabled {
        Ok(modes) if !modes.contains("[never]") => {}
        _ => return Err(Skip::Kernel("transparent huge pages are off".to_owned())),
    }
    // `Node 0, zone Normal`, and how many free blocks there are of each order.
    let text = std::fs::read_to_string("/proc/buddyinfo").unwrap_or_default();
    let blocks = |line: &str| -> u64 {
        let counts = line.split_whitespace().skip(4 + HUGE_ORDER);
        counts.filter_map(|count| count.parse::<u64>().ok()).sum()
    };
    // The zone for old devices is kept for them.
    let usable = text.lines().filter(|line| line.split_whitespace().nth(3) != Some("DMA"));
    if usable.map(blocks).sum::<u64>() == 0 {
        return Err(Skip::Kernel(
            "the free memory has no block as large as a huge page".to_owned(),
        ));
    }
    Ok(())
}

/// How often a page is doubled to make a huge one, of x86-64 and of arm64 with pages of 4 KiB.
const HUGE_ORDER: usize = 9;

fn nginx() -> Result<(), Skip> {
    requirement::program("nginx").map(drop)
}

fn java() -> Result<(), Skip> {
    requirement::program("javac").map(drop)
}

pub(crate) fn python() -> Result<(), Skip> {
    if !Path::new("/usr/bin/python3").is_file() {
        return Err(Skip::Program("python3".to_owned()));
    }
    Ok(())
}

pub(crate) fn netty() -> Result<(), Skip> {
    java()?;
    if !Path::new("/usr/share/java/netty-transport.jar").is_file() {
        return Err(Skip::Program("libnetty-java".to_owned()));
    }
    Ok(())
}
