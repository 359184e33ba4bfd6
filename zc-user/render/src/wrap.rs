//! Where a line may end: between words, and between characters of scripts that set no blanks.

use unicode_width::UnicodeWidthChar as _;

/// What no line begins with.
const CLOSING: &str = "，。、；：？！）】》」』…％,.;:?!)]}%>’”";
/// What no line ends with.
const OPENING: &str = "（【《「『([{<‘“";

/// A part of a text that stays on one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Its characters, none of them a blank.
    pub text: &'a str,
    /// Whether a blank is before it, unless a line begins with it.
    pub is_word: bool,
}

/// The pieces of `text`: its words, and the wide characters (Chinese, Japanese) of each.
pub fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    text.split_whitespace().flat_map(|word| {
        let mut rest = word;
        std::iter::from_fn(move || {
            let is_word = rest.len() == word.len();
            let (text, after) =
                rest.split_at_checked(piece(rest)).filter(|(it, _)| !it.is_empty())?;
            rest = after;
            Some(Piece { text, is_word })
        })
    })
}

/// The bytes of the first piece of `word`.
fn piece(word: &str) -> usize {
    let pairs = word.char_indices().zip(word.chars().skip(1));
    let mut ends = pairs.filter(|((_, before), after)| is_break(*before, *after));
    ends.next().map_or(word.len(), |((at, before), _)| at + before.len_utf8())
}

/// Whether a line may end between these two.
fn is_break(before: char, after: char) -> bool {
    let width = |c: char| c.width().unwrap_or(0);
    (width(before) > 1 || width(after) > 1)
        && width(after) > 0
        && !CLOSING.contains(after)
        && !OPENING.contains(before)
}

/// Breaks `text` into lines of at most `width` cells, where its pieces allow it.
#[must_use]
pub fn lines(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for Piece { text, is_word } in pieces(text) {
        let blank = usize::from(is_word && !line.is_empty());
        if !line.is_empty() && cells(&line) + blank + cells(text) > width {
            lines.push(std::mem::take(&mut line));
        } else if blank > 0 {
            line.push(' ');
        }
        line.push_str(text);
    }
    lines.push(line);
    lines
}

fn cells(text: &str) -> usize {
    super::sanitize::width(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_breaks_between_words() {
        assert_eq!(lines("a bb ccc  dddd", 6), ["a bb", "ccc", "dddd"]);
        assert_eq!(lines("abcdefgh i", 4), ["abcdefgh", "i"], "a long word is cut when drawn");
        assert_eq!(lines("", 4), [""]);
    }

    #[test]
    fn text_without_blanks_breaks_between_characters() {
        assert_eq!(lines("内核拷贝了每个字节", 8), ["内核拷贝", "了每个字", "节"]);
        assert_eq!(lines("内核拷贝", 7), ["内核拷", "贝"], "half a character has no room");
        assert_eq!(lines("用sendfile发送", 10), ["用sendfile", "发送"]);
        assert_eq!(lines("用 sendfile 发送", 11), ["用 sendfile", "发送"]);
    }

    #[test]
    fn no_line_begins_with_a_mark_that_ends_something() {
        assert_eq!(lines("拷贝两次。", 8), ["拷贝两", "次。"]);
        assert_eq!(lines("拷贝（两次）", 10), ["拷贝（两", "次）"]);
        assert_eq!(lines("拷贝（两次）", 7), ["拷贝", "（两", "次）"]);
        assert_eq!(lines("拷贝(两次)。", 9), ["拷贝(两", "次)。"]);
    }

    #[test]
    fn a_mark_above_a_letter_stays_there() {
        assert_eq!(lines("か\u{3099}か\u{3099}", 2), ["か\u{3099}", "か\u{3099}"]);
    }
}
