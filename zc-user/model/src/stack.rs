//! What is derived from the samples of call stacks.

use std::{collections::HashMap, sync::Arc};

use zc_common::path::CopyPath;

use crate::{
    counter::CounterId,
    frame::Frame,
    id::Id,
    snapshot::{PathId, ProcessId, StackEnd, StackFrame, StackSample, Stacks},
};

/// Standard deviations to both sides that a margin of 95 % has.
const DEVIATIONS: f64 = 1.96;

/// An estimate of copied bytes, from samples.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// Bytes.
    pub bytes: f64,
    /// Variance of that.
    pub variance: f64,
    /// Calls.
    pub calls: f64,
    /// Samples.
    pub samples: u64,
    /// Samples of CPU time in the kernel's copy routines.
    pub time_samples: u64,
}

impl Estimate {
    /// Half of the interval that the true number of bytes is in with a probability of 95 %, as a part of the estimate.
    /// `None` without a sample.
    #[must_use]
    pub fn margin(&self) -> Option<f64> {
        (self.bytes > 0.0).then(|| DEVIATIONS * self.variance.sqrt() / self.bytes)
    }

    /// Adds the samples of a row.
    pub fn add(&mut self, row: &StackSample) {
        self.bytes += row.bytes;
        self.variance += row.variance;
        self.calls += row.calls;
        self.samples += row.samples;
        self.time_samples += row.time_samples;
    }
}

/// A stack of a process, on all paths.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed<'a> {
    /// The process.
    pub process: ProcessId,
    /// Its name: hostile input.
    pub comm: &'a Arc<str>,
    /// The frames, the innermost first.
    pub frames: &'a [Arc<StackFrame>],
    /// Where they end.
    pub end: StackEnd,
    /// What it copied on each path, the largest first.
    pub paths: Vec<(PathId, f64)>,
    /// What it copied.
    pub estimate: Estimate,
}

impl Stacks {
    /// All stacks, those that copied most first.
    #[must_use]
    pub fn listed(&self) -> Vec<Listed<'_>> {
        let mut places = HashMap::new();
        let mut all: Vec<Listed<'_>> = Vec::new();
        for row in &self.rows {
            let place = *places.entry((row.process, &row.frames, row.end)).or_insert(all.len());
            if place == all.len() {
                all.push(Listed {
                    process: row.process,
                    comm: &row.comm,
                    frames: &row.frames,
                    end: row.end,
                    paths: Vec::new(),
                    estimate: Estimate::default(),
                });
            }
            let Some(listed) = all.get_mut(place) else { continue };
            listed.estimate.add(row);
            let Some(path) = row.path else { continue };
            match listed.paths.iter_mut().find(|(it, _)| *it == path) {
                Some((_, bytes)) => *bytes += row.bytes,
                None => listed.paths.push((path, row.bytes)),
            }
        }
        for listed in &mut all {
            listed.paths.sort_by(|a, b| b.1.total_cmp(&a.1));
        }
        all.sort_by(|a, b| {
            let by_bytes = b.estimate.bytes.total_cmp(&a.estimate.bytes);
            by_bytes.then(b.estimate.time_samples.cmp(&a.estimate.time_samples))
        });
        all
    }

    /// Everything together.
    #[must_use]
    pub fn total(&self) -> Estimate {
        let mut total = Estimate::default();
        self.rows.iter().for_each(|row| total.add(row));
        total
    }

    /// Half of the interval that the bytes that lost samples stand for are in with a probability of 95 %, or more than
    /// that. `None` in recordings of former versions.
    #[must_use]
    pub fn lost_margin(&self) -> Option<f64> {
        self.lost_variance.map(|variance| DEVIATIONS * variance.sqrt())
    }

    /// Nanoseconds of CPU time that a sample of it stands for. `None` where there are none.
    #[must_use]
    pub fn time_each_ns(&self) -> Option<u64> {
        (self.frequency > 0).then(|| 1_000_000_000 / u64::from(self.frequency))
    }
}

/// Bytes that no stack is taken of: copied after the call, where a packet is sent or a device is used, or for no call
/// that moves data.
#[must_use]
pub fn copied_apart(frame: &Frame) -> Vec<(PathId, u64)> {
    let of_path = |path: CopyPath| {
        let paths = frame.totals.paths.iter().filter(|sample| sample.path == Id::Known(path));
        paths.map(|sample| sample.copied_bytes).sum()
    };
    let later = frame.totals.counters[CounterId::ZerocopyCopiedLaterBytes];
    [
        (CopyPath::SkbLinearize, of_path(CopyPath::SkbLinearize)),
        (CopyPath::SwiotlbBounce, of_path(CopyPath::SwiotlbBounce)),
        (CopyPath::SocketSendZerocopy, later),
        (CopyPath::KernelCopy, of_path(CopyPath::KernelCopy)),
    ]
    .into_iter()
    .filter(|(_, bytes)| *bytes > 0)
    .map(|(path, bytes)| (Id::Known(path), bytes))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::FrameKind;

    fn frame(name: &str) -> Arc<StackFrame> {
        let function = Some(name.into());
        Arc::new(StackFrame { kind: FrameKind::User, function, module: "x".into(), offset: 0 })
    }

    fn row(names: &[&str], path: Option<CopyPath>, samples: u64, each: f64) -> StackSample {
        StackSample {
            process: ProcessId { pid: 7, start_ns: 11 },
            comm: "x".into(),
            frames: names.iter().map(|name| frame(name)).collect(),
            end: StackEnd::Whole,
            kernel: [].into(),
            path: path.map(Id::Known),
            socket: None,
            samples,
            bytes: samples as f64 * each,
            variance: samples as f64 * each * each,
            calls: 1.0,
            time_samples: u64::from(path.is_none()),
        }
    }

    fn stacks() -> Stacks {
        let rows = vec![
            row(&["read", "main"], Some(CopyPath::FileRead), 100, 10.0),
            row(&["write", "main"], Some(CopyPath::FileWrite), 100, 40.0),
            row(&["read", "main"], Some(CopyPath::PipeRead), 300, 10.0),
            row(&["read", "main"], None, 0, 0.0),
        ];
        Stacks { rows, frequency: 100, ..Stacks::default() }
    }

    #[test]
    fn a_stack_is_listed_once_with_all_paths_and_its_cpu_time() {
        let stacks = stacks();
        let listed = stacks.listed();
        assert_eq!(listed.len(), 2);
        let read = listed.iter().find(|it| it.frames[0].function.as_deref() == Some("read"));
        let read = read.expect("a stack");
        let (pipe, file) = (Id::Known(CopyPath::PipeRead), Id::Known(CopyPath::FileRead));
        assert_eq!(read.paths, [(pipe, 3_000.0), (file, 1_000.0)]);
        let Estimate { bytes, samples, time_samples, .. } = read.estimate;
        assert_eq!((bytes, samples, time_samples), (4_000.0, 400, 1));
        assert_eq!(stacks.total().bytes, 8_000.0);
        assert_eq!(stacks.time_each_ns(), Some(10_000_000));
    }

    #[test]
    fn the_margin_is_that_of_a_poisson_process() {
        let stacks = stacks();
        let margins: Vec<_> = stacks.listed().iter().map(|it| it.estimate.margin()).collect();
        // 196 % by the square root of 400 and of 100 samples of equal weight.
        let is = |margin: Option<f64>, expected: f64| (margin.unwrap() - expected).abs() < 1e-9;
        assert!(margins.iter().any(|margin| is(*margin, 0.098)), "{margins:?}");
        assert!(margins.iter().any(|margin| is(*margin, 0.196)), "{margins:?}");
        assert_eq!(Estimate::default().margin(), None);
    }
}
