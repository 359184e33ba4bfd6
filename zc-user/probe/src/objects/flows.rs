//! From which object to which one: the flows of the kernel side as samples.

use std::{collections::HashMap, sync::Arc};

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    maps::{HashMap as BpfHashMap, MapData},
};
use zc_common::{
    object::{FLOW_RELAYED, Flow, FlowKey, ObjectDetail, ObjectKey},
    path::{LANES, lane_path},
};

use super::{Objects, map};
use zc_model::{
    id::Id,
    snapshot::{FlowSample, FlowVia, ObjectSample, ProcessId},
};

impl Objects {
    /// What the kernel side has. `rows` has the names of the processes.
    pub(super) fn flows(
        &mut self,
        ebpf: &Ebpf,
        details: &BpfHashMap<&MapData, ObjectKey, ObjectDetail>,
        rows: &[ObjectSample],
    ) -> Result<Vec<FlowSample>> {
        let names: HashMap<ProcessId, &Arc<str>> =
            rows.iter().map(|row| (row.process, &row.comm)).collect();
        let flows = ebpf.map(map::OBJECT_FLOWS).context("the object has no OBJECT_FLOWS")?;
        let flows: BpfHashMap<&MapData, FlowKey, Flow> = flows.try_into()?;
        let mut samples = Vec::new();
        for flow in flows.iter() {
            let (key, flow) = flow.context("cannot read from where to where bytes were moved")?;
            let process = ProcessId { pid: key.tgid, start_ns: key.start_ns };
            samples.push(FlowSample {
                from: self.object(key.from, details),
                to: self.object(key.to, details),
                process,
                comm: names.get(&process).map_or_else(|| "".into(), |name| Arc::clone(name)),
                via: via(key.lane),
                ops: flow.ops,
                bytes: flow.bytes,
            });
        }
        Ok(samples)
    }
}

fn via(lane: u32) -> FlowVia {
    if lane == u32::from(FLOW_RELAYED) {
        return FlowVia::Relayed;
    }
    FlowVia::Path(Id::Known(lane_path((lane as usize).min(LANES - 1)).0))
}
