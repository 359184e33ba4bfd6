//! Names from other processes, made safe to show: a process may call itself anything, escape
//! sequences included.

use std::{borrow::Cow, fmt::Write as _};

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Replaces every character that a terminal would obey or hide by a visible escape (`\n`,
/// `\u{1b}`): control characters of both sets, line separators, and everything without a width of
/// its own, among which are the characters that turn the direction of text around.
#[must_use]
pub fn sanitize(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find(is_hostile) else { return Cow::Borrowed(text) };
    let mut safe = String::with_capacity(text.len() + 8);
    safe.push_str(&text[..first]);
    for c in text[first..].chars() {
        if is_hostile(c) {
            push_escaped(&mut safe, c);
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// The same, of a name: one of blanks alone, or of nothing, is in quotes, so that it is seen.
#[must_use]
pub fn name(text: &str) -> Cow<'_, str> {
    if text.chars().all(char::is_whitespace) {
        return Cow::Owned(format!("\"{}\"", sanitize(text)));
    }
    sanitize(text)
}

/// Whether a terminal would obey or hide `c`.
#[must_use]
pub fn is_hostile(c: char) -> bool {
    !(' '..='~').contains(&c)
        && (c.width().unwrap_or(0) == 0
            // Soft hyphen: shown or hidden as the terminal likes. Separators: new lines to some.
            || matches!(c, '\u{ad}' | '\u{2028}' | '\u{2029}'))
}

fn push_escaped(safe: &mut String, c: char) {
    match c {
        '\n' => safe.push_str("\\n"),
        '\r' => safe.push_str("\\r"),
        '\t' => safe.push_str("\\t"),
        c => {
            let written = write!(safe, "\\u{{{:x}}}", u32::from(c));
            debug_assert!(written.is_ok(), "writing to a String does not fail");
        }
    }
}

/// Columns that `text` takes on a terminal.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// `text`, and blanks behind it up to so many columns.
#[must_use]
pub fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(text.width())))
}

/// `text`, and blanks before it up to so many columns.
#[must_use]
pub fn pad_start(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(text.width())))
}

/// The beginning of `text`, so that it fits in `columns`; what is cut off is marked by `ellipsis`.
#[must_use]
pub fn truncate<'a>(text: &'a str, columns: usize, ellipsis: &str) -> Cow<'a, str> {
    if text.width() <= columns {
        return Cow::Borrowed(text);
    }
    let room = columns.saturating_sub(ellipsis.width());
    let (mut used, mut end) = (0, 0);
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > room {
            break;
        }
        end = at + c.len_utf8();
    }
    Cow::Owned(format!("{}{}", &text[..end], ellipsis_for(ellipsis, columns)))
}

/// The end of `text`, so that it fits in `columns`: for paths, whose end identifies them.
#[must_use]
pub fn truncate_start<'a>(text: &'a str, columns: usize, ellipsis: &str) -> Cow<'a, str> {
    if text.width() <= columns {
        return Cow::Borrowed(text);
    }
    let room = columns.saturating_sub(ellipsis.width());
    let (mut used, mut start) = (0, text.len());
    for (at, c) in text.char_indices().rev() {
        used += c.width().unwrap_or(0);
        if used > room {
            break;
        }
        start = at;
    }
    Cow::Owned(format!("{}{}", ellipsis_for(ellipsis, columns), &text[start..]))
}

fn ellipsis_for(ellipsis: &str, columns: usize) -> &str {
    if ellipsis.width() <= columns { ellipsis } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_are_left_alone_and_not_copied() {
        for name in ["nginx", "dev-disk-by\\x2duuid", "日本語", "naïve", "a b~!"] {
            assert!(matches!(sanitize(name), Cow::Borrowed(same) if same == name), "{name}");
        }
    }

    #[test]
    fn what_a_terminal_would_obey_becomes_visible() {
        assert_eq!(sanitize("\x1b[2Jx\r\n\t\0\x7f"), "\\u{1b}[2Jx\\r\\n\\t\\u{0}\\u{7f}");
        assert_eq!(sanitize("c1\u{9b}31m"), "c1\\u{9b}31m");
        assert_eq!(sanitize("gpj.\u{202e}txt"), "gpj.\\u{202e}txt");
        assert_eq!(sanitize("a\u{200b}b\u{feff}c\u{ad}d"), "a\\u{200b}b\\u{feff}c\\u{ad}d");
        assert_eq!(sanitize("\u{2028}\u{2066}\u{e0041}"), "\\u{2028}\\u{2066}\\u{e0041}");
    }

    #[test]
    fn no_hostile_character_survives() {
        for c in (0..=0x0010_ffff).filter_map(char::from_u32) {
            let name = c.to_string();
            assert!(!sanitize(&name).contains(is_hostile), "{:x}", u32::from(c));
            assert!(!c.is_control() || is_hostile(c), "{:x}", u32::from(c));
        }
    }

    #[test]
    fn a_name_of_blanks_is_seen() {
        assert_eq!(name(""), "\"\"");
        assert_eq!(name("  "), "\"  \"");
        assert_eq!(name("\t\u{3000}"), "\"\\t\u{3000}\"");
        assert_eq!(name(" a "), " a ");
        assert_eq!(name("a\nb"), "a\\nb");
    }

    #[test]
    fn truncation_counts_columns_and_never_exceeds_them() {
        assert_eq!(truncate("nginx", 5, "…"), "nginx");
        assert_eq!(truncate("nginx-worker", 6, "…"), "nginx…");
        assert_eq!(truncate("日本語", 4, "…"), "日…");
        assert_eq!(truncate("日本語", 5, "…"), "日本…");
        assert_eq!(truncate_start("/a/very/long/path", 6, "…"), "…/path");
        assert_eq!(truncate_start("日本語", 4, ".."), "..語");
        for columns in 0..12 {
            for text in ["日本語 and more", "plain ascii text"] {
                assert!(width(&truncate(text, columns, "...")) <= columns);
                assert!(width(&truncate_start(text, columns, "...")) <= columns);
            }
        }
    }
}
