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
use zc_model::source::SnapshotSource;

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
            Some(Input::Tick) => output.receive(source.next())?,
            Some(Input::Tend) => output.tended(source.tend())?,
            Some(Input::Signal(signal)) => {
                let flow = output.signal(signal)?;
                if flow == Flow::Continue {
                    stall::calm();
                }
                flow
            }
            Some(Input::Event(event)) => output.event(event)?,
        };
        if flow == Flow::End {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests;
