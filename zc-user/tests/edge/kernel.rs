//! What a process has in the kernel, and whether it is gone. By id: other instances may run.

use std::{collections::BTreeSet, fs, process::Command};

use serde_json::Value;

use super::zc::until;

/// eBPF objects held by descriptors of one process.
#[derive(Debug, Default)]
pub(crate) struct Held {
    programs: BTreeSet<u64>,
    maps: BTreeSet<u64>,
    links: BTreeSet<u64>,
}

impl Held {
    /// What `pid` holds now: something of each kind.
    #[track_caller]
    pub(crate) fn by(pid: u32) -> Self {
        let mut held = Self::default();
        for entry in fs::read_dir(format!("/proc/{pid}/fdinfo")).unwrap() {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap_or_default();
            let field = |name: &str| {
                let value = text.lines().find_map(|line| line.strip_prefix(name))?;
                value.trim().parse::<u64>().ok()
            };
            // A link's descriptor tells its program too.
            held.links.extend(field("link_id:"));
            held.programs.extend(field("prog_id:"));
            held.maps.extend(field("map_id:"));
        }
        let Self { programs, maps, links } = &held;
        assert!(programs.len() >= 5 && maps.len() >= 4 && links.len() >= 5, "{held:?}");
        assert!(programs.is_subset(&listed("prog")), "bpftool does not list {programs:?}");
        held
    }

    /// Waits until the kernel has none of it any more.
    #[track_caller]
    pub(crate) fn is_gone(&self) {
        // Freed after the readers of the moment have left: a matter of milliseconds.
        for (kind, ids) in [("link", &self.links), ("prog", &self.programs), ("map", &self.maps)] {
            until(&format!("no {kind} of {ids:?} is left"), || listed(kind).is_disjoint(ids));
        }
    }
}

fn listed(kind: &str) -> BTreeSet<u64> {
    let output = Command::new("bpftool").args(["-j", kind, "list"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    list.as_array().unwrap().iter().filter_map(|object| object["id"].as_u64()).collect()
}
