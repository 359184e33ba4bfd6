//! The memory areas of a process, as `/proc/PID/maps` lists them.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _, Take},
    sync::Arc,
};

use zc_model::snapshot::ProcessId;

use crate::names::identity;

/// Bytes of the list that are read: some hundred thousand areas.
const MOST_BYTES: u64 = 32 << 20;

/// Bits of a minor number (`MINORBITS`, `include/linux/kdev_t.h`).
const MINOR_BITS: u32 = 20;

/// An area.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Area {
    /// First address.
    pub(crate) begin: u64,
    /// First address after it.
    pub(crate) end: u64,
    /// Whether it holds code.
    pub(crate) is_code: bool,
    /// Where in the file it begins.
    pub(crate) offset: u64,
    /// Device, in the kernel's form, and inode number of the file; 0 where there is none.
    pub(crate) file: (u32, u64),
    /// The path of its file, or what the kernel calls it.
    pub(crate) name: Arc<str>,
}

/// Calls `take` with those areas of a process that begin at one of `begins`, which is sorted. Whether the process
/// still runs: another one that has its number does not count.
pub(crate) fn find(process: ProcessId, begins: &[u64], mut take: impl FnMut(Area)) -> bool {
    all(process, |area| {
        if begins.binary_search(&area.begin).is_ok() {
            take(area);
        }
    })
}

/// Calls `take` with all areas of a process. Whether any of its threads still runs, as above.
pub(crate) fn all(process: ProcessId, mut take: impl FnMut(Area)) -> bool {
    let Some((mut reader, mut line)) = identity::ask(process.pid, list) else { return false };
    // The list is that of a process; it is the right one if it was before and is still the one.
    if !identity::is_same(process) {
        return false;
    }
    loop {
        if let Some(area) = parse(&line) {
            take(area);
        }
        line.clear();
        match reader.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return true,
            Ok(_) => {}
        }
    }
}

/// The list of the process of a thread, and its first line. `None` where it has none: the thread has ended.
fn list(thread: u32) -> Option<(BufReader<Take<File>>, Vec<u8>)> {
    let file = File::open(format!("/proc/{thread}/maps")).ok()?;
    let mut reader = BufReader::new(file.take(MOST_BYTES));
    let mut line = Vec::new();
    (reader.read_until(b'\n', &mut line).ok()? > 0).then_some((reader, line))
}

/// A line: addresses, rights, offset, device, inode number, and the name, which may hold anything.
fn parse(line: &[u8]) -> Option<Area> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let mut words = line.splitn(6, |byte| *byte == b' ');
    let addresses = str::from_utf8(words.next()?).ok()?;
    let (begin, end) = addresses.split_once('-')?;
    let [begin, end] = [begin, end].map(|it| u64::from_str_radix(it, 16).ok());
    let is_code = words.next()?.get(2) == Some(&b'x');
    let mut text = || str::from_utf8(words.next()?).ok();
    let offset = u64::from_str_radix(text()?, 16).ok()?;
    let (major, minor) = text()?.split_once(':')?;
    let [major, minor] = [major, minor].map(|it| u32::from_str_radix(it, 16).ok());
    let inode = text()?.parse().ok()?;
    let name = words.next().unwrap_or_default().trim_ascii_start();
    let name = name.strip_suffix(b" (deleted)").unwrap_or(name);
    Some(Area {
        begin: begin?,
        end: end?,
        is_code,
        offset,
        file: (major? << MINOR_BITS | minor?, inode),
        name: String::from_utf8_lossy(name).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_understood_whatever_the_name() {
        let area = |name: &str| {
            let (begin, end, offset, file) = (0x40_0000, 0x40_1000, 0x1000, (0xfe << 20, 1234));
            Some(Area { begin, end, is_code: true, offset, file, name: name.into() })
        };
        let line = |rest: &str| format!("00400000-00401000 r-xp 00001000 fe:00 1234 {rest}\n");
        for (rest, name) in [
            ("                      /bin/a b", "/bin/a b"),
            ("  /bin/x (deleted)", "/bin/x"),
            ("", ""),
            ("  [vdso]", "[vdso]"),
        ] {
            assert_eq!(parse(line(rest).as_bytes()), area(name), "{rest:?}");
        }
        for bad in ["", "-", "x-y r", "0040 r-xp 0 0 0"] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn areas_of_this_process_are_found_and_not_those_of_another_one_with_its_number() {
        let text = std::fs::read_to_string("/proc/self/maps").unwrap();
        let stack = text.lines().find(|line| line.ends_with("[vdso]")).unwrap();
        let begin = u64::from_str_radix(stack.split_once('-').unwrap().0, 16).unwrap();
        let this = identity::Stat::of(std::process::id()).unwrap().id;
        let mut found = Vec::new();
        assert!(find(this, &[begin], |area| found.push(area)));
        assert_eq!(found.len(), 1);
        assert_eq!(&*found[0].name, "[vdso]");
        let other = ProcessId { start_ns: this.start_ns + 1_000_000_000, ..this };
        assert!(!find(other, &[begin], |_| panic!("it is another process")));
    }
}
