//! Call stacks of copies: the samples of the kernel side, with names.
//!
//! A thread of its own finds out what the addresses are called ([`resolve`]), while the process that they are of
//! still runs: nothing waits for a file system. How many bytes a sample stands for follows what is copied: there are
//! to be 50 to 128 samples a second.
//!
//! | kept | bound |
//! | --- | --- |
//! | samples on the kernel side | 2 MiB |
//! | samples that wait for names | 4,096 |
//! | stacks | 16,384, of 524,288 frames together |
//! | open files, areas, names | see `resolve.rs` |

mod jit;
mod kernel;
mod resolve;
mod worker;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    maps::{Array, MapData, RingBuf},
};
use zc_common::{
    path::{LANES, lane_path},
    stack::{BURST, LARGEST_MEAN, LEAST_MEAN, OF_TIME, Pace, StackSample, Taken},
};
use zc_model::{
    id::Id,
    snapshot::{FrameKind, ProcessId, StackEnd, StackFrame, StackSample as Row, Stacks as Sample},
};

use crate::object::map;
use kernel::Kernel;
use worker::{Answer, Names, Question, Resolved, Worker};

/// Bytes that a sample stands for at first.
const FIRST_MEAN: u64 = 32 << 10;
/// Fewer samples in [`PACE`] than this, and each stands for half as many bytes from then on.
const FEW: u64 = 50;
/// How often that is looked at.
const PACE: Duration = Duration::from_secs(1);

/// How long a snapshot waits for names, from one answer to the next, and for all.
const PATIENCE: Duration = Duration::from_secs(5);
const MOST_PATIENCE: Duration = Duration::from_secs(30);

/// Samples in a question.
const BATCH: usize = 64;

/// Samples that wait for names at most.
const MOST_WAITING: usize = 4_096;
/// Stacks that are kept, by process and path.
const MOST_ROWS: usize = 16_384;
/// Frames of all of them.
const MOST_FRAMES: usize = 1 << 19;

type Frames = Arc<[Arc<StackFrame>]>;

/// What a row is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    process: ProcessId,
    frames: Frames,
    end: StackEnd,
    /// Addresses of the kernel's stack.
    kernel: Arc<[u64]>,
    /// The lane; `None` of samples of CPU time.
    lane: Option<u8>,
}

/// What it amounts to.
#[derive(Clone, Debug, Default)]
struct Tally {
    comm: Arc<str>,
    samples: u64,
    bytes: f64,
    variance: f64,
    calls: f64,
    time_samples: u64,
}

impl Tally {
    fn add(&mut self, other: Self) {
        if self.comm.is_empty() {
            self.comm = other.comm;
        }
        self.samples += other.samples;
        self.bytes += other.bytes;
        self.variance += other.variance;
        self.calls += other.calls;
        self.time_samples += other.time_samples;
    }
}

/// Whether it is code of a JIT compiler that has not told what it is called.
fn is_unnamed(frame: &StackFrame) -> bool {
    frame.kind == FrameKind::NoFile && frame.function.is_none() && &*frame.module == resolve::JIT
}

/// The stacks that were seen.
pub(super) struct Stacks {
    ring: RingBuf<MapData>,
    worker: Option<Worker>,
    kernel: Kernel,
    waiting: VecDeque<StackSample>,
    /// What the thread is asked about.
    asked: Weight,
    rows: HashMap<Key, Tally>,
    frames: usize,
    /// Samples for which there was no room here, bytes that they stand for, and those of CPU time.
    lost: u64,
    lost_bytes: u64,
    lost_time: u64,
    /// Of the bytes that lost samples stand for, on both sides: at most.
    lost_variance: f64,
    kernel_losses: KernelLosses,
    frequency: u32,
    paced: Instant,
    taken: u64,
}

/// What the kernel side has lost. It counts the bytes, not how many of them each sample stands for.
#[derive(Debug, Default)]
struct KernelLosses {
    bytes: u64,
    /// How many a sample stood for when that was looked at last.
    mean: u64,
}

impl KernelLosses {
    /// What was lost since adds at most this to the variance. `mean` is to be read after `bytes`: the kernel side only
    /// raises it, and what user space lowers it from was seen here.
    fn look(&mut self, bytes: u64, mean: u64) -> f64 {
        let new = bytes.saturating_sub(self.bytes);
        let largest = mean.max(self.mean);
        *self = Self { bytes, mean };
        new as f64 * largest as f64
    }
}

/// Sets how often samples are taken at first: to be called before the programs are attached.
pub(super) fn begin(ebpf: &mut Ebpf) -> Result<()> {
    set_pace(ebpf, FIRST_MEAN)
}

fn set_pace(ebpf: &mut Ebpf, mean: u64) -> Result<()> {
    let pace = ebpf.map_mut(map::STACK_PACE).context("the object has no STACK_PACE")?;
    let mut pace: Array<&mut MapData, Pace> = pace.try_into()?;
    pace.set(0, Pace { mean, left: BURST }, 0).context("cannot set how often stacks are taken")
}

fn pace(ebpf: &Ebpf) -> Result<Pace> {
    let pace = ebpf.map(map::STACK_PACE).context("the object has no STACK_PACE")?;
    let pace: Array<&MapData, Pace> = pace.try_into()?;
    pace.get(&0, 0).context("cannot read how often stacks are taken")
}

fn taken(ebpf: &Ebpf) -> Result<Taken> {
    let taken = ebpf.map(map::STACKS_TAKEN).context("the object has no STACKS_TAKEN")?;
    let taken: Array<&MapData, Taken> = taken.try_into()?;
    taken.get(&0, 0).context("cannot read how many stacks were taken")
}

impl Stacks {
    /// Takes over the ring. `frequency`: samples of CPU time a second on each CPU.
    pub(super) fn take(ebpf: &mut Ebpf, frequency: u32) -> Result<Self> {
        let ring = ebpf.take_map(map::STACKS).context("the object has no STACKS")?;
        Ok(Self {
            ring: RingBuf::try_from(ring)?,
            worker: None,
            kernel: Kernel::open(),
            waiting: VecDeque::new(),
            asked: Weight::default(),
            rows: HashMap::new(),
            frames: 0,
            lost: 0,
            lost_bytes: 0,
            lost_time: 0,
            lost_variance: 0.0,
            kernel_losses: KernelLosses::default(),
            frequency,
            paced: Instant::now(),
            taken: 0,
        })
    }

    /// Samples that were lost here; those that the kernel side lost are counted there.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// Asks for the names of the samples that have come up. To be called several times a second: a process that has
    /// ended cannot be asked for its files.
    pub(super) fn tend(&mut self, ebpf: &mut Ebpf) -> Result<()> {
        self.drain();
        while self.ask(Duration::ZERO)? && !self.waiting.is_empty() {}
        self.ask(Duration::ZERO)?;
        self.keep_pace(ebpf)
    }

    /// The stacks so far. Waits for names, unless a file system keeps them.
    pub(super) fn sample(&mut self, ebpf: &mut Ebpf) -> Result<Sample> {
        self.tend(ebpf)?;
        let until = Instant::now() + MOST_PATIENCE;
        while self.is_waiting() && Instant::now() < until && self.ask(PATIENCE)? {}
        // Those may have names in the next snapshot.
        let mut late = self.asked;
        self.waiting.iter().for_each(|sample| late.add(sample));
        let taken = self.look_at_losses(ebpf)?;
        if self.rows.keys().any(|key| !key.kernel.is_empty()) {
            self.kernel.read();
        }
        let rows = self.rows.iter().map(|(key, tally)| row(key, tally, &self.kernel));
        let mut rows: Vec<Row> = rows.collect();
        rows.sort_by(|a, b| b.bytes.total_cmp(&a.bytes).then_with(|| a.frames.cmp(&b.frames)));
        Ok(Sample {
            rows,
            lost_bytes: taken.lost_bytes + self.lost_bytes + late.bytes as u64,
            lost_variance: Some(self.lost_variance + late.variance),
            lost_time: taken.lost_time + self.lost_time + late.time,
            frequency: self.frequency,
            mean_bytes: pace(ebpf)?.mean,
        })
    }

    fn is_waiting(&self) -> bool {
        !self.waiting.is_empty() || self.worker.as_ref().is_some_and(Worker::is_busy)
    }

    /// Takes the samples out of the ring.
    fn drain(&mut self) {
        while let Some(sample) = self.next() {
            if self.waiting.len() < MOST_WAITING {
                self.waiting.push_back(sample);
            } else {
                self.lose(&sample);
            }
        }
    }

    fn next(&mut self) -> Option<StackSample> {
        let item = self.ring.next()?;
        // Programs write whole samples.
        if item.len() < size_of::<StackSample>() {
            return None;
        }
        // SAFETY: there are as many bytes, of integers only.
        Some(unsafe { item.as_ptr().cast::<StackSample>().read_unaligned() })
    }

    fn lose(&mut self, sample: &StackSample) {
        let mut lost = Weight::default();
        lost.add(sample);
        self.lost += 1;
        self.lost_time += lost.time;
        self.lost_bytes = self.lost_bytes.saturating_add(lost.bytes as u64);
        self.lost_variance += lost.variance;
    }

    /// What has become of samples on the kernel side.
    fn look_at_losses(&mut self, ebpf: &Ebpf) -> Result<Taken> {
        let taken = taken(ebpf)?;
        self.lost_variance += self.kernel_losses.look(taken.lost_bytes, pace(ebpf)?.mean);
        Ok(taken)
    }

    /// Takes over what the thread has found, if it comes within `patience`, and asks it for the next. Whether it has
    /// found anything.
    fn ask(&mut self, patience: Duration) -> Result<bool> {
        let worker = match &mut self.worker {
            Some(worker) => worker,
            // Not before the rights are dropped that this thread must not have.
            None => self.worker.insert(Worker::start()?),
        };
        if !worker.is_busy() && !self.waiting.is_empty() {
            let batch: Vec<_> = self.waiting.drain(..BATCH.min(self.waiting.len())).collect();
            batch.iter().for_each(|sample| self.asked.add(sample));
            worker.ask(Question::Samples(batch));
        }
        let Some(answer) = worker.answer(patience) else { return Ok(false) };
        self.asked = Weight::default();
        match answer {
            Answer::Samples(samples) => samples.into_iter().for_each(|it| self.count(it)),
            Answer::Names(names) => self.rename(&names),
        }
        Ok(true)
    }

    fn count(&mut self, resolved: Resolved) {
        let Resolved { sample, frames, end } = resolved;
        let is_time = sample.kind == OF_TIME;
        let process = ProcessId { pid: sample.tgid, start_ns: sample.start_ns };
        let lane = (!is_time).then_some(sample.lane);
        let depth = usize::try_from(sample.kernel_bytes).unwrap_or(0) / size_of::<u64>();
        let kernel = if is_time { depth.min(sample.kernel_frames.len()) } else { 0 };
        let kernel = sample.kernel_frames[..kernel].into();
        let key = Key { process, frames, end, kernel, lane };
        if !self.rows.contains_key(&key) {
            let frames = key.frames.len() + key.kernel.len();
            if self.rows.len() >= MOST_ROWS || self.frames + frames > MOST_FRAMES {
                return self.lose(&sample);
            }
            self.frames += frames;
        }
        let tally = self.rows.entry(key).or_default();
        if tally.comm.is_empty() {
            tally.comm = comm(sample.comm);
        }
        if is_time {
            tally.time_samples += 1;
            return;
        }
        let (bytes, variance) = estimate(&sample);
        tally.samples += u64::from(sample.draws.max(1));
        tally.bytes += bytes;
        tally.variance += variance;
        tally.calls += bytes / sample.copied.max(1) as f64;
    }

    /// Asks about code that had no name when it was first seen.
    fn ask_again(&mut self) {
        let Some(worker) = self.worker.as_mut().filter(|worker| !worker.is_busy()) else { return };
        let mut places: Vec<_> = self
            .rows
            .keys()
            .flat_map(|key| key.frames.iter().map(|frame| (key.process, frame)))
            .filter(|(_, frame)| is_unnamed(frame))
            .map(|(process, frame)| (process, frame.offset))
            .collect();
        places.sort_unstable();
        places.dedup();
        places.truncate(MOST_WAITING);
        if !places.is_empty() {
            worker.ask(Question::Names(places));
        }
    }

    /// Gives frames names. Rows that are alike then become one.
    fn rename(&mut self, names: &Names) {
        if names.is_empty() {
            return;
        }
        for (mut key, tally) in std::mem::take(&mut self.rows) {
            let process = key.process;
            let name = |frame: &StackFrame| {
                names.get(&(process, frame.offset)).filter(|_| is_unnamed(frame))
            };
            if key.frames.iter().any(|frame| name(frame).is_some()) {
                let renamed = key.frames.iter().map(|frame| match name(frame) {
                    None => Arc::clone(frame),
                    Some(name) => {
                        let function = Some(Arc::clone(name));
                        Arc::new(StackFrame { function, offset: 0, ..(**frame).clone() })
                    }
                });
                key.frames = renamed.collect();
            }
            self.rows.entry(key).or_default().add(tally);
        }
        self.frames = self.rows.keys().map(|key| key.frames.len() + key.kernel.len()).sum();
    }

    /// Makes samples stand for fewer bytes where there are few of them. That they stand for more where there are many,
    /// the kernel side sees to.
    fn keep_pace(&mut self, ebpf: &mut Ebpf) -> Result<()> {
        if self.paced.elapsed() < PACE {
            return Ok(());
        }
        self.paced = Instant::now();
        self.ask_again();
        let taken = self.look_at_losses(ebpf)?.taken;
        let new = taken.saturating_sub(std::mem::replace(&mut self.taken, taken));
        let mean = pace(ebpf)?.mean;
        let mean = if new < FEW { mean / 2 } else { mean };
        set_pace(ebpf, mean.clamp(LEAST_MEAN, LARGEST_MEAN))
    }
}

/// What samples stand for: bytes, or samples of CPU time.
#[derive(Clone, Copy, Debug, Default)]
struct Weight {
    bytes: f64,
    variance: f64,
    time: u64,
}

impl Weight {
    fn add(&mut self, sample: &StackSample) {
        if sample.kind == OF_TIME {
            self.time += 1;
            return;
        }
        let (bytes, variance) = estimate(sample);
        self.bytes += bytes;
        self.variance += variance;
    }
}

/// The bytes that a sample stands for, and their variance.
fn estimate(sample: &StackSample) -> (f64, f64) {
    let (each, draws) = (sample.bytes as f64, f64::from(sample.draws));
    // The number of draws is that of a Poisson process.
    if sample.draws == 0 { (each, 0.0) } else { (draws * each, draws * each * each) }
}

fn row(key: &Key, tally: &Tally, kernel: &Kernel) -> Row {
    let lane = key.lane.map(|lane| lane_path(usize::from(lane).min(LANES - 1)));
    Row {
        process: key.process,
        comm: Arc::clone(&tally.comm),
        frames: Arc::clone(&key.frames),
        end: key.end,
        kernel: key.kernel.iter().map(|address| Arc::new(kernel.frame(*address))).collect(),
        path: lane.map(|(path, _)| Id::Known(path)),
        socket: lane.and_then(|(_, socket)| socket).map(Id::Known),
        samples: tally.samples,
        bytes: tally.bytes,
        variance: tally.variance,
        calls: tally.calls,
        time_samples: tally.time_samples,
    }
}

/// A name as the kernel has it.
fn comm(words: [u64; 2]) -> Arc<str> {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_that_was_lost_stood_for_no_more_than_the_mean_before_or_now() {
        let mut losses = KernelLosses::default();
        assert_eq!(losses.look(0, 100), 0.0);
        // The mean was doubled three times while these were lost.
        assert_eq!(losses.look(1_000, 800), 800_000.0);
        // It was halved after the last look.
        assert_eq!(losses.look(1_800, 400), 640_000.0);
        assert_eq!(losses.look(1_800, 400), 0.0);
    }
}
