//! Pictures of screens for the documents: SVG that needs no browser to be made, and no font to be shown in columns.
//!
//! A picture has the colours of a dark and of a light terminal; what shows it takes those that the reader prefers.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf};

use ratatui::{
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
    text::Span,
};
use zc_render::theme::{Graph, Look, Theme};

use self::shape::shape;

mod shape;

/// Size of a cell and of what is around the screen, pixels. The size of a font is 5/3 of the width of its signs.
const WIDTH: u16 = 9;
const HEIGHT: u16 = 18;
const MARGIN: u16 = 9;
const FONT: u16 = 15;

/// From the top of a cell to the line on which letters stand.
const BASE: u16 = 14;

type Rgb = (u8, u8, u8);

/// Colours of text and of what is behind it, on a dark and on a light terminal.
const TEXT: [Rgb; 2] = [(0xd8, 0xdc, 0xe2), (0x24, 0x29, 0x2f)];
const GROUND: [Rgb; 2] = [(0x14, 0x17, 0x1c), (0xfb, 0xfb, 0xf8)];

/// The documents' picture `docs/pictures/NAME.svg` is of this screen, drawn with the theme that is given. With `ZC_BLESS` it
/// becomes so.
///
/// # Panics
/// When the committed picture is another one, or the screen differs in more than colours between the themes.
pub fn is_current(name: &str, title: &str, screen: impl Fn(Theme) -> Buffer) {
    let theme = |look| {
        Theme::of(look, Graph::Blocks, false, |variable| match variable {
            "TERM" => Some("xterm-256color".to_owned()),
            "LC_ALL" => Some("C.UTF-8".to_owned()),
            _ => None,
        })
    };
    let svg = svg(title, [Look::Dark, Look::Light].map(|look| screen(theme(look))));
    let path = format!("{}/../../docs/pictures/{name}.svg", env!("CARGO_MANIFEST_DIR"));
    let path = PathBuf::from(path);
    if std::env::var_os("ZC_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, svg).unwrap();
    } else {
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == svg, "{name}.svg shows an old screen; run 'cargo xtask pictures'");
    }
}

/// How cells look: in each scheme the colours of the sign and of what is behind it, and whether it is bold.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Style {
    ink: [Rgb; 2],
    ground: [Rgb; 2],
    is_bold: bool,
}

/// The screen as an SVG, from its drawings in dark and light.
#[must_use]
pub fn svg(title: &str, [dark, light]: [Buffer; 2]) -> String {
    assert_eq!(dark.area, light.area);
    let mut picture = Picture::default();
    for y in 0..dark.area.height {
        let mut run = Run::default();
        let mut x = 0;
        while x < dark.area.width {
            let cells = [&dark[(x, y)], &light[(x, y)]];
            let sign = cells[0].symbol();
            assert_eq!(sign, cells[1].symbol(), "at {x}, {y}");
            let columns = u16::try_from(Span::raw(sign).width()).unwrap().max(1);
            let look = look(cells);
            picture.ground(&look, x, y, columns);
            let drawn = shape(sign, x * WIDTH + MARGIN, y * HEIGHT + MARGIN);
            if let Some(shape) = drawn {
                picture.shape(look.ink, &shape);
                picture.text(run.end(y));
            } else if !run.takes(look, x, sign, columns) {
                picture.text(run.end(y));
                run.takes(look, x, sign, columns);
            }
            x += columns;
        }
        picture.text(run.end(y));
    }
    picture.whole(title, (dark.area.width, dark.area.height))
}

fn look(cells: [&Cell; 2]) -> Style {
    let modifier = cells[0].modifier;
    let mut look = Style {
        ink: [rgb(cells[0].fg, TEXT[0]), rgb(cells[1].fg, TEXT[1])],
        ground: [rgb(cells[0].bg, GROUND[0]), rgb(cells[1].bg, GROUND[1])],
        is_bold: modifier.contains(Modifier::BOLD),
    };
    if modifier.contains(Modifier::DIM) {
        look.ink = [0, 1].map(|scheme| between(look.ink[scheme], look.ground[scheme]));
    }
    if modifier.contains(Modifier::REVERSED) {
        (look.ink, look.ground) = (look.ground, look.ink);
    }
    look
}

/// Three fifths of a colour on the other one.
fn between(ink: Rgb, ground: Rgb) -> Rgb {
    let mix = |ink: u8, ground: u8| {
        u8::try_from((u16::from(ink) * 3 + u16::from(ground) * 2) / 5).unwrap_or(u8::MAX)
    };
    (mix(ink.0, ground.0), mix(ink.1, ground.1), mix(ink.2, ground.2))
}

/// The colour of the 256 that are the same on each terminal.
fn rgb(color: Color, plain: Rgb) -> Rgb {
    match color {
        Color::Reset => plain,
        Color::Rgb(red, green, blue) => (red, green, blue),
        Color::Indexed(index @ 232..) => {
            let grey = 8 + 10 * (index - 232);
            (grey, grey, grey)
        }
        Color::Indexed(index @ 16..) => {
            let part = |weight: u8| match (index - 16) / weight % 6 {
                0 => 0,
                level => 55 + 40 * level,
            };
            (part(36), part(6), part(1))
        }
        other => panic!("the colour {other:?} is another one on each terminal"),
    }
}

/// Signs of one look, side by side.
#[derive(Default)]
struct Run {
    look: Option<Style>,
    begin: u16,
    columns: u16,
    text: String,
}

impl Run {
    /// Whether the sign belongs to the run; then it is in it. A blank ends a run: each word begins in its column, whatever the
    /// font.
    fn takes(&mut self, look: Style, x: u16, sign: &str, columns: u16) -> bool {
        if self.text.is_empty() {
            if sign == " " {
                return true;
            }
            (self.look, self.begin, self.columns) = (Some(look), x, 0);
        } else if sign == " " || self.look != Some(look) {
            return false;
        }
        self.text += sign;
        self.columns += columns;
        true
    }

    /// The run as an element, with its look; the next one begins.
    fn end(&mut self, y: u16) -> Option<(Style, String)> {
        let look = self.look.take()?;
        let text = std::mem::take(&mut self.text);
        let (x, y) = (self.begin * WIDTH + MARGIN, y * HEIGHT + MARGIN + BASE);
        let mut element = format!("x=\"{x}\" y=\"{y}\"");
        if self.columns > 1 {
            write!(element, " textLength=\"{}\"", self.columns * WIDTH).unwrap();
        }
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        Some((look, format!("{element}>{text}</text>\n")))
    }
}

#[derive(Default)]
struct Picture {
    /// The classes of colours.
    inks: Vec<[Rgb; 2]>,
    grounds: BTreeMap<usize, String>,
    shapes: BTreeMap<usize, String>,
    texts: String,
}

impl Picture {
    fn class(&mut self, ink: [Rgb; 2]) -> usize {
        let known = self.inks.iter().position(|known| *known == ink);
        known.unwrap_or_else(|| {
            self.inks.push(ink);
            self.inks.len() - 1
        })
    }

    fn ground(&mut self, look: &Style, x: u16, y: u16, columns: u16) {
        if look.ground == GROUND {
            return;
        }
        let class = self.class(look.ground);
        let (x, y, width) = (x * WIDTH + MARGIN, y * HEIGHT + MARGIN, columns * WIDTH);
        let path = self.grounds.entry(class).or_default();
        write!(path, "M{x} {y}h{width}v{HEIGHT}h-{width}z").unwrap();
    }

    fn shape(&mut self, ink: [Rgb; 2], shape: &str) {
        let class = self.class(ink);
        *self.shapes.entry(class).or_default() += shape;
    }

    fn text(&mut self, run: Option<(Style, String)>) {
        let Some((look, element)) = run else { return };
        let class = self.class(look.ink);
        let bold = if look.is_bold { " b" } else { "" };
        write!(self.texts, "<text class=\"c{class}{bold}\" {element}").unwrap();
    }

    fn whole(&self, title: &str, (columns, rows): (u16, u16)) -> String {
        let (width, height) = (columns * WIDTH + 2 * MARGIN, rows * HEIGHT + 2 * MARGIN);
        let rules = |scheme: usize| {
            let rule = |(class, ink): (usize, &[Rgb; 2])| {
                format!(".c{class}{{fill:{}}}\n", hex(ink[scheme]))
            };
            let ground = format!(".ground{{fill:{}}}\n", hex(GROUND[scheme]));
            ground + &self.inks.iter().enumerate().map(rule).collect::<String>()
        };
        let paths = |paths: &BTreeMap<usize, String>| {
            let path = |(class, path): (&usize, &String)| {
                format!("<path class=\"c{class}\" d=\"{path}\"/>\n")
            };
            paths.iter().map(path).collect::<String>()
        };
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\">\n<title>{title}</title>\n<style>\n\
             text{{font:{FONT}px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace}}\n\
             .b{{font-weight:bold}}\n{}@media (prefers-color-scheme:light){{\n{}}}\n</style>\n\
             <rect class=\"ground\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>\n{}{}{}</svg>\n",
            rules(0),
            rules(1),
            paths(&self.grounds),
            paths(&self.shapes),
            self.texts,
        )
    }
}

fn hex((red, green, blue): Rgb) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

#[cfg(test)]
mod tests {
    use ratatui::{layout::Rect, style::Style as Pen};

    use super::*;

    /// A screen of one line.
    fn drawn(text: &str, style: Pen) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 10, 1));
        buffer.set_string(0, 0, text, style);
        svg("a title", [buffer.clone(), buffer])
    }

    #[test]
    fn words_are_in_their_columns_and_mean_what_they_are() {
        let text = drawn("a<b &c", Pen::new());
        assert!(text.contains("x=\"9\" y=\"23\" textLength=\"27\">a&lt;b</text>"), "{text}");
        assert!(text.contains("x=\"45\" y=\"23\" textLength=\"18\">&amp;c</text>"), "{text}");
        // A wide sign takes two columns.
        let wide = drawn("\u{6587}x y", Pen::new());
        assert!(wide.contains("textLength=\"27\">\u{6587}x</text>"), "{wide}");
        assert!(wide.contains("x=\"45\" y=\"23\">y</text>"), "{wide}");
    }

    #[test]
    fn blocks_are_shapes_and_colours_those_of_the_terminal() {
        let text = drawn("\u{2588}", Pen::new().fg(Color::Indexed(214)));
        assert!(text.contains(".c0{fill:#ffaf00}"), "{text}");
        assert!(text.contains("<path class=\"c0\" d=\"M9 9h9v18h-9z\"/>"), "{text}");
        assert!(!text.contains("<text"), "{text}");
        let grey = drawn("x", Pen::new().fg(Color::Indexed(244)).bg(Color::Indexed(16)));
        assert!(grey.contains("{fill:#808080}") && grey.contains("{fill:#000000}"), "{grey}");
    }

    #[test]
    fn what_is_in_reverse_is_a_light_ground() {
        let text = drawn("x", Pen::new().add_modifier(Modifier::REVERSED));
        assert!(text.contains("<path class=\"c0\" d=\"M9 9h9v18h-9z\"/>"), "{text}");
        assert!(text.contains(".c0{fill:#d8dce2}") && text.contains(".c1{fill:#14171c}"), "{text}");
        let [dark, light] = text.split("prefers-color-scheme:light").collect::<Vec<_>>()[..] else {
            panic!("{text}");
        };
        assert!(
            dark.contains(".c1{fill:#14171c}") && light.contains(".c1{fill:#fbfbf8}"),
            "{text}"
        );
    }
}
