//! What the machine has said of the process that the user looks at.

use std::collections::HashMap;

use super::Context;
use crate::inspect::{Answer, Question, Thread};
use zc_model::snapshot::ProcessId;

impl Context {
    /// Whether this is to be asked now: not of what is shown of another time, whose processes may have ended.
    pub(crate) fn is_to_ask(&self, question: Question) -> bool {
        let shows_now = !self.is_recorded() && !self.is_in_past();
        let taken_at_ns = self.frame().map(|frame| frame.taken_at_ns);
        shows_now && taken_at_ns.is_some_and(|at| self.inspected.is_due(question, at))
    }

    /// The machine has been asked.
    pub(crate) fn answered(&mut self, question: Question, answer: Option<Answer>) {
        let taken_at_ns = self.frame().map_or(0, |frame| frame.taken_at_ns);
        self.inspected.take(question, taken_at_ns, answer);
    }

    /// What the machine says of a process now.
    #[must_use]
    pub fn known(&self, process: ProcessId) -> Option<Known<'_>> {
        let shows_now = !self.is_recorded() && !self.is_in_past();
        self.inspected.of(process).filter(|_| shows_now)
    }

    /// The same, where what was counted before is kept.
    #[must_use]
    pub fn with_archive(self, has_archive: bool) -> Self {
        Self { has_archive, ..self }
    }

    /// Whether what was counted before is kept.
    #[must_use]
    pub const fn has_archive(&self) -> bool {
        self.has_archive
    }
}

/// The last answer, and what of the one before is needed.
#[derive(Default)]
pub struct Inspected {
    question: Option<Question>,
    /// Of the frame for which it was asked.
    taken_at_ns: u64,
    answer: Option<Answer>,
    /// The one before, if it was of the same process and has threads.
    before: Option<Answer>,
}

impl Inspected {
    /// Whether this is to be asked now: once for each frame, and when it is another question.
    pub(crate) fn is_due(&self, question: Question, taken_at_ns: u64) -> bool {
        self.taken_at_ns != taken_at_ns
            || self.question.is_none_or(|asked| {
                asked.process != question.process || question.threads && !asked.threads
            })
    }

    /// This was the answer.
    pub(crate) fn take(&mut self, question: Question, taken_at_ns: u64, answer: Option<Answer>) {
        let is_same = self.question.is_some_and(|asked| asked.process == question.process);
        self.before = self.answer.take().filter(|before| is_same && !before.some.is_empty());
        (self.question, self.taken_at_ns, self.answer) = (Some(question), taken_at_ns, answer);
    }

    /// What is known of a process.
    pub(crate) fn of(&self, process: ProcessId) -> Option<Known<'_>> {
        self.question.filter(|question| question.process == process)?;
        let answer = self.answer.as_ref()?;
        let shares = self.before.as_ref().map(|before| shares(before, answer));
        Some(Known { answer, shares: shares.unwrap_or_default() })
    }
}

/// What is known of a process.
pub struct Known<'a> {
    /// As the machine said it.
    pub answer: &'a Answer,
    /// Share of one CPU that each thread took since the answer before, by its number.
    shares: HashMap<u32, f64>,
}

impl Known<'_> {
    /// Share of one CPU that a thread took since the answer before. `None` where that did not have it.
    #[must_use]
    pub fn share(&self, thread: &Thread) -> Option<f64> {
        self.shares.get(&thread.tid).copied()
    }
}

fn shares(before: &Answer, now: &Answer) -> HashMap<u32, f64> {
    let time = now.at.saturating_sub(before.at).as_secs_f64();
    if time <= 0.0 {
        return HashMap::new();
    }
    let then: HashMap<u32, _> = before.some.iter().map(|thread| (thread.tid, thread)).collect();
    let share = |thread: &Thread| {
        // Less than before: it is another thread with the same number.
        let spent = thread.cpu.checked_sub(then.get(&thread.tid)?.cpu)?;
        Some((thread.tid, spent.as_secs_f64() / time))
    };
    now.some.iter().filter_map(share).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn question(pid: u32, threads: bool) -> Question {
        Question { process: ProcessId { pid, start_ns: 7 }, threads }
    }

    fn answer(at_ms: u64, threads: &[(u32, u64)]) -> Answer {
        let thread = |(tid, cpu_ms): &(u32, u64)| Thread {
            tid: *tid,
            name: "x".to_owned(),
            state: "running",
            cpu: Duration::from_millis(*cpu_ms),
        };
        Answer {
            command: Vec::new(),
            is_cut: false,
            at: Duration::from_millis(at_ms),
            age: Duration::ZERO,
            threads: 3,
            some: threads.iter().map(thread).collect(),
        }
    }

    #[test]
    fn it_is_asked_once_for_each_frame_and_for_what_is_new() {
        let mut inspected = Inspected::default();
        assert!(inspected.is_due(question(7, false), 5));
        inspected.take(question(7, false), 5, None);
        assert!(!inspected.is_due(question(7, false), 5), "no answer is one, too");
        assert!(inspected.is_due(question(7, false), 6));
        assert!(inspected.is_due(question(7, true), 5));
        assert!(inspected.is_due(question(8, false), 5));
        inspected.take(question(7, true), 5, Some(answer(1, &[])));
        assert!(!inspected.is_due(question(7, false), 5));
        assert!(inspected.of(question(7, false).process).is_some());
        assert!(inspected.of(question(8, false).process).is_none());
    }

    #[test]
    fn shares_are_those_since_the_answer_before_of_the_same_process() {
        let mut inspected = Inspected::default();
        let shares = |inspected: &Inspected| {
            let known = inspected.of(question(7, true).process).unwrap();
            known.answer.some.iter().map(|thread| known.share(thread)).collect::<Vec<_>>()
        };
        inspected.take(question(7, true), 1, Some(answer(1_000, &[(7, 400), (8, 900)])));
        assert_eq!(shares(&inspected), [None, None]);
        let next = answer(3_000, &[(7, 900), (8, 100), (9, 50)]);
        inspected.take(question(7, true), 2, Some(next));
        assert_eq!(shares(&inspected), [Some(0.25), None, None]);
        inspected.take(question(8, true), 3, Some(answer(4_000, &[(7, 900)])));
        inspected.take(question(7, true), 4, Some(answer(5_000, &[(7, 1_900)])));
        assert_eq!(shares(&inspected), [None]);
    }
}
