//! Signals that end the process also while the reader of its output stalls.
//!
//! A write to a full pipe, or to a terminal that nothing reads, waits, and a signal that the session has taken over
//! does not interrupt it: the session never sees it. So a timer starts with the signal. It ends the process when a
//! write makes no progress for a second; all else that the session still does may take its time.

use std::{
    io::{self, Write},
    sync::{
        Once, OnceLock,
        atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering::SeqCst},
    },
};

use anyhow::{Context as _, Result};
use signal_hook_registry::register;

/// Time between two looks at a write, microseconds.
const TICK: libc::suseconds_t = 100_000;
/// Looks at the same write that make it a stalled one.
const PATIENCE: u32 = 10;

/// The signal that asked for the end; 0 for none.
static SIGNAL: AtomicI32 = AtomicI32::new(0);
/// Writes under way.
static WRITING: AtomicU32 = AtomicU32::new(0);
/// Beginnings and ends of writes.
static STEPS: AtomicU64 = AtomicU64::new(0);
/// `STEPS` at the last look, and looks since it last changed.
static SEEN: AtomicU64 = AtomicU64::new(0);
static LOOKS: AtomicU32 = AtomicU32::new(0);
/// What is done before the process ends.
static LAST: OnceLock<fn()> = OnceLock::new();

/// Has `last` done before a stall ends the process. It may only make system calls: it runs in the handler of a
/// signal.
pub fn at_the_end(last: fn()) {
    // Only a terminal has something to restore, and there is one.
    let _ = LAST.set(last);
}

/// Has a stalled write end with these signals.
///
/// # Errors
/// When the kernel refuses the handlers.
pub(crate) fn watch(signals: impl IntoIterator<Item = i32>) -> Result<()> {
    static ONCE: Once = Once::new();
    let mut outcome = Ok(());
    ONCE.call_once(|| {
        // SAFETY: the actions touch nothing but atomics and make system calls that handlers may make.
        outcome = unsafe { register(libc::SIGALRM, look) }.map(|_| ());
        for signal in signals {
            // SAFETY: as above.
            let registered = unsafe { register(signal, move || ask(signal)) };
            outcome = std::mem::replace(&mut outcome, Ok(())).and(registered.map(|_| ()));
        }
    });
    outcome.context("cannot watch for signals")
}

/// The session goes on in spite of a signal: it was meant for a command.
pub(crate) fn calm() {
    SIGNAL.store(0, SeqCst);
    every(0);
}

/// What is still written now is written at the very end: from here on every signal ends the process.
pub fn leave() {
    WRITING.fetch_add(1, SeqCst);
}

/// Does `work`, which writes: a signal ends the process if that makes no progress.
pub fn writing<T>(work: impl FnOnce() -> T) -> T {
    /// Also when the work panics.
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            STEPS.fetch_add(1, SeqCst);
            WRITING.fetch_sub(1, SeqCst);
        }
    }

    WRITING.fetch_add(1, SeqCst);
    STEPS.fetch_add(1, SeqCst);
    let _end = End;
    work()
}

/// An output whose stall a signal ends.
#[derive(Debug)]
pub struct Stoppable<W>(pub W);

impl<W: Write> Write for Stoppable<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        writing(|| self.0.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        writing(|| self.0.flush())
    }
}

/// In the handler of an ending signal.
fn ask(signal: i32) {
    SIGNAL.store(signal, SeqCst);
    LOOKS.store(0, SeqCst);
    every(TICK);
}

/// In the handler of the timer.
fn look() {
    let (signal, steps) = (SIGNAL.load(SeqCst), STEPS.load(SeqCst));
    if SEEN.swap(steps, SeqCst) != steps || WRITING.load(SeqCst) == 0 || signal == 0 {
        LOOKS.store(0, SeqCst);
        return;
    }
    if LOOKS.fetch_add(1, SeqCst) + 1 < PATIENCE {
        return;
    }
    if let Some(last) = LAST.get() {
        last();
    }
    end(signal);
}

/// Ends the process as the signal would have done.
fn end(signal: i32) {
    // SAFETY: integers, and a set that is initialised before it is used. All of it may be called in a handler.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        let mut set = std::mem::zeroed::<libc::sigset_t>();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, signal);
        libc::sigprocmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut());
        libc::raise(signal);
        // Only where another handler was put back in between.
        libc::_exit(128 + signal);
    }
}

/// Starts the timer, or stops it with 0.
fn every(microseconds: libc::suseconds_t) {
    let time = libc::timeval { tv_sec: 0, tv_usec: microseconds };
    let timer = libc::itimerval { it_interval: time, it_value: time };
    // SAFETY: the structure lives until the call returns.
    unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, std::ptr::null_mut()) };
}
