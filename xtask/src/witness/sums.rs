//! Bytes and calls per process and family of paths, from both sides.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context as _, Result};
use serde_json::Value;

/// Paths that the witness does not tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    FileRead,
    FileWrite,
    DirectRead,
    DirectWrite,
    PipeRead,
    PipeWrite,
    SocketRecv,
    SocketSend,
    PseudoRead,
    PseudoWrite,
    Sendfile,
    Splice,
    Tee,
    Vmsplice,
    CopyRange,
}

/// What calls returned, together, and how many there were that did not fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) bytes: u64,
    pub(crate) calls: u64,
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} B in {}", self.bytes, self.calls)
    }
}

/// The sums of one side.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    names: BTreeMap<u32, String>,
    counts: BTreeMap<(u32, Family), Count>,
}

impl Sums {
    /// From the JSON of `zc stat`.
    pub(crate) fn of_report(report: &Value) -> Result<Self> {
        let mut sums = Self::default();
        for row in report["processes"].as_array().context("no processes")? {
            let pid = row["pid"].as_u64().context("no pid")? as u32;
            sums.names.insert(pid, row["comm"].as_str().unwrap_or("?").to_owned());
            for path in row["paths"].as_array().context("no paths")? {
                let Some(family) = family_of_path(path["path"].as_str().context("no path")?) else {
                    continue;
                };
                let count = sums.counts.entry((pid, family)).or_default();
                count.bytes += path["moved_bytes"].as_u64().unwrap_or_default();
                count.calls += path["ops"].as_u64().unwrap_or_default();
            }
        }
        sums.counts.retain(|_, count| count.calls > 0);
        Ok(sums)
    }

    /// From the JSON that bpftrace prints, a line for each map.
    pub(crate) fn of_witness(text: &str) -> Result<Self> {
        let mut sums = Self::default();
        let maps = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        for map in maps.filter(|line| line["type"] == "map") {
            for (name, is_bytes) in [("@bytes", true), ("@calls", false)] {
                let Some(entries) = map["data"][name].as_object() else { continue };
                for (key, value) in entries {
                    let value = value.as_u64().context("a sum is no number")?;
                    let Some((pid, family)) = key_of(key) else { continue };
                    let count = sums.counts.entry((pid, family)).or_default();
                    *(if is_bytes { &mut count.bytes } else { &mut count.calls }) += value;
                }
            }
        }
        Ok(sums)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&(u32, Family), &Count)> {
        self.counts.iter()
    }

    pub(crate) fn get(&self, pid: u32, family: Family) -> Count {
        self.counts.get(&(pid, family)).copied().unwrap_or_default()
    }

    pub(crate) fn name(&self, pid: u32) -> &str {
        self.names.get(&pid).map_or("?", String::as_str)
    }

    pub(crate) fn processes(&self) -> usize {
        self.names.len()
    }

    /// What is here of the processes of the other side, which has nothing of it.
    pub(crate) fn beyond(&self, other: &Self) -> Vec<(u32, Family)> {
        let theirs = |(pid, family): &&(u32, Family)| {
            other.names.contains_key(pid) && !other.counts.contains_key(&(*pid, *family))
        };
        self.counts.keys().filter(theirs).copied().collect()
    }
}

fn family_of_path(path: &str) -> Option<Family> {
    Some(match path {
        "file_read" => Family::FileRead,
        "file_write" => Family::FileWrite,
        "direct_read" => Family::DirectRead,
        "direct_write" => Family::DirectWrite,
        "pipe_read" => Family::PipeRead,
        "pipe_write" => Family::PipeWrite,
        "socket_recv" => Family::SocketRecv,
        "socket_send" | "socket_send_zerocopy" => Family::SocketSend,
        "pseudo_read" => Family::PseudoRead,
        "pseudo_write" => Family::PseudoWrite,
        "tee" => Family::Tee,
        "vmsplice" => Family::Vmsplice,
        "copy_range_copied" => Family::CopyRange,
        _ if path.starts_with("sendfile_") => Family::Sendfile,
        _ if path.starts_with("splice_") => Family::Splice,
        _ => return None,
    })
}

/// The process and the family of a key `PID,CALL,KIND,MAGIC,DIRECT` of the script.
fn key_of(key: &str) -> Option<(u32, Family)> {
    let numbers: Vec<u64> =
        key.split(',').filter_map(|number| number.trim().parse().ok()).collect();
    let [pid, call, kind, magic, direct] = numbers[..] else { return None };
    let reads = matches!(call, 0 | 17 | 19 | 45 | 47 | 295 | 327);
    let family = match call {
        40 => Family::Sendfile,
        275 => Family::Splice,
        276 => Family::Tee,
        278 => Family::Vmsplice,
        326 => Family::CopyRange,
        // recvmmsg, sendmmsg: they return a number of messages.
        299 | 307 => return None,
        _ => match (what(kind, magic, direct != 0), reads) {
            (What::File, true) => Family::FileRead,
            (What::File, false) => Family::FileWrite,
            (What::Direct, true) => Family::DirectRead,
            (What::Direct, false) => Family::DirectWrite,
            (What::Pipe, true) => Family::PipeRead,
            (What::Pipe, false) => Family::PipeWrite,
            (What::Socket, true) => Family::SocketRecv,
            (What::Socket, false) => Family::SocketSend,
            (What::Pseudo, true) => Family::PseudoRead,
            (What::Pseudo, false) => Family::PseudoWrite,
        },
    };
    Some((pid as u32, family))
}

enum What {
    File,
    Direct,
    Pipe,
    Socket,
    Pseudo,
}

/// What a descriptor is, by the kind and the file system of its inode. Only file systems that keep data are named:
/// files of all others are made up by the kernel.
fn what(kind: u64, magic: u64, direct: bool) -> What {
    const SOCKET: u64 = 12;
    const REGULAR: u64 = 8;
    const BLOCK: u64 = 6;
    const PIPE: u64 = 1;
    /// tmpfs and hugetlbfs, where `O_DIRECT` changes nothing.
    const IN_MEMORY: [u64; 2] = [0x0102_1994, 0x9584_58f6];
    /// ext4, overlay, xfs, btrfs, f2fs, 9p, fuse, nfs, squashfs, erofs.
    const ON_DISK: [u64; 10] = [
        0xef53,
        0x794c_7630,
        0x5846_5342,
        0x9123_683e,
        0xf2f5_2010,
        0x0102_1997,
        0x6573_5546,
        0x6969,
        0x7371_7368,
        0xe0f5_e1e2,
    ];
    match kind {
        SOCKET => What::Socket,
        PIPE => What::Pipe,
        REGULAR if IN_MEMORY.contains(&magic) => What::File,
        REGULAR | BLOCK if kind == BLOCK || ON_DISK.contains(&magic) => {
            if direct {
                What::Direct
            } else {
                What::File
            }
        }
        _ => What::Pseudo,
    }
}
