//! One loop for every verb: it takes snapshots from a source when they are due, keeps the source tidy
//! in between, and hands everything that happens to an output.
//!
//! A [`world::World`] says what happens next: the real one waits for the clock and for [`signals`], the
//! one of a test plays a script. An [`output::Output`] says how long to wait for the next snapshot, and
//! when to end.

pub mod output;
pub mod signals;
pub mod stall;
pub mod work;
pub mod world;

use std::future::poll_fn;

use anyhow::Result;
use zc_model::source::{SnapshotSource, Steered};

use self::{
    output::{Flow, Output},
    world::{Input, World},
};

/// Drives `source` to `output` until the output ends the session.
///
/// # Errors
/// What the output makes an error of: it receives the failures of the source, too.
pub async fn drive<O, W>(
    source: &mut dyn SnapshotSource,
    output: &mut O,
    world: &mut W,
) -> Result<()>
where
    O: Output,
    W: World<Event = O::Event>,
{
    loop {
        let wait = output.wait(source.pace());
        // The output's own work comes first: an event may be meant for what it has to show.
        let input = tokio::select! {
            biased;
            () = poll_fn(|task| output.poll(task)) => None,
            input = world.next(wait) => Some(input),
        };
        let flow = match input {
            None => output.advanced()?,
            Some(Input::Tick) => take(source, output)?,
            Some(Input::Tend) => output.tended(source.tend())?,
            Some(Input::Signal(signal)) => {
                let flow = output.signal(signal)?;
                if flow == Flow::Continue {
                    stall::calm();
                }
                flow
            }
            Some(Input::Event(event)) => match output.event(event)? {
                Flow::Continue => steer(source, output)?,
                Flow::End => Flow::End,
            },
        };
        if flow == Flow::End {
            return Ok(());
        }
    }
}

/// Hands the next snapshot to the output.
fn take<O: Output>(source: &mut dyn SnapshotSource, output: &mut O) -> Result<Flow> {
    let snapshot = source.next();
    output.at(source.moment());
    output.receive(snapshot)
}

/// Goes where the output wants to be.
fn steer<O: Output>(source: &mut dyn SnapshotSource, output: &mut O) -> Result<Flow> {
    let Some(steer) = output.steer() else { return Ok(Flow::Continue) };
    let steered = source.steer(&steer);
    output.at(source.moment());
    let (moved, count) = match steered {
        Ok(Steered::Same) => (Ok(false), 0),
        Ok(Steered::Next) => (Ok(false), 1),
        Ok(Steered::Elsewhere(count)) => (Ok(true), count),
        Err(error) => (Err(error), 0),
    };
    if output.steered(moved)? == Flow::End {
        return Ok(Flow::End);
    }
    for _ in 1..count {
        output.lead_up(source.next())?;
    }
    if count > 0 { take(source, output) } else { Ok(Flow::Continue) }
}

#[cfg(test)]
mod tests;
