//! Copies that programs make themselves, as shares of CPU time, from samples of their code.

use crate::{
    counter::{CounterId, Counters},
    frame::Frame,
    tax::{self, Samples},
    value::Value,
};

/// Why there is nothing while it was not asked for.
pub const NOT_LOOKED_FOR: &str = "not looked for; --user-copies does";

/// The counters that are there only where it was asked for.
pub const COUNTERS: [CounterId; 5] = [
    CounterId::LibraryCopySamples,
    CounterId::InlinedCopySamples,
    CounterId::CopyFaultSamples,
    CounterId::NoFileSamples,
    CounterId::UnknownCodeSamples,
];

/// Whether the figures of `counter` are those of copies that programs make, and these were not looked for.
#[must_use]
pub fn is_left_out(counter: CounterId, frame: &Frame) -> bool {
    !frame.host.user_copies && COUNTERS.contains(&counter)
}

/// A share of the CPU time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// In functions that only copy.
    Library,
    /// In loops that copy.
    Inlined,
    /// At page faults that one of the two took.
    Faults,
    /// All of these: copies that programs make themselves.
    All,
    /// These, and the copies of the kernel: what copies cost.
    Bill,
    /// In code that is in no file.
    NoFile,
    /// In code of which nothing could be found out.
    Unknown,
}

impl Share {
    fn counters(self) -> &'static [CounterId] {
        use CounterId::{
            CopyFaultSamples, CopySamples, InlinedCopySamples, LibraryCopySamples, NoFileSamples,
            UnknownCodeSamples,
        };
        match self {
            Self::Library => &[LibraryCopySamples],
            Self::Inlined => &[InlinedCopySamples],
            Self::Faults => &[CopyFaultSamples],
            Self::All => &[LibraryCopySamples, InlinedCopySamples, CopyFaultSamples],
            Self::Bill => &[CopySamples, LibraryCopySamples, InlinedCopySamples, CopyFaultSamples],
            Self::NoFile => &[NoFileSamples],
            Self::Unknown => &[UnknownCodeSamples],
        }
    }

    fn samples<'a>(self, counters: &Counters, frame: &'a Frame) -> Result<Samples, Value<'a>> {
        if !frame.host.user_copies {
            return Err(Value::Unavailable(NOT_LOOKED_FOR));
        }
        tax::samples(counters, self.counters(), frame)
    }

    /// The share.
    #[must_use]
    pub fn of<'a>(self, counters: &Counters, frame: &'a Frame) -> Value<'a> {
        self.samples(counters, frame).map_or_else(|cell| cell, Samples::share)
    }

    /// How far it may be off either way, with 95 % confidence.
    #[must_use]
    pub fn margin<'a>(self, counters: &Counters, frame: &'a Frame) -> Value<'a> {
        self.samples(counters, frame).map_or_else(|cell| cell, Samples::margin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixture::sketch::{process, snapshot},
        snapshot::Host,
    };

    fn frame(user_copies: bool) -> Frame {
        let mut sample = process(7, "x", &[]);
        for (counter, samples) in [
            (CounterId::CpuSamples, 100),
            (CounterId::CopySamples, 10),
            (CounterId::LibraryCopySamples, 20),
            (CounterId::InlinedCopySamples, 5),
            (CounterId::CopyFaultSamples, 15),
            (CounterId::NoFileSamples, 4),
            (CounterId::UnknownCodeSamples, 3),
        ] {
            sample.counters[counter] = samples;
        }
        let mut snapshot = snapshot(1, &[sample]);
        snapshot.host = Host { user_copies, ..(*snapshot.host).clone() }.into();
        Frame::cumulative(snapshot)
    }

    #[test]
    fn the_bill_is_what_the_kernel_and_the_program_copy() {
        let frame = frame(true);
        let counters = &frame.processes[0].counters;
        let share = |share: Share| share.of(counters, &frame).number();
        assert_eq!(share(Share::Library), Some(0.2));
        assert_eq!(share(Share::Inlined), Some(0.05));
        assert_eq!(share(Share::Faults), Some(0.15));
        assert_eq!(share(Share::All), Some(0.4));
        assert_eq!(share(Share::Bill), Some(0.5));
        assert_eq!(share(Share::NoFile), Some(0.04));
        assert_eq!(share(Share::Unknown), Some(0.03));
        // Half of 100: 1.96 standard errors of 5 percentage points, and a little.
        let margin = Share::Bill.margin(counters, &frame).number().unwrap();
        assert!((0.09..0.10).contains(&margin), "{margin}");
    }

    #[test]
    fn what_was_not_looked_for_has_a_reason_and_no_zero() {
        let frame = frame(false);
        let counters = &frame.processes[0].counters;
        for share in [Share::All, Share::Bill, Share::NoFile] {
            assert_eq!(share.of(counters, &frame), Value::Unavailable(NOT_LOOKED_FOR));
            assert_eq!(share.margin(counters, &frame), Value::Unavailable(NOT_LOOKED_FOR));
        }
        assert!(is_left_out(CounterId::NoFileSamples, &frame));
        assert!(!is_left_out(CounterId::CopySamples, &frame));
    }
}
