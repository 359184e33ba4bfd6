//! The last minutes of what goes on: they can be gone back to, and nothing of what happens is missed.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::{cell::Cell, rc::Rc, time::Duration};

use anyhow::Result;
use zc_model::{
    snapshot::Snapshot,
    source::{SnapshotSource, Steer, Steered},
};
use zc_recording::{Memory, Meta, Past, past};
use zc_test_support::machine::Machine;

const SECOND: u64 = 1_000_000_000;
/// 22:13:20 UTC.
const BEGIN: u64 = 1_700_000_000;

fn snapshot(second: u64) -> Snapshot {
    let mut snapshot = Machine::default().after(second % 1_000);
    snapshot.taken_at_ns = (BEGIN + second) * SECOND;
    snapshot.processes.sort_by_key(|process| (process.is_merged(), process.id));
    snapshot
}

/// A second each time.
struct Live(Rc<Cell<u64>>);

impl SnapshotSource for Live {
    fn next(&mut self) -> Result<Option<Snapshot>> {
        let second = self.0.get();
        self.0.set(second + 1);
        Ok(Some(snapshot(second)))
    }
}

struct Watched {
    past: Past,
    clock: Rc<Cell<u64>>,
}

impl Watched {
    fn new(span: u64, most: u64) -> Self {
        let clock = Rc::new(Cell::new(0));
        let meta = Meta { interval_ns: SECOND, ..Meta::default() };
        let memory = Memory::bounded(meta, Duration::from_secs(span), most);
        Self { past: Past::new(Box::new(Live(Rc::clone(&clock))), memory), clock }
    }

    /// The second of the snapshot that comes next.
    fn next(&mut self) -> u64 {
        let next = self.past.next().unwrap().unwrap();
        let second = next.taken_at_ns / SECOND - BEGIN;
        assert!(next == snapshot(second), "second {second} is not as it was");
        second
    }

    fn until(&mut self, second: u64) {
        while self.next() < second {}
    }

    /// The second that is shown after this; `None` when it is the same.
    fn steer(&mut self, steer: &Steer) -> Option<u64> {
        let count = match self.past.steer(steer).unwrap() {
            Steered::Same => return None,
            Steered::Next => 1,
            Steered::Elsewhere(count) => count,
        };
        let seconds: Vec<u64> = (0..count).map(|_| self.next()).collect();
        assert!(seconds.is_sorted(), "{seconds:?}");
        seconds.last().copied()
    }

    fn is_live(&self) -> bool {
        self.past.moment().is_none()
    }
}

#[test]
fn one_goes_back_and_comes_home_to_what_happened_in_between() {
    let mut it = Watched::new(600, past::MOST_BYTES);
    it.until(200);
    assert!(it.is_live());
    assert_eq!(it.steer(&Steer::Now), None, "it is there");
    assert_eq!(it.steer(&Steer::Snapshots(-1)), Some(199));
    assert_eq!(it.steer(&Steer::Seconds(-60)), Some(139));
    assert_eq!(it.steer(&Steer::Snapshots(1)), Some(140));
    let moment = it.past.moment().unwrap();
    assert_eq!((moment.at_ns, moment.last_ns), ((BEGIN + 140) * SECOND, (BEGIN + 200) * SECOND));
    assert!(moment.grows);
    // Ten seconds go by.
    it.past.set_gap(Duration::ZERO);
    for second in 201..=210 {
        it.past.tend().unwrap();
        assert_eq!(it.clock.get(), second + 1);
    }
    assert_eq!(it.steer(&Steer::Snapshots(1)), Some(141), "it stays where it was");
    assert_eq!(it.past.moment().unwrap().last_ns, (BEGIN + 210) * SECOND);
    assert_eq!(it.steer(&Steer::Now), Some(210));
    assert!(it.is_live());
    assert_eq!(it.next(), 211, "and what comes follows");
}

#[test]
fn steps_to_the_newest_moment_are_live() {
    let mut it = Watched::new(600, past::MOST_BYTES);
    it.until(5);
    assert_eq!(it.steer(&Steer::Snapshots(1)), None);
    assert_eq!(it.steer(&Steer::Snapshots(-2)), Some(3));
    assert_eq!(it.steer(&Steer::Snapshots(1)), Some(4));
    assert!(!it.is_live());
    assert_eq!(it.steer(&Steer::Snapshots(1)), Some(5));
    assert!(it.is_live());
    assert_eq!(it.steer(&Steer::Seconds(-100)), Some(1), "the first one has no interval");
    assert_eq!(it.steer(&Steer::Seconds(100)), Some(5));
    assert!(it.is_live());
}

#[test]
fn marks_are_found_again() {
    let mut it = Watched::new(600, past::MOST_BYTES);
    assert!(it.past.steer(&Steer::Mark("early".to_owned())).is_err());
    it.until(50);
    assert_eq!(it.steer(&Steer::Mark("config reloaded".to_owned())), None);
    it.until(100);
    assert_eq!(it.steer(&Steer::PreviousMark), Some(50));
    assert_eq!(it.past.moment().unwrap().mark.as_deref(), Some("config reloaded"));
    assert_eq!(it.steer(&Steer::Snapshots(-10)), Some(40));
    assert_eq!(it.steer(&Steer::Mark("before".to_owned())), None, "of what is looked at");
    assert_eq!(it.steer(&Steer::NextMark), Some(50));
    assert_eq!(it.steer(&Steer::Named("before".to_owned())), Some(40));
    assert!(it.past.steer(&Steer::Named("nonsense".to_owned())).is_err());
    assert_eq!(it.past.moment().unwrap().at_ns, (BEGIN + 40) * SECOND, "and it stays there");
}

#[test]
fn time_and_room_are_bounded() {
    let mut it = Watched::new(120, past::MOST_BYTES);
    it.until(900);
    let first = it.steer(&Steer::Seconds(-1_000)).unwrap();
    assert!((720..=781).contains(&first), "{first}");
    let mut it = Watched::new(6_000, 200_000);
    it.until(900);
    let memory = it.past.memory().recording().unwrap().unwrap();
    assert!(memory.len() > 60 && memory.len() < 800, "{}", memory.len());
}
