//! The thread that finds out what addresses are called.

use std::{
    collections::HashMap,
    sync::Arc,
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result};
use zc_common::stack::StackSample;
use zc_model::snapshot::{ProcessId, StackEnd};

use super::{Frames, resolve::Resolver};
use crate::code::RIGHTS;

/// A sample with names.
pub(super) struct Resolved {
    pub(super) sample: Box<StackSample>,
    pub(super) frames: Frames,
    pub(super) end: StackEnd,
}

/// Names of code without a file, by process and address.
pub(super) type Names = HashMap<(ProcessId, u64), Arc<str>>;

/// What it is asked.
pub(super) enum Question {
    /// What the frames of samples are called.
    Samples(Vec<StackSample>),
    /// What code is called that had no name before.
    Names(Vec<(ProcessId, u64)>),
}

/// What it has found.
pub(super) enum Answer {
    Samples(Vec<Resolved>),
    Names(Names),
}

/// A thread that answers questions, one at a time. It ends when this is dropped and it has answered.
pub(super) struct Worker {
    questions: SyncSender<Question>,
    answers: Receiver<Answer>,
    is_busy: bool,
}

impl Worker {
    pub(super) fn start() -> Result<Self> {
        let (questions, asked) = sync_channel::<Question>(1);
        let (answer, answers) = sync_channel(1);
        let work = move || {
            // Without the right to see other processes, their files cannot be opened, and nothing has a name.
            let _ = zc_privilege::keep_in_this_thread(RIGHTS);
            let mut resolver = Resolver::default();
            while let Ok(question) = asked.recv() {
                let found = match question {
                    Question::Samples(samples) => Answer::Samples(resolver.all(samples)),
                    Question::Names(places) => Answer::Names(resolver.names(places)),
                };
                if answer.send(found).is_err() {
                    break;
                }
            }
        };
        let builder = thread::Builder::new().name("zc-stacks".to_owned());
        builder.spawn(work).context("cannot start the thread that names functions")?;
        Ok(Self { questions, answers, is_busy: false })
    }

    pub(super) fn is_busy(&self) -> bool {
        self.is_busy
    }

    /// Asks it. Not while it is busy.
    pub(super) fn ask(&mut self, question: Question) {
        // It is there as long as this is.
        self.is_busy = self.questions.send(question).is_ok();
    }

    /// The answer, if it comes within `patience`.
    pub(super) fn answer(&mut self, patience: Duration) -> Option<Answer> {
        if !self.is_busy {
            return None;
        }
        match self.answers.recv_timeout(patience) {
            Ok(answers) => {
                self.is_busy = false;
                Some(answers)
            }
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                self.is_busy = false;
                None
            }
        }
    }
}
