//! Colours and signs. Colour alone never carries a meaning: every difference survives `NO_COLOR`.

use ratatui::style::{Color, Modifier, Style};

use zc_model::column::Tone;

use super::symbols::{ASCII, Symbols, UNICODE};

/// What the terminal can show. Only the sixteen named colours are used, so that they follow the
/// user's own palette, light or dark.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    color: bool,
    /// The signs to use.
    pub symbols: &'static Symbols,
    /// Whether `symbols` are beyond ASCII, so that text may be too.
    pub unicode: bool,
}

impl Theme {
    /// A theme with or without colour and signs beyond ASCII.
    #[must_use]
    pub fn new(color: bool, unicode: bool) -> Self {
        Self { color, unicode, symbols: if unicode { &UNICODE } else { &ASCII } }
    }

    /// What the environment says: `NO_COLOR`, `TERM` and the locale. `no_color` is the flag of the
    /// command line, `variable` reads the environment.
    #[must_use]
    pub fn detect(no_color: bool, variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let term = set("TERM").unwrap_or_default();
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG"));
        let utf8 = locale.is_some_and(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        });
        let plain = matches!(term.as_str(), "" | "dumb");
        let color = !no_color && set("NO_COLOR").is_none() && !plain;
        // The Linux console has 512 glyphs at most: no heavy lines, no eighth blocks.
        Self::new(color, utf8 && !plain && term != "linux")
    }

    /// Whether there are colours.
    #[must_use]
    pub const fn has_color(self) -> bool {
        self.color
    }

    fn paint(self, color: Color) -> Style {
        if self.color { Style::new().fg(color) } else { Style::new() }
    }

    /// Ordinary text.
    #[must_use]
    pub fn text(self) -> Style {
        Style::new()
    }

    /// What labels a value, and what is idle.
    #[must_use]
    pub fn dim(self) -> Style {
        // Not dark grey: some palettes have the background there.
        Style::new().add_modifier(Modifier::DIM)
    }

    /// The look of cells with this meaning.
    #[must_use]
    pub fn tone(self, tone: Tone) -> Style {
        match tone {
            Tone::Text => self.text(),
            Tone::Strong => self.strong(),
            Tone::Copied => self.copied(),
            Tone::Reference => self.reference(),
            Tone::Dma => self.dma(),
            Tone::Notice => self.notice(),
            Tone::Dim => self.dim(),
        }
    }

    /// A value that matters.
    #[must_use]
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// The head of a table.
    #[must_use]
    pub fn head(self) -> Style {
        self.paint(Color::Cyan).add_modifier(Modifier::BOLD)
    }

    /// The head of the column that sorts.
    #[must_use]
    pub fn sorted_head(self) -> Style {
        self.head().add_modifier(Modifier::UNDERLINED)
    }

    /// The selected row, the current tab.
    #[must_use]
    pub fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// Bytes that the CPU copied.
    #[must_use]
    pub fn copied(self) -> Style {
        self.paint(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// Bytes that travelled by reference.
    #[must_use]
    pub fn reference(self) -> Style {
        self.paint(Color::Green)
    }

    /// Bytes that a device moved.
    #[must_use]
    pub fn dma(self) -> Style {
        self.paint(Color::LightBlue)
    }

    /// Something the user should look at: advice, a pause.
    #[must_use]
    pub fn notice(self) -> Style {
        self.paint(Color::Yellow).add_modifier(Modifier::BOLD)
    }

    /// Something is wrong: losses, errors.
    #[must_use]
    pub fn alarm(self) -> Style {
        self.paint(Color::Red).add_modifier(Modifier::BOLD | Modifier::REVERSED)
    }

    /// A key in the footer.
    #[must_use]
    pub fn key(self) -> Style {
        self.paint(Color::Cyan).add_modifier(Modifier::BOLD)
    }

    /// A curve over time.
    #[must_use]
    pub fn curve(self) -> Style {
        self.paint(Color::Cyan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(flag: bool, variables: &[(&str, &str)]) -> Theme {
        Theme::detect(flag, |name| {
            variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn colour_needs_a_terminal_that_has_it_and_a_user_who_allows_it() {
        let xterm = ("TERM", "xterm");
        assert!(detect(false, &[xterm]).color);
        assert!(detect(false, &[xterm, ("NO_COLOR", "")]).color, "empty means unset");
        assert!(!detect(true, &[xterm]).color);
        assert!(!detect(false, &[xterm, ("NO_COLOR", "1")]).color);
        assert!(!detect(false, &[("TERM", "dumb")]).color);
    }

    #[test]
    fn unicode_needs_a_utf8_locale_and_a_font() {
        let utf8 = ("LANG", "en_GB.UTF-8");
        assert!(detect(false, &[("TERM", "xterm"), utf8]).unicode);
        assert!(detect(false, &[("TERM", "xterm"), ("LC_ALL", "C.utf8")]).unicode);
        assert!(!detect(false, &[("TERM", "xterm"), ("LC_ALL", "C"), utf8]).unicode);
        assert!(!detect(false, &[("TERM", "linux"), utf8]).unicode);
        assert!(!detect(false, &[("TERM", "xterm")]).unicode);
    }

    #[test]
    fn no_colour_means_none_at_all() {
        let theme = Theme::new(false, true);
        for style in [theme.dim(), theme.copied(), theme.dma(), theme.alarm(), theme.head()] {
            assert_eq!((style.fg, style.bg), (None, None));
        }
    }
}
