//! Prints the progress of each guest and the summary at the end.

use std::time::{Duration, Instant};

use super::matrix::Kernel;
use super::tally::Tally;

/// Lines of a failed guest's output that the summary repeats.
const TAIL: usize = 30;

/// A step that takes long enough to print a line about it.
pub(crate) struct Stage {
    series: &'static str,
    began: Instant,
}

impl Stage {
    pub(crate) fn begin(kernel: &Kernel) -> Self {
        Self { series: kernel.series, began: Instant::now() }
    }

    /// Says what has been done, and how long it took.
    pub(crate) fn end(&self, what: &str) {
        eprintln!("{:<5} {what} ({:.1} s)", self.series, self.began.elapsed().as_secs_f64());
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}

/// A line about a kernel.
pub(crate) fn note(kernel: &Kernel, what: &str) {
    eprintln!("{:<5} {what}", kernel.series);
}

/// A line that a guest has written.
pub(crate) fn guest(kernel: &Kernel, line: &str) {
    println!("{:<5} | {line}", kernel.series);
}

/// The result of the tests on a kernel.
pub(crate) struct Outcome {
    kernel: &'static Kernel,
    result: Result,
    tally: Tally,
}

enum Result {
    Passed { what: String, time: Duration },
    Failed { why: String, output: Vec<String>, console: Vec<String>, results: bool },
    Skipped { why: String },
}

impl Outcome {
    fn new(kernel: &'static Kernel, result: Result) -> Self {
        Self { kernel, result, tally: Tally::default() }
    }

    /// It with what its tests said.
    pub(crate) fn with_tally(self, tally: Tally) -> Self {
        Self { tally, ..self }
    }

    pub(crate) fn passed(kernel: &'static Kernel, what: String, time: Duration) -> Self {
        Self::new(kernel, Result::Passed { what, time })
    }

    /// It did not even come to output.
    pub(crate) fn failed(kernel: &'static Kernel, why: String) -> Self {
        Self::failed_with(kernel, why, &[], false)
    }

    /// Keeps the end of the output; `results` is whether the guest came to its own end.
    pub(crate) fn failed_with(
        kernel: &'static Kernel,
        why: String,
        output: &[String],
        results: bool,
    ) -> Self {
        let (output, console) = (tail(output), Vec::new());
        Self::new(kernel, Result::Failed { why, output, console, results })
    }

    /// Keeps the end of the output, and what the kernel itself said last.
    pub(crate) fn died(
        kernel: &'static Kernel,
        why: String,
        output: &[String],
        console: Vec<String>,
    ) -> Self {
        let output = tail(output);
        Self::new(kernel, Result::Failed { why, output, console, results: false })
    }

    pub(crate) fn skipped(kernel: &'static Kernel, why: String) -> Self {
        Self::new(kernel, Result::Skipped { why })
    }

    pub(crate) const fn kernel(&self) -> &'static Kernel {
        self.kernel
    }

    /// Whether the guest came to its end, whatever its tests said: what it left is there.
    pub(crate) const fn has_results(&self) -> bool {
        match &self.result {
            Result::Passed { .. } => true,
            Result::Failed { results, .. } => *results,
            Result::Skipped { .. } => false,
        }
    }

    pub(crate) const fn is_failure(&self) -> bool {
        matches!(self.result, Result::Failed { .. })
    }

    pub(crate) const fn is_skip(&self) -> bool {
        matches!(self.result, Result::Skipped { .. })
    }

    /// It in a line.
    pub(crate) fn line(&self) -> String {
        let series = self.kernel.series;
        match &self.result {
            Result::Passed { what, time } => {
                format!("{series:<5} ok: {what} ({:.1} s)", time.as_secs_f64())
            }
            Result::Failed { why, .. } => format!("{series:<5} FAILED: {why}"),
            Result::Skipped { why } => format!("{series:<5} SKIPPED: {why}"),
        }
    }
}

fn tail(output: &[String]) -> Vec<String> {
    output[output.len().saturating_sub(TAIL)..].to_vec()
}

/// All outcomes, after the ends of the output of those that failed.
pub(crate) fn summary(outcomes: &[Outcome]) {
    for outcome in outcomes {
        let Result::Failed { output, console, .. } = &outcome.result else { continue };
        let parts = [("the end of its output", output), ("the kernel's last words", console)];
        for (what, lines) in parts.iter().filter(|(_, lines)| !lines.is_empty()) {
            println!("\n== Linux {}, {what}", outcome.kernel.series);
            lines.iter().for_each(|line| println!("{line}"));
        }
    }
    println!();
    let mut all = Tally::default();
    for outcome in outcomes {
        println!("{}", outcome.line());
        for skip in &outcome.tally.skips {
            println!("      skipped {skip}");
        }
        all.add(&outcome.tally);
    }
    // Alone on its line, where it is read by machines, too.
    if all != Tally::default() {
        println!("\n{all}");
    }
}
