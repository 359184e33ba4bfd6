//! Values as text: the words of [`human`], in cells whose heading says the unit already.

use crate::human;
use zc_model::{
    column::Unit,
    frame::Frame,
    snapshot::Provenance,
    value::{Quality, Value},
};

/// A cell of a table. Numbers are without their "/s", which the heading has; the mark of what was
/// not simply measured comes last.
#[must_use]
pub fn cell(value: &Value<'_>, unit: Unit) -> String {
    let text = match value {
        Value::Absent if unit.is_numeric() => human::UNAVAILABLE.into(),
        _ => human::value(value, unit),
    };
    let text = text.strip_suffix("/s").unwrap_or(&text);
    match value.quality() {
        Some(quality) => format!("{text}{}", human::mark(quality)),
        None => text.to_owned(),
    }
}

/// A value by itself, with its unit and mark.
#[must_use]
pub fn full(value: &Value<'_>, unit: Unit) -> String {
    match value {
        Value::Absent => human::UNAVAILABLE.to_owned(),
        _ => human::marked(value, unit),
    }
}

/// A count of the frame per second; a dash where no time has passed.
#[must_use]
pub fn rate(count: u64, unit: Unit, frame: &Frame) -> String {
    let Some(value) = frame.per_second(count) else { return human::UNAVAILABLE.to_owned() };
    if unit == Unit::BytesPerSec { human::bytes_per_sec(value) } else { human::per_sec(value) }
}

/// Bytes per second, with their mark: `1.20 GiB/s~`.
#[must_use]
pub fn rate_of(bytes: u64, provenance: Provenance, seconds: f64) -> String {
    moved(bytes, provenance, &human::bytes_per_sec(per_second(bytes, seconds)))
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn per_second(bytes: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { bytes as f64 / seconds } else { 0.0 }
}

/// Bytes per second where every character counts: `1.2G/s`.
#[must_use]
pub fn short_rate(bytes: u64, provenance: Provenance, seconds: f64) -> String {
    let rate = human::bytes_per_sec(per_second(bytes, seconds));
    let text = rate.replace("iB/s", "/s").replace(" B/s", "B/s");
    moved(bytes, provenance, &text.replace(' ', ""))
}

/// Bytes where every character counts: `1.2G`; `long` if there is room for `1.2 GiB`.
#[must_use]
pub fn short_bytes(bytes: u64, provenance: Provenance, long: bool) -> String {
    let text = human::bytes(bytes);
    let text = if long { text } else { text.replace("iB", "").replace(' ', "") };
    moved(bytes, provenance, &text)
}

/// Bytes that moved, with the mark of what is not simply measured.
fn moved(bytes: u64, provenance: Provenance, text: &str) -> String {
    if bytes == 0 && provenance == Provenance::Unavailable {
        return human::UNAVAILABLE.to_owned();
    }
    // What is not known here is only how much of it was copied.
    let known =
        if provenance == Provenance::Unavailable { Provenance::Measured } else { provenance };
    let mark = human::mark(Quality { provenance: known, lower_bound: false });
    format!("{text}{mark}")
}
