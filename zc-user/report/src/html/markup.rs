//! Markup under construction. Only constants reach it as they are: whatever comes from outside passes through
//! [`Page::text`].

use zc_render::sanitize::sanitize;

/// A page, or a part of it.
#[derive(Debug, Default)]
pub(super) struct Page {
    out: String,
    /// The drawings so far.
    drawings: Vec<&'static str>,
}

impl Page {
    /// Adds markup of this program.
    pub(super) fn raw(&mut self, markup: &'static str) {
        self.out.push_str(markup);
    }

    /// Adds a text that shows as it is: the one way of names into the page, also into attributes.
    pub(super) fn text(&mut self, text: &str) {
        for c in sanitize(text).chars() {
            match c {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '"' => self.out.push_str("&quot;"),
                '\'' => self.out.push_str("&#39;"),
                // Not in XML, and of no use in HTML.
                '\u{fffe}' | '\u{ffff}' => self.out.push('\u{fffd}'),
                c => self.out.push(c),
            }
        }
    }

    /// Adds a number, for attributes.
    pub(super) fn number(&mut self, number: f64) {
        let number = if number.is_finite() { number } else { 0.0 };
        let text = format!("{number:.1}");
        let text = text.strip_suffix(".0").unwrap_or(&text);
        self.out.push_str(if text == "-0" { "0" } else { text });
    }

    /// Adds a text in an element.
    pub(super) fn element(&mut self, name: &'static str, text: &str) {
        self.raw("<");
        self.raw(name);
        self.raw(">");
        self.close(name, text);
    }

    /// Adds a text in an element of a class.
    pub(super) fn classed(&mut self, name: &'static str, class: &'static str, text: &str) {
        self.raw("<");
        self.raw(name);
        self.raw(" class=\"");
        self.raw(class);
        self.raw("\">");
        self.close(name, text);
    }

    fn close(&mut self, name: &'static str, text: &str) {
        self.text(text);
        self.raw("</");
        self.raw(name);
        self.raw(if matches!(name, "text" | "title") { ">" } else { ">\n" });
    }

    /// Begins an element of a drawing with these numbers as attributes; what follows is still in its tag.
    pub(super) fn begin(&mut self, name: &'static str, numbers: &[(&'static str, f64)]) {
        self.raw("<");
        self.raw(name);
        for (attribute, number) in numbers {
            self.raw(" ");
            self.raw(attribute);
            self.raw("=\"");
            self.number(*number);
            self.raw("\"");
        }
    }

    /// An element of a drawing of a class, without content.
    pub(super) fn shape(
        &mut self,
        name: &'static str,
        class: &'static str,
        numbers: &[(&'static str, f64)],
    ) {
        self.begin(name, numbers);
        self.raw(" class=\"");
        self.raw(class);
        self.raw("\"/>");
    }

    /// A path of a class.
    pub(super) fn path(&mut self, class: &'static str, steps: &[Step]) {
        self.raw("<path class=\"");
        self.raw(class);
        self.raw("\" d=\"");
        for step in steps {
            match *step {
                Step::Move(x, y) => self.step("M", &[x, y]),
                Step::Line(x, y) => self.step("L", &[x, y]),
                Step::Across(x) => self.step("H", &[x]),
                Step::Down(y) => self.step("V", &[y]),
                Step::Curve(x1, y1, x, y) => self.step("Q", &[x1, y1, x, y]),
                Step::Close => self.raw("Z"),
            }
        }
        self.raw("\"/>");
    }

    fn step(&mut self, letter: &'static str, numbers: &[f64]) {
        self.raw(letter);
        for (at, number) in numbers.iter().enumerate() {
            if at > 0 {
                self.raw(" ");
            }
            self.number(*number);
        }
    }

    /// A text of a class in a drawing.
    pub(super) fn label(&mut self, class: &'static str, (x, y): (f64, f64), text: &str) {
        self.begin("text", &[("x", x), ("y", y)]);
        self.raw(" class=\"");
        self.raw(class);
        self.raw("\">");
        self.close("text", text);
    }

    /// Begins a drawing of this size, with what it is called and says.
    pub(super) fn drawing(
        &mut self,
        class: &'static str,
        id: &'static str,
        (width, height): (f64, f64),
        title: &str,
        description: &str,
    ) {
        self.drawings.push(id);
        self.raw("<svg class=\"");
        self.raw(class);
        self.raw("\" role=\"img\" aria-labelledby=\"");
        self.id(id);
        self.raw("-title ");
        self.id(id);
        self.raw("-desc\" viewBox=\"0 0 ");
        self.number(width);
        self.raw(" ");
        self.number(height);
        self.raw("\"><title id=\"");
        self.id(id);
        self.raw("-title\">");
        self.text(title);
        self.raw("</title><desc id=\"");
        self.id(id);
        self.raw("-desc\">");
        self.text(description);
        self.raw("</desc>\n");
    }

    /// Adds an id: there may be several drawings of the same kind.
    fn id(&mut self, id: &'static str) {
        self.raw(id);
        let count = self.drawings.iter().filter(|drawing| **drawing == id).count();
        if count > 1 {
            self.raw("-");
            self.text(&count.to_string());
        }
    }

    /// What was written.
    pub(super) fn done(self) -> String {
        self.out
    }
}

/// A step of a path.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Move(f64, f64),
    Line(f64, f64),
    Across(f64),
    Down(f64),
    /// A bend: through which point it is drawn, and where it ends.
    Curve(f64, f64, f64, f64),
    Close,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_markup() {
        let mut page = Page::default();
        page.text("</script><b a='1' c=\"2\">&amp;\u{202e}\u{1b}[1m\0\u{ffff}");
        let expected = "&lt;/script&gt;&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;amp;\\u{202e}\\u{1b}[1m\\u{0}";
        let written = page.done();
        assert!(written.starts_with(expected), "{written}");
        assert!(!written.contains('\u{ffff}'));
    }

    #[test]
    fn numbers_have_a_digit_at_most_behind_the_point() {
        let mut page = Page::default();
        for number in [1.0, 2.25, -0.01, f64::NAN, f64::INFINITY, 1e9] {
            page.number(number);
            page.raw(" ");
        }
        assert_eq!(page.done(), "1 2.2 0 0 0 1000000000 ");
    }
}
