//! Call stacks of copies: which bytes are taken as a sample, and what a sample holds.
//!
//! Copied bytes are subtracted from a countdown, which is drawn so that each byte has the same chance to be the one at
//! which it runs out: an exponential distribution, of which the rest is distributed like the whole. A sample stands
//! for as many bytes as its countdown has on average. A call that copied many times as much is always a sample, and
//! stands for what it copied.

use crate::COMM_LEN;

/// Frames of a stack at most: as many as the kernel follows unless told otherwise (`kernel.perf_event_max_stack`).
pub const STACK_FRAMES: usize = 127;
/// Frames of a kernel stack at most.
pub const KERNEL_FRAMES: usize = 32;
/// Words above the stack pointer that are looked at for the address to which the function that made the call returns.
pub const WORDS_ABOVE: usize = 16;

/// Bytes of the ring of samples that user space has not taken yet: as many as come until each stands for so many bytes
/// that they are few.
pub const RING_BYTES: u32 = 1 << 21;
/// The same where there are none: the kernel wants at least a page, of any architecture.
pub const LEAST_RING_BYTES: u32 = 1 << 16;

/// [`StackSample::kind`]: copied by the call that the thread was in, at the end of which the sample was taken.
pub const OF_CALL: u8 = 0;
/// [`StackSample::kind`]: copied by a page fault or an asynchronous operation.
pub const OF_OTHERS: u8 = 1;
/// [`StackSample::kind`]: the sampler of CPU time found the thread in a copy routine of the kernel.
pub const OF_TIME: u8 = 2;

/// A sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct StackSample {
    /// Start of the process, ns of CLOCK_BOOTTIME; 0 when it is unattributed.
    pub start_ns: u64,
    /// Bytes that each draw stands for; of a call that is always a sample, what it copied.
    pub bytes: u64,
    /// What the call copied.
    pub copied: u64,
    /// What tells the memory of the process from that of another program that it ran before (`execve`): where its stack
    /// begins, as `/proc/PID/stat` says to who may see it.
    pub memory: u64,
    /// Process id; 0 when it is unattributed.
    pub tgid: u32,
    /// How often the countdown ran out; 0: it is always a sample.
    pub draws: u32,
    /// The lane.
    pub lane: u8,
    /// One of the `OF_` values.
    pub kind: u8,
    /// Whether what follows the frames was no address of code.
    pub is_cut: u8,
    /// Explicit padding.
    pub pad: u8,
    /// Bytes of `frames` that are in use, or a negative error number.
    pub frame_bytes: i32,
    /// The same for `kernel_frames`.
    pub kernel_bytes: i32,
    /// Explicit padding.
    pub pad2: u32,
    /// Name of the thread, NUL padded, as words in memory.
    pub comm: [u64; COMM_LEN / 8],
    /// Words from the stack pointer upwards, as far as they are addresses of code; the others are 0. On arm64 the
    /// first one is the link register.
    pub above: [u64; WORDS_ABOVE],
    /// Addresses of the stack, the innermost first.
    pub frames: [u64; STACK_FRAMES],
    /// Addresses of the kernel's stack, the innermost first.
    pub kernel_frames: [u64; KERNEL_FRAMES],
}

/// How often samples are taken. Kernel side and user space write it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Pace {
    /// Mean of the countdown, bytes.
    pub mean: u64,
    /// Samples that may be taken before the mean is doubled.
    pub left: u64,
}

/// Bytes to the next sample. One writer, the CPU that it is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Countdown {
    /// Those of them that can be subtracted without a look at anything else: fewer than make a call a sample for certain.
    pub near: u64,
    /// The mean that it was drawn with; 0: it was not drawn yet.
    pub mean: u64,
    /// The others.
    pub rest: u64,
}

impl Countdown {
    /// One that was not drawn yet.
    pub const ZERO: Self = Self { near: 0, mean: 0, rest: 0 };
}

/// What has become of samples. The kernel side writes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Taken {
    /// Samples that were taken.
    pub taken: u64,
    /// Samples for which there was no room.
    pub lost: u64,
    /// Bytes that these stand for.
    pub lost_bytes: u64,
    /// Samples of CPU time for which there was no room.
    pub lost_time: u64,
}

/// The least mean.
pub const LEAST_MEAN: u64 = 1 << 12;
/// The largest mean.
pub const LARGEST_MEAN: u64 = 1 << 34;
/// Samples after which the mean is doubled, unless user space has given more: within a second.
pub const BURST: u64 = 128;

/// A call that copied so many times the mean is always a sample.
pub const CERTAIN: u64 = 4;
/// Draws for one call at most. That it takes more happens once in 10^11 calls.
pub const MOST_DRAWS: u32 = 24;

/// Bits behind the point of a logarithm.
const POINT: u32 = 24;
/// Places of the table of logarithms, less one.
const PLACES: usize = 256;

/// Natural logarithms of 1 to 2, with the bits of [`POINT`] behind the point.
pub const LOGARITHMS: [u32; PLACES + 1] = {
    let mut table = [0; PLACES + 1];
    let mut place = 0;
    while place <= PLACES {
        // ln(x) = 2 (y + y^3/3 + y^5/5 ...), y = (x - 1) / (x + 1), which is at most a third.
        let y = place as f64 / (2 * PLACES + place) as f64;
        let (mut power, mut sum, mut odd) = (y, 0.0, 1);
        while odd < 40 {
            sum += power / odd as f64;
            power *= y * y;
            odd += 2;
        }
        table[place] = (2.0 * sum * (1_u64 << POINT) as f64 + 0.5) as u32;
        place += 1;
    }
    table
};

/// Bytes to the next sample: exponentially distributed around `mean`, from a random number that is equally
/// distributed. `logarithm` reads [`LOGARITHMS`].
#[must_use]
#[inline(always)]
pub fn countdown(random: u32, mean: u64, logarithm: impl Fn(usize) -> u32) -> u64 {
    /// Bits of the random number.
    const BITS: u32 = u32::BITS;
    // -ln(u), of a u above 0 and up to 1: (random + 1) / 2^32.
    let mut number = u64::from(random) + 1;
    let mut shift = 0;
    let mut step = BITS / 2;
    while step > 0 {
        if number < 1 << (BITS + 1 - step) {
            number <<= step;
            shift += step;
        }
        step /= 2;
    }
    // It is 1 to 2 now, with 32 bits behind the point; for 0 steps it may have been 1 less.
    if number < 1 << BITS {
        number <<= 1;
        shift += 1;
    }
    let place = (number >> (BITS - 8)) as usize & (PLACES - 1);
    let part = number & ((1 << (BITS - 8)) - 1);
    let (low, high) = (u64::from(logarithm(place)), u64::from(logarithm(place + 1)));
    let mantissa = low + ((high.wrapping_sub(low) * part) >> (BITS - 8));
    let power = u64::from(shift) * u64::from(LOGARITHMS[PLACES]);
    let exponential = power.saturating_sub(mantissa);
    (exponential * mean + (1 << (POINT - 1))) >> POINT
}

const _: () = assert!(
    size_of::<StackSample>() == 56 + COMM_LEN + 8 * (WORDS_ABOVE + STACK_FRAMES + KERNEL_FRAMES)
);
const _: () = assert!(LARGEST_MEAN.leading_zeros() as usize >= 29);

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(random: u32, mean: u64) -> u64 {
        countdown(random, mean, |place| LOGARITHMS[place])
    }

    #[test]
    fn countdowns_are_the_logarithms_that_they_stand_for() {
        let mean = 1 << 20;
        for random in [0, 1, 2, 3, 7, 1_000_003, 1 << 31, (1 << 31) - 1, u32::MAX - 1, u32::MAX] {
            let exact = -((f64::from(random) + 1.0) / 2_f64.powi(32)).ln() * mean as f64;
            let found = draw(random, mean) as f64;
            assert!((found - exact).abs() <= 4.0 + exact * 1e-6, "{random}: {found} and {exact}");
        }
    }

    #[test]
    fn their_mean_and_their_variance_are_those_of_the_distribution() {
        for mean in [LEAST_MEAN, 1_000_003, LARGEST_MEAN] {
            // Equally spaced numbers, in the middle of their part of all.
            let step = 1 << 11;
            let draws = (0..1_u32 << 21).map(|at| draw(at * step + step / 2, mean) as f64);
            let (sum, squares) = draws.fold((0.0, 0.0), |(a, b), it| (a + it, b + it * it));
            let (count, mean) = (2_f64.powi(21), mean as f64);
            assert!((sum / count / mean - 1.0).abs() < 2e-4, "{mean}: {}", sum / count);
            assert!((squares / count / mean / mean - 2.0).abs() < 4e-3, "{}", squares / count);
        }
    }

    #[test]
    fn the_longest_countdown_does_not_overflow() {
        assert_eq!(draw(u32::MAX, LARGEST_MEAN), 0);
        let longest = draw(0, LARGEST_MEAN) as f64;
        assert!((longest / LARGEST_MEAN as f64 - 22.18).abs() < 0.01);
    }
}
