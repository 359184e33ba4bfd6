//! The last ten minutes of the whole machine: how much was copied, and by which commands.
//!
//! Kept by time, not by the order of arrival: a reader who goes back in time and returns has left a gap, or sees again what is
//! known already.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use crate::{frame::Frame, ledger::PathSum, quick::QuickMap};

/// How far back it reaches, ns.
pub const SPAN_NS: u64 = 600_000_000_000;
/// Shorter intervals are added up to this, ns.
const STRETCH_NS: u64 = 500_000_000;
/// Commands that are remembered of a stretch, those that copied most.
const COMMANDS: usize = 8;
/// Stretches that are kept: ten minutes before and after a moment.
const MOST: usize = 2 * (SPAN_NS / STRETCH_NS) as usize;
/// Marks that are kept.
const MOST_MARKS: usize = 32;

/// What was copied in some time.
#[derive(Clone, Debug, PartialEq)]
struct Stretch {
    begin_ns: u64,
    end_ns: u64,
    copied_bytes: u64,
    commands: Vec<(Arc<str>, u64)>,
}

/// The last ten minutes, as far as they have been seen.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// In order of time, none over another.
    stretches: VecDeque<Stretch>,
    marks: BTreeMap<u64, Arc<str>>,
}

/// What was copied in the time of one cell of a graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bar {
    /// Bytes per second.
    pub copied: f64,
    /// Of the leaders, in their order, bytes per second.
    pub leaders: Vec<f64>,
}

impl Timeline {
    /// Adds what happened in `frame`, if it is not known yet.
    pub fn push(&mut self, frame: &Frame) {
        let (begin_ns, end_ns) =
            (frame.taken_at_ns.saturating_sub(frame.elapsed_ns), frame.taken_at_ns);
        let at = self.stretches.partition_point(|it| it.end_ns <= begin_ns + frame.elapsed_ns / 2);
        if end_ns <= begin_ns || self.stretches.get(at).is_some_and(|it| it.begin_ns < end_ns) {
            return;
        }
        let mut commands: QuickMap<&Arc<str>, u64> = QuickMap::default();
        for process in frame.processes.iter().filter(|process| !process.paths.is_empty()) {
            let copied = PathSum::of(&process.paths).copied_bytes;
            if copied > 0 {
                *commands.entry(&process.comm).or_default() += copied;
            }
        }
        let commands =
            most(commands.into_iter().map(|(comm, bytes)| (Arc::clone(comm), bytes)).collect());
        let copied_bytes = PathSum::of(&frame.totals.paths).copied_bytes;
        let next = Stretch { begin_ns, end_ns, copied_bytes, commands };
        match at.checked_sub(1).and_then(|before| self.stretches.get_mut(before)) {
            Some(last)
                if last.end_ns - last.begin_ns < STRETCH_NS
                    && next.end_ns - last.begin_ns <= 2 * STRETCH_NS =>
            {
                last.add(next);
            }
            _ => self.stretches.insert(at, next),
        }
        let is_near = |at_ns: u64| at_ns.abs_diff(end_ns) <= SPAN_NS;
        self.stretches.retain(|it| is_near(it.end_ns));
        self.marks.retain(|at_ns, _| is_near(*at_ns));
        while self.stretches.len() > MOST {
            self.stretches.pop_front();
        }
    }

    /// A moment has got a name.
    pub fn mark(&mut self, at_ns: u64, text: &str) {
        if self.marks.len() < MOST_MARKS {
            self.marks.insert(at_ns, text.into());
        }
    }

    /// The moments that have names, with these.
    pub fn marks(&self) -> impl Iterator<Item = (u64, &str)> {
        self.marks.iter().map(|(at_ns, text)| (*at_ns, &**text))
    }

    /// The newest moment that is known, ns since the Unix epoch.
    #[must_use]
    pub fn end_ns(&self) -> Option<u64> {
        self.stretches.back().map(|last| last.end_ns)
    }

    /// How long before that the first one is, in ten minutes, ns.
    #[must_use]
    pub fn reach_ns(&self) -> u64 {
        let Some(end_ns) = self.end_ns() else { return 0 };
        let since_ns = end_ns.saturating_sub(SPAN_NS);
        let first = self.stretches.iter().find(|it| it.end_ns > since_ns);
        first.map_or(0, |first| end_ns - first.begin_ns.max(since_ns))
    }

    /// The commands that copied most in the last `span_ns`, with their bytes.
    #[must_use]
    pub fn leaders(&self, count: usize, span_ns: u64) -> Vec<(Arc<str>, u64)> {
        let Some(end_ns) = self.end_ns() else { return Vec::new() };
        let since_ns = end_ns.saturating_sub(span_ns);
        let mut sums: HashMap<&Arc<str>, u64> = HashMap::new();
        for (comm, bytes) in
            self.stretches.iter().filter(|it| it.end_ns > since_ns).flat_map(|it| &it.commands)
        {
            let sum = sums.entry(comm).or_default();
            *sum = sum.saturating_add(*bytes);
        }
        let mut leaders: Vec<_> =
            sums.into_iter().map(|(comm, bytes)| (Arc::clone(comm), bytes)).collect();
        order(&mut leaders);
        leaders.truncate(count);
        leaders
    }

    /// So many bars of the last `span_ns`, each the highest stretch in its time, the last one ending at [`Self::end_ns`]. `None` where nothing is known of the
    /// time.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "drawn some lines high")]
    pub fn bars(&self, count: usize, span_ns: u64, leaders: &[Arc<str>]) -> Vec<Option<Bar>> {
        let Some(end_ns) = self.end_ns() else { return vec![None; count] };
        let edge = |at: usize| {
            let back = u128::from(span_ns) * (count - at) as u128 / count.max(1) as u128;
            end_ns.saturating_sub(u64::try_from(back).unwrap_or(span_ns))
        };
        let mut from = 0;
        (0..count)
            .map(|at| {
                let (begin, end) = (edge(at), edge(at + 1));
                from += self.stretches.range(from..).take_while(|it| it.end_ns <= begin).count();
                let inside = self.stretches.range(from..).take_while(|it| it.begin_ns < end);
                let rate = |it: &Stretch, bytes: u64| {
                    bytes as f64 / ((it.end_ns - it.begin_ns) as f64 / 1e9)
                };
                // As in all curves, a cell shows the highest of its intervals: a peak is the same at each width.
                let highest = inside
                    .max_by(|a, b| rate(a, a.copied_bytes).total_cmp(&rate(b, b.copied_bytes)))?;
                let of = |leader: &Arc<str>| {
                    let found = highest.commands.iter().find(|(comm, _)| comm == leader);
                    found.map_or(0.0, |(_, bytes)| rate(highest, *bytes))
                };
                Some(Bar {
                    copied: rate(highest, highest.copied_bytes),
                    leaders: leaders.iter().map(of).collect(),
                })
            })
            .collect()
    }
}

impl Stretch {
    fn add(&mut self, more: Self) {
        self.end_ns = more.end_ns;
        self.copied_bytes = self.copied_bytes.saturating_add(more.copied_bytes);
        let mut commands = std::mem::take(&mut self.commands);
        for (comm, bytes) in more.commands {
            match commands.iter_mut().find(|(it, _)| *it == comm) {
                Some((_, sum)) => *sum = sum.saturating_add(bytes),
                None => commands.push((comm, bytes)),
            }
        }
        self.commands = most(commands);
    }
}

/// Those that copied most.
fn most(mut commands: Vec<(Arc<str>, u64)>) -> Vec<(Arc<str>, u64)> {
    if commands.len() > COMMANDS {
        commands.select_nth_unstable_by_key(COMMANDS, |(_, bytes)| Reverse(*bytes));
        commands.truncate(COMMANDS);
        commands.shrink_to_fit();
    }
    commands
}

fn order(commands: &mut [(Arc<str>, u64)]) {
    commands.sort_by(|a, b| (Reverse(a.1), &a.0).cmp(&(Reverse(b.1), &b.0)));
}

#[cfg(test)]
mod tests {
    use zc_common::path::CopyPath;

    use super::*;
    use crate::fixture::sketch::{path, process, snapshot};

    const SECOND: u64 = 1_000_000_000;
    /// A moment that has ten minutes before it.
    const BEGIN: u64 = 1_000 * SECOND;

    /// A frame of `ns` that ends at `end_ns`, in which these commands read so many bytes.
    fn frame(end_ns: u64, ns: u64, copied: &[(&str, u64)]) -> Frame {
        let processes: Vec<_> = (1..)
            .zip(copied)
            .map(|(pid, (comm, bytes))| process(pid, comm, &[path(CopyPath::FileRead, 1, *bytes)]))
            .collect();
        let mut frame = Frame::cumulative(snapshot(1, &processes));
        frame.taken_at_ns = end_ns;
        frame.elapsed_ns = ns;
        frame
    }

    fn names(timeline: &Timeline, count: usize) -> Vec<Arc<str>> {
        timeline.leaders(count, SPAN_NS).into_iter().map(|(comm, _)| comm).collect()
    }

    #[test]
    fn each_second_has_its_bar_and_its_leaders() {
        let mut timeline = Timeline::default();
        for second in 1..=600 {
            let busy = if second <= 300 { ("a", 1_009) } else { ("b", 3_001) };
            timeline.push(&frame(BEGIN + second * SECOND, SECOND, &[busy, ("c", 11)]));
        }
        assert_eq!(
            timeline.leaders(2, SPAN_NS),
            [(Arc::from("b"), 300 * 3_001), (Arc::from("a"), 300 * 1_009)]
        );
        assert_eq!(names(&timeline, 9).len(), 3);
        assert_eq!(timeline.leaders(9, 100 * SECOND)[0], (Arc::from("b"), 100 * 3_001));
        assert_eq!(timeline.reach_ns(), SPAN_NS);
        let bars = timeline.bars(10, SPAN_NS, &names(&timeline, 2));
        let bar = |copied, b, a| Some(Bar { copied, leaders: vec![b, a] });
        assert_eq!(bars[..5], vec![bar(1_020.0, 0.0, 1_009.0); 5]);
        assert_eq!(bars[5..], vec![bar(3_012.0, 3_001.0, 0.0); 5]);
    }

    #[test]
    fn the_peak_is_the_same_at_each_width() {
        let mut timeline = Timeline::default();
        for at in 1..=200 {
            let bytes = if at == 77 { 30_000_000 } else { 1_009 * at };
            timeline.push(&frame(BEGIN + at * 3 * SECOND, 3 * SECOND, &[("a", bytes)]));
        }
        for width in [1, 7, 79, 150, 600, 1_777] {
            let bars = timeline.bars(width, SPAN_NS, &["a".into()]);
            let top = bars.iter().flatten().map(|bar| bar.copied).fold(0.0, f64::max);
            assert!((top / 10_000_000.0 - 1.0).abs() < 1e-9, "{width}: {top}");
            assert!(bars.iter().flatten().all(|bar| bar.leaders == [bar.copied]));
            assert!(bars.iter().all(Option::is_some), "{width}");
        }
    }

    #[test]
    fn what_was_seen_before_is_not_counted_again_and_a_gap_stays() {
        let mut timeline = Timeline::default();
        let second = |at: u64| frame(BEGIN + at * SECOND, SECOND, &[("a", 1_009)]);
        (1..=10).for_each(|at| timeline.push(&second(at)));
        // One goes back, sees the same again, and is home later.
        (3..=7).for_each(|at| timeline.push(&second(at)));
        (300..=310).for_each(|at| timeline.push(&second(at)));
        // And what was missed may be seen later.
        timeline.push(&second(100));
        let bars = timeline.bars(600, SPAN_NS, &[]);
        let known: Vec<usize> =
            bars.iter().enumerate().filter(|(_, bar)| bar.is_some()).map(|(at, _)| at).collect();
        // The last bar is that of second 310.
        let at = |second: usize| 599 - (310 - second);
        let expected: Vec<_> = (1..=10).chain([100]).chain(300..=310).map(at).collect();
        assert_eq!(known, expected);
        assert!(bars.iter().flatten().all(|bar| (bar.copied - 1_009.0).abs() < 1e-6));
    }

    #[test]
    fn it_has_bounds() {
        let mut timeline = Timeline::default();
        let many: Vec<String> = (0..100).map(|at| format!("command{at}")).collect();
        for at in 1..=20_000 {
            let copied: Vec<_> = many.iter().map(|comm| (comm.as_str(), at)).collect();
            let copied = if at % 100 == 0 { &copied[..] } else { &copied[..3] };
            timeline.push(&frame(BEGIN + at * SECOND / 10, SECOND / 10, copied));
            timeline.mark(BEGIN + at * SECOND / 10, "mark");
        }
        assert!(timeline.stretches.len() <= MOST, "{}", timeline.stretches.len());
        assert!(timeline.stretches.iter().all(|it| it.commands.len() <= COMMANDS));
        assert!(timeline.marks.len() <= MOST_MARKS);
        let first = timeline.stretches[0].end_ns;
        assert!(timeline.end_ns().unwrap() - first <= SPAN_NS);
    }
}
