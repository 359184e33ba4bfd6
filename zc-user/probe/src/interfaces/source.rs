//! Where the figures of network interfaces come from: every packet, or, where there are too many of
//! them, the kernel's own statistics. [`super::account`] says why none are lost when that changes.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Result;
use zc_model::snapshot::{DeviceKind, DeviceSample};

use super::{
    super::attach::PacketLimit,
    account::{Account, Moved, Reading, packets},
    shape::Shape,
    statistics::{Namespaces, Statistics},
};

/// What the rate has to fall below for this long before packets are counted again. The statistics of hardware
/// count segments on the wire, which are more, so the way back is the longer one.
const CALM: Duration = Duration::from_secs(5);
const CALM_SHARE: u64 = 2;

/// The time over which a rate is taken.
const LOOKS: Duration = Duration::from_millis(500);

/// How often both counters are read at a look, at most, to find a moment at which little passes.
const READINGS: usize = 8;

/// How long a look may go on reading: a dashboard waits.
const LONGEST_LOOK: Duration = Duration::from_millis(20);

/// Looks for a quiet moment once packets are counted again.
const SETTLING_LOOKS: u32 = 20;

/// Looks at which an interface that cannot be read has to have sent something: one whose namespace has just
/// ended may have done so until then.
const BLIND_LOOKS: u32 = 2;

/// Readings of the statistics, and looking for namespaces, each take one part of so many of one CPU's time, at
/// most.
const SHARE: u32 = 100;

/// An interface: its namespace and its name.
type Identity = (u64, String);

/// Switches the hooks.
pub(crate) trait Hooks {
    /// Whether [`Self::sample`] is possible.
    fn can_sample(&self) -> bool;
    /// Counts every packet.
    fn count(&mut self) -> Result<()>;
    /// Looks at the shape of one packet of some that are sent, and at nothing else.
    fn sample(&mut self) -> Result<()>;
}

/// What the hooks have counted of an interface.
#[derive(Clone, Debug)]
pub(crate) struct Counted {
    /// What stands in the table of devices.
    pub(crate) sample: DeviceSample,
    /// Bytes of the packets whose shape was looked at, and how many of them were references.
    pub(crate) shape: [u64; 2],
}

impl Counted {
    fn identity(&self) -> Identity {
        (self.sample.namespace.unwrap_or_default(), self.sample.device.clone())
    }

    const fn moved(&self) -> Moved {
        let DeviceSample { read_bytes, write_bytes, read_requests, write_requests, .. } =
            self.sample;
        [read_bytes, write_bytes, read_requests, write_requests]
    }
}

/// Reads what the hooks have counted of all interfaces.
pub(crate) trait Read: Fn() -> Result<Vec<Counted>> {}
impl<F: Fn() -> Result<Vec<Counted>>> Read for F {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Hooks,
    Statistics,
}

#[derive(Debug, Default)]
struct Interface {
    account: Account,
    shape: Shape,
    /// What the hooks had counted when that was read last: packets, references, and the sample.
    counted: Moved,
    gathered: u64,
    sampled: [u64; 2],
    /// What they had counted when it could not be read, and the statistics were to be taken.
    unreadable: Moved,
    /// The sample at the last look, and for how many looks it has grown without statistics.
    glimpsed: [u64; 2],
    blind_looks: u32,
}

impl Interface {
    fn note(&mut self, counted: &Counted) {
        (self.counted, self.sampled) = (counted.moved(), counted.shape);
        self.gathered = counted.sample.gather_bytes;
    }
}

/// Decides between the sources, and keeps totals continuous.
#[derive(Debug)]
pub(crate) struct Meter<S = Namespaces> {
    source: Source,
    interfaces: HashMap<Identity, Interface>,
    statistics: S,
    /// Namespaces that could be read last time.
    readable: HashSet<u64>,
    /// Packets that may be between both counters.
    under_way: u64,
    /// Packets when the rate was taken last, and when that was.
    packets: u64,
    looked: Instant,
    calm: Option<Instant>,
    /// Looks left in which to find a quiet moment.
    settling: u32,
    next_round: Option<Instant>,
    next_survey: Option<Instant>,
}

impl<S: Statistics> Meter<S> {
    /// While the hooks count. `under_way`: packets that may be between the driver's counter and the hooks.
    pub(crate) fn new(under_way: u64, now: Instant, read: &impl Read) -> Result<Self> {
        let mut meter = Self {
            source: Source::Hooks,
            interfaces: HashMap::new(),
            statistics: S::default(),
            readable: HashSet::new(),
            under_way,
            packets: 0,
            looked: now,
            calm: None,
            settling: 0,
            next_round: None,
            next_survey: None,
        };
        meter.look(now, read)?;
        meter.interfaces.values_mut().for_each(|it| it.account.conclude_first());
        Ok(meter)
    }

    /// Housekeeping. `most`: packets per second above which the statistics are taken. `packets`: what the hooks have counted of
    /// all interfaces, about.
    pub(crate) fn tend(
        &mut self,
        hooks: &mut impl Hooks,
        now: Instant,
        most: &PacketLimit,
        packets: impl Fn() -> u64,
        read: &impl Read,
    ) -> Result<()> {
        if self.source == Source::Statistics && self.next_round.is_none_or(|at| now >= at) {
            self.round(now);
        }
        let elapsed = now.duration_since(self.looked);
        if elapsed < LOOKS {
            return Ok(());
        }
        let sum = if self.source == Source::Hooks { packets() } else { self.alone() };
        let more = u128::from(sum.saturating_sub(self.packets));
        let rate = more * 1000 / elapsed.as_millis().max(1);
        (self.looked, self.packets) = (now, sum);
        let most = most.now();
        match self.source {
            Source::Hooks if rate > u128::from(most) => self.leave_hooks(hooks, now, read)?,
            Source::Hooks if self.settling > 0 => {
                self.look(now, read)?;
                self.interfaces.values_mut().for_each(|it| it.account.settle());
                let is_unsettled = self.interfaces.values().any(|it| it.account.is_unsettled());
                self.settling = if is_unsettled { self.settling - 1 } else { 0 };
            }
            Source::Hooks => {}
            Source::Statistics => {
                self.estimate(&read()?);
                if rate >= u128::from(most / CALM_SHARE) {
                    self.calm = None;
                }
                let calm = *self.calm.get_or_insert(now);
                if self.is_blind() || now.duration_since(calm) >= CALM {
                    self.leave_statistics(hooks, now, read)?;
                    self.packets = packets();
                }
            }
        }
        Ok(())
    }

    /// What is to be shown of interfaces of which the hooks have `counted` this.
    pub(crate) fn show(&mut self, now: Instant, counted: Vec<Counted>) -> Vec<DeviceSample> {
        if self.source == Source::Statistics {
            self.round(now);
            self.estimate(&counted);
        }
        let mut seen = HashSet::new();
        let mut shown = Vec::new();
        for it in counted {
            let identity = it.identity();
            shown.push(self.sample(&identity, it));
            seen.insert(identity);
        }
        // Those that no hook has seen.
        for (identity, it) in &self.interfaces {
            if it.account.alone + it.account.gaps > 0 && !seen.contains(identity) {
                shown.push(self.sample(identity, unseen(identity)));
            }
        }
        shown
    }

    fn sample(&self, identity: &Identity, counted: Counted) -> DeviceSample {
        let moved = counted.moved();
        let mut sample = counted.sample;
        let Some(Interface { account, shape, .. }) = self.interfaces.get(identity) else {
            return sample;
        };
        let (moved, gathered) = match self.source {
            Source::Hooks => (account.by_hooks(moved), shape.by_hooks(sample.gather_bytes)),
            Source::Statistics => (account.shown, shape.estimated()),
        };
        [sample.read_bytes, sample.write_bytes, sample.read_requests, sample.write_requests] =
            moved;
        sample.gather_bytes = gathered;
        sample.linear_bytes = sample.write_bytes.saturating_sub(gathered);
        sample.kernel_packets = account.alone;
        sample.uncertain_packets = account.uncertain();
        sample.gaps = account.gaps;
        sample
    }

    /// Packets that the statistics alone know of.
    fn alone(&self) -> u64 {
        self.interfaces.values().fold(0, |sum, it| sum.wrapping_add(it.account.alone))
    }

    /// Estimates the shape of what has been sent.
    fn estimate(&mut self, counted: &[Counted]) {
        for it in counted {
            let interface = self.interfaces.entry(it.identity()).or_default();
            interface.note(it);
            if interface.account.is_present {
                let [_, sent, ..] = interface.account.shown;
                interface.shape.estimate(sent, it.shape);
            }
        }
    }

    /// Whether an interface that cannot be read goes on sending.
    fn is_blind(&mut self) -> bool {
        let mut is_blind = false;
        for (identity, it) in &mut self.interfaces {
            let is_unseen = it.sampled != it.glimpsed && !self.readable.contains(&identity.0);
            it.glimpsed = it.sampled;
            if is_unseen {
                it.account.gaps += 1;
                it.blind_looks += 1;
                is_blind |= it.blind_looks >= BLIND_LOOKS;
            } else {
                it.blind_looks = 0;
            }
        }
        is_blind
    }

    /// Reads both counters of all interfaces, while the hooks count. Returns the namespaces that could be read.
    fn look(&mut self, now: Instant, read: &impl Read) -> Result<HashSet<u64>> {
        self.survey(now);
        self.interfaces.values_mut().for_each(|it| it.account.begin());
        let mut readable = HashSet::new();
        let deadline = Instant::now() + LONGEST_LOOK;
        let counted = || -> Result<HashMap<_, _>> {
            Ok(read()?.iter().map(|it| (it.identity(), it.moved())).collect())
        };
        let mut before = counted()?;
        // All together at first: most interfaces move nothing at the moment.
        let mut groups = vec![self.statistics.known()];
        for _ in 0..READINGS {
            let mut open = Vec::new();
            for group in groups {
                let mut found = Vec::new();
                for namespace in group {
                    found.extend(self.statistics.read(namespace).map(|all| (namespace, all)));
                }
                let after = counted()?;
                for (namespace, interfaces) in found {
                    readable.insert(namespace);
                    let mut passed = 0;
                    for (name, statistics) in interfaces {
                        let identity = (namespace, name);
                        let of = |all: &HashMap<_, _>| all.get(&identity).copied();
                        let (before, after) = (of(&before), of(&after));
                        let [before, after] = [before, after].map(Option::unwrap_or_default);
                        let reading = Reading { before, statistics, after };
                        passed |= packets(reading.width());
                        let interface = self.interfaces.entry(identity).or_default();
                        interface.account.note(reading, self.under_way);
                    }
                    if passed > 0 {
                        open.push(vec![namespace]);
                    }
                }
                before = after;
            }
            if open.is_empty() || Instant::now() > deadline {
                break;
            }
            groups = open;
        }
        Ok(readable)
    }

    fn note(&mut self, counted: &[Counted]) {
        for it in counted {
            self.interfaces.entry(it.identity()).or_default().note(it);
        }
    }

    /// Takes the kernel's statistics from now on, unless they cannot be read of an interface that moves something.
    fn leave_hooks(
        &mut self,
        hooks: &mut impl Hooks,
        now: Instant,
        read: &impl Read,
    ) -> Result<()> {
        if !hooks.can_sample() {
            return Ok(());
        }
        let readable = self.look(now, read)?;
        self.note(&read()?);
        let mut is_blind = false;
        for (identity, it) in &mut self.interfaces {
            if !readable.contains(&identity.0) {
                // Not when it has moved nothing since the last attempt: its namespace may have ended.
                is_blind |= it.counted != it.unreadable;
                it.unreadable = it.counted;
            }
        }
        if is_blind || hooks.sample().is_err() {
            return Ok(());
        }
        self.note(&read()?);
        for it in self.interfaces.values_mut() {
            it.account.take_statistics(it.counted, self.under_way);
            let [_, sent, ..] = it.account.shown;
            it.shape.begin(it.gathered, sent, it.sampled);
            (it.glimpsed, it.blind_looks) = (it.sampled, 0);
        }
        self.readable = readable;
        (self.source, self.packets, self.calm) = (Source::Statistics, self.alone(), None);
        self.next_round = None;
        Ok(())
    }

    /// Counts every packet from now on. Where that fails, it is tried again at the next look.
    fn leave_statistics(
        &mut self,
        hooks: &mut impl Hooks,
        now: Instant,
        read: &impl Read,
    ) -> Result<()> {
        if hooks.count().is_err() {
            return Ok(());
        }
        let readable = self.look(now, read)?;
        let found = self.interfaces.iter();
        let found =
            found.filter_map(|(identity, it)| Some((identity.clone(), it.account.found()?)));
        self.advance(found.collect(), readable);
        for it in self.interfaces.values_mut() {
            it.account.take_hooks(it.counted, self.under_way);
            it.shape.end(it.gathered);
        }
        (self.source, self.settling) = (Source::Hooks, SETTLING_LOOKS);
        Ok(())
    }

    /// Looks for namespaces, unless that was done a moment ago.
    fn survey(&mut self, now: Instant) {
        if self.next_survey.is_none_or(|at| now >= at) {
            let began = Instant::now();
            self.statistics.survey();
            self.next_survey = Some(now + began.elapsed() * SHARE);
        }
    }

    /// Reads the statistics of all namespaces.
    fn round(&mut self, now: Instant) {
        self.survey(now);
        let began = Instant::now();
        let mut found = BTreeMap::new();
        let mut readable = HashSet::new();
        for namespace in self.statistics.known() {
            let Some(interfaces) = self.statistics.read(namespace) else { continue };
            readable.insert(namespace);
            found.extend(interfaces.into_iter().map(|(name, it)| ((namespace, name), it)));
        }
        self.advance(found, readable);
        self.next_round = Some(now + began.elapsed() * SHARE);
    }

    /// Takes over what was read.
    fn advance(&mut self, found: BTreeMap<Identity, Moved>, readable: HashSet<u64>) {
        for (identity, it) in &mut self.interfaces {
            if !found.contains_key(identity) {
                it.account.lose();
            }
        }
        for (identity, statistics) in found {
            let is_present = self.interfaces.get(&identity).is_some_and(|it| it.account.is_present);
            // Otherwise it may have moved something elsewhere, or before its namespace was found.
            let is_new = !is_present
                && self.readable.contains(&identity.0)
                && !self.interfaces.values().any(|it| it.account.may_be(statistics));
            self.interfaces.entry(identity).or_default().account.advance(statistics, is_new);
        }
        self.readable = readable;
    }
}

/// An interface that no hook has seen: it has only received since the kernel's statistics are taken.
fn unseen((namespace, name): &Identity) -> Counted {
    let software = !Path::new("/sys/class/net").join(name).join("device").exists();
    let blank = DeviceSample::blank(name.clone(), DeviceKind::Net);
    let sample = DeviceSample { namespace: Some(*namespace), software, ..blank };
    Counted { sample, shape: [0; 2] }
}
