//! What is done on behalf of processes whose threads have ended: pages written back, packets sent.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use aya::maps::{HashMap as BpfHashMap, MapData};
use zc_common::record::{Late, ThreadKey};

use crate::sample::snapshot::ProcessId;

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
            add(ProcessId { pid: key.pid, start_ns: key.start_ns }, &since(&late, &before));
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

/// What was added between `before` and `now`.
fn since(now: &Late, before: &Late) -> Late {
    let Late {
        updates,
        dirtied_write_bytes,
        linearizations,
        linearized_bytes,
        zerocopy_copied_bytes,
        zerocopy_linearized_bytes,
        referenced_linearized_bytes,
        bounces,
        bounced_bytes,
    } = now;
    Late {
        updates: updates - before.updates,
        dirtied_write_bytes: dirtied_write_bytes - before.dirtied_write_bytes,
        linearizations: linearizations - before.linearizations,
        linearized_bytes: linearized_bytes - before.linearized_bytes,
        zerocopy_copied_bytes: zerocopy_copied_bytes - before.zerocopy_copied_bytes,
        zerocopy_linearized_bytes: zerocopy_linearized_bytes - before.zerocopy_linearized_bytes,
        referenced_linearized_bytes: referenced_linearized_bytes
            - before.referenced_linearized_bytes,
        bounces: bounces - before.bounces,
        bounced_bytes: bounced_bytes - before.bounced_bytes,
    }
}
