//! Names of code that a JIT compiler has made: from the file that it writes for `perf`, `/tmp/perf-PID.map`.
//!
//! A line is `START SIZE NAME`, both numbers hexadecimal (`tools/perf/Documentation/jit-interface.txt`). The file is that
//! of the process's own root and number, and must belong to its user, or to root: others must not choose names.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Read},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    sync::Arc,
    time::{Duration, Instant},
};

use crate::names::identity;

/// Bytes of a file that are read.
const MOST_BYTES: u64 = 32 << 20;
/// Functions of a file.
const MOST_FUNCTIONS: usize = 1 << 17;
/// Bytes of a name: of longer ones the beginning.
const MOST_NAME: usize = 256;
/// Bytes of all names of a file.
const MOST_NAMES: usize = 4 << 20;
/// How often a file is read again, where it has changed.
const PACE: Duration = Duration::from_secs(1);

/// The functions of a process.
#[derive(Default)]
pub(super) struct Map {
    /// By address, in order: where it begins, how many bytes it has, its name.
    functions: Vec<(u64, u64, Arc<str>)>,
    /// What the file was when it was read: its bytes, and when it was changed, s and ns.
    version: (u64, i64, i64),
    read: Option<Instant>,
}

impl Map {
    /// The function at an address of the process.
    pub(super) fn name(&mut self, pid: u32, address: u64) -> Option<Arc<str>> {
        if self.read.is_none_or(|read| read.elapsed() >= PACE) {
            self.read = Some(Instant::now());
            self.refresh(pid);
        }
        self.find(address)
    }

    fn find(&self, address: u64) -> Option<Arc<str>> {
        let place = self.functions.partition_point(|(begin, ..)| *begin <= address);
        let (begin, bytes, name) = self.functions.get(place.checked_sub(1)?)?;
        (address - begin < *bytes).then(|| Arc::clone(name))
    }

    fn refresh(&mut self, pid: u32) {
        let Some(file) = open(pid) else { return };
        let Ok(metadata) = file.metadata() else { return };
        let version = (metadata.len(), metadata.mtime(), metadata.mtime_nsec());
        if version == self.version {
            return;
        }
        self.version = version;
        self.functions = parse(file);
    }
}

fn open(pid: u32) -> Option<File> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
    // The number that it has in its own namespace comes last.
    let own: u32 = line("NSpid:").and_then(|all| all.split_whitespace().last()?.parse().ok())?;
    let user: u32 = line("Uid:").and_then(|all| all.split_whitespace().nth(1)?.parse().ok())?;
    let name = format!("/tmp/perf-{own}.map");
    let mut options = File::options();
    options.read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY);
    let file = identity::ask(pid, |pid| options.open(format!("/proc/{pid}/root{name}")).ok())?;
    let metadata = file.metadata().ok()?;
    (metadata.is_file() && (metadata.uid() == user || metadata.uid() == 0)).then_some(file)
}

fn parse(file: impl Read) -> Vec<(u64, u64, Arc<str>)> {
    let mut functions = Vec::new();
    let mut reader = BufReader::new(file.take(MOST_BYTES));
    let (mut line, mut names) = (Vec::new(), 0);
    while functions.len() < MOST_FUNCTIONS {
        line.clear();
        match reader.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        // Both numbers, and what is kept of the name.
        line.truncate(2 * "0x".len() + 2 * 16 + 2 + MOST_NAME);
        let text = String::from_utf8_lossy(&line);
        let mut words = text.trim_end().splitn(3, ' ');
        let mut number = || {
            let word = words.next()?;
            u64::from_str_radix(word.strip_prefix("0x").unwrap_or(word), 16).ok()
        };
        if let (Some(begin), Some(bytes)) = (number(), number())
            && let Some(name) = words.next()
        {
            names += name.len();
            if names > MOST_NAMES {
                break;
            }
            functions.push((begin, bytes, name.into()));
        }
    }
    // Of two at an address the later one is there now.
    functions.reverse();
    functions.sort_by_key(|(begin, ..)| *begin);
    functions.dedup_by_key(|(begin, ..)| *begin);
    functions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_found_by_any_of_their_addresses_and_bad_lines_are_left_out() {
        let text = "1000 20 a b\nnonsense\n0x2000 10 \u{1b}[31m\n1000 30 later\n3000 zz no\n\n";
        let map = Map { functions: parse(text.as_bytes()), version: (1, 0, 0), read: None };
        let name = |address| map.find(address).map(|name| name.to_string());
        assert_eq!(name(0x1000).as_deref(), Some("later"));
        assert_eq!(name(0x102f).as_deref(), Some("later"));
        assert_eq!(name(0x1030), None);
        assert_eq!(name(0x200f).as_deref(), Some("\u{1b}[31m"));
        assert_eq!(name(0xfff), None);
        assert_eq!(map.functions.len(), 2);
    }
}
