//! Work that takes its snapshots itself, such as a round of the lab, in the same loop as everything else.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use anyhow::Result;
use zc_model::{snapshot::Snapshot, source::SnapshotSource};

use crate::{
    drive,
    output::{Flow, Output},
    signals::Ending,
    world::World,
};

/// A source for sessions that take no snapshots by themselves.
#[derive(Clone, Copy, Debug)]
pub struct NoSource;

impl SnapshotSource for NoSource {
    fn next(&mut self) -> Result<Option<Snapshot>> {
        Ok(None)
    }
}

/// How work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<T> {
    /// It is done.
    Done(T),
    /// A signal asked the session to end: what was under way has been dropped.
    Stopped(Ending),
}

/// Runs `work` until it is done, or a signal asks to end.
///
/// # Errors
/// None of its own: those of the work are in its result.
pub async fn run<F: Future>(
    work: F,
    world: &mut impl World<Event = Infallible>,
) -> Result<Outcome<F::Output>> {
    let mut running = Running { work: Box::pin(work), outcome: None };
    drive(&mut NoSource, &mut running, world).await?;
    Ok(running.outcome.expect("the session ends when there is an outcome"))
}

struct Running<F: Future> {
    work: Pin<Box<F>>,
    outcome: Option<Outcome<F::Output>>,
}

impl<F: Future> Output for Running<F> {
    type Event = Infallible;

    fn wait(&mut self, _pace: Option<Duration>) -> Option<Duration> {
        None
    }

    fn receive(&mut self, _snapshot: Result<Option<Snapshot>>) -> Result<Flow> {
        Ok(Flow::Continue)
    }

    fn poll(&mut self, task: &mut Context<'_>) -> Poll<()> {
        self.work.as_mut().poll(task).map(|done| self.outcome = Some(Outcome::Done(done)))
    }

    fn advanced(&mut self) -> Result<Flow> {
        Ok(Flow::End)
    }

    fn signal(&mut self, signal: Ending) -> Result<Flow> {
        self.outcome = Some(Outcome::Stopped(signal));
        Ok(Flow::End)
    }

    fn event(&mut self, event: Infallible) -> Result<Flow> {
        match event {}
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;
    use crate::world::Input;

    /// A world in which nothing happens but this.
    struct Once(Option<Input<Infallible>>);

    impl World for Once {
        type Event = Infallible;

        async fn next(&mut self, wait: Option<Duration>) -> Input<Infallible> {
            assert_eq!(wait, None, "nothing waits for a snapshot");
            match self.0.take() {
                Some(input) => input,
                None => pending().await,
            }
        }
    }

    fn outcome(work: impl Future<Output = u32>, input: Input<Infallible>) -> Outcome<u32> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(run(work, &mut Once(Some(input)))).unwrap()
    }

    #[test]
    fn work_is_done_or_a_signal_stops_it() {
        assert_eq!(outcome(ready(7), Input::Tend), Outcome::Done(7));
        let yields = async {
            tokio::task::yield_now().await;
            11
        };
        assert_eq!(outcome(yields, Input::Tend), Outcome::Done(11));
        let stopped = Outcome::Stopped(Ending::Terminate);
        assert_eq!(outcome(pending(), Input::Signal(Ending::Terminate)), stopped);
    }
}
