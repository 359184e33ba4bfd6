//! The clock that counts instructions: the time stamp counter of a guest under `-icount shift=0`,
//! where one instruction takes one nanosecond, and the counter ticks once a nanosecond.

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};

/// How often each loop is run: an interrupt can only add.
const TRIES: usize = 20;

/// Iterations of the shorter and the longer loop.
const SHORT: u64 = 1_000;
const LONG: u64 = 11_000;

/// Instructions in the straight piece of code.
const STRAIGHT: u64 = 1_000;

/// Instructions so far.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn now() -> u64 {
    // SAFETY: every x86-64 processor has the counter.
    unsafe { core::arch::x86_64::_rdtsc() }
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn now() -> u64 {
    0
}

/// Makes sure that the clock counts instructions, by code of which they are known.
pub(crate) fn verify() -> Result<Value> {
    if cfg!(not(target_arch = "x86_64")) {
        bail!("cannot count instructions: that is written for x86-64");
    }
    let between = least(|| {});
    let (short, long) = (least(|| spin(SHORT)), least(|| spin(LONG)));
    let (straight, expected) = (least(straight) - between, 2 * (LONG - SHORT));
    ensure!(
        long - short == expected && straight == STRAIGHT,
        "cannot count instructions: {expected} took {} ticks of the clock, and {STRAIGHT} in a row {straight}; \
         the guest must run under qemu's -icount shift=0",
        long - short,
    );
    println!(
        "the clock counts instructions: {} for {expected} in a loop, {straight} for {STRAIGHT} in a row",
        long - short
    );
    Ok(json!({
        "loop_instructions": expected,
        "loop_ticks": long - short,
        "straight_instructions": STRAIGHT,
        "straight_ticks": straight,
        "reading_the_clock": between,
    }))
}

fn least(work: impl Fn()) -> u64 {
    let ticks = || {
        let begin = now();
        work();
        now() - begin
    };
    (0..TRIES).map(|_| ticks()).min().unwrap_or(u64::MAX)
}

/// Two instructions per iteration.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn spin(iterations: u64) {
    // SAFETY: counts a register down.
    unsafe {
        core::arch::asm!(
            "2:",
            "dec {left}",
            "jnz 2b",
            left = inout(reg) iterations => _,
            options(nomem, nostack)
        );
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn spin(_iterations: u64) {}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn straight() {
    // SAFETY: does nothing.
    unsafe {
        core::arch::asm!(
            ".rept {count}",
            "nop",
            ".endr",
            count = const STRAIGHT,
            options(nomem, nostack)
        );
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn straight() {}
