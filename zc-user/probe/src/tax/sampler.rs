//! A timer on every CPU that runs the sampling program at random moments.
//!
//! With a fixed period, work that repeats with the same period, or with a whole fraction of it, is
//! always sampled at the same point, and the share of samples says nothing about it. The kernel gives a
//! timer a fixed period, and a program cannot change it, so each CPU gets a new random period twice a
//! second. Two samples of periodic work are then uncorrelated, however short the period of the work,
//! which is what the margin of the copy tax assumes.
//!
//! The timers are opened here and not by aya, which closes the descriptor that a new period is set
//! with.

use std::{
    io,
    os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Error, Result};
use aya::util::online_cpus;
use fastrand::Rng;

/// How long a period is kept at least. A new one, with the look at the timer, costs two interrupts on its CPU, and
/// half a sample, as the timer starts again.
const KEPT: Duration = Duration::from_millis(500);

/// Bounds of a period, relative to the mean one. As wide as the mean period: work with that very
/// period is then seen at any of its points with equal probability.
const SHORTEST: f64 = 0.5;
const LONGEST: f64 = 1.5;

const PERF_TYPE_SOFTWARE: u32 = 1;
const PERF_COUNT_SW_CPU_CLOCK: u64 = 0;
const PERF_FLAG_FD_CLOEXEC: libc::c_ulong = 8;
/// The bit `disabled` of the attributes.
const DISABLED: u64 = 1;

/// `_IO('$', 0)`, `_IOW('$', 4, __u64)` and `_IOW('$', 8, __u32)` of `include/uapi/linux/perf_event.h`.
const ENABLE: libc::Ioctl = libc::_IO(b'$' as u32, 0);
const PERIOD: libc::Ioctl = libc::_IOW::<u64>(b'$' as u32, 4);
const SET_BPF: libc::Ioctl = libc::_IOW::<u32>(b'$' as u32, 8);

/// The first version of `struct perf_event_attr`, `include/uapi/linux/perf_event.h`.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    bp_type: u32,
    config1: u64,
}

const _: () = assert!(size_of::<Attributes>() == 64);

/// The timers of all CPUs. They stop when it is dropped.
pub struct Sampler {
    program: OwnedFd,
    timers: Vec<Timer>,
    /// Samples a second on each CPU, on average.
    frequency: u32,
    random: Rng,
    /// When the periods were drawn.
    drawn: Instant,
    /// Times that a CPU was found without a timer after the start.
    late: u32,
    /// CPUs that cannot be sampled now, with the reason.
    refused: Vec<(u32, String)>,
    /// Whether one of the two has changed since it was last asked for.
    has_news: bool,
}

/// The timer of a CPU.
struct Timer {
    cpu: u32,
    event: OwnedFd,
    /// What its clock said when it was last looked at, nanoseconds.
    clock: u64,
}

impl Timer {
    /// Whether its clock goes on. The kernel takes the events of a CPU that goes offline off for good
    /// (`perf_event_exit_cpu_context`, kernel/events/core.c, 5.10 to 7.2): the CPU may be back since then, and
    /// the timer is not.
    fn runs(&mut self) -> bool {
        let mut clock = [0; 8];
        if rustix::io::read(&self.event, &mut clock).ok() != Some(clock.len()) {
            return false;
        }
        let clock = u64::from_ne_bytes(clock);
        let runs = clock > self.clock;
        self.clock = clock;
        runs
    }
}

impl Sampler {
    /// Has `program` run on every CPU that is online, `frequency` times a second on average. Either all
    /// are sampled or none. A CPU that comes online later is from the next [`Self::vary`] on.
    pub(super) fn start(program: BorrowedFd<'_>, frequency: u32) -> Result<Self> {
        let program = program.try_clone_to_owned().context("cannot duplicate a descriptor")?;
        let mut random = Rng::new();
        let timers = online()?.into_iter().map(|cpu| {
            let event = open(cpu, program.as_fd(), period(&mut random, frequency));
            let event = event.with_context(|| format!("cannot sample CPU {cpu}"))?;
            Ok(Timer { cpu, event, clock: 0 })
        });
        let timers = timers.collect::<Result<_>>()?;
        let (drawn, late, refused) = (Instant::now(), 0, Vec::new());
        Ok(Self { program, timers, frequency, random, drawn, late, refused, has_news: false })
    }

    /// Draws new periods if the present ones are old enough, and sees to it that every CPU that is online has a
    /// timer. To be called several times a second.
    pub(crate) fn vary(&mut self) -> Result<()> {
        if self.drawn.elapsed() < KEPT {
            return Ok(());
        }
        self.drawn = Instant::now();
        let online = online()?;
        let refused = std::mem::take(&mut self.refused);
        // A CPU that is offline is not sampled, and has nothing to sample.
        self.timers.retain_mut(|timer| online.contains(&timer.cpu) && timer.runs());
        for cpu in online {
            let period = period(&mut self.random, self.frequency);
            let timer = self.timers.iter().find(|timer| timer.cpu == cpu);
            if let Some(timer) = timer {
                set_period(timer, period)?;
                continue;
            }
            match open(cpu, self.program.as_fd(), period) {
                Ok(event) => {
                    self.timers.push(Timer { cpu, event, clock: 0 });
                    self.late += 1;
                    self.has_news = true;
                }
                // It has gone offline at this moment.
                Err(error) if error.raw_os_error() == Some(libc::ENODEV) => {}
                Err(error) => self.refused.push((cpu, why(&error))),
            }
        }
        self.has_news |= self.refused != refused;
        Ok(())
    }

    /// What is not sampled that was not known at the start; `None` while there is no news of it.
    pub(crate) fn news(&mut self) -> Option<Vec<String>> {
        std::mem::take(&mut self.has_news).then(|| self.missed())
    }

    fn missed(&self) -> Vec<String> {
        let late = (self.late > 0).then(|| {
            format!(
                "not on CPUs in their first half second online ({} came online since zc began)",
                self.late
            )
        });
        let refused = self.refused.iter().map(|(cpu, error)| format!("not on CPU {cpu}: {error}"));
        late.into_iter().chain(refused).collect()
    }
}

/// Why no timer can be opened once privileges have been given up.
fn why(error: &io::Error) -> String {
    // Debian's kernels have a level 3, at which CAP_PERFMON does not suffice.
    let level = std::fs::read_to_string("/proc/sys/kernel/perf_event_paranoid");
    match level.as_deref().map(str::trim) {
        Ok(level @ ("3" | "4")) if error.raw_os_error() == Some(libc::EACCES) => format!(
            "kernel.perf_event_paranoid is {level}, which takes CAP_SYS_ADMIN, and zc has given that up; \
             restart zc, or set it to 2"
        ),
        _ => error.to_string(),
    }
}

fn online() -> Result<Vec<u32>> {
    online_cpus().map_err(|(path, error)| {
        Error::new(error).context(format!("cannot read the CPUs online from {path}"))
    })
}

fn set_period(timer: &Timer, period: u64) -> Result<()> {
    // SAFETY: the kernel reads the number that it is given the address of.
    if unsafe { libc::ioctl(timer.event.as_raw_fd(), PERIOD, &raw const period) } < 0 {
        return Err(io::Error::last_os_error()).context("cannot change the period of the sampler");
    }
    Ok(())
}

/// A random period in nanoseconds, of those that give `frequency` samples a second on average.
fn period(random: &mut Rng, frequency: u32) -> u64 {
    // A short period gives more samples than a long one takes away: the average of 1/x between the
    // bounds is this much more than 1.
    let excess = (LONGEST / SHORTEST).ln() / (LONGEST - SHORTEST);
    let mean = 1e9 / f64::from(frequency) * excess;
    ((LONGEST - SHORTEST).mul_add(random.f64(), SHORTEST) * mean) as u64
}

/// Opens the timer of a CPU and starts it.
fn open(cpu: u32, program: BorrowedFd<'_>, period: u64) -> io::Result<OwnedFd> {
    let attributes = Attributes {
        kind: PERF_TYPE_SOFTWARE,
        size: size_of::<Attributes>() as u32,
        config: PERF_COUNT_SW_CPU_CLOCK,
        sample_period: period,
        flags: DISABLED,
        ..Attributes::default()
    };
    const EVERY_PROCESS: libc::pid_t = -1;
    const NO_GROUP: libc::c_int = -1;
    // SAFETY: the attributes live until the call returns, and say how long they are.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            &raw const attributes,
            EVERY_PROCESS,
            cpu as libc::c_int,
            NO_GROUP,
            PERF_FLAG_FD_CLOEXEC,
        )
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has just returned it, and nothing else knows of it.
    let timer = unsafe { OwnedFd::from_raw_fd(fd as libc::c_int) };
    for (request, argument) in [(SET_BPF, program.as_raw_fd()), (ENABLE, 0)] {
        // SAFETY: both requests take a number, no address.
        if unsafe { libc::ioctl(timer.as_raw_fd(), request, argument) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(timer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREQUENCY: u32 = 99;
    const SECOND: u64 = 1_000_000_000;

    /// Samples work that copies in the first `busy` nanoseconds of every `cycle`, as the timer of one CPU
    /// would in `seconds`, with a new period from `draw` every [`KEPT`]. Returns the samples that found it
    /// copying, and all.
    fn sample(
        random: &mut Rng,
        draw: fn(&mut Rng, u32) -> u64,
        (busy, cycle): (u64, u64),
        seconds: u64,
    ) -> (u64, u64) {
        let (mut copying, mut all) = (0, 0);
        let mut begin = random.u64(..cycle);
        let end = begin + seconds * SECOND;
        while begin < end {
            let period = draw(random, FREQUENCY);
            let next = begin + KEPT.as_nanos() as u64;
            let moments = (begin + period..next).step_by(period as usize);
            for moment in moments {
                all += 1;
                copying += u64::from(moment % cycle < busy);
            }
            begin = next;
        }
        (copying, all)
    }

    /// Half the width of Wilson's interval at 95 %, as [`zc_model::tax`] has it.
    fn margin(copying: u64, all: u64) -> f64 {
        let (share, all) = (copying as f64 / all as f64, all as f64);
        let z2 = 1.96_f64.powi(2);
        let centre = (share + z2 / (2.0 * all)) / (1.0 + z2 / all);
        let half =
            1.96 / (1.0 + z2 / all) * (share * (1.0 - share) / all + z2 / (4.0 * all * all)).sqrt();
        half + (centre - share).abs()
    }

    /// In how many of a thousand runs of `seconds` the truth lies within the margin.
    fn covered(draw: fn(&mut Rng, u32) -> u64, cycle: u64, seconds: u64) -> usize {
        let mut random = Rng::with_seed(cycle);
        let busy = cycle * 42 / 100;
        let within = |_: &usize| {
            let (copying, all) = sample(&mut random, draw, (busy, cycle), seconds);
            let error = copying as f64 / all as f64 - busy as f64 / cycle as f64;
            error.abs() <= margin(copying, all)
        };
        (0..1_000).filter(within).count()
    }

    /// From a network packet to a frame of a video; among them the mean period of the sampler, its
    /// fractions, and its bounds.
    const CYCLES: [u64; 14] = [
        7_919, 74_000, 1_000_000, 2_525_252, 3_333_333, 5_050_505, 8_000_000, 9_000_000,
        10_000_000, 10_101_010, 11_111_111, 15_000_000, 20_202_020, 33_333_333,
    ];

    #[test]
    fn the_margin_holds_for_periodic_work() {
        for cycle in CYCLES {
            for seconds in [1, 3, 10] {
                let covered = covered(period, cycle, seconds);
                assert!(covered >= 900, "{cycle} ns, {seconds} s: {covered} of 1000 runs");
            }
        }
    }

    #[test]
    fn with_a_fixed_period_it_would_not() {
        let fixed = |_: &mut Rng, frequency: u32| SECOND / u64::from(frequency);
        assert_eq!(covered(fixed, SECOND / u64::from(FREQUENCY), 10), 0);
    }

    #[test]
    fn periods_give_the_frequency_on_average() {
        let mut random = Rng::with_seed(1);
        for frequency in [FREQUENCY, 9_973] {
            let draws = 100_000;
            let rate: f64 =
                (0..draws).map(|_| 1e9 / period(&mut random, frequency) as f64).sum::<f64>();
            let rate = rate / f64::from(draws);
            assert!((rate / f64::from(frequency) - 1.0).abs() < 0.01, "{rate} for {frequency}");
        }
    }
}
