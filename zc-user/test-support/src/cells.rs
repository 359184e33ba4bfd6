//! Whether a frame is whole: each line as wide as the screen, and nothing over half a wide character.

use ratatui::{buffer::Buffer, text::Span};

/// Fails if a character reaches over the edge, or if behind a wide one is anything but the cell that it hides. `screen`
/// is a frame as it was drawn: the screen of a terminal has no cells behind wide characters.
#[track_caller]
pub fn is_whole(screen: &Buffer, what: &str) {
    let area = screen.area;
    for y in area.top()..area.bottom() {
        let mut x = area.left();
        while x < area.right() {
            let symbol = screen[(x, y)].symbol();
            let is_plain = matches!(symbol.as_bytes(), [b' '..=b'~']);
            let cells =
                if is_plain { 1 } else { u16::try_from(Span::raw(symbol).width()).unwrap() };
            assert!((1..=2).contains(&cells), "{what}: {symbol:?} at {x}, {y}");
            for hidden in x + 1..(x + cells).min(area.right()) {
                let over = screen[(hidden, y)].symbol();
                assert_eq!(over, " ", "{what}: over half of {symbol} at {hidden}, {y}");
            }
            x += cells;
        }
        assert_eq!(x, area.right(), "{what}: half a character at the edge of line {y}");
    }
}

/// Numbers that look random and are the same each time (xorshift).
pub struct Numbers(pub u64);

impl Numbers {
    /// One below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}
