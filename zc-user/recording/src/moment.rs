//! Places in a recording, as users name them.

use std::time::Duration;

use crate::Recording;

/// There is no such place in the recording.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoMoment {
    /// The recording ends before that.
    #[error("the recording ends before that: it lasts {0:?}")]
    Beyond(Duration),
    /// That time of day is not in the recording.
    #[error("the recording has no such time of day")]
    NotThen,
    /// It is neither a time nor a mark.
    #[error("there is no mark of this name, and it is no time such as 90s, 5m, 1h, 15:12 or end")]
    Unknown,
}

/// Nanoseconds of a day.
const DAY: u64 = 86_400 * SECOND;
const SECOND: u64 = 1_000_000_000;

/// A time with its unit: `90s`, `10m`, `1.5h`. `None` if it is none, or more than a year.
#[must_use]
pub fn span(text: &str) -> Option<Duration> {
    /// Longer than any recorder runs, and far from what a clock can hold.
    const MOST: f64 = 365.0 * 86_400.0;
    let unit = text.chars().next_back()?;
    let factor = match unit {
        's' => 1.0,
        'm' => 60.0,
        'h' => 3600.0,
        _ => return None,
    };
    let seconds = text[..text.len() - 1].parse::<f64>().ok()? * factor;
    (0.0..=MOST).contains(&seconds).then(|| Duration::from_secs_f64(seconds))
}

/// A time of day in UTC, `15:12` or `15:12:03`, in ns since midnight.
fn time_of_day(text: &str) -> Option<u64> {
    let mut parts = text.split(':').map(|part| {
        let is_number = (1..=2).contains(&part.len()) && part.bytes().all(|c| c.is_ascii_digit());
        part.parse::<u64>().ok().filter(|_| is_number)
    });
    let (hours, minutes) = (parts.next()??, parts.next()??);
    let seconds = match parts.next() {
        Some(seconds) => seconds?,
        None => 0,
    };
    let is_time = parts.next().is_none() && hours < 24 && minutes < 60 && seconds < 60;
    is_time.then_some((hours * 3600 + minutes * 60 + seconds) * SECOND)
}

impl Recording {
    /// When the first snapshot was taken, and the last one: ns since the Unix epoch.
    #[must_use]
    pub fn ends(&self) -> (u64, u64) {
        let at = |index| self.taken_at_ns(index).unwrap_or_default();
        (at(0), at(self.len().saturating_sub(1)))
    }

    /// The moment that `text` names, ns since the Unix epoch: so long after the beginning (`90s`), a time of day in
    /// UTC (`15:12`, the first one in the recording), `start`, `end`, or a mark. A mark goes before all else.
    ///
    /// # Errors
    /// When there is no such moment in the recording.
    pub fn find(&self, text: &str) -> Result<u64, NoMoment> {
        let text = text.trim();
        let (first, last) = self.ends();
        if let Some((at, _)) = self.marks().iter().find(|(_, mark)| mark.text == text) {
            return Ok(*at);
        }
        match text {
            "start" => return Ok(first),
            "end" => return Ok(last),
            _ => {}
        }
        if let Some(span) = span(text) {
            let span = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
            let at = first.saturating_add(span);
            let lasts = Duration::from_nanos(last.saturating_sub(first));
            let lasts = Duration::from_millis(u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX));
            return if at <= last { Ok(at) } else { Err(NoMoment::Beyond(lasts)) };
        }
        let text = text.trim_end_matches("UTC").trim_end();
        let Some(time) = time_of_day(text) else {
            return Err(NoMoment::Unknown);
        };
        // All of that second or minute is meant.
        let unit = if text.matches(':').count() > 1 { SECOND } else { 60 * SECOND };
        let from = first / unit * unit;
        let since = (time + DAY - from % DAY) % DAY;
        let at = from.saturating_add(since).max(first);
        if at <= last { Ok(at) } else { Err(NoMoment::NotThen) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_a_unit() {
        assert_eq!(span("90s"), Some(Duration::from_secs(90)));
        assert_eq!(span("1.5h"), Some(Duration::from_secs(5400)));
        for wrong in ["", "90", "s", "-1s", "1e9h", "NaNs", "5µ", "1d"] {
            assert_eq!(span(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn times_of_day_are_those_of_a_clock() {
        assert_eq!(time_of_day("15:12"), Some((15 * 3600 + 12 * 60) * SECOND));
        assert_eq!(time_of_day("3:02:59"), Some((3 * 3600 + 2 * 60 + 59) * SECOND));
        for wrong in ["", "15", "24:00", "1:60", "1:2:60", "1:2:3:4", "+1:02", "001:02", "a:b"] {
            assert_eq!(time_of_day(wrong), None, "{wrong}");
        }
    }
}
