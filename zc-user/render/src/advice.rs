//! Advice in words.

use super::human;
use zc_model::advice::{Advice, Evidence, Saving};

/// What was seen, with its figures.
#[must_use]
pub fn evidence(advice: &Advice) -> String {
    match advice.evidence {
        Evidence::Passed { from, to, bytes } => {
            let (bytes, from, to) = (human::bytes(bytes), from.path, to.path.id());
            if from.is_mapped() {
                format!("{bytes} of {} were first touched by {to}", from.id())
            } else {
                format!("{bytes} of {} went to {to} from the same buffers", from.id())
            }
        }
        Evidence::Copied { sends, reason } => format!(
            "{} of {} requested as zero-copy were copied{}",
            human::bytes(sends.copied_bytes),
            human::bytes(sends.moved_bytes),
            reason.map_or_else(String::new, |reason| format!(" ({})", reason.id())),
        ),
        Evidence::Calls(calls) => format!(
            "{} {} times, {} each on average",
            calls.path.id(),
            human::count(calls.ops),
            human::bytes(calls.bytes_per_op()),
        ),
    }
}

/// What would be saved per second; `None` where it is not in bytes or switches.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn saving(saving: Saving, seconds: f64) -> Option<String> {
    let Saving { copied_bytes, mode_switches, cpu: _ } = saving;
    if seconds <= 0.0 {
        None
    } else if copied_bytes > 0 {
        Some(format!("{} less copied", human::bytes_per_sec(copied_bytes as f64 / seconds)))
    } else if mode_switches > 0 {
        Some(format!("{} fewer mode switches", human::per_sec(mode_switches as f64 / seconds)))
    } else {
        None
    }
}

/// What the copies that would go took of a CPU: `these copies took about 0.12 of a CPU (+-0.03)`. `None` where it is
/// not known. It is an estimate of what is spent, not a promise of what will be left.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
pub fn spent(saving: Saving, seconds: f64) -> Option<String> {
    let cpu = saving.cpu.filter(|_| seconds > 0.0)?;
    let of_cpu = |ns: u64| two_digits(ns as f64 / 1e9 / seconds);
    let (share, margin) = (of_cpu(cpu.ns), of_cpu(cpu.margin_ns));
    Some(format!("these copies took about {share} of a CPU (+-{margin})"))
}

/// `0.12`, `0.0034`, `3.4`: at least two digits that count.
fn two_digits(value: f64) -> String {
    let decimals = match value {
        ..0.001 => 4,
        ..0.01 => 3,
        ..10.0 => 2,
        _ => 1,
    };
    format!("{value:.decimals$}")
}
