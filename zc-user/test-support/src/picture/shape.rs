//! Signs that must meet those next to them, or that few fonts have in the width of a letter: blocks, lines and arrow heads.

use super::{HEIGHT, WIDTH};

/// Thickness of lines, pixels.
const LIGHT: u16 = 1;
const HEAVY: u16 = 3;

/// The sign in the cell whose upper left corner this is, as the data of an SVG path. `None` for text.
pub(super) fn shape(sign: &str, x: u16, y: u16) -> Option<String> {
    let mut signs = sign.chars();
    let (Some(sign), None) = (signs.next(), signs.next()) else { return None };
    let code = u32::from(sign);
    let eighths = |first: u32| u16::try_from(code - first).unwrap_or_default();
    Some(match sign {
        // From below, in eighths.
        '\u{2581}'..='\u{2588}' => {
            let height = (eighths(0x2580) * HEIGHT).div_ceil(8);
            rectangle(x, y + HEIGHT - height, WIDTH, height)
        }
        // From the left, in eighths; the first one is the widest.
        '\u{2589}'..='\u{258f}' => {
            rectangle(x, y, ((8 - eighths(0x2588)) * WIDTH).div_ceil(8), HEIGHT)
        }
        '▶' => triangle(x, y, false),
        '◀' => triangle(x, y, true),
        '▷' => triangle(x, y, false) + &hole(x, y, false),
        '◁' => triangle(x, y, true) + &hole(x, y, true),
        '▲' => format!("M{} {}h7l-3.5 -8z", x + 1, y + 13),
        '▼' => format!("M{} {}h7l-3.5 8z", x + 1, y + 5),
        '═' => rectangle(x, y + 7, WIDTH, LIGHT) + &rectangle(x, y + 10, WIDTH, LIGHT),
        '━' => rectangle(x, y + 8, WIDTH, HEAVY),
        _ => {
            let [left, right, up, down] = arms(sign)?;
            let (middle, centre) = (x + WIDTH / 2, y + HEIGHT / 2);
            let mut lines = String::new();
            if left || right {
                let begin = if left { x } else { middle };
                let end = if right { x + WIDTH } else { middle + LIGHT };
                lines += &rectangle(begin, centre, end - begin, LIGHT);
            }
            if up || down {
                let begin = if up { y } else { centre };
                let end = if down { y + HEIGHT } else { centre + LIGHT };
                lines += &rectangle(middle, begin, LIGHT, end - begin);
            }
            lines
        }
    })
}

/// To which sides the lines of a sign go: left, right, up, down.
fn arms(sign: char) -> Option<[bool; 4]> {
    const SIGNS: [(char, [bool; 4]); 11] = [
        ('─', [true, true, false, false]),
        ('│', [false, false, true, true]),
        ('┌', [false, true, false, true]),
        ('┐', [true, false, false, true]),
        ('└', [false, true, true, false]),
        ('┘', [true, false, true, false]),
        ('├', [false, true, true, true]),
        ('┤', [true, false, true, true]),
        ('┬', [true, true, false, true]),
        ('┴', [true, true, true, false]),
        ('┼', [true, true, true, true]),
    ];
    SIGNS.iter().find(|(known, _)| *known == sign).map(|(_, arms)| *arms)
}

fn rectangle(x: u16, y: u16, width: u16, height: u16) -> String {
    format!("M{x} {y}h{width}v{height}h-{width}z")
}

/// As wide as a cell, with its tip at the height of lines.
fn triangle(x: u16, y: u16, to_left: bool) -> String {
    if to_left {
        format!("M{} {}v10l-9 -5z", x + 9, y + 4)
    } else {
        format!("M{x} {}l9 5l-9 5z", y + 4)
    }
}

/// What is not filled of it: goes around the other way.
fn hole(x: u16, y: u16, to_left: bool) -> String {
    if to_left {
        format!("M{} {}l-5 3l5 3z", x + 8, y + 6)
    } else {
        format!("M{} {}v6l5 -3z", x + 1, y + 6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_fill_their_eighths() {
        let rows = |sign: &str| shape(sign, 0, 0).unwrap();
        assert_eq!(rows("▁"), "M0 15h9v3h-9z");
        assert_eq!(rows("▄"), "M0 9h9v9h-9z");
        assert_eq!(rows("█"), "M0 0h9v18h-9z");
        assert_eq!(rows("▏"), "M0 0h2v18h-2z");
        assert_eq!(rows("▉"), "M0 0h8v18h-8z");
    }

    #[test]
    fn lines_reach_the_edges_that_they_cross() {
        assert_eq!(shape("─", 0, 0).unwrap(), "M0 9h9v1h-9z");
        assert_eq!(shape("┌", 0, 0).unwrap(), "M4 9h5v1h-5zM4 9h1v9h-1z");
        assert_eq!(shape("┤", 9, 18).unwrap(), "M9 27h5v1h-5zM13 18h1v18h-1z");
    }

    #[test]
    fn text_is_left_to_the_font() {
        assert!(
            ["a", " ", "·", "…", "e\u{301}", ""].iter().all(|text| shape(text, 0, 0).is_none())
        );
    }
}
