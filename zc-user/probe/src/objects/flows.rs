//! From which object to which one: the flows of the kernel side as samples.

use std::{collections::HashMap, sync::Arc};

use zc_common::{
    object::FLOW_RELAYED,
    path::{LANES, lane_path},
};

use super::{Details, Objects};
use zc_model::{
    id::Id,
    snapshot::{FlowSample, FlowVia, ObjectSample, ProcessId},
};

impl Objects {
    /// What is kept. `rows` has the names of the processes.
    pub(super) fn flow_samples(
        &mut self,
        details: &Details<'_>,
        rows: &[ObjectSample],
    ) -> Vec<FlowSample> {
        let names: HashMap<ProcessId, &Arc<str>> =
            rows.iter().map(|row| (row.process, &row.comm)).collect();
        let mut flows: Vec<_> = self.flows.sums().collect();
        flows.sort_unstable_by_key(|(key, _)| *key);
        let flows = flows.into_iter().map(|(key, flow)| {
            let process = ProcessId { pid: key.tgid, start_ns: key.start_ns };
            FlowSample {
                from: self.object(key.from, details),
                to: self.object(key.to, details),
                process,
                comm: names.get(&process).map_or_else(|| "".into(), |name| Arc::clone(name)),
                via: via(key.lane),
                ops: flow.ops,
                bytes: flow.bytes,
            }
        });
        flows.collect()
    }
}

fn via(lane: u32) -> FlowVia {
    if lane == u32::from(FLOW_RELAYED) {
        return FlowVia::Relayed;
    }
    FlowVia::Path(Id::Known(lane_path((lane as usize).min(LANES - 1)).0))
}
