//! A curve in one line of text.

use zc_render::symbols::Symbols;

/// The last `width` values, scaled to the greatest of them, the newest at the right. Anything
/// above 0 is visible. Where there are fewer values, the left is blank.
#[must_use]
pub fn sparkline(values: &[f64], width: usize, symbols: &Symbols) -> String {
    let values = &values[values.len().saturating_sub(width)..];
    let top = values.iter().copied().fold(0.0, f64::max);
    let mut line = " ".repeat(width - values.len());
    for value in values {
        line.push_str(symbols.spark[level(*value, top)]);
    }
    line
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the quotient is between 0 and 1"
)]
fn level(value: f64, top: f64) -> usize {
    if value.is_nan() || value <= 0.0 {
        0
    } else {
        ((value / top * 8.0).round() as usize).clamp(1, 8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zc_render::symbols::{ASCII, UNICODE};

    #[test]
    fn the_newest_values_are_at_the_right_and_scaled_to_the_greatest() {
        assert_eq!(sparkline(&[99.0, 0.0, 4.0, 8.0], 3, &UNICODE), " ▄█");
        assert_eq!(sparkline(&[1.0, 2.0], 4, &ASCII), "  :#");
    }

    #[test]
    fn little_is_more_than_nothing() {
        assert_eq!(sparkline(&[0.0, 1.0, 1e9], 3, &UNICODE), " ▁█");
        assert_eq!(sparkline(&[0.0, 0.0], 2, &UNICODE), "  ");
        assert_eq!(sparkline(&[f64::NAN, 1.0], 2, &UNICODE), " █");
        assert_eq!(sparkline(&[], 0, &UNICODE), "");
    }
}
