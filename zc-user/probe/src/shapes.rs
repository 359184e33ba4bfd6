//! When the shapes of packets are looked at: always, until there are very many of them.
//!
//! Bytes and packets are counted where a packet comes back from its driver, whatever their number. Whether a packet
//! lay in one piece or in several is to be seen before, by a program of its own, which costs about a third of what
//! `zc` adds to a packet. Above [`ALL_SHAPES_RATE`] it is attached one tenth of the time, in slices drawn at random.

use std::time::{Duration, Instant};

use anyhow::Result;
use aya::{
    Ebpf,
    programs::{
        BtfTracePoint, ProgramError, RawTracePoint, raw_trace_point::RawTracePointLinkId,
        tp_btf::BtfTracePointLinkId,
    },
};
use fastrand::Rng;
use zc_model::snapshot::ALL_SHAPES_RATE;
use zc_privilege::raised;

use super::catalog::{PROBES, Probe};

/// Above that rate, one slice of so many is looked at on average.
const ONE_OF: u32 = 10;

/// Packets a second up to which all are looked at, and the shortest slice.
pub type Sampling = (u32, Duration);

/// What users have.
pub(super) const SAMPLING: Sampling = (ALL_SHAPES_RATE, Duration::from_millis(80));

/// The tracepoint of the program.
pub(super) const TRACEPOINT: &str = "net_dev_start_xmit";

/// What keeps a program attached.
pub(super) enum Link {
    /// That of a BTF tracepoint.
    Typed(BtfTracePointLinkId),
    /// That of a raw tracepoint.
    Raw(RawTracePointLinkId),
}

/// The program that looks at shapes: it is attached as long as `link` is there.
pub(super) struct Shapes {
    schedule: Schedule,
    link: Option<Link>,
    typed: bool,
}

impl Shapes {
    /// The program was attached.
    pub(super) fn new(link: Link, (rate, slice): Sampling) -> Self {
        let typed = matches!(link, Link::Typed(_));
        Self { schedule: Schedule::new(rate, slice, Instant::now()), link: Some(link), typed }
    }

    /// Attaches or detaches the program, if it is time to. `packets` were sent since the start.
    pub(super) fn tend(&mut self, ebpf: &mut Ebpf, packets: u64) -> Result<()> {
        let wanted = self.schedule.wants(packets, Instant::now());
        match (wanted, self.link.take()) {
            (false, Some(link)) => detach(ebpf, link)?,
            (true, None) => self.link = Some(raised(|| attach(ebpf, self.typed))?),
            (_, link) => self.link = link,
        }
        Ok(())
    }
}

fn probe() -> Result<&'static Probe, ProgramError> {
    PROBES.iter().find(|probe| probe.tracepoint == TRACEPOINT).ok_or(ProgramError::NotLoaded)
}

fn typed(ebpf: &mut Ebpf) -> Result<&mut BtfTracePoint> {
    let program = ebpf.program_mut(probe()?.program).ok_or(ProgramError::NotLoaded)?;
    Ok(program.try_into()?)
}

fn raw(ebpf: &mut Ebpf) -> Result<&mut RawTracePoint> {
    let program = ebpf.program_mut(probe()?.raw_program).ok_or(ProgramError::NotLoaded)?;
    Ok(program.try_into()?)
}

fn attach(ebpf: &mut Ebpf, is_typed: bool) -> Result<Link> {
    Ok(if is_typed {
        Link::Typed(typed(ebpf)?.attach()?)
    } else {
        Link::Raw(raw(ebpf)?.attach(TRACEPOINT)?)
    })
}

fn detach(ebpf: &mut Ebpf, link: Link) -> Result<()> {
    match link {
        Link::Typed(link) => typed(ebpf)?.detach(link)?,
        Link::Raw(link) => raw(ebpf)?.detach(link)?,
    }
    Ok(())
}

/// Whether to look, by the rate of packets.
struct Schedule {
    rate: u32,
    slice: Duration,
    since: Instant,
    packets: u64,
    wanted: bool,
    random: Rng,
}

impl Schedule {
    fn new(rate: u32, slice: Duration, now: Instant) -> Self {
        Self { rate, slice, since: now, packets: 0, wanted: true, random: Rng::new() }
    }

    /// Whether to look from `now` on, when `packets` were sent since the start.
    fn wants(&mut self, packets: u64, now: Instant) -> bool {
        let slice = now.saturating_duration_since(self.since);
        if slice < self.slice {
            return self.wanted;
        }
        // What an interface has counted before it lost its slot is missing: a slice of less than none.
        let sent = packets.saturating_sub(self.packets);
        let allowed = u128::from(self.rate) * slice.as_nanos() / 1_000_000_000;
        (self.since, self.packets) = (now, packets);
        self.wanted = u128::from(sent) <= allowed || self.random.u32(0..ONE_OF) == 0;
        self.wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a thousand slices of 100 ms with so many packets each. Returns those that were looked at.
    fn slices(packets: u64) -> usize {
        let now = Instant::now();
        let mut schedule = Schedule::new(ALL_SHAPES_RATE, SAMPLING.1, now);
        schedule.random = Rng::with_seed(7);
        (1..=1000)
            .filter(|slice| {
                schedule.wants(packets * slice, now + Duration::from_millis(100) * *slice as u32)
            })
            .count()
    }

    #[test]
    fn every_packet_is_looked_at_up_to_the_rate_and_a_tenth_above() {
        assert_eq!(slices(u64::from(ALL_SHAPES_RATE) / 10), 1000);
        let looked = slices(u64::from(ALL_SHAPES_RATE) / 10 + 1);
        assert!((70..=130).contains(&looked), "{looked}");
    }

    #[test]
    fn the_rate_is_that_of_the_whole_slice() {
        let now = Instant::now();
        let mut schedule = Schedule::new(ALL_SHAPES_RATE, SAMPLING.1, now);
        // Nothing is decided in the middle of one, and nothing is left out after a slot was given away.
        assert!(schedule.wants(1_000_000, now + SAMPLING.1 / 2));
        assert!(schedule.wants(u64::from(ALL_SHAPES_RATE) * 30, now + Duration::from_secs(30)));
        assert!(schedule.wants(0, now + Duration::from_secs(31)));
    }
}
