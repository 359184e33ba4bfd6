//! What `zc` itself costs, the probes included.

use zc_model::{counter::CounterId, frame::Frame, snapshot::Provenance};
use zc_render::human;

/// Of less time, there is no telling: a start alone takes longer.
const LEAST_NS: u64 = 50_000_000;

/// What the probes add to a call, ns: between the 29 of a call that moves no data and the 73 of a large read
/// (docs/benchmark.md, Linux 6.18 without copy sites). Other machines differ, hence the mark.
const PER_CALL_NS: u64 = 45;

/// Share of one CPU, of the program and of its probes, in few words and in full: `zc 0.3%+~2%` and
/// `zc 0.3% + probes ~2%`. Where the kernel keeps statistics of eBPF programs the share of the probes is measured and
/// has no mark.
pub(super) fn own(frame: &Frame) -> [String; 2] {
    let of_cpu = |ns: u64| share(ns, frame.elapsed_ns);
    let own = of_cpu(frame.self_cost.cpu_ns);
    let probes = match (probes_ns(frame), frame.self_cost.program_run_ns) {
        (_, Some(ns)) => of_cpu(ns),
        (Some(ns), None) if frame.elapsed_ns >= LEAST_NS => format!("~{}", of_cpu(ns)),
        _ => human::UNAVAILABLE.to_owned(),
    };
    [format!("zc {own}+{probes}"), format!("zc {own} + probes {probes}")]
}

/// What the probes take by the number of calls; `None` where calls are not counted.
fn probes_ns(frame: &Frame) -> Option<u64> {
    let is_counted = frame.host.provenance(CounterId::Syscalls) != Provenance::Unavailable;
    // Of a run that follows some processes, the calls of the others are not counted.
    let is_all = !frame.scope.followed;
    (is_counted && is_all)
        .then(|| frame.totals.counters[CounterId::Syscalls].saturating_mul(PER_CALL_NS))
}

#[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
fn share(ns: u64, elapsed_ns: u64) -> String {
    if elapsed_ns < LEAST_NS {
        return human::UNAVAILABLE.to_owned();
    }
    let percent = ns as f64 / elapsed_ns as f64 * 100.0;
    if percent < 9.95 { format!("{percent:.1}%") } else { format!("{percent:.0}%") }
}

#[cfg(test)]
mod tests {
    use zc_model::{fixture::sketch::snapshot, frame::Frame};

    use super::*;

    fn frame(calls: u64, run_ns: Option<u64>) -> Frame {
        let mut snapshot = snapshot(1, &[]);
        snapshot.elapsed_ns = 1_000_000_000;
        snapshot.self_cost.cpu_ns = 3_000_000;
        snapshot.self_cost.program_run_ns = run_ns;
        snapshot.unattributed.counters[CounterId::Syscalls] = calls;
        Frame::cumulative(snapshot)
    }

    #[test]
    fn the_share_of_the_probes_is_marked_unless_it_is_measured() {
        assert_eq!(own(&frame(500_000, None))[1], "zc 0.3% + probes ~2.2%");
        assert_eq!(own(&frame(500_000, Some(31_000_000)))[1], "zc 0.3% + probes 3.1%");
        assert_eq!(own(&frame(500_000, None))[0], "zc 0.3%+~2.2%");
        let mut followed = frame(500_000, None);
        followed.scope.followed = true;
        assert_eq!(own(&followed)[1], "zc 0.3% + probes -", "not all calls are counted");
    }
}
