//! Colours and signs. Colour alone never carries a meaning: every difference survives `NO_COLOR`.

use ratatui::style::{Color, Modifier, Style};

use zc_model::column::Tone;

use super::{
    palette::{CLASSIC, DARK, Ink, LIGHT, Palette},
    symbols::{ASCII, BRAILLE, Symbols, UNICODE},
};

/// Which colours to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Look {
    /// `dark` or `light`, as the terminal says of its background (`COLORFGBG`); `dark` if it says nothing.
    #[default]
    Auto,
    /// For dark backgrounds; told apart by people with any kind of colour vision.
    Dark,
    /// The same for light backgrounds.
    Light,
    /// Red, green and blue of the sixteen named colours, which follow the terminal's own palette.
    Classic,
    /// No colours.
    Mono,
}

impl Look {
    /// All of them.
    pub const ALL: &'static [Self] =
        &[Self::Auto, Self::Dark, Self::Light, Self::Classic, Self::Mono];

    /// The stable id.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Dark => "dark",
            Self::Light => "light",
            Self::Classic => "classic",
            Self::Mono => "mono",
        }
    }
}

/// How curves are drawn where there is Unicode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Graph {
    /// Blocks, which nearly each font has.
    #[default]
    Blocks,
    /// Dots.
    Braille,
}

impl Graph {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Blocks, Self::Braille];

    /// The stable id.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Blocks => "blocks",
            Self::Braille => "braille",
        }
    }
}

/// How much of all that the CPU copied a value is. Bars and percentages say the same without colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// Little.
    Calm,
    /// Much.
    Busy,
    /// Most.
    Bad,
}

/// From which share on, between 0 and 1, a value is busy, and above which it is bad.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// From this share on it is busy.
    pub busy: f64,
    /// Above this share it is bad.
    pub bad: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { busy: 0.1, bad: 0.5 }
    }
}

impl Limits {
    /// The load of a share between 0 and 1.
    #[must_use]
    pub fn load(self, share: f64) -> Load {
        match share {
            share if share > self.bad => Load::Bad,
            share if share >= self.busy => Load::Busy,
            _ => Load::Calm,
        }
    }
}

/// What the terminal can show.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    /// `None` without colours.
    palette: Option<&'static Palette>,
    /// Whether the terminal has 256 colours.
    many: bool,
    /// The signs to use.
    pub symbols: &'static Symbols,
    /// Whether `symbols` are beyond ASCII, so that text may be too.
    pub unicode: bool,
    /// What is much, and what is too much.
    pub limits: Limits,
}

impl Theme {
    /// A theme with or without colour and signs beyond ASCII; of colours, the sixteen for dark backgrounds.
    #[must_use]
    pub fn new(color: bool, unicode: bool) -> Self {
        let palette = color.then_some(&DARK);
        let symbols = if unicode { &UNICODE } else { &ASCII };
        Self { palette, many: false, unicode, symbols, limits: Limits::default() }
    }

    /// What the environment says: `NO_COLOR`, `TERM`, `COLORTERM`, `COLORFGBG` and the locale. `no_color` is the flag of
    /// the command line, `variable` reads the environment.
    #[must_use]
    pub fn detect(no_color: bool, variable: impl Fn(&str) -> Option<String>) -> Self {
        Self::of(Look::Auto, Graph::Blocks, no_color, variable)
    }

    /// The same, with what the user prefers.
    #[must_use]
    pub fn of(
        look: Look,
        graph: Graph,
        no_color: bool,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let term = set("TERM").unwrap_or_default();
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG"));
        let utf8 = locale.is_some_and(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        });
        let plain = matches!(term.as_str(), "" | "dumb");
        let color = !no_color && set("NO_COLOR").is_none() && !plain;
        let palette = match look {
            Look::Auto if set("COLORFGBG").is_some_and(|colors| is_light(&colors)) => Some(&LIGHT),
            Look::Auto | Look::Dark => Some(&DARK),
            Look::Light => Some(&LIGHT),
            Look::Classic => Some(&CLASSIC),
            Look::Mono => None,
        };
        let many = set("COLORTERM").is_some_and(|it| matches!(it.as_str(), "truecolor" | "24bit"))
            || ["256color", "kitty", "alacritty", "ghostty", "foot", "wezterm"]
                .iter()
                .any(|name| term.contains(name));
        // The Linux console has 512 glyphs at most: no heavy lines, no eighth blocks.
        let unicode = utf8 && !plain && term != "linux";
        let symbols = match (unicode, graph) {
            (false, _) => &ASCII,
            (true, Graph::Blocks) => &UNICODE,
            (true, Graph::Braille) => &BRAILLE,
        };
        let palette = palette.filter(|_| color);
        Self { palette, many, symbols, unicode, limits: Limits::default() }
    }

    /// The same, with what the user finds much.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Whether there are colours.
    #[must_use]
    pub const fn has_color(self) -> bool {
        self.palette.is_some()
    }

    fn paint(self, ink: impl FnOnce(&Palette) -> Ink) -> Style {
        let color = self.palette.and_then(|palette| ink(palette).color(self.many));
        color.map_or_else(Style::new, |color| Style::new().fg(color))
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
        self.paint(|palette| palette.head).add_modifier(Modifier::BOLD)
    }

    /// The head of the column that sorts.
    #[must_use]
    pub fn sorted_head(self) -> Style {
        self.head().add_modifier(Modifier::UNDERLINED)
    }

    /// The current tab, and what is selected in a menu.
    #[must_use]
    pub fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// A cell of the selected row, which looks like `own` otherwise. With 256 colours the row has a background that all
    /// others can be read on; `is_picture`: without any colours, a bar or a curve in reverse would be a hole.
    #[must_use]
    pub fn in_selected_row(self, own: Style, is_picture: bool) -> Style {
        let plain = Style::reset();
        let Some(palette) = self.palette else {
            let line = if is_picture { Modifier::UNDERLINED } else { Modifier::REVERSED };
            return plain.add_modifier(line);
        };
        let plain = plain.add_modifier(Modifier::BOLD);
        match palette.row.filter(|_| self.many) {
            Some((text, background)) => {
                let ink = own.fg.filter(|color| *color != Color::Reset);
                plain.fg(ink.unwrap_or(Color::Indexed(text))).bg(Color::Indexed(background))
            }
            None => plain.fg(Color::White).bg(Color::Blue),
        }
    }

    /// Whether a cell looks as those of the selected row do.
    #[must_use]
    pub fn is_in_selected_row(self, cell: Style) -> bool {
        let selected = [false, true].map(|is_picture| self.in_selected_row(cell, is_picture));
        let look = |style: &Style| (style.bg, style.add_modifier);
        selected.iter().any(|style| look(style) == look(&cell))
    }

    /// Bytes that the CPU copied.
    #[must_use]
    pub fn copied(self) -> Style {
        self.paint(|palette| palette.copied).add_modifier(Modifier::BOLD)
    }

    /// Bytes that the CPU copied, of which this is a share of all that it copied: between 0 and 1.
    #[must_use]
    pub fn copied_share(self, share: f64) -> Style {
        let strong = |style: Style| style.add_modifier(Modifier::BOLD);
        match self.limits.load(share) {
            Load::Calm => self.paint(|palette| palette.copied),
            Load::Busy => strong(self.paint(|palette| palette.copied)),
            // Without colours a line tells it from what is busy.
            Load::Bad if self.palette.is_none() => {
                strong(Style::new().add_modifier(Modifier::UNDERLINED))
            }
            Load::Bad => strong(self.paint(|palette| palette.alarm)),
        }
    }

    /// Bytes that travelled by reference.
    #[must_use]
    pub fn reference(self) -> Style {
        self.paint(|palette| palette.reference)
    }

    /// Bytes that a device moved.
    #[must_use]
    pub fn dma(self) -> Style {
        self.paint(|palette| palette.device)
    }

    /// Something the user should look at: advice, a pause.
    #[must_use]
    pub fn notice(self) -> Style {
        self.paint(|palette| palette.notice).add_modifier(Modifier::BOLD)
    }

    /// Something is wrong: losses, errors.
    #[must_use]
    pub fn alarm(self) -> Style {
        self.paint(|palette| palette.alarm).add_modifier(Modifier::BOLD | Modifier::REVERSED)
    }

    /// A key in the footer.
    #[must_use]
    pub fn key(self) -> Style {
        self.paint(|palette| palette.key).add_modifier(Modifier::BOLD)
    }

    /// A curve over time.
    #[must_use]
    pub fn curve(self) -> Style {
        self.paint(|palette| palette.curve)
    }
}

/// Whether `COLORFGBG` names a light background: its last part is the number of a colour.
fn is_light(colors: &str) -> bool {
    let background = colors.rsplit(';').next().and_then(|number| number.parse().ok());
    background.is_some_and(|number: u8| number == 7 || (9..=15).contains(&number))
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
        assert!(detect(false, &[xterm]).has_color());
        assert!(detect(false, &[xterm, ("NO_COLOR", "")]).has_color(), "empty means unset");
        assert!(!detect(true, &[xterm]).has_color());
        assert!(!detect(false, &[xterm, ("NO_COLOR", "1")]).has_color());
        assert!(!detect(false, &[("TERM", "dumb")]).has_color());
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

    #[test]
    fn the_background_decides_unless_the_user_does() {
        let xterm = ("TERM", "xterm-256color");
        let copied = |look, colors: &str| {
            let variables = [xterm, ("COLORFGBG", colors)];
            let value = |name: &str| {
                variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
            };
            Theme::of(look, Graph::Blocks, false, value).copied().fg
        };
        let (dark, light) = (copied(Look::Dark, ""), copied(Look::Light, ""));
        assert_ne!(dark, light);
        for (colors, expected) in [
            ("", dark),
            ("15;0", dark),
            ("0;15", light),
            ("0;default;7", light),
            ("7;8", dark),
            ("0;x", dark),
        ] {
            assert_eq!(copied(Look::Auto, colors), expected, "{colors}");
            assert_eq!(copied(Look::Light, colors), light);
        }
        assert_eq!(copied(Look::Classic, ""), Some(Color::Red));
        assert_eq!(copied(Look::Mono, ""), None);
    }

    #[test]
    fn terminals_of_sixteen_colours_get_none_beyond() {
        let named = |style: Style| !matches!(style.fg, Some(Color::Indexed(_) | Color::Rgb(..)));
        for (term, few) in [
            ("xterm", true),
            ("screen", true),
            ("linux", true),
            ("tmux-256color", false),
            ("xterm-kitty", false),
        ] {
            let theme = detect(false, &[("TERM", term)]);
            for style in [theme.copied(), theme.reference(), theme.dma(), theme.notice()] {
                assert_eq!(named(style), few, "{term}: {style:?}");
            }
        }
        let deep = detect(false, &[("TERM", "xterm"), ("COLORTERM", "truecolor")]);
        assert!(!named(deep.copied()));
    }

    #[test]
    fn the_styles_of_each_look() {
        let mut text = String::new();
        for look in Look::ALL {
            for term in ["xterm", "xterm-256color"] {
                let value = |name: &str| (name == "TERM").then(|| term.to_owned());
                let theme = Theme::of(*look, Graph::Blocks, false, value);
                text += &format!("{} {term}\n", look.id());
                for (name, style) in [
                    ("copied", theme.copied()),
                    ("copied, a little", theme.copied_share(0.09)),
                    ("copied, much", theme.copied_share(0.1)),
                    ("copied, most", theme.copied_share(0.51)),
                    ("by reference", theme.reference()),
                    ("device", theme.dma()),
                    ("notice", theme.notice()),
                    ("alarm", theme.alarm()),
                    ("head", theme.head()),
                    ("key", theme.key()),
                    ("curve", theme.curve()),
                ] {
                    let color = style.fg.map_or_else(|| "-".to_owned(), |color| color.to_string());
                    text += &format!("  {name:<18}{color:<10}{:?}\n", style.add_modifier);
                }
            }
        }
        insta::assert_snapshot!(text);
    }

    #[test]
    fn what_is_much_is_as_the_user_says() {
        let theme = Theme::new(false, true);
        let of = |theme: Theme, share| theme.copied_share(share).add_modifier;
        let line = Modifier::BOLD | Modifier::UNDERLINED;
        assert_eq!(
            [0.09, 0.1, 0.5, 0.51].map(|share| of(theme, share)),
            [Modifier::empty(), Modifier::BOLD, Modifier::BOLD, line],
            "without colours, too"
        );
        let theme = theme.with_limits(Limits { busy: 0.2, bad: 0.3 });
        assert_eq!(
            [0.19, 0.2, 0.31].map(|share| of(theme, share)),
            [Modifier::empty(), Modifier::BOLD, line]
        );
    }

    #[test]
    fn the_selected_row_has_no_holes() {
        let of = |term: &str, look| {
            let value = |name: &str| (name == "TERM").then(|| term.to_owned());
            Theme::of(look, Graph::Blocks, false, value)
        };
        let orange = Style::new().fg(Color::Indexed(214)).add_modifier(Modifier::DIM);
        for (term, look) in [
            ("xterm-256color", Look::Dark),
            ("xterm-256color", Look::Light),
            ("xterm-256color", Look::Classic),
            ("xterm", Look::Dark),
        ] {
            let theme = of(term, look);
            let [text, bar] = [Style::new(), orange].map(|own| theme.in_selected_row(own, true));
            assert!(
                text.bg.is_some() && text.bg == bar.bg && text.bg != Some(Color::Reset),
                "{term}"
            );
            assert!(text.fg != text.bg && bar.fg != bar.bg, "{term}");
            for style in [text, bar] {
                assert_eq!(style.add_modifier, Modifier::BOLD, "nothing in reverse, nothing dim");
            }
        }
        let mono = of("xterm-256color", Look::Mono);
        assert_eq!(mono.in_selected_row(orange, false).add_modifier, Modifier::REVERSED);
        let picture = mono.in_selected_row(orange, true);
        assert_eq!((picture.fg, picture.add_modifier), (Some(Color::Reset), Modifier::UNDERLINED));
        for theme in [mono, of("xterm", Look::Dark), of("xterm-256color", Look::Light)] {
            for is_picture in [false, true] {
                assert!(theme.is_in_selected_row(theme.in_selected_row(orange, is_picture)));
            }
            for other in [orange, theme.sorted_head(), theme.copied_share(1.0), theme.text()] {
                let drawn = Style::reset().patch(other);
                assert!(!theme.is_in_selected_row(drawn), "{other:?}");
            }
        }
    }

    #[test]
    fn dots_are_drawn_on_request_where_there_are_any() {
        let of = |graph, lang: &str| {
            let value = |name: &str| match name {
                "TERM" => Some("xterm".to_owned()),
                "LANG" => Some(lang.to_owned()),
                _ => None,
            };
            Theme::of(Look::Auto, graph, false, value).symbols.spark[8]
        };
        assert_eq!(of(Graph::Blocks, "C.UTF-8"), "█");
        assert_eq!(of(Graph::Braille, "C.UTF-8"), "⣿");
        assert_eq!(of(Graph::Braille, "C"), "#");
    }
}
