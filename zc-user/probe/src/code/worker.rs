//! The thread that looks at code.

use std::{
    collections::{BTreeMap, HashMap},
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result};
use zc_common::code::{CodePlace, FAULT, NO_FILE};
use zc_model::snapshot::ProcessId;
use zc_privilege::raised;

use super::{
    Found,
    areas::{self, Area},
    files::{self, Files},
};

/// What the kernel maps into every process, as it names it.
const OF_THE_KERNEL: [&str; 2] = ["[vdso]", "[vsyscall]"];

/// A place that was asked about.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) process: ProcessId,
    pub(super) is_fault: bool,
    pub(super) count: u64,
    /// `None` when nothing could be found out.
    pub(super) found: Option<Found>,
}

pub(super) type Places = Vec<(CodePlace, u64)>;

/// A thread that answers questions, one at a time. It ends when this is dropped and it has answered.
pub(super) struct Worker {
    questions: SyncSender<Places>,
    answers: Receiver<Vec<Answer>>,
    is_busy: bool,
    /// It did not answer in time: nothing waits for it until it has.
    is_late: bool,
    /// Samples that it was asked about, by process. `None` when the answer is not wanted any more.
    asked: Option<BTreeMap<ProcessId, u64>>,
}

impl Worker {
    pub(super) fn start() -> Result<Self> {
        let (questions, asked) = sync_channel::<Places>(1);
        let (answer, answers) = sync_channel(1);
        let work = move || {
            // Without the right to see other processes, their files cannot be opened, and all is unknown.
            let _ = zc_privilege::keep_in_this_thread(super::RIGHTS);
            let mut files = Files::default();
            while let Ok(places) = asked.recv() {
                if answer.send(look(&mut files, places)).is_err() {
                    break;
                }
            }
        };
        let builder = thread::Builder::new().name("zc-code".to_owned());
        builder.spawn(work).context("cannot start the thread that looks at code")?;
        Ok(Self { questions, answers, is_busy: false, is_late: false, asked: None })
    }

    pub(super) fn is_busy(&self) -> bool {
        self.is_busy
    }

    /// Asks about places. Not while it is busy.
    pub(super) fn ask(&mut self, places: Places) {
        self.asked = Some(by_process(&places));
        // It is there as long as this is.
        self.is_busy = self.questions.send(places).is_ok();
    }

    /// What it was asked about and has not answered: the answer is not wanted any more, and dropped when it comes.
    pub(super) fn give_up(&mut self) -> BTreeMap<ProcessId, u64> {
        self.asked.take().filter(|_| self.is_busy).unwrap_or_default()
    }

    /// The answer, if it comes within `patience` and is wanted.
    pub(super) fn answer(&mut self, patience: Duration) -> Option<Vec<Answer>> {
        if !self.is_busy {
            return None;
        }
        let patience = if self.is_late { Duration::ZERO } else { patience };
        match self.answers.recv_timeout(patience) {
            Ok(answers) => {
                (self.is_busy, self.is_late) = (false, false);
                self.asked.take().map(|_| answers)
            }
            Err(RecvTimeoutError::Timeout) => {
                self.is_late |= patience > Duration::ZERO;
                None
            }
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }
}

/// The samples of each process.
pub(super) fn by_process(places: &Places) -> BTreeMap<ProcessId, u64> {
    let mut samples = BTreeMap::new();
    for (place, count) in places {
        *samples.entry(process_of(place)).or_default() += count;
    }
    samples
}

fn process_of(place: &CodePlace) -> ProcessId {
    ProcessId { pid: place.tgid, start_ns: place.process_start_ns }
}

/// Finds out what is at some places.
fn look(files: &mut Files, places: Places) -> Vec<Answer> {
    files.tidy();
    let mut areas = HashMap::new();
    for (process, begins) in wanted(files, &places) {
        raised(|| {
            areas::find(process, &begins, |area| {
                areas.insert((process, area.begin), area);
            })
        });
    }
    let answer = |(place, count): (CodePlace, u64)| {
        let process = process_of(&place);
        let area = areas.get(&(process, place.area));
        let found = if place.flags & NO_FILE != 0 {
            let is_kernel = |area: &Area| OF_THE_KERNEL.contains(&&*area.name);
            Some(if area.is_some_and(is_kernel) { Found::Kernel } else { Found::NoFile })
        } else {
            let key = files::key(&place);
            if let Some(area) = area.filter(|_| !files.has(key)) {
                files.open(key, process, area);
            }
            files.find(key, place.offset)
        };
        Answer { process, is_fault: place.flags & FAULT != 0, count, found }
    };
    places.into_iter().map(answer).collect()
}

/// The areas that must be looked up: those of files that are not open, and those without a file.
fn wanted(files: &Files, places: &Places) -> BTreeMap<ProcessId, Vec<u64>> {
    let mut wanted = BTreeMap::<_, Vec<u64>>::new();
    for (place, _) in places {
        if place.flags & NO_FILE != 0 || !files.has(files::key(place)) {
            wanted.entry(process_of(place)).or_default().push(place.area);
        }
    }
    for begins in wanted.values_mut() {
        begins.sort_unstable();
        begins.dedup();
    }
    wanted
}
