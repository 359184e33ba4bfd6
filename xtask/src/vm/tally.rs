//! How many tests of a guest passed, failed and were skipped, and which may be skipped.

use std::fmt;

use super::matrix::Kernel;

/// How the line of a skipped test begins, after the result of its program.
const SKIPPED: &str = "SKIPPED: ";

/// Tests that some guests cannot run. Whatever else a guest skips it was expected to run, which is a
/// failure: guests have the kernels, programs and devices that they are built with.
const EXCUSED: &[Excuse] = &[
    // io_uring sends without a copy since 6.0.
    Excuse { test: "wires::e1000e_uring_", kernels: &["5.10"] },
    Excuse { test: "wires::veth_uring_", kernels: &["5.10"] },
    // What is in the page cache cachestat reports, since 6.5; mincore leaves out what is being read.
    Excuse { test: "scenarios::cold", kernels: &["5.10", "6.1"] },
    // Network namespaces have a net.core.optmem_max of their own since 6.8.
    Excuse { test: "scenarios::zerocopy_refused", kernels: &["5.10", "6.1"] },
    // What cannot be remapped is copied since 5.11.
    Excuse { test: "scenarios::zerocopy_receive", kernels: &["5.10"] },
    // io_uring names the requests that complete since 5.18, and has no silent ones and none that go on before.
    Excuse { test: "scenarios::silent_", kernels: &["5.10"] },
    // Or, from 6.15 to 6.19, tries them again by a function that cannot be hooked.
    Excuse { test: "scenarios::multishot_", kernels: &["5.10", "6.18"] },
    Excuse { test: "scenarios::ring_messages", kernels: &["5.10"] },
    // Flags come along since 6.3; and what receives goes on.
    Excuse { test: "scenarios::ring_messages_", kernels: &["5.10", "6.1", "6.18"] },
    // It reads a pipe in this way since 6.7.
    Excuse { test: "scenarios::multishot_read", kernels: &["5.10", "6.1", "6.18"] },
    // Devices are sent by sendfile, by 6.12 at the latest.
    Excuse { test: "scenarios::zeros_to_unix", kernels: &["5.10", "6.1"] },
    // These finish a sendfile, by 6.1 at the latest.
    Excuse { test: "scenarios::sendfile_to_mptcp", kernels: &["5.10"] },
    // UDP-Lite was taken out of the kernel by 7.2.
    Excuse { test: "scenarios::sendfile_to_udplite", kernels: &["5.10", "7.2"] },
    Excuse { test: "scenarios::io_uring_splice_to_mptcp", kernels: &["5.10"] },
    Excuse { test: "scenarios::io_uring_splice_to_udplite", kernels: &["5.10", "7.2"] },
    // The root of a guest is the kernel's own, which cannot be exchanged.
    Excuse { test: "objects::a_path_is_that_in_the_container", kernels: EVERY },
    // Names of functions are read by an emulated processor.
    Excuse { test: "stacks::two_functions", kernels: EVERY },
    Excuse { test: "stacks::folded_stacks", kernels: EVERY },
    Excuse { test: "stacks::functions_have_names", kernels: EVERY },
    // It copies 24 GB.
    Excuse { test: "stacks::lost_samples", kernels: EVERY },
    // The kernel tells how many instructions it verified since 5.16.
    Excuse { test: "verified::", kernels: &["5.10"] },
    // Files in memory can be opened with O_DIRECT since 6.6.
    Excuse { test: "scenarios::io_uring_direct_in_memory", kernels: &["5.10", "6.1"] },
    Excuse { test: "scenarios::sendfile_to_direct_in_memory", kernels: &["5.10", "6.1"] },
    // Debian's 5.10 was built without CONFIG_TLS.
    Excuse { test: "tls::", kernels: &["5.10"] },
    Excuse { test: "late::", kernels: &["5.10"] },
];

/// Every guest.
const EVERY: &[&str] = &["5.10", "6.1", "6.12", "6.18", "7.2"];

struct Excuse {
    /// The beginning of a test's name.
    test: &'static str,
    /// The series whose guests cannot run it.
    kernels: &'static [&'static str],
}

/// Counts over all test programs of a guest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
    /// A line for each that was skipped: its name, and why.
    pub(crate) skips: Vec<String>,
}

impl Tally {
    /// Takes a line of the output.
    pub(crate) fn take(&mut self, line: &str) {
        if let Some(skip) = line.strip_prefix(SKIPPED) {
            self.skips.push(skip.to_owned());
        } else if let Some([passed, failed, skipped]) = counts(line) {
            self.passed += passed;
            self.failed += failed;
            self.skipped += skipped;
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.skips.extend_from_slice(&other.skips);
    }

    /// Those of the skipped tests that a guest with this kernel was expected to run.
    pub(crate) fn unexpected(&self, kernel: &Kernel) -> Vec<&str> {
        let excused = |skip: &str| {
            let mut excuses = EXCUSED.iter();
            excuses.any(|it| skip.starts_with(it.test) && it.kernels.contains(&kernel.series))
        };
        self.skips.iter().map(String::as_str).filter(|skip| !excused(skip)).collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, failed, skipped, .. } = self;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

/// How many passed, failed and were skipped, from the last line of a test program, which calls those
/// that were skipped ignored: `test result: ok. 5 passed; 0 failed; 1 ignored; ...`
fn counts(line: &str) -> Option<[u64; 3]> {
    let rest = line.strip_prefix("test result: ")?;
    let number = |what: &str| {
        let (before, _) = rest.split_once(what)?;
        before.trim_end().rsplit(' ').next()?.parse().ok()
    };
    Some([number(" passed")?, number(" failed")?, number(" ignored")?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm::matrix::KERNELS;

    #[test]
    fn tests_are_counted_by_the_last_lines_of_their_programs() {
        let mut tally = Tally::default();
        for line in [
            "test a::b ... ok",
            "test result: what",
            "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 1 filtered out",
            "SKIPPED: a::b: there is no a",
            "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 1 filtered out",
        ] {
            tally.take(line);
        }
        assert_eq!(tally.to_string(), "14 passed, 3 failed, 1 skipped");
        assert_eq!(tally.skips, ["a::b: there is no a"]);
    }

    #[test]
    fn a_skip_that_is_not_in_the_table_was_not_expected() {
        let tally = Tally { skips: vec!["a::b: there is no a".to_owned()], ..Tally::default() };
        assert_eq!(tally.unexpected(&KERNELS[0]), ["a::b: there is no a"]);
        for Excuse { test, kernels } in EXCUSED {
            let tally = Tally { skips: vec![format!("{test}: why")], ..Tally::default() };
            for kernel in KERNELS {
                let excused = kernels.contains(&kernel.series);
                assert_eq!(tally.unexpected(kernel).is_empty(), excused, "{test}");
            }
        }
    }
}
