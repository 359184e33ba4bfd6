use zc_common::{loss::Loss, path::CopyPath};

use super::*;
use crate::{
    counter::CounterId,
    fixture::sketch::{path, process, snapshot},
    frame::Frame,
    snapshot::{Host, Limitation, PathSample, Provenance, Snapshot},
};

/// Numbers by chance, from a seed: xorshift64*.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bits = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11;
        #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
        let number = bits as f64 / (1_u64 << 53) as f64;
        number
    }

    /// Normal, with mean 0 and deviation 1: by the sum of twelve.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() - 6.0
    }
}

/// Counters that the simulations vary: as many as a report has.
const VARIED: [CounterId; 12] = [
    CounterId::Syscalls,
    CounterId::ModeSwitches,
    CounterId::PageFaultsMinor,
    CounterId::CowCopiedBytes,
    CounterId::BlockDirtiedBytes,
    CounterId::NetTxBytes,
    CounterId::NetRxBytes,
    CounterId::DiscardedBytes,
    CounterId::UringOps,
    CounterId::MmapCalls,
    CounterId::MunmapCalls,
    CounterId::MsyncCalls,
];

/// A run of a second that moved `moved` bytes on `file_read`, with these counters.
fn run(paths: &[PathSample], counters: &[(CounterId, u64)]) -> Frame {
    Frame::cumulative(taken(paths, counters))
}

fn taken(paths: &[PathSample], counters: &[(CounterId, u64)]) -> Snapshot {
    let mut sample = process(7, "x", paths);
    for (counter, count) in counters {
        sample.counters[*counter] = *count;
    }
    snapshot(1, &[sample])
}

fn series(kind: Kind, frames: impl IntoIterator<Item = Frame>) -> Series {
    let mut series = Series::new(kind);
    frames.into_iter().for_each(|frame| series.add(&frame));
    series
}

fn compared(a: &Series, b: &Series) -> Comparison {
    Comparison::of(a, b, Options::default())
}

fn find<'c>(comparison: &'c Comparison, id: &str) -> &'c Figure {
    let ids = || comparison.figures.iter().map(Figure::id).collect::<Vec<_>>();
    comparison
        .figures
        .iter()
        .find(|it| it.id() == id)
        .unwrap_or_else(|| panic!("{id}: {:?}", ids()))
}

/// An observation with counters that vary by a tenth; deviations as given.
fn varied(of: &Observation, deviations: [f64; VARIED.len()]) -> Observation {
    let mut made = of.clone();
    for (counter, deviation) in VARIED.into_iter().zip(deviations) {
        let count = made.counts.get_mut(&Quantity::Counter(counter)).unwrap();
        count.value = 1_000.0f64.mul_add(deviation, 10_000.0).round();
    }
    made
}

/// Without what is 0 anyway.
fn template() -> Observation {
    let counters = VARIED.map(|counter| (counter, 1));
    let mut made = Observation::of(&run(&[path(CopyPath::FileRead, 100, 1_000_003)], &counters));
    made.counts.retain(|_, count| count.value > 0.0);
    made
}

/// Runs of equal commands, each by itself.
fn simulated_runs(chance: &mut Chance, count: usize) -> Series {
    let (template, mut series) = (template(), Series::new(Kind::Runs));
    for _ in 0..count {
        series.push(varied(&template, [(); VARIED.len()].map(|()| chance.normal())));
    }
    series
}

/// A recording of 120 intervals, in which each interval resembles the one before.
fn simulated_recording(chance: &mut Chance, correlation: f64) -> Series {
    let (template, mut series) = (template(), Series::new(Kind::Intervals));
    let mut state = [0.0_f64; VARIED.len()].map(|_| chance.normal());
    let rest = (1.0 - correlation * correlation).sqrt();
    for _ in 0..120 {
        state = state.map(|it| correlation.mul_add(it, rest * chance.normal()));
        series.push(varied(&template, state));
    }
    series
}

/// How many of 400 comparisons of equal sides claim any change. With one in twenty, these are 20, and in one of a
/// thousand sets 34 or more.
fn false_alarms(mut made: impl FnMut(&mut Chance) -> (Series, Series)) -> usize {
    let mut chance = Chance(0x9E37_79B9_7F4A_7C15);
    (0..400)
        .filter(|_| {
            let (a, b) = made(&mut chance);
            compared(&a, &b).has_changes()
        })
        .count()
}

#[test]
fn of_equal_runs_one_comparison_in_twenty_at_most_claims_a_change() {
    for count in [2, 5, 10] {
        let alarms =
            false_alarms(|chance| (simulated_runs(chance, count), simulated_runs(chance, count)));
        assert!(alarms < 34, "{alarms} of 400 with {count} runs each");
    }
}

#[test]
fn of_equal_recordings_one_comparison_in_twenty_at_most_claims_a_change() {
    for correlation in [0.0, 0.5, 0.8] {
        let alarms = false_alarms(|chance| {
            (simulated_recording(chance, correlation), simulated_recording(chance, correlation))
        });
        assert!(
            alarms < 34,
            "{alarms} of 400 where intervals resemble each other by {correlation}"
        );
    }
}

/// The test would be of no use if it never claimed anything.
#[test]
fn a_change_that_is_there_is_found() {
    let mut chance = Chance(7);
    let mut found = 0;
    for _ in 0..100 {
        let a = simulated_runs(&mut chance, 5);
        let mut b = Series::new(Kind::Runs);
        for _ in 0..5 {
            let mut deviations = [(); VARIED.len()].map(|()| chance.normal());
            // Ten deviations of a tenth: twice as many.
            deviations[0] += 10.0;
            b.push(varied(&template(), deviations));
        }
        let comparison = compared(&a, &b);
        found += usize::from(find(&comparison, "syscalls_per_byte").verdict == Verdict::Changed);
    }
    assert!(
        found >= 99,
        "twice as many, with a deviation of a tenth, was found {found} times of 100"
    );
}

#[test]
fn runs_that_all_agree_show_the_exact_change() {
    let of = |copied: u64, switches| {
        series(
            Kind::Runs,
            (0..5).map(|_| {
                let send = PathSample {
                    copied_bytes: copied,
                    ..path(CopyPath::SocketSend, 100, 1_000_003)
                };
                let counters = [(CounterId::ModeSwitches, switches)];
                run(&[path(CopyPath::FileRead, 100, 1_000_003), send], &counters)
            }),
        )
    };
    let comparison = compared(&of(1_000_003, 400), &of(0, 200));
    assert_eq!(comparison.basis, Basis::Byte);
    assert_eq!(comparison.payloads(), (5_000_015.0, 5_000_015.0));
    let copied = find(&comparison, "copied_per_byte");
    assert_eq!((copied.a.unwrap().value, copied.b.unwrap().value), (2.0, 1.0));
    assert_eq!((copied.relative, &copied.verdict), (Some(-0.5), &Verdict::Changed));
    let switches = find(&comparison, "mode_switches_per_byte");
    assert_eq!((switches.relative, &switches.verdict), (Some(-0.5), &Verdict::Changed));
    assert_eq!(find(&comparison, "payload_per_run").verdict, Verdict::Unchanged);
    assert_eq!(find(&comparison, "path.file_read_per_byte").verdict, Verdict::Unchanged);
    assert_eq!(find(&comparison, "path.socket_send.copied_per_byte").relative, Some(-1.0));
}

#[test]
fn of_one_run_each_there_are_facts_and_no_verdict() {
    let of = |bytes| series(Kind::Runs, [run(&[path(CopyPath::FileRead, 7, bytes)], &[])]);
    let options = Options { basis: Some(Basis::Run), ..Options::default() };
    let comparison = Comparison::of(&of(1_000_003), &of(2_000_006), options);
    let figure = find(&comparison, "path.file_read_per_run");
    assert_eq!((figure.relative, figure.interval), (Some(1.0), None));
    assert!(figure.differs(0.01));
    assert_eq!(
        figure.verdict,
        Verdict::Untold("one run on each side, which shows no spread".to_owned())
    );
    assert!(!comparison.has_changes());
    let met = |text: &str| Condition::parse(text).unwrap().check(&comparison).0;
    assert_eq!(met("path.file_read_per_run > +5%"), Met::Yes);
    assert_eq!(met("path.file_read_per_run > 100%"), Met::No);
    assert_eq!(met("path.tee_per_run > +5%"), Met::No);
    assert_eq!(met("path.tee_per_run < +5%"), Met::Yes);
}

#[test]
fn modelled_copies_are_not_compared_with_measured_ones() {
    let of = |provenance| {
        let sample = PathSample { provenance, ..path(CopyPath::FileRead, 100, 1_000_003) };
        series(Kind::Runs, (0..3).map(|_| run(&[sample], &[])))
    };
    let (measured, modelled) = (of(Provenance::Measured), of(Provenance::Modelled));
    let comparison = compared(&measured, &modelled);
    let Verdict::Untold(why) = &find(&comparison, "copied_per_byte").verdict else { panic!() };
    assert!(why.starts_with("measured in A, modelled in B"), "{why}");
    let condition = Condition::parse("copied_per_byte > 0%").unwrap();
    assert!(matches!(condition.check(&comparison).0, Met::Unknown(_)));
    let comparison = compared(&modelled, &modelled);
    assert_eq!(find(&comparison, "copied_per_byte").verdict, Verdict::Unchanged);
}

#[test]
fn what_is_not_available_is_not_0() {
    let known = series(Kind::Runs, (0..3).map(|_| run(&[], &[(CounterId::PageCacheMisses, 101)])));
    let unknown = series(
        Kind::Runs,
        (0..3).map(|_| {
            let mut snapshot = taken(&[], &[]);
            let limitations = vec![Limitation {
                counter: CounterId::PageCacheMisses.into(),
                provenance: Provenance::Unavailable,
                reason: "hidden".to_owned(),
            }];
            snapshot.host = Host { limitations, ..(*snapshot.host).clone() }.into();
            Frame::cumulative(snapshot)
        }),
    );
    let comparison = compared(&known, &unknown);
    let figure = find(&comparison, "page_cache_misses_per_run");
    assert_eq!(figure.verdict, Verdict::Untold("not known in B: hidden".to_owned()));
    assert_eq!((figure.b, figure.relative), (None, None));
}

#[test]
fn a_sum_that_may_be_too_small_is_not_called_smaller() {
    let of = |bytes, lost| {
        series(
            Kind::Runs,
            (0..5).map(|_| {
                let mut snapshot = taken(&[path(CopyPath::FileRead, 1000, bytes)], &[]);
                snapshot.losses[Loss::OperationsCut] = lost;
                Frame::cumulative(snapshot)
            }),
        )
    };
    let verdict = |a: &Series, b: &Series| {
        let options = Options { basis: Some(Basis::Run), ..Options::default() };
        find(&Comparison::of(a, b, options), "path.file_read_per_run").verdict.clone()
    };
    let (large, small) = (of(2_000_003, 0), of(1_000_003, 0));
    assert_eq!(verdict(&large, &small), Verdict::Changed);
    assert!(matches!(verdict(&large, &of(1_000_003, 1)), Verdict::Untold(_)));
    // The larger one may be larger still.
    assert_eq!(verdict(&of(2_000_003, 1), &small), Verdict::Changed);
}

#[test]
fn bytes_that_may_have_been_copied_make_no_change() {
    let of = |assumed| {
        let sample = PathSample {
            assumed_bytes: assumed,
            provenance: if assumed > 0 { Provenance::Assumed } else { Provenance::Measured },
            copied_bytes: if assumed > 0 { 1_000_003 } else { 3 },
            ..path(CopyPath::FileRead, 1000, 1_000_003)
        };
        series(Kind::Runs, (0..5).map(|_| run(&[sample], &[])))
    };
    let comparison = compared(&of(0), &of(1_000_000));
    assert!(matches!(find(&comparison, "copied_per_byte").verdict, Verdict::Untold(_)));
    let comparison = compared(&of(0), &of(1_000));
    assert_eq!(find(&comparison, "copied_per_byte").verdict, Verdict::Changed);
}

#[test]
fn a_long_recording_takes_bounded_memory_and_keeps_its_sums() {
    let frame = run(&[path(CopyPath::FileRead, 7, 1_009)], &[]);
    let long = series(Kind::Intervals, (0..10_007).map(|_| frame.clone()));
    assert_eq!(long.count, 10_007);
    let stretches = long.observations();
    assert!((8..=17).contains(&stretches.len()), "{}", stretches.len());
    let comparison = compared(&long, &long);
    assert_eq!(comparison.payloads().0, 10_007.0 * 1_009.0);
    assert_eq!(find(&comparison, "payload_per_sec").a.unwrap().value, 1_009.0);
}

/// A handful of samples is found by chance, even if it is the same handful in each run.
#[test]
fn a_few_samples_are_no_evidence_and_many_are() {
    let of = |samples| {
        let counters = [(CounterId::CpuSamples, samples)];
        let paths = [path(CopyPath::FileRead, 100, 1_000_003)];
        series(Kind::Runs, (0..5).map(|_| run(&paths, &counters)))
    };
    let verdict = |a, b| find(&compared(&of(a), &of(b)), "cpu_ns_per_byte").verdict.clone();
    assert!(matches!(verdict(1, 3), Verdict::Untold(_)));
    assert_eq!(verdict(100, 300), Verdict::Changed);
}

/// A client that asked three times in a minute shows no more spread than three runs.
#[test]
fn stretches_with_nothing_to_do_are_no_evidence() {
    let of = |calls: [u64; 3]| {
        series(
            Kind::Intervals,
            (0..60).map(|at| {
                let asked = if at % 20 == 7 { calls[at / 20] } else { 0 };
                let paths: &[_] =
                    if asked > 0 { &[path(CopyPath::FileRead, 100, 1_000_003)] } else { &[] };
                run(paths, &[(CounterId::Syscalls, asked)])
            }),
        )
    };
    let comparison = compared(&of([100, 101, 102]), &of([140, 141, 142]));
    let verdict = &find(&comparison, "syscalls_per_byte").verdict;
    assert!(
        matches!(verdict, Verdict::Untold(why) if why.contains("shows no spread")),
        "{verdict:?}"
    );
}

#[test]
fn another_payload_can_be_named() {
    let side = series(
        Kind::Runs,
        (0..2).map(|_| {
            run(&[path(CopyPath::FileRead, 7, 1_009), path(CopyPath::SocketSend, 1, 503)], &[])
        }),
    );
    let payload = Payload::Path(CopyPath::SocketSend.into());
    let comparison = Comparison::of(&side, &side, Options { payload, ..Options::default() });
    let copied = find(&comparison, "copied_per_byte").a.unwrap().value;
    assert!((copied - (1_009.0 + 503.0) / 503.0).abs() < 1e-12);
}

#[test]
fn conditions_are_read_or_refused_in_words() {
    for text in
        ["copied_per_byte > +5%", "path.sendfile_to_socket_per_byte<-10 %", "copy_tax > 3.5%"]
    {
        assert!(Condition::parse(text).is_ok(), "{text}");
    }
    for (text, said) in [
        ("copied_per_byte", "neither < nor >"),
        ("copied_per_byte > 5", "no change in percent after >"),
        ("copied_per_byte > many%", "no change in percent after >"),
        ("copied > 5%", "'copied' of how much? Add _per_byte"),
        ("copy_tax_per_byte > 5%", "unknown figure 'copy_tax_per_byte'"),
        ("path.telepathy_per_byte > 5%", "unknown figure 'path.telepathy_per_byte'"),
    ] {
        let error = Condition::parse(text).unwrap_err();
        assert!(error.contains(said), "{text}: {error}");
    }
}

#[test]
fn a_condition_takes_the_whole_interval() {
    let of = |calls: [u64; 5]| {
        series(Kind::Runs, calls.map(|calls| run(&[], &[(CounterId::Syscalls, calls)])))
    };
    let (a, b) = (of([1000, 1010, 990, 1005, 995]), of([1100, 1110, 1090, 1105, 1095]));
    let comparison = compared(&a, &b);
    let met = |text: &str| Condition::parse(text).unwrap().check(&comparison).0;
    // +-5 % of that depend on the moment.
    assert_eq!(met("syscalls_per_run > +3%"), Met::Yes);
    assert_eq!(met("syscalls_per_run > +10%"), Met::Maybe);
    assert_eq!(met("syscalls_per_run > +20%"), Met::No);
    assert_eq!(met("syscalls_per_run < -5%"), Met::No);
    // Without a payload, and without samples, nothing is known of these.
    assert!(matches!(met("copied_per_byte > +5%"), Met::Unknown(_)));
    assert!(matches!(met("copy_tax > +5%"), Met::Unknown(_)));
}

#[test]
fn what_depends_on_the_moment_is_not_claimed_and_new_is_not_more_than_chance() {
    let timed = |seconds: u64, samples: u64| {
        let one = |_| {
            let mut frame =
                run(&[], &[(CounterId::CpuSamples, samples), (CounterId::Syscalls, 1000)]);
            frame.elapsed_ns = seconds * 1_000_000_000;
            frame
        };
        series(Kind::Runs, [0; 5].map(one))
    };
    let comparison = compared(&timed(1, 0), &timed(3, 1));
    assert!(!comparison.has_changes(), "{:?}", comparison.figures);
    let met = |text: &str| Condition::parse(text).unwrap().check(&comparison).0;
    // From no sample to a few: that may be chance.
    assert_eq!(met("cpu_ns_per_run > +10%"), Met::Maybe);
    // Of one run each, there is no telling.
    let one = |seconds: u64| {
        let mut frame = run(&[], &[(CounterId::Syscalls, 1000)]);
        frame.elapsed_ns = seconds * 1_000_000_000;
        series(Kind::Runs, [frame])
    };
    let comparison = compared(&one(1), &one(2));
    let met = |text: &str| Condition::parse(text).unwrap().check(&comparison).0;
    assert!(matches!(met("elapsed_ns_per_run > +5%"), Met::Unknown(_)));
    assert_eq!(met("syscalls_per_run > +5%"), Met::No, "a fact of these runs");
}

#[test]
fn copies_of_a_payload_that_are_not_known_are_not_0() {
    // All of the payload goes out with MSG_ZEROCOPY, of which nothing shows whether it was copied; page faults copy.
    let zerocopy = |known: bool| {
        let mut send = path(CopyPath::SocketSendZerocopy, 100, 1_000_000);
        send.copied_bytes = 0;
        send.provenance = if known { Provenance::Measured } else { Provenance::Unavailable };
        run(&[send, path(CopyPath::CowCopy, 10, 40_960)], &[])
    };
    let sides = [true, false].map(|known| series(Kind::Runs, [0; 3].map(|_| zerocopy(known))));
    for (a, b) in [(0, 1), (1, 0)] {
        let comparison = compared(&sides[a], &sides[b]);
        let copied = find(&comparison, "copied_per_byte");
        assert!(matches!(copied.verdict, Verdict::Untold(_)), "{copied:?}");
        for text in ["copied_per_byte < -5%", "copied_per_byte > +5%"] {
            let met = Condition::parse(text).unwrap().check(&comparison).0;
            assert!(matches!(met, Met::Unknown(_)), "{text}: {met:?}");
        }
    }
}

#[test]
fn copies_that_are_new_fail_a_condition_and_next_to_nothing_does_not() {
    let of = |paths: &[PathSample]| series(Kind::Runs, [0; 5].map(|_| run(paths, &[])));
    let by_reference = path(CopyPath::SendfileToSocket, 100, 1_000_003);
    let little = path(CopyPath::FileRead, 1, 101);
    let sent = of(&[by_reference]);
    let met = |b: &Series, text: &str| Condition::parse(text).unwrap().check(&compared(&sent, b)).0;
    let copied =
        of(&[path(CopyPath::FileRead, 100, 1_000_003), path(CopyPath::SocketSend, 100, 1_000_003)]);
    assert_eq!(met(&copied, "copied_per_byte > +5%"), Met::Yes);
    assert_eq!(met(&copied, "path.file_read_per_byte > +5%"), Met::Yes);
    assert_eq!(met(&of(&[by_reference, little]), "copied_per_byte > +5%"), Met::No);
}
