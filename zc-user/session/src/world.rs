//! What happens to a session, and when.

use std::{
    future::{Future, pending},
    time::Duration,
};

use anyhow::Result;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until};

use crate::signals::{Ending, Signals};

/// How often a source does its housekeeping: the slots of ended threads are recycled then.
const TEND: Duration = Duration::from_millis(100);

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input<E> {
    /// The next snapshot is due.
    Tick,
    /// It is time for housekeeping.
    Tend,
    /// A signal asks the session to end.
    Signal(Ending),
    /// An event of the output's own.
    Event(E),
}

/// Everything outside of a session: the clock, signals, and what happens to the output.
pub trait World {
    /// What happens to the output.
    type Event;

    /// Waits for the next input. A tick is due `wait` after the last one; with `None` there are no
    /// more. Nothing is lost when the future is dropped and asked for again.
    fn next(&mut self, wait: Option<Duration>) -> impl Future<Output = Input<Self::Event>>;
}

/// The events of an output: `next` is cancelled and called again whenever anything else happens.
pub trait Events {
    /// One of them.
    type Event;

    /// The next one.
    fn next(&mut self) -> impl Future<Output = Self::Event>;
}

/// The events of an output that has none.
#[derive(Clone, Copy, Debug)]
pub struct NoEvents;

impl Events for NoEvents {
    type Event = std::convert::Infallible;

    async fn next(&mut self) -> Self::Event {
        pending().await
    }
}

/// The real world: the clock, the signals, and some events.
pub struct Real<E> {
    signals: Signals,
    events: E,
    tend: Interval,
    ticked_at: Instant,
}

impl<E: Events> Real<E> {
    /// A world that begins now.
    ///
    /// # Errors
    /// When the event loop cannot watch signals.
    pub fn new(events: E) -> Result<Self> {
        Ok(Self::with(Signals::new()?, events))
    }

    /// A world that begins now, of signals that are watched already: none that arrived since then is
    /// lost.
    #[must_use]
    pub fn with(signals: Signals, events: E) -> Self {
        Self { signals, events, tend: housekeeping(TEND), ticked_at: Instant::now() }
    }

    /// The events, after the session: some may have happened that it has not taken.
    #[must_use]
    pub fn into_events(self) -> E {
        self.events
    }

    /// The signals, for another session: none that arrived since this one ended is lost.
    #[must_use]
    pub fn into_signals(self) -> Signals {
        self.signals
    }

    /// The same with another interval between housekeepings.
    #[must_use]
    pub fn tend_every(self, interval: Duration) -> Self {
        Self { tend: housekeeping(interval), ..self }
    }
}

fn housekeeping(every: Duration) -> Interval {
    let mut tend = interval(every);
    tend.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tend
}

impl<E: Events> World for Real<E> {
    type Event = E::Event;

    async fn next(&mut self, wait: Option<Duration>) -> Input<E::Event> {
        let due = self.ticked_at + wait.unwrap_or_default();
        tokio::select! {
            biased;
            signal = self.signals.next() => Input::Signal(signal),
            event = self.events.next() => Input::Event(event),
            () = sleep_until(due), if wait.is_some() => {
                // On time, intervals do not drift. After a stall the next interval is a whole one:
                // one of milliseconds would show rates that mean nothing.
                let now = Instant::now();
                let late = now.duration_since(due) > wait.unwrap_or_default() / 10;
                self.ticked_at = if late { now } else { due };
                Input::Tick
            }
            _ = self.tend.tick() => Input::Tend,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn ticks_do_not_drift_and_a_stall_is_not_caught_up() {
        let second = Duration::from_secs(1);
        let mut world = Real::new(NoEvents).unwrap();
        let began = world.ticked_at;
        let mut ticks = Vec::new();
        while ticks.len() < 4 {
            if world.next(Some(second)).await == Input::Tick {
                ticks.push(began.elapsed());
                // A little late is on time; the third time, something holds the session up.
                let held_up = if ticks.len() == 2 { second * 5 / 2 } else { second / 50 };
                tokio::time::advance(held_up).await;
            }
        }
        let millis: Vec<_> = ticks.iter().map(Duration::as_millis).collect();
        assert_eq!(millis, [1000, 2000, 4500, 5500]);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_wait_there_is_only_housekeeping() {
        let mut world = Real::new(NoEvents).unwrap();
        for _ in 0..10 {
            assert_eq!(world.next(None).await, Input::Tend);
        }
    }
}
