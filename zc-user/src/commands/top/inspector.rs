//! What `/proc` says of the process that the dashboard shows, with the rights of the user.

use zc_privilege::as_user;
use zc_probe::names::about::{self, About};
use zc_tui::inspect::{Answer, Inspect, Question, Thread};

/// Asks this machine.
pub(super) struct Inspector;

impl Inspect for Inspector {
    fn inspect(&mut self, question: Question) -> Option<Answer> {
        // A command line may hold what is its owner's alone, and the kernel may hide it (hidepid).
        let about = as_user(|| about::of(question.process, question.threads))?;
        let About { command, is_cut, at, age, threads, some } = about;
        let some = some.into_iter().map(|thread| {
            let about::Thread { tid, name, state, cpu } = thread;
            Thread { tid, name, state: word(state), cpu }
        });
        Some(Answer { command, is_cut, at, age, threads, some: some.collect() })
    }
}

/// The letters of `task_state_array`, `fs/proc/array.c`, 5.10 to 7.2.
const fn word(state: u8) -> &'static str {
    match state {
        b'R' => "running",
        b'S' => "sleeping",
        // It waits for a device, most often.
        b'D' => "blocked",
        b'T' => "stopped",
        b't' => "traced",
        b'X' | b'Z' => "ended",
        b'P' => "parked",
        b'I' => "idle",
        _ => "?",
    }
}
