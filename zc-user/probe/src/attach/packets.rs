//! The hooks of network interfaces, which are exchanged where there are too many packets to count each.

use std::{convert::Infallible, fs, path::PathBuf, str::FromStr};

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    programs::{Program, raw_trace_point::RawTracePointLink, tp_btf::BtfTracePointLink},
};

use super::{
    programs::{Load, Loader, Target},
    tracepoint::Tracepoints,
};
use crate::{
    catalog::ProbeGroup, interfaces::source::Hooks, layout::Access, object::program,
    refusal::Refusal,
};

/// Packets per second on the whole machine, sent and received, above which the kernel's statistics are
/// taken. Counting a packet costs about 100 ns: at this rate, 1 % of one CPU.
const MOST_PACKETS: u64 = 100_000;

/// Packets per second above which the kernel's statistics are taken.
#[derive(Clone, Debug)]
pub enum PacketLimit {
    /// So many.
    Rate(u64),
    /// What this file says at the moment: a test decides, whatever else passes on the machine.
    File(PathBuf),
}

impl Default for PacketLimit {
    fn default() -> Self {
        Self::Rate(MOST_PACKETS)
    }
}

impl FromStr for PacketLimit {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(text.parse().map_or_else(|_| Self::File(text.into()), Self::Rate))
    }
}

impl PacketLimit {
    /// The limit at this moment.
    pub(crate) fn now(&self) -> u64 {
        match self {
            Self::Rate(rate) => *rate,
            Self::File(file) => {
                let text = fs::read_to_string(file).ok();
                text.and_then(|text| text.trim().parse().ok()).unwrap_or(MOST_PACKETS)
            }
        }
    }
}

/// What the sampler of shapes is attached to.
const SAMPLED: &str = "net_dev_start_xmit";

/// A program and the tracepoint that it belongs to.
type Hook = (Load, &'static str);

/// The sampler of shapes.
const fn sampler(access: Access) -> Load {
    match access {
        Access::Typed => Load { program: program::NET_SAMPLE, target: Target::Tracepoint(SAMPLED) },
        Access::Checked => Load { program: program::NET_SAMPLE_RAW, target: Target::Any },
    }
}

/// The programs of the group.
pub(super) fn loads(tracepoints: Tracepoints<'_>) -> Vec<Load> {
    let mut loads = tracepoints.loads(ProbeGroup::Net);
    if !loads.is_empty() {
        loads.push(sampler(tracepoints.access));
    }
    loads
}

/// An attached program; detached when dropped.
#[derive(Debug)]
enum Link {
    Typed(#[expect(dead_code, reason = "dropped")] BtfTracePointLink),
    Checked(#[expect(dead_code, reason = "dropped")] RawTracePointLink),
}

/// What is attached at the moment.
#[derive(Debug)]
pub struct PacketHooks {
    /// Those that count every packet.
    counters: Vec<Hook>,
    /// The one that looks at the shape of some; `None` when the kernel refused it.
    sampler: Option<Hook>,
    counting: Vec<Link>,
    sampling: Option<Link>,
}

impl PacketHooks {
    /// Loads the programs of the group and attaches those that count packets.
    ///
    /// # Errors
    /// When the kernel lacks a tracepoint of the group, or refuses a program that counts packets.
    pub(super) fn attach(
        ebpf: &mut Ebpf,
        loader: &mut Loader,
        tracepoints: Tracepoints<'_>,
    ) -> Result<Self, Refusal> {
        let counters = tracepoints.hooks(ProbeGroup::Net)?;
        for (load, tracepoint) in &counters {
            let cannot = || format!("cannot attach to {tracepoint}");
            loader.load(ebpf, *load).with_context(cannot)?;
        }
        let sampler = sampler(tracepoints.access);
        let sampler = loader.load(ebpf, sampler).is_ok().then_some((sampler, SAMPLED));
        let mut hooks = Self { counters, sampler, counting: Vec::new(), sampling: None };
        hooks.with(ebpf).count()?;
        Ok(hooks)
    }

    /// The hooks with what they are attached by.
    pub fn with<'a>(&'a mut self, ebpf: &'a mut Ebpf) -> Exchange<'a> {
        Exchange { hooks: self, ebpf }
    }
}

/// Exchanges hooks.
#[derive(Debug)]
pub struct Exchange<'a> {
    hooks: &'a mut PacketHooks,
    ebpf: &'a mut Ebpf,
}

fn link(ebpf: &mut Ebpf, (load, tracepoint): Hook) -> Result<Link> {
    let program = ebpf.program_mut(load.program);
    let program = program.with_context(|| format!("the object has no program {}", load.program))?;
    let cannot = || format!("cannot attach to {tracepoint}");
    if let Program::RawTracePoint(program) = program {
        let link = program.attach(tracepoint).with_context(cannot)?;
        Ok(Link::Checked(program.take_link(link)?))
    } else {
        let program: &mut aya::programs::BtfTracePoint = program.try_into()?;
        let link = program.attach().with_context(cannot)?;
        Ok(Link::Typed(program.take_link(link)?))
    }
}

impl Hooks for Exchange<'_> {
    fn can_sample(&self) -> bool {
        self.hooks.sampler.is_some()
    }

    fn count(&mut self) -> Result<()> {
        let mut links = Vec::new();
        for hook in &self.hooks.counters {
            links.push(link(self.ebpf, *hook)?);
        }
        self.hooks.counting = links;
        self.hooks.sampling = None;
        Ok(())
    }

    fn sample(&mut self) -> Result<()> {
        let sampler = self.hooks.sampler.context("the kernel refused the sampler of packets")?;
        self.hooks.sampling = Some(link(self.ebpf, sampler)?);
        self.hooks.counting.clear();
        Ok(())
    }
}
