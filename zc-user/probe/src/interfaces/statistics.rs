//! The kernel's own statistics of network interfaces, of every namespace that a process is in.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    os::unix::fs::MetadataExt as _,
};

use super::account::Moved;

/// Packets that so many CPUs may have received and not handed to the stack yet: two queues each, of which one is
/// filled while the other is emptied (`process_backlog`, `net/core/dev.c`, 5.10 to 7.2).
pub(crate) fn backlogs(cpus: u32) -> u64 {
    let limit = fs::read_to_string("/proc/sys/net/core/netdev_max_backlog").ok();
    let limit: u64 = limit.and_then(|text| text.trim().parse().ok()).unwrap_or(1000);
    2 * limit * u64::from(cpus)
}

/// Where statistics can be read.
pub(crate) trait Statistics: Default {
    /// Looks for namespaces.
    fn survey(&mut self);
    /// The namespaces that were found.
    fn known(&self) -> Vec<u64>;
    /// The statistics of the interfaces of a namespace. `None` when it cannot be read any more: it is
    /// forgotten then, until a survey finds it again.
    fn read(&mut self, namespace: u64) -> Option<BTreeMap<String, Moved>>;
}

/// Network namespaces, each with a process through which its statistics can be read. Entering one would take
/// privileges that `zc` has given up, and a socket in it would keep it alive.
#[derive(Debug, Default)]
pub(crate) struct Namespaces {
    processes: HashMap<u64, u32>,
}

impl Statistics for Namespaces {
    /// About 2 µs for each process.
    fn survey(&mut self) {
        let Ok(entries) = fs::read_dir("/proc") else { return };
        for entry in entries.flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            if let Some(namespace) = namespace_of(pid) {
                self.processes.entry(namespace).or_insert(pid);
            }
        }
    }

    fn known(&self) -> Vec<u64> {
        self.processes.keys().copied().collect()
    }

    fn read(&mut self, namespace: u64) -> Option<BTreeMap<String, Moved>> {
        let pid = *self.processes.get(&namespace)?;
        let text = fs::read_to_string(format!("/proc/{pid}/net/dev")).ok();
        // After reading: the number may belong to another process by then.
        let text = text.filter(|_| namespace_of(pid) == Some(namespace));
        if text.is_none() {
            self.processes.remove(&namespace);
        }
        Some(text?.lines().filter_map(parse).collect())
    }
}

fn namespace_of(pid: u32) -> Option<u64> {
    fs::metadata(format!("/proc/{pid}/ns/net")).ok().map(|found| found.ino())
}

/// A line of `/proc/net/dev`: the name, eight fields on what was received, eight on what was sent. Each is the sum
/// since the interface exists, of 64 bits (`dev_seq_printf_stats`, `net/core/net-procfs.c`, 5.10 to 7.2).
fn parse(line: &str) -> Option<(String, Moved)> {
    // A name may contain colons, numbers contain none.
    let (name, fields) = line.rsplit_once(':')?;
    let fields: Vec<u64> =
        fields.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
    let [received_bytes, received, ..] = fields[..] else { return None };
    let [sent_bytes, sent, ..] = *fields.get(8..)? else { return None };
    Some((name.trim().to_owned(), [received_bytes, sent_bytes, received, sent]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_both_directions_and_headings_have_none() {
        let line = "  eth0: 100 2 0 0 0 0 0 0 300 4 5 0 0 0 0 0";
        assert_eq!(parse(line), Some(("eth0".to_owned(), [100, 300, 2, 4])));
        // A name may touch its first number.
        assert!(parse("verylongname15c:1 2 0 0 0 0 0 0 3 4 0 0 0 0 0 0").is_some());
        let headings = [
            "Inter-|   Receive                            |  Transmit",
            " face |bytes    packets errs drop fifo frame compressed multicast|",
        ];
        assert_eq!(headings.map(parse), [None, None]);
    }

    #[test]
    fn this_process_is_in_a_namespace_with_a_loopback_interface() {
        let mut namespaces = Namespaces::default();
        namespaces.survey();
        let own = namespace_of(std::process::id()).unwrap();
        assert!(namespaces.known().contains(&own));
        assert!(namespaces.read(own).unwrap().contains_key("lo"));
        assert!(namespaces.read(1).is_none(), "no namespace has this number");
    }
}
