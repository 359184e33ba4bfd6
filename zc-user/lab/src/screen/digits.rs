//! Figures that the last row reads: signs of five lines, made of blocks.

use ratatui::{buffer::Buffer, layout::Position, style::Style};

use zc_render::theme::Theme;

/// Lines of a sign.
pub(super) const LINES: u16 = 5;
/// Cells between two signs.
const GAP: usize = 2;
/// What a figure is made of where there is no Unicode.
const ASCII: &str = "#";

/// A sign; `#` is a block. Two cells are about as wide as one line is high.
type Glyph = [&'static str; LINES as usize];

#[rustfmt::skip]
const GLYPHS: &[(char, Glyph)] = &[
    ('0', ["######", "##  ##", "##  ##", "##  ##", "######"]),
    ('1', ["  ##  ", "####  ", "  ##  ", "  ##  ", "######"]),
    ('2', ["######", "    ##", "######", "##    ", "######"]),
    ('3', ["######", "    ##", "######", "    ##", "######"]),
    ('4', ["##  ##", "##  ##", "######", "    ##", "    ##"]),
    ('5', ["######", "##    ", "######", "    ##", "######"]),
    ('6', ["######", "##    ", "######", "##  ##", "######"]),
    ('7', ["######", "    ##", "    ##", "    ##", "    ##"]),
    ('8', ["######", "##  ##", "######", "##  ##", "######"]),
    ('9', ["######", "##  ##", "######", "    ##", "######"]),
    ('.', ["  ", "  ", "  ", "  ", "##"]),
    ('+', ["      ", "  ##  ", "######", "  ##  ", "      "]),
    ('-', ["      ", "      ", "######", "      ", "      "]),
    ('~', ["        ", "####  ##", "##  ####", "        ", "        "]),
    ('?', ["######", "    ##", "  ####", "      ", "  ##  "]),
];

fn glyph(sign: char) -> &'static Glyph {
    let of = |sign| GLYPHS.iter().find(|(known, _)| *known == sign).map(|(_, glyph)| glyph);
    // A sign without a shape is a question, not another figure.
    of(sign).or_else(|| of('?')).unwrap_or(&GLYPHS[0].1)
}

/// Cells that a text takes, each block `scale` times as large.
#[must_use]
pub(super) fn width(text: &str, scale: u16) -> u16 {
    let signs = text.chars().map(|sign| glyph(sign)[0].len() + GAP).sum::<usize>();
    let cells = signs.saturating_sub(GAP);
    u16::try_from(cells).unwrap_or(u16::MAX).saturating_mul(scale)
}

/// Draws a text; what does not fit into `buf` is cut.
pub(super) fn draw(
    text: &str,
    (at, scale): (Position, u16),
    (style, theme): (Style, Theme),
    buf: &mut Buffer,
) {
    let block = if theme.unicode { theme.symbols.bar[8] } else { ASCII };
    let mut x = at.x;
    for sign in text.chars() {
        let glyph = glyph(sign);
        for (line, y) in glyph.iter().zip(0..LINES) {
            for (cell, column) in line.chars().zip(0..) {
                if cell != '#' {
                    continue;
                }
                let square = (0..scale).flat_map(|right| (0..scale).map(move |down| (right, down)));
                for (right, down) in square {
                    let to = (x + column * scale + right, at.y + y * scale + down);
                    if let Some(cell) = buf.cell_mut(to) {
                        cell.set_symbol(block).set_style(style);
                    }
                }
            }
        }
        x += u16::try_from(glyph[0].len() + GAP).unwrap_or(0) * scale;
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;

    use super::*;

    fn drawn(text: &str, scale: u16, theme: Theme) -> Vec<String> {
        let area = Rect::new(0, 0, width(text, scale), LINES * scale);
        let mut buf = Buffer::empty(area);
        draw(text, (Position::ORIGIN, scale), (Style::new(), theme), &mut buf);
        let line = |y| (0..area.width).map(|x| buf[(x, y)].symbol()).collect();
        (0..area.height).map(line).collect()
    }

    #[test]
    fn each_sign_is_five_lines_of_one_width_and_differs_from_the_others() {
        for (index, (sign, glyph)) in GLYPHS.iter().enumerate() {
            assert!(glyph.iter().all(|line| line.len() == glyph[0].len()), "{sign}");
            assert!(GLYPHS[..index].iter().all(|(_, other)| other != glyph), "{sign}");
        }
    }

    #[test]
    fn a_figure_is_drawn_with_its_point_and_its_mark() {
        assert_eq!(
            drawn("2.0~", 1, Theme::new(false, false)),
            [
                "######      ######          ",
                "    ##      ##  ##  ####  ##",
                "######      ##  ##  ##  ####",
                "##          ##  ##          ",
                "######  ##  ######          ",
            ]
        );
        let large = drawn("1", 2, Theme::new(false, true));
        assert_eq!((large.len(), large[0].as_str()), (10, "    ████    "));
        assert_eq!(large[0], large[1]);
    }
}
