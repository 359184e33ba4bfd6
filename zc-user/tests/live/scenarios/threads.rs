//! Threads of one process, its calls, and its switches.

use std::{
    io::{Read as _, Write as _},
    thread,
};

use super::{Scenario, Stage, moved, pipes::pipe};

/// Threads of [`busy_writers`] in addition to its main thread.
const WRITERS: usize = 7;

/// Calls of [`calls`].
const CALLS: u64 = 10_007;

/// Rounds of [`ping_pong`].
const ROUNDS: usize = 1009;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "busy_writers",
        busy_writers,
        &[moved("file_write", WRITERS * 101, WRITERS * 101 * 1009)],
    )
    .threads(1 + WRITERS as u64)
    .in_proc_io(),
    Scenario::new("calls", calls, &[]).in_proc_io().also(|row, ground| {
        let idle = ground.row("nothing");
        assert_eq!(row.counter("syscalls") - idle.counter("syscalls"), CALLS);
        assert!(row.counter("mode_switches") - idle.counter("mode_switches") >= 2 * CALLS);
    }),
    Scenario::new(
        "ping_pong",
        ping_pong,
        &[moved("pipe_write", 2 * ROUNDS, 2 * ROUNDS), moved("pipe_read", 2 * ROUNDS, 2 * ROUNDS)],
    )
    .threads(2)
    .in_proc_io(),
];

/// Several threads write at once, each to a file of its own.
fn busy_writers(stage: &Stage) -> Result<(), String> {
    thread::scope(|scope| {
        for i in 0..WRITERS {
            scope.spawn(move || {
                let mut output = stage.output(&format!("writer-{i}"));
                for _ in 0..101 {
                    output.write_all(&[1; 1009]).expect("room");
                }
            });
        }
    });
    Ok(())
}

fn calls(_: &Stage) -> Result<(), String> {
    for _ in 0..CALLS {
        // SAFETY: no arguments. By number, as a library may remember the answer.
        unsafe { libc::syscall(libc::SYS_getppid) };
    }
    Ok(())
}

/// Two threads wait for each other all the time.
fn ping_pong(_: &Stage) -> Result<(), String> {
    let ((mut near_from, mut far_to), (mut far_from, mut near_to)) = (pipe(), pipe());
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut ball = [0];
            for _ in 0..ROUNDS {
                far_from.read_exact(&mut ball).expect("the ball comes");
                far_to.write_all(&ball).expect("room");
            }
        });
        let mut ball = [0];
        for _ in 0..ROUNDS {
            near_to.write_all(&ball).expect("room");
            near_from.read_exact(&mut ball).expect("the ball comes back");
        }
    });
    Ok(())
}
