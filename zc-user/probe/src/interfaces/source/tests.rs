use std::cell::RefCell;

use super::{
    super::account::{minus, plus},
    *,
};

/// An interface of a machine in which packets pass whenever something is read.
#[derive(Clone, Debug, Default)]
struct Device {
    /// Since it exists, in the kernel's statistics, and as the hooks have counted.
    statistics: Moved,
    counted: Moved,
    sampled: u64,
    /// Since `zc` counts.
    passed: Moved,
    /// Sent, counted by the hooks, and not yet by the kernel.
    under_way: u64,
    /// Received, counted by the kernel, and not yet by the hooks; and how many wait while packets pass.
    waiting: u64,
    backlog: u64,
    /// Packets that pass at every so many readings.
    pace: u64,
    every: u64,
    /// Segments of which the kernel counts each, for a packet.
    segments: u64,
}

/// Bytes of a packet that is received, and of one that is sent.
const BYTES: [u64; 2] = [101, 1009];
const UNDER_WAY: u64 = 300;
const MOST: PacketLimit = PacketLimit::Rate(1000);

fn moved(received: u64, sent: u64) -> Moved {
    [BYTES[0] * received, BYTES[1] * sent, received, sent]
}

#[derive(Debug, Default)]
struct World {
    devices: BTreeMap<Identity, Device>,
    unreadable: HashSet<u64>,
    is_sampling: bool,
    clock: u64,
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::default();
}

/// Something is read, and packets pass.
fn pass() {
    WORLD.with_borrow_mut(|world| {
        world.clock += 1;
        for device in world.devices.values_mut() {
            let is_now = world.clock.is_multiple_of(device.every.max(1));
            let packets = if is_now { device.pace } else { 0 };
            let lag = if packets > 0 { world.clock % 3 % 2 } else { 0 };
            let sent = device.under_way + packets - lag;
            device.under_way = lag;
            device.waiting += packets;
            // A CPU that has time empties its backlog.
            let is_flooded = device.pace > 0 && device.every == 1;
            let backlog = if is_flooded { device.backlog } else { 0 };
            let received = device.waiting.saturating_sub(backlog);
            device.waiting -= received;
            let segments = device.segments.max(1);
            let counted = moved(packets * segments, sent * segments);
            device.statistics = plus(device.statistics, counted);
            device.passed = plus(device.passed, moved(packets, packets));
            if world.is_sampling {
                device.sampled += packets;
            } else {
                device.counted = plus(device.counted, moved(received, packets));
            }
        }
    });
}

fn read() -> Result<Vec<Counted>> {
    pass();
    Ok(WORLD.with_borrow(|world| {
        let seen = world.devices.iter().filter(|(_, it)| it.counted[2] > 0 || it.sampled > 0);
        let counted = seen.map(|(identity, device)| {
            let mut counted = unseen(identity);
            [counted.sample.read_bytes, counted.sample.write_bytes, ..] = device.counted;
            [.., counted.sample.read_requests, counted.sample.write_requests] = device.counted;
            counted.shape = [device.sampled, 0];
            counted
        });
        counted.collect()
    }))
}

#[derive(Debug, Default)]
struct Fake(Vec<u64>);

impl Statistics for Fake {
    fn survey(&mut self) {
        self.0 = WORLD.with_borrow(|world| {
            let here: HashSet<_> = world.devices.keys().map(|it| it.0).collect();
            here.difference(&world.unreadable).copied().collect()
        });
    }

    fn known(&self) -> Vec<u64> {
        self.0.clone()
    }

    fn read(&mut self, namespace: u64) -> Option<BTreeMap<String, Moved>> {
        pass();
        let found = WORLD.with_borrow(|world| {
            let all = world.devices.iter().filter(|(it, _)| it.0 == namespace);
            let all = all.map(|(it, device)| (it.1.clone(), device.statistics)).collect();
            (!world.unreadable.contains(&namespace)).then_some(all)
        });
        pass();
        found
    }
}

#[derive(Debug, Default)]
struct Switches(Vec<&'static str>);

impl Switches {
    fn switch(&mut self, done: &'static str) -> Result<()> {
        pass();
        WORLD.with_borrow_mut(|world| world.is_sampling = done == "sample");
        self.0.push(done);
        pass();
        Ok(())
    }
}

impl Hooks for Switches {
    fn can_sample(&self) -> bool {
        true
    }

    fn count(&mut self) -> Result<()> {
        self.switch("count")
    }

    fn sample(&mut self) -> Result<()> {
        self.switch("sample")
    }
}

struct Machine {
    meter: Meter<Fake>,
    hooks: Switches,
    now: Instant,
    packets: u64,
}

fn identity(namespace: u64, name: &str) -> Identity {
    (namespace, name.to_owned())
}

fn change(identity: &Identity, how: impl FnOnce(&mut Device)) {
    WORLD.with_borrow_mut(|world| how(world.devices.entry(identity.clone()).or_default()));
}

/// Sets the packets that pass at every so many readings.
fn pace(identity: &Identity, pace: u64, every: u64) {
    change(identity, |it| (it.pace, it.every) = (pace, every));
}

impl Machine {
    /// With an interface that was there before `zc`.
    fn with(identity: &Identity) -> Self {
        change(identity, |it| it.statistics = moved(5000, 5000));
        let (hooks, now) = (Switches::default(), Instant::now());
        let meter = Meter::new(UNDER_WAY, now, &read).unwrap();
        Self { meter, hooks, now, packets: 0 }
    }

    /// Half a second later, at this rate as the hooks see it.
    fn tend(&mut self, rate: u64) {
        self.now += LOOKS;
        self.packets += rate / 2;
        (0..100).for_each(|_| pass());
        (self.meter.next_round, self.meter.next_survey) = (None, None);
        let packets = self.packets;
        self.meter.tend(&mut self.hooks, self.now, &MOST, || packets, &read).unwrap();
    }

    /// Until this source is taken.
    fn at_rate_until(&mut self, rate: u64, source: Source) {
        for _ in 0..30 {
            self.tend(rate);
            if self.meter.source == source {
                return;
            }
        }
        panic!("not {source:?}: {:?}", self.meter);
    }

    fn overload(&mut self) {
        self.at_rate_until(5000, Source::Statistics);
    }

    fn calm(&mut self) {
        self.at_rate_until(0, Source::Hooks);
    }

    fn shown(&mut self, identity: &Identity) -> DeviceSample {
        self.meter.next_survey = None;
        let shown = self.meter.show(self.now, read().unwrap());
        let mut same = shown.into_iter().filter(|it| {
            (it.namespace, it.device.as_str()) == (Some(identity.0), identity.1.as_str())
        });
        let sample = same.next().expect("it is shown");
        assert_eq!(same.next(), None);
        sample
    }

    /// What is shown when nothing passes any more, and the uncertain packets.
    fn figures(&mut self, identity: &Identity) -> (Moved, u64) {
        silence();
        let shown = self.shown(identity);
        (figures(&shown), shown.uncertain_packets)
    }
}

fn figures(sample: &DeviceSample) -> Moved {
    let DeviceSample { read_bytes, write_bytes, read_requests, write_requests, .. } = *sample;
    [read_bytes, write_bytes, read_requests, write_requests]
}

fn passed(identity: &Identity) -> Moved {
    WORLD.with_borrow(|world| world.devices[identity].passed)
}

/// Nothing passes any more.
fn silence() {
    WORLD.with_borrow_mut(|world| world.devices.values_mut().for_each(|it| it.pace = 0));
    pass();
}

#[test]
fn nothing_is_lost_or_counted_twice_whatever_is_under_way() {
    let eth = identity(7, "eth0");
    let mut machine = Machine::with(&eth);
    change(&eth, |it| it.backlog = 278);
    for _ in 0..5 {
        pace(&eth, 13, 1);
        machine.overload();
        machine.tend(5000);
        assert_eq!(machine.figures(&eth), (passed(&eth), 0));
        pace(&eth, 3, 11);
        machine.calm();
        // Two looks find a quiet moment.
        (0..2).for_each(|_| machine.tend(0));
        assert_eq!(machine.figures(&eth), (passed(&eth), 0));
        let shown = machine.shown(&eth);
        assert_eq!(shown.linear_bytes, shown.write_bytes);
    }
    assert_eq!(machine.hooks.0, ["sample", "count"].repeat(5));
}

#[test]
fn what_waited_when_the_hooks_came_back_is_uncertain_until_it_is_settled() {
    let eth = identity(7, "eth0");
    let mut machine = Machine::with(&eth);
    change(&eth, |it| it.backlog = 278);
    for is_settled in [false, true] {
        pace(&eth, 13, 1);
        machine.overload();
        // The limit has been raised: it is calm for zc, and the backlog is full.
        WORLD.with_borrow_mut(|world| world.devices.get_mut(&eth).unwrap().pace = 1);
        machine.calm();
        if is_settled {
            silence();
            (0..2).for_each(|_| machine.tend(0));
            assert_eq!(machine.figures(&eth), (passed(&eth), 0));
        } else {
            let (shown, uncertain) = machine.figures(&eth);
            let [.., received, sent] = minus(shown, passed(&eth));
            let off = received + sent.cast_signed().unsigned_abs();
            assert!(received > 200 && off <= uncertain, "{received}, {sent}, {uncertain}");
        }
    }
}

#[test]
fn rates_decide_and_the_way_back_is_longer() {
    let eth = identity(7, "eth0");
    let mut machine = Machine::with(&eth);
    pace(&eth, 13, 1);
    machine.tend(1000);
    assert_eq!(machine.hooks.0, [""; 0], "not above the rate");
    machine.overload();
    pace(&eth, 1, 11);
    (0..10).for_each(|_| machine.tend(0));
    assert_eq!(machine.hooks.0, ["sample"]);
    pace(&eth, 500, 1);
    machine.tend(0);
    pace(&eth, 1, 11);
    (0..10).for_each(|_| machine.tend(0));
    assert_eq!(machine.hooks.0, ["sample"], "it was not calm for long enough");
    machine.calm();
    assert_eq!(machine.hooks.0, ["sample", "count"]);
}

#[test]
fn statistics_that_count_something_else_are_taken_from_the_switch_on() {
    let (eth, lo) = (identity(7, "eth0"), identity(7, "lo"));
    let mut machine = Machine::with(&eth);
    change(&eth, |it| it.segments = 44);
    pace(&eth, 13, 1);
    pace(&lo, 13, 1);
    machine.tend(5000);
    assert_eq!(machine.hooks.0, ["sample"], "at once");
    let uncertain = machine.shown(&eth).uncertain_packets;
    assert!((UNDER_WAY..UNDER_WAY + 200).contains(&uncertain), "{uncertain}");
    let before = (machine.figures(&eth).0, statistics(&eth));
    pace(&eth, 13, 1);
    pace(&lo, 13, 1);
    machine.tend(5000);
    let (after, _) = machine.figures(&eth);
    assert_eq!(minus(after, before.0), minus(statistics(&eth), before.1));
    assert_eq!(machine.figures(&lo), (passed(&lo), 0));
    // Packets again, as far as one can tell.
    machine.calm();
    let before = (figures(&machine.shown(&eth)), passed(&eth));
    pace(&eth, 3, 1);
    machine.tend(0);
    silence();
    assert_eq!(minus(figures(&machine.shown(&eth)), before.0), minus(passed(&eth), before.1));
}

fn statistics(identity: &Identity) -> Moved {
    WORLD.with_borrow(|world| world.devices[identity].statistics)
}

#[test]
fn only_what_cannot_be_read_and_moves_something_keeps_the_hooks() {
    let (eth, veth) = (identity(7, "eth0"), identity(8, "veth"));
    WORLD.with_borrow_mut(|world| world.unreadable.insert(8));
    let mut machine = Machine::with(&eth);
    pace(&eth, 13, 1);
    pace(&veth, 13, 1);
    (0..20).for_each(|_| machine.tend(5000));
    assert_eq!(machine.hooks.0, [""; 0]);
    pace(&veth, 0, 1);
    machine.overload();
    assert_eq!(figures(&machine.shown(&veth)), passed(&veth));
    // The sampler sees it.
    pace(&veth, 1, 1);
    (0..2).for_each(|_| machine.tend(5000));
    assert_eq!(machine.hooks.0, ["sample", "count"]);
    assert!(machine.shown(&veth).gaps > 0);
    let before = (figures(&machine.shown(&veth)), passed(&veth));
    machine.tend(0);
    silence();
    assert_eq!(minus(figures(&machine.shown(&veth)), before.0), minus(passed(&veth), before.1));
}

#[test]
fn a_namespace_that_cannot_be_read_for_a_time_loses_nothing() {
    let (eth, veth) = (identity(7, "eth0"), identity(8, "veth"));
    let mut machine = Machine::with(&eth);
    pace(&eth, 13, 1);
    pace(&veth, 13, 1);
    machine.overload();
    WORLD.with_borrow_mut(|world| world.unreadable.insert(8));
    machine.tend(5000);
    assert!(machine.shown(&veth).gaps > 0);
    WORLD.with_borrow_mut(|world| world.unreadable.clear());
    machine.tend(5000);
    assert_eq!(machine.figures(&veth), (passed(&veth), 0));
}

#[test]
fn interfaces_that_come_and_go_are_counted_as_far_as_they_were_seen() {
    let (eth, veth) = (identity(7, "eth0"), identity(7, "veth"));
    let mut machine = Machine::with(&eth);
    pace(&eth, 13, 1);
    machine.overload();
    // No hook ever sees it.
    pace(&veth, 11, 1);
    machine.tend(5000);
    assert_eq!(machine.figures(&veth), (passed(&veth), 0));
    let before = machine.shown(&veth);
    assert_eq!(before.gaps, 0);
    WORLD.with_borrow_mut(|world| world.devices.remove(&veth));
    let gone = machine.shown(&veth);
    assert_eq!((figures(&gone), gone.gaps), (figures(&before), 1));
    // Another one of its name, and again, while nothing was read.
    for (received, gaps) in [(3, 1), (2, 2)] {
        let before = figures(&machine.shown(&veth));
        change(&veth, |it| it.statistics = moved(received, 3));
        let shown = machine.shown(&veth);
        assert_eq!((figures(&shown), shown.gaps), (plus(before, moved(received, 3)), gaps));
    }
    assert_eq!(machine.figures(&eth), (passed(&eth), 0));
    // It counts on when packets are counted.
    machine.calm();
    let before = (figures(&machine.shown(&veth)), passed(&veth));
    pace(&veth, 5, 1);
    machine.tend(0);
    silence();
    assert_eq!(minus(figures(&machine.shown(&veth)), before.0), minus(passed(&veth), before.1));
}

#[test]
fn what_an_interface_moved_elsewhere_is_not_counted_twice() {
    let (eth, renamed, found) = (identity(7, "eth0"), identity(7, "lan0"), identity(9, "eth0"));
    let mut machine = Machine::with(&eth);
    pace(&eth, 13, 1);
    machine.overload();
    silence();
    let before = figures(&machine.shown(&eth));
    let device = WORLD.with_borrow_mut(|world| world.devices.remove(&eth)).unwrap();
    change(&renamed, |it| *it = Device { counted: Moved::default(), sampled: 0, ..device });
    pace(&renamed, 13, 1);
    machine.tend(5000);
    assert_eq!(machine.shown(&renamed).gaps, 1);
    let start = figures(&machine.shown(&renamed));
    assert!(start[2] < before[2], "{start:?}");
    // The first process of a namespace does not say how old its interfaces are.
    change(&found, |it| it.statistics = moved(1_000_000, 1_000_000));
    let shown = machine.shown(&found);
    assert_eq!((figures(&shown), shown.gaps), (Moved::default(), 1));
}
