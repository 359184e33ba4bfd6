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

/// A curve of the last `span` points in `width` cells, or fewer if there are fewer points, scaled to `top`: a cell shows
/// the greatest of its points. Cells begin at fixed points, of which `newest` is the number of the last one, so that
/// the curve does not flicker while it moves.
#[must_use]
pub fn curve(
    points: &[f64],
    newest: u64,
    span: usize,
    width: usize,
    top: f64,
    symbols: &Symbols,
) -> String {
    let cells = cells(points, newest, span, width);
    let mut line = " ".repeat(width - cells.len());
    for value in cells {
        line.push_str(value.map_or(" ", |value| symbols.spark[level(value, top)]));
    }
    line
}

/// A bar of `width` cells that is filled as far as `share` says, from 0 to 1: in eighths of a cell, where there are
/// signs for that. Anything above 0 is visible from half an eighth on.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "the share is between 0 and 1"
)]
pub fn bar(share: f64, width: usize, symbols: &Symbols) -> String {
    let eighths = (share.clamp(0.0, 1.0) * width as f64 * 8.0).round() as usize;
    let (full, part) = (eighths / 8, eighths % 8);
    let mut bar = symbols.bar[8].repeat(full);
    if part > 0 {
        bar.push_str(symbols.bar[part]);
    }
    bar + &" ".repeat(width - full - usize::from(part > 0))
}

/// The greatest point of each cell, oldest first; `None` where there are no points.
#[must_use]
pub fn cells(points: &[f64], newest: u64, span: usize, width: usize) -> Vec<Option<f64>> {
    if width == 0 || span == 0 {
        return Vec::new();
    }
    let each = span.div_ceil(width);
    let count = span.div_ceil(each).min(width);
    let mut cells = vec![None::<f64>; count];
    // The newest cell is as full as the number of points has made it.
    let room = usize::try_from(newest.saturating_sub(1) % each as u64).unwrap_or(0);
    for (age, value) in points.iter().rev().enumerate() {
        let cell = if age <= room { 0 } else { (age - room).div_ceil(each) };
        let Some(cell) = count.checked_sub(cell + 1) else { break };
        cells[cell] = Some(cells[cell].map_or(*value, |before| before.max(*value)));
    }
    cells
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
    fn a_cell_shows_the_greatest_of_its_points_and_keeps_them() {
        // Six points in three cells: the second of a pair joins the first.
        let points = [1.0, 8.0, 0.0, 4.0, 2.0];
        assert_eq!(curve(&points, 5, 6, 3, 8.0, &UNICODE), "█▄▂");
        assert_eq!(curve(&points[..4], 4, 6, 3, 8.0, &UNICODE), " █▄");
        assert_eq!(curve(&[], 0, 6, 3, 8.0, &UNICODE), "   ");
        assert_eq!(curve(&points, 5, 5, 9, 8.0, &ASCII), "    .# :.", "no wider than its points");
        assert_eq!(curve(&points, 5, 6, 0, 8.0, &UNICODE), "");
    }

    #[test]
    fn a_bar_is_as_long_as_its_share() {
        assert_eq!(bar(0.5, 4, &UNICODE), "██  ");
        assert_eq!(bar(0.33, 4, &UNICODE), "█▍  ");
        assert_eq!(bar(2.0, 4, &UNICODE), "████");
        assert_eq!(bar(0.0, 4, &UNICODE), "    ");
        assert_eq!(bar(0.4, 4, &ASCII), "#|  ");
        assert_eq!(bar(0.4, 0, &ASCII), "");
    }

    #[test]
    fn little_is_more_than_nothing() {
        assert_eq!(sparkline(&[0.0, 1.0, 1e9], 3, &UNICODE), " ▁█");
        assert_eq!(sparkline(&[0.0, 0.0], 2, &UNICODE), "  ");
        assert_eq!(sparkline(&[f64::NAN, 1.0], 2, &UNICODE), " █");
        assert_eq!(sparkline(&[], 0, &UNICODE), "");
    }
}
