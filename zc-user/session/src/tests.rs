use std::{collections::VecDeque, time::Duration};

use anyhow::anyhow;
use zc_model::{
    fixture::{Fixture, sketch::snapshot},
    snapshot::Snapshot,
};

use super::*;
use crate::signals::Ending;

/// A world in which this happens, one after the other.
struct Script {
    inputs: VecDeque<Input<char>>,
    waits: Vec<Option<Duration>>,
}

impl World for Script {
    type Event = char;

    async fn next(&mut self, wait: Option<Duration>) -> Input<char> {
        self.waits.push(wait);
        self.inputs.pop_front().expect("the session goes on after the last input")
    }
}

/// Writes down what it is given, and ends at the end of the recording or at a key.
#[derive(Default)]
struct Log(Vec<String>);

impl Output for Log {
    type Event = char;

    fn wait(&mut self, pace: Option<Duration>) -> Option<Duration> {
        pace.or(Some(Duration::from_secs(7)))
    }

    fn receive(&mut self, snapshot: Result<Option<Snapshot>>) -> Result<Flow> {
        Ok(match snapshot? {
            Some(snapshot) => {
                self.0.push(format!("{} s", snapshot.elapsed_ns / 1_000_000_000));
                Flow::Continue
            }
            None => Flow::End,
        })
    }

    fn event(&mut self, event: char) -> Result<Flow> {
        self.0.push(event.to_string());
        Ok(if event == 'q' { Flow::End } else { Flow::Continue })
    }
}

fn play(
    source: &mut dyn SnapshotSource,
    inputs: &[Input<char>],
) -> (Result<()>, Vec<String>, Vec<Option<Duration>>) {
    let mut world = Script { inputs: inputs.iter().cloned().collect(), waits: Vec::new() };
    let mut log = Log::default();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let ended = runtime.block_on(drive(source, &mut log, &mut world));
    assert!(world.inputs.is_empty(), "it ended too early: {:?} are left", world.inputs);
    (ended, log.0, world.waits)
}

#[test]
fn snapshots_and_events_arrive_in_order_until_the_recording_ends() {
    let mut source = Fixture::new(vec![snapshot(1, &[]), snapshot(2, &[])]);
    let inputs = [Input::Tick, Input::Event('x'), Input::Tend, Input::Tick, Input::Tick];
    let (ended, log, waits) = play(&mut source, &inputs);
    ended.unwrap();
    assert_eq!(log, ["1 s", "x", "2 s"]);
    assert_eq!(waits, [Some(Duration::from_secs(7)); 5]);
}

#[test]
fn an_output_ends_the_session_and_so_does_a_signal() {
    let mut source = Fixture::new(vec![snapshot(1, &[])]);
    play(&mut source, &[Input::Event('a'), Input::Event('q')]).0.unwrap();
    play(&mut source, &[Input::Signal(Ending::Terminate)]).0.unwrap();
}

#[test]
fn a_source_that_fails_fails_the_session_unless_the_output_says_otherwise() {
    struct Broken;
    impl SnapshotSource for Broken {
        fn next(&mut self) -> Result<Option<Snapshot>> {
            Err(anyhow!("no map"))
        }
        fn tend(&mut self) -> Result<()> {
            Err(anyhow!("no queue"))
        }
        fn pace(&self) -> Option<Duration> {
            Some(Duration::from_millis(20))
        }
    }
    let (ended, _, waits) = play(&mut Broken, &[Input::Tick]);
    assert_eq!(ended.unwrap_err().to_string(), "no map");
    assert_eq!(waits, [Some(Duration::from_millis(20))]);
    let (ended, ..) = play(&mut Broken, &[Input::Tend]);
    assert_eq!(ended.unwrap_err().to_string(), "no queue");
}
