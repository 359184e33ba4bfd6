//! What is done on behalf of processes whose threads have ended: pages written back, packets sent.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use aya::maps::{HashMap as BpfHashMap, MapData};
use zc_common::record::{Late, ThreadKey};

use zc_model::snapshot::ProcessId;

/// Entries of the kernel's table that may come to rest there. Beyond them those that did not change
/// since the last look are removed: the next addition makes a new one.
const RESTING: usize = 1_024;

/// The kernel side's table `DEPARTED`, as of the last look.
#[derive(Default)]
pub(super) struct Departed {
    seen: HashMap<ThreadKey, Late>,
}

impl Departed {
    /// Tells `add` what has been done for whom since the last look.
    ///
    /// # Errors
    /// When the map cannot be read.
    pub(super) fn collect(
        &mut self,
        map: &mut BpfHashMap<&mut MapData, ThreadKey, Late>,
        mut add: impl FnMut(ProcessId, &Late),
    ) -> Result<()> {
        let mut resting = Vec::new();
        let mut count = 0;
        for entry in map.iter() {
            let (key, late) = entry.context("cannot read what was done for ended processes")?;
            count += 1;
            let before = self.seen.insert(key, late).unwrap_or_default();
            if before == late {
                resting.push(key);
                continue;
            }
            add(
                ProcessId { pid: key.pid, start_ns: key.start_ns },
                &late.combined(&before, |now, before| now - before),
            );
        }
        if count > RESTING {
            for key in resting {
                map.remove(&key).context("cannot forget an ended process")?;
                self.seen.remove(&key);
            }
        }
        Ok(())
    }
}
