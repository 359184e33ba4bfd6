//! What leaves over devices that gather packets from pages, and over devices that do not.
//!
//! One `zc stat` watches all trips; each is a process of its own. Another program sends as well: none of
//! that is theirs.

mod device;
mod ground;
mod send;
mod stranger;

use std::{collections::BTreeMap, fs, path::Path, sync::LazyLock};

use libtest_mimic::Trial;

use crate::{
    is_guest,
    report::{Process, Report, number},
    requirement::{self, Skip},
    runner,
    zc::{run, zc},
};
use device::Features;
use ground::{Outcome, Wire};
use send::{Sent, Way};

/// Bytes of the payload: a prime.
const SIZE: usize = 300_007;

/// Bytes that the driver of an e1000e moves into the linear part of every packet that the device
/// segments (`e1000_xmit_frame`, `drivers/net/ethernet/intel/e1000e/netdev.c`, 5.10 to 7.2).
const PULLED: u64 = 4;

/// How often all trips are made at most.
const MOST_RUNS: usize = 3;

/// A payload that is sent over a wire.
struct Trip {
    name: &'static str,
    wire: Wire,
    features: Features,
    way: Way,
}

const fn features(checksum: bool, gather: bool, segment: bool) -> Features {
    Features { checksum, gather, segment }
}

/// Supports scatter-gather, but no segmentation.
const GATHERS: Features = features(true, true, false);
/// Supports scatter-gather and segmentation.
const SEGMENTS: Features = features(true, true, true);
/// Takes packets in one piece: no scatter-gather.
const LINEAR: Features = features(true, false, false);
/// The same, and the kernel computes their checksums.
const BARE: Features = features(false, false, false);
/// Supports scatter-gather, but the kernel computes the checksums.
const UNSUMMED: Features = features(false, true, false);

macro_rules! trips {
    ($($name:ident: $wire:ident $features:ident $way:ident;)*) => {
        const TRIPS: &[Trip] = &[$(Trip {
            name: stringify!($name),
            wire: Wire::$wire,
            features: $features,
            way: Way::$way,
        },)*];
    };
}

trips! {
    e1000e_write_gathered: E1000e GATHERS Write;
    e1000e_write_linear: E1000e LINEAR Write;
    e1000e_sendfile_gathered: E1000e GATHERS Sendfile;
    e1000e_sendfile_segmented: E1000e SEGMENTS Sendfile;
    e1000e_sendfile_linear: E1000e LINEAR Sendfile;
    e1000e_sendfile_bare: E1000e BARE Sendfile;
    e1000e_write_unsummed: E1000e UNSUMMED Write;
    e1000e_sendfile_unsummed: E1000e UNSUMMED Sendfile;
    e1000e_zerocopy_unsummed: E1000e UNSUMMED Zerocopy;
    e1000e_splice_gathered: E1000e GATHERS Splice;
    e1000e_splice_linear: E1000e LINEAR Splice;
    e1000e_zerocopy_gathered: E1000e GATHERS Zerocopy;
    e1000e_zerocopy_segmented: E1000e SEGMENTS Zerocopy;
    e1000e_zerocopy_linear: E1000e LINEAR Zerocopy;
    e1000e_zerocopy_tapped: E1000e GATHERS ZerocopyTapped;
    e1000e_uring_gathered: E1000e GATHERS Uring;
    e1000e_uring_segmented: E1000e SEGMENTS Uring;
    e1000e_uring_linear: E1000e LINEAR Uring;
    e1000e_uring_registered: E1000e GATHERS UringRegistered;
    e1000e_uring_registered_linear: E1000e LINEAR UringRegistered;
    e1000e_uring_datagrams: E1000e GATHERS UringDatagrams;
    e1000e_uring_datagrams_linear: E1000e LINEAR UringDatagrams;
    e1000e_datagrams_gathered: E1000e GATHERS Datagrams;
    e1000e_datagrams_linear: E1000e LINEAR Datagrams;
    veth_sendfile_gathered: Veth SEGMENTS Sendfile;
    veth_sendfile_linear: Veth LINEAR Sendfile;
    veth_zerocopy_gathered: Veth SEGMENTS Zerocopy;
    veth_zerocopy_linear: Veth LINEAR Zerocopy;
    veth_uring_gathered: Veth SEGMENTS Uring;
    veth_uring_linear: Veth LINEAR Uring;
    veth_uring_registered: Veth SEGMENTS UringRegistered;
    veth_uring_datagrams: Veth SEGMENTS UringDatagrams;
    veth_datagrams_gathered: Veth SEGMENTS Datagrams;
    veth_datagrams_linear: Veth LINEAR Datagrams;
}

/// What this program does when it is started as `matrix workload wires DIRECTORY`.
pub(crate) fn workload(directory: &Path) {
    fs::write(directory.join("input"), vec![b'z'; SIZE]).unwrap();
    ground::make_trips(directory);
}

struct Ground {
    report: Report,
    outcomes: BTreeMap<String, Outcome>,
}

/// The one run that all tests here look at. Where programs are preempted by others (see
/// `probe_recursions`), a run in which some were missed tells little: it is made once more.
static GROUND: LazyLock<Ground> = LazyLock::new(|| {
    let mut ground = Ground::make();
    for _ in 1..MOST_RUNS {
        if ground.report.losses().is_empty() && !ground.has_missed() {
            break;
        }
        ground = Ground::make();
    }
    ground
});

impl Ground {
    /// Whether something was missed that is no loss: the copies of a call are assumed then, and said to be. Other
    /// tests start `zc`, too, which attaches to functions that sends wait in, see [`crate::tracers`]; and before
    /// 5.12 the kernel does not count what programs miss (`recursion_misses`, `struct bpf_prog_info`).
    fn has_missed(&self) -> bool {
        let is_assumed = |trip: &Trip| {
            let outcome = &self.outcomes[trip.name];
            let row = || self.report.process(outcome.pid);
            let is_assumed = |(path, _): &(&str, u64)| {
                row().copied(path.split(':').next().unwrap()).1 == "assumed"
            };
            outcome.excuse.is_none() && trip.way.paths().iter().any(is_assumed)
        };
        is_guest() && TRIPS.iter().any(is_assumed)
    }

    fn make() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let report = directory.path().join("report.json");
        let mut command = zc(["stat", "--json", "-o"]);
        command.arg(&report).arg("--").arg(std::env::current_exe().unwrap());
        command.args(["workload", "wires"]).arg(directory.path());
        stranger::amid(|| run(command).exits(0));
        let report = fs::read_to_string(&report).unwrap();
        crate::keep("wires.json", report.as_bytes());
        let outcomes = fs::read_to_string(directory.path().join("outcomes")).unwrap();
        crate::keep("wires-outcomes.json", outcomes.as_bytes());
        Self { report: Report::parse(&report), outcomes: serde_json::from_str(&outcomes).unwrap() }
    }
}

/// A test per trip.
pub(crate) fn trials() -> Vec<Trial> {
    let mut trials: Vec<_> = TRIPS
        .iter()
        .map(|trip| runner::trial(format!("wires::{}", trip.name), || check(trip)))
        .collect();
    trials.push(runner::trial("wires::nothing_was_lost".to_owned(), || {
        requirement::administrator()?;
        GROUND.report.assert_complete();
        Ok(())
    }));
    trials
}

fn check(trip: &Trip) -> Result<(), Skip> {
    requirement::administrator()?;
    requirement::program("ip")?;
    let outcome = &GROUND.outcomes[trip.name];
    if let Some(why) = &outcome.excuse {
        return Err(Skip::Kernel(why.clone()));
    }
    assert_eq!(outcome.status, 0, "the trip itself failed");
    let sent = outcome.sent.unwrap();
    let row = GROUND.report.process(outcome.pid);
    check_paths(trip, sent, &row);
    check_requests(trip, sent, &row);
    Ok(())
}

/// What is copied on the way from the socket to the device, and when.
struct Later {
    /// By the send itself: its route cannot gather.
    at_once: u64,
    /// For a device that takes packets in one piece.
    linear: u64,
    /// By a driver.
    pulled: u64,
    /// For a receiver on this host.
    local: u64,
}

impl Later {
    fn of(trip: &Trip, sent: Sent) -> Self {
        let mut later = Self { at_once: 0, linear: 0, pulled: 0, local: 0 };
        let pinned = trip.way.pins();
        if trip.way.is_datagrams() {
            later.at_once = if trip.features.gather { heads(sent) } else { sent.bytes };
        } else if !trip.features.gather || !trip.features.checksum && trip.way != Way::Write {
            // To compute a checksum the kernel copies first, because others may change the pages.
            later.linear = sent.bytes + sent.again;
        } else if trip.features.segment && trip.wire == Wire::E1000e {
            // As the device counts them.
            later.pulled = PULLED * sent.segments.unwrap();
            assert!(later.pulled > 0, "the device segmented nothing");
        }
        if trip.way == Way::ZerocopyTapped || pinned && trip.wire == Wire::Veth {
            // What is sent again is received again.
            later.local = (sent.bytes + sent.again - later.at_once).saturating_sub(later.linear);
        }
        later
    }
}

/// What the kernel copies of datagrams although the device gathers: until 6.0 their beginning, up to
/// the longest header that there is (`__ip_append_data`, `net/ipv4/ip_output.c`).
fn heads(sent: Sent) -> u64 {
    /// `MAX_HEADER`, `include/linux/netdevice.h`, with Debian's configuration.
    const LONGEST_HEADER: u64 = 176;
    const HEADERS: u64 = 20 + 8;
    let count = sent.bytes / send::DATAGRAM as u64;
    if requirement::kernel_before(6, 0) { count * (LONGEST_HEADER - HEADERS) } else { 0 }
}

fn check_paths(trip: &Trip, sent: Sent, row: &Process) {
    let later = Later::of(trip, sent);
    let copied = |path: &str, expected: u64| {
        let (bytes, provenance) = row.copied(path);
        if provenance != "measured" && !is_guest() {
            return;
        }
        assert_eq!((bytes, provenance), (Some(expected), "measured"), "{path}: {row:#?}");
    };
    for (path, copies) in trip.way.paths() {
        let moved = row.path(path).bytes;
        assert_eq!(moved, sent.bytes, "{path}: {row:#?}");
        let id = path.split(':').next().unwrap();
        let pinned = later.at_once + later.local;
        copied(id, if trip.way.pins() { pinned } else { copies * sent.bytes });
    }
    let on_the_way = later.linear + later.pulled;
    if on_the_way > 0 {
        copied("skb_linearize", on_the_way);
    } else {
        assert_eq!(row.copied("skb_linearize"), (None, "absent"), "{row:#?}");
    }
}

/// What was asked for without a copy, what was achieved, and why not all.
fn check_requests(trip: &Trip, sent: Sent, row: &Process) {
    let later = Later::of(trip, sent);
    let requests = row.zerocopy.as_array().unwrap();
    let Some(mechanism) = trip.way.mechanism() else {
        assert!(requests.is_empty(), "{requests:#?}");
        return;
    };
    let [request] = &requests[..] else { panic!("{requests:#?}") };
    assert_eq!(request["mechanism"], mechanism);
    // Each hop of a splice counts.
    let requested = sent.bytes * trip.way.paths().len() as u64;
    assert_eq!(request["requested_bytes"], requested);
    if row.copied(trip.way.paths()[0].0).1 != "measured" && !is_guest() {
        return;
    }
    let Later { at_once, linear, pulled, local } = later;
    let copied = (at_once + linear + pulled + local).min(sent.bytes);
    assert_eq!(request["achieved_bytes"], requested - copied, "{request:#}");
    let mut reasons = BTreeMap::from([
        ("no_gather", at_once + linear),
        ("driver", pulled),
        ("local_receiver", local),
    ]);
    reasons.retain(|_, bytes| *bytes > 0);
    let told = request["reasons"].as_array().unwrap();
    let told: BTreeMap<_, _> =
        told.iter().map(|one| (one["reason"].as_str().unwrap(), number(one, "bytes"))).collect();
    assert_eq!(told, reasons, "{request:#}");
}
