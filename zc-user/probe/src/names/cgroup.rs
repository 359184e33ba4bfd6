//! cgroup ids to paths.

use std::{collections::HashMap, fs, sync::Arc};

use super::namespace;

/// Ids remembered; further ones are looked up again each time they are asked for.
const REMEMBERED: usize = 16_384;

/// cgroup v2 paths by id. An id names a directory for as long as that exists.
pub struct Cgroups {
    by_id: HashMap<u64, Arc<str>>,
    /// Whether `/proc/PID` is the process that the kernel side calls so.
    host_pids: bool,
}

impl Default for Cgroups {
    fn default() -> Self {
        Self { by_id: HashMap::new(), host_pids: namespace::has_host_pids() }
    }
}

impl Cgroups {
    /// The path of cgroup `id`, learned from a living member. `None` when all members have gone
    /// before anybody asked.
    pub fn name(&mut self, id: u64, pid: u32, exited: bool) -> Option<Arc<str>> {
        if id == 0 {
            return None;
        }
        if let Some(path) = self.by_id.get(&id) {
            return Some(Arc::clone(path));
        }
        if exited || !self.host_pids {
            return None;
        }
        let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
        // The unified hierarchy is number 0: "0::/path".
        let path: Arc<str> = text.lines().find_map(|line| line.strip_prefix("0::"))?.into();
        if self.by_id.len() < REMEMBERED {
            self.by_id.insert(id, Arc::clone(&path));
        }
        Some(path)
    }
}
