//! Numbers for people: short, with their unit, and with a mark when they were not simply measured.

use std::borrow::Cow;

use super::sanitize::name;
use zc_model::{
    column::Unit,
    snapshot::Provenance,
    value::{Quality, Value},
};

/// What stands for a value that is not available.
pub const UNAVAILABLE: &str = "-";

/// `1.2 GiB`: binary units, three digits at least.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "four digits are shown")]
pub fn bytes(value: u64) -> String {
    scaled(value as f64, 1024.0, &[" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"])
}

/// `1.2 GiB/s`.
#[must_use]
pub fn bytes_per_sec(value: f64) -> String {
    // Bytes are whole, a rate below 1 B/s is not.
    scaled(value, 1024.0, &[" B/s", " KiB/s", " MiB/s", " GiB/s", " TiB/s", " PiB/s", " EiB/s"])
}

/// `1,234,567`: all digits.
#[must_use]
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1.23M`: decimal units, where room is scarce.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "four digits are shown")]
pub fn count_short(value: u64) -> String {
    scaled(value as f64, 1000.0, COUNT_UNITS)
}

/// `12.3k/s`.
#[must_use]
pub fn per_sec(value: f64) -> String {
    scaled(value, 1000.0, COUNT_UNITS) + "/s"
}

/// `2.00`: how many times.
#[must_use]
pub fn ratio(value: f64) -> String {
    if value < 100.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

/// A rate has not changed by more than what rates vary by.
pub const SAME: &str = "=";

/// How a rate has changed: `+38%`, `-61%`, `x2.1`, `new`, `gone`, or `=` where that is less than what rates vary by.
/// Nothing where there was nothing and is nothing.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
pub fn change(before: u64, now: u64) -> String {
    /// Less is no change.
    const LEAST: f64 = 0.05;
    match (before, now) {
        (0, 0) => String::new(),
        (0, _) => "new".to_owned(),
        (_, 0) => "gone".to_owned(),
        _ => match now as f64 / before as f64 {
            ratio if (ratio - 1.0).abs() < LEAST => SAME.to_owned(),
            ratio if ratio >= 999.5 => "x1000+".to_owned(),
            ratio if ratio >= 9.95 => format!("x{ratio:.0}"),
            ratio if ratio >= 1.995 => format!("x{ratio:.1}"),
            ratio => format!("{:+.0}%", (ratio - 1.0) * 100.0),
        },
    }
}

/// `98.3%`.
#[must_use]
pub fn percent(fraction: f64) -> String {
    format!("{:.1}%", fraction * 100.0)
}

/// `1.234 s`, `56.7 ms`, `2 h 03 min`.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "four digits are shown")]
pub fn duration(ns: u64) -> String {
    let seconds = ns / 1_000_000_000;
    match seconds {
        0 if ns < 1_000 => format!("{ns} ns"),
        0 if ns < 1_000_000 => format!("{:.1} us", ns as f64 / 1e3),
        0 => format!("{:.1} ms", ns as f64 / 1e6),
        1..60 => format!("{:.3} s", ns as f64 / 1e9),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// A time as a stopwatch shows it, ns: `3:05`, `1:00:00`.
#[must_use]
pub fn stopwatch(ns: u64) -> String {
    let seconds = ns / 1_000_000_000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// How far back an axis of time reaches, in seconds: `45 s`, `7.5 min`.
#[must_use]
pub fn span(seconds: f64) -> String {
    match seconds {
        ..10.0 => format!("{seconds:.1} s"),
        ..120.0 => format!("{seconds:.0} s"),
        _ => {
            let minutes = seconds / 60.0;
            let quarter = (minutes * 4.0).round() / 4.0;
            if (quarter - minutes).abs() < minutes / 50.0 {
                format!("{quarter} min")
            } else {
                format!("{minutes:.1} min")
            }
        }
    }
}

/// The time of day of a moment, ns since the Unix epoch: `15:12:03 UTC`.
#[must_use]
pub fn clock(at_ns: u64) -> String {
    let seconds = at_ns / 1_000_000_000;
    let (hours, minutes) = (seconds / 3600 % 24, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02} UTC", seconds % 60)
}

/// A moment, ns since the Unix epoch, as a day and a time: `2026-11-29 15:12:03 UTC`.
#[must_use]
pub fn date_time(at_ns: u64) -> String {
    let (year, month, day) = date(at_ns / 1_000_000_000 / 86_400);
    format!("{year:04}-{month:02}-{day:02} {}", clock(at_ns))
}

/// Year, month and day of a day since the Unix epoch, in the Gregorian calendar: eras of 400 years that begin with
/// March, so that leap days are the last ones of a year.
const fn date(days: u64) -> (u64, u64, u64) {
    const ERA: u64 = 146_097;
    // From 1 March 0000.
    let days = days + 719_468;
    let in_era = days % ERA;
    let year = (in_era - in_era / 1_460 + in_era / 36_524 - in_era / (ERA - 1)) / 365;
    let in_year = in_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * in_year + 2) / 153;
    let day = in_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (days / ERA * 400 + year + (month <= 2) as u64, month, day)
}

/// The cell as it is shown, without a mark. Safe for a terminal.
#[must_use]
pub fn value<'a>(value: &'a Value<'_>, unit: Unit) -> Cow<'a, str> {
    let number = match value {
        Value::Text(text) => return name(text),
        Value::Absent => return Cow::Borrowed(""),
        Value::Unavailable(_) => return Cow::Borrowed(UNAVAILABLE),
        Value::Integer(integer, _) => match unit {
            Unit::Bytes => return bytes(*integer).into(),
            Unit::Count => return count(*integer).into(),
            Unit::Number => return integer.to_string().into(),
            _ => value.number(),
        },
        Value::Real(real, _) => Some(*real),
    };
    let number = number.unwrap_or(0.0);
    Cow::Owned(match unit {
        Unit::BytesPerSec => bytes_per_sec(number),
        Unit::PerSec => per_sec(number),
        Unit::Fraction => percent(number),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        Unit::Nanoseconds => duration(number as u64),
        Unit::Bytes | Unit::Count | Unit::Number | Unit::Ratio | Unit::Text => ratio(number),
    })
}

/// `value` with its mark.
#[must_use]
pub fn marked(cell: &Value<'_>, unit: Unit) -> String {
    let mark = cell.quality().map_or("", mark);
    format!("{}{mark}", value(cell, unit))
}

/// What follows a number that was not simply measured: `?` assumed, `~` modelled, `+` and more.
#[must_use]
pub const fn mark(quality: Quality) -> &'static str {
    match (quality.provenance, quality.lower_bound) {
        (Provenance::Measured, false) => "",
        (Provenance::Measured, true) => "+",
        (Provenance::Assumed, false) => "?",
        (Provenance::Assumed, true) => "?+",
        (Provenance::Modelled | Provenance::Unknown(_) | Provenance::Unavailable, false) => "~",
        (Provenance::Modelled | Provenance::Unknown(_) | Provenance::Unavailable, true) => "~+",
    }
}

/// `12.3% +-0.9%`, for terminals without Unicode too: a share that is only known so well. A share that is not known has no margin.
#[must_use]
pub fn with_margin(share: String, margin: &str) -> String {
    if share == UNAVAILABLE { share } else { format!("{share} +-{margin}") }
}

const COUNT_UNITS: &[&str] = &["", "k", "M", "G", "T", "P", "E"];

/// At least three significant digits, and never `1024.0 KiB` for what rounds up to the next unit.
fn scaled(mut value: f64, base: f64, units: &[&str]) -> String {
    let mut unit = 0;
    while unit + 1 < units.len() && round(value, unit) >= base {
        value /= base;
        unit += 1;
    }
    format!("{value:.*}{}", digits(value, unit), units[unit])
}

fn digits(value: f64, unit: usize) -> usize {
    match value {
        _ if unit == 0 && value.fract() == 0.0 => 0,
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    }
}

fn round(value: f64, unit: usize) -> f64 {
    match digits(value, unit) {
        0 => value.round(),
        1 => (value * 10.0).round() / 10.0,
        _ => (value * 100.0).round() / 100.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_short() {
        assert_eq!(span(7.5), "7.5 s");
        assert_eq!(span(60.0), "60 s");
        assert_eq!(span(450.0), "7.5 min");
        assert_eq!(span(600.123_456), "10 min");
        assert_eq!(span(225.03), "3.75 min");
        assert_eq!(span(144.0), "2.4 min");
    }

    #[test]
    fn changes_are_written_as_people_say_them() {
        let told = [(0, 0, ""), (0, 7, "new"), (7, 0, "gone"), (1000, 1040, "="), (1000, 960, "=")];
        for (before, now, text) in told {
            assert_eq!(change(before, now), text);
        }
        let told = [(1380, "+38%"), (390, "-61%"), (2100, "x2.1"), (1994, "+99%"), (12_000, "x12")];
        for (now, text) in told {
            assert_eq!(change(1000, now), text);
        }
        assert_eq!(change(1, u64::MAX), "x1000+");
        assert_eq!(change(u64::MAX, 1), "-100%");
    }

    #[test]
    fn bytes_keep_three_digits_and_never_reach_the_next_unit() {
        let shown = [
            (0, "0 B"),
            (1, "1 B"),
            (1023, "1023 B"),
            (1024, "1.00 KiB"),
            (1536, "1.50 KiB"),
            (10_239, "10.0 KiB"),
            (1_048_575, "1.00 MiB"),
            (67_108_864, "64.0 MiB"),
            (1_288_490_189, "1.20 GiB"),
            (u64::MAX, "16.0 EiB"),
        ];
        for (value, text) in shown {
            assert_eq!(bytes(value), text, "{value}");
        }
    }

    #[test]
    fn counts_and_rates() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count_short(999), "999");
        assert_eq!(count_short(999_999), "1.00M");
        assert_eq!(per_sec(0.25), "0.25/s");
        assert_eq!(per_sec(12_345.0), "12.3k/s");
        assert_eq!(bytes_per_sec(0.0), "0 B/s");
    }

    #[test]
    fn durations_use_the_unit_that_fits() {
        let shown = [
            (999, "999 ns"),
            (1_500, "1.5 us"),
            (56_700_000, "56.7 ms"),
            (1_234_000_000, "1.234 s"),
            (125_000_000_000, "2 min 05 s"),
            (7_380_000_000_000, "2 h 03 min"),
        ];
        for (ns, text) in shown {
            assert_eq!(duration(ns), text);
        }
    }

    #[test]
    fn a_stopwatch_has_no_units() {
        let shown = [(999, "0:00"), (59_999_999_999, "0:59"), (185_000_000_000, "3:05")];
        for (ns, text) in shown.into_iter().chain([(3_600_000_000_000, "1:00:00")]) {
            assert_eq!(stopwatch(ns), text);
        }
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        let shown = [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_709_164_800, "2024-02-29"),
            (1_735_603_200, "2024-12-31"),
            (4_107_542_400, "2100-03-01"),
        ];
        for (seconds, day) in shown {
            assert_eq!(date_time(seconds * 1_000_000_000), format!("{day} 00:00:00 UTC"));
        }
        assert!(date_time(u64::MAX).starts_with("2554-07-21 23:34:33"));
    }

    #[test]
    fn what_is_not_available_is_a_dash_and_never_0() {
        assert_eq!(value(&Value::Unavailable("why"), Unit::Bytes), "-");
        assert_eq!(value(&Value::Absent, Unit::Fraction), "");
        let lower = Quality { provenance: Provenance::Modelled, lower_bound: true };
        assert_eq!(marked(&Value::Integer(1024, lower), Unit::Bytes), "1.00 KiB~+");
    }
}
