//! Filters that have names: `@name` stands for the text of one.

use std::ops::Range;

use super::{Expr, FilterError, nearest, parse};

/// Parses an expression in which `@name` stands for one of `named`, which are names and texts.
///
/// # Errors
/// With the place and what to write instead.
pub fn parse_named(text: &str, named: &[(String, String)]) -> Result<Expr, FilterError> {
    let (expanded, pieces) = pieces(text, named)?;
    parse(&expanded).map_err(|error| {
        let [start, end] = [(error.span.start, false), (error.span.end, true)];
        let span = origin(start, &pieces)..origin(end, &pieces);
        error.moved(text, span)
    })
}

/// `text` with the filters themselves in place of their names.
///
/// # Errors
/// When there is no filter of such a name.
pub fn expand(text: &str, named: &[(String, String)]) -> Result<String, FilterError> {
    Ok(pieces(text, named)?.0)
}

/// What stood for what: a place of the text, and of the expanded one.
type Piece = (Range<usize>, Range<usize>);

fn pieces(text: &str, named: &[(String, String)]) -> Result<(String, Vec<Piece>), FilterError> {
    let (mut expanded, mut pieces) = (String::new(), Vec::new());
    let mut copied = 0;
    for place in references(text) {
        let name = &text[place.start + 1..place.end];
        let Some((_, filter)) = named.iter().find(|(other, _)| other == name) else {
            let meant = nearest(name, named.iter().map(|(name, _)| name.as_str()));
            let known = match named {
                [] => " The settings have none; docs/settings.md says how to give names".to_owned(),
                named => {
                    let names: Vec<_> = named.iter().map(|(name, _)| name.as_str()).collect();
                    format!(" There are {}", names.join(", "))
                }
            };
            let message = format!("there is no filter with the name '{name}'{meant}{known}");
            return Err(FilterError::new(text, place, message));
        };
        expanded.push_str(&text[copied..place.start]);
        let start = expanded.len();
        expanded.push_str(&format!("({filter})"));
        pieces.push((place.clone(), start..expanded.len()));
        copied = place.end;
    }
    expanded.push_str(&text[copied..]);
    Ok((expanded, pieces))
}

/// Whether a name can be made of it.
#[must_use]
pub const fn is_name_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

/// Where a place of the expanded text comes from, which is the beginning of something, or its end.
fn origin((at, is_end): (usize, bool), pieces: &[Piece]) -> usize {
    let mut shift = (0, 0);
    for (from, to) in pieces {
        if at < to.start {
            break;
        }
        if at < to.end {
            return if is_end { from.end } else { from.start };
        }
        shift = (from.end, to.end);
    }
    at - shift.1 + shift.0
}

/// The place of the first name of another filter in this one. Those of the settings name none.
#[must_use]
pub fn first_name(text: &str) -> Option<Range<usize>> {
    references(text).into_iter().next()
}

/// The places of `@name` where a condition can begin: not within quotes, or regular expressions.
fn references(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut begins = true;
    let mut quote = None;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match (c, quote) {
            ('\\', Some('/')) => {
                chars.next();
            }
            (c, Some(end)) if c == end => quote = None,
            ('\'' | '"' | '/', None) if begins => quote = Some(c),
            ('@', None) if begins => {
                let rest = &text[at + 1..];
                let length = rest.find(|c| !is_name_part(c)).unwrap_or(rest.len());
                found.push(at..at + 1 + length);
            }
            _ => {}
        }
        begins = quote.is_none()
            && (c.is_whitespace() || matches!(c, '(' | '!' | '&' | '|' | '=' | '~' | '<' | '>'));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named() -> Vec<(String, String)> {
        [("web", "nginx or haproxy"), ("big-one", "copied > 1MiB")]
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .to_vec()
    }

    #[test]
    fn names_stand_for_their_filters() {
        for (text, whole) in [
            ("@web", "nginx or haproxy"),
            ("not @web and @big-one", "not (nginx or haproxy) and copied > 1MiB"),
            ("!@web&&(@big-one)", "!(nginx or haproxy) and copied > 1MiB"),
            ("nginx", "nginx"),
        ] {
            let (found, wanted) = (parse_named(text, &named()), parse(whole));
            assert_eq!(found.map_err(|error| error.to_string()), wanted.map_err(|e| e.to_string()));
        }
        assert_eq!(expand("@web or x", &named()).unwrap(), "(nginx or haproxy) or x");
        for text in ["'@web'", "/ @web/", "cgroup = /a/user@1000", "\"a @web\""] {
            assert_eq!(expand(text, &named()).unwrap(), text);
        }
    }

    #[test]
    fn an_unknown_name_has_its_place_and_what_was_meant() {
        let error = parse_named("nginx or @wbe", &named()).unwrap_err();
        assert_eq!(error.span, 9..13);
        assert!(error.message.contains("'wbe'; did you mean 'web'? There are web, big-one"));
        let error = parse_named("@web", &[]).unwrap_err();
        assert!(error.message.contains("have none"), "{error}");
    }

    #[test]
    fn errors_behind_a_name_have_the_place_of_what_was_typed() {
        let text = "@web and usr = root";
        let error = parse_named(text, &named()).unwrap_err();
        assert_eq!(&text[error.span.clone()], "usr");
        assert!(error.to_string().contains("@web and usr"), "{error}");
        let error = parse_named("usr = root and @web", &named()).unwrap_err();
        assert_eq!(error.span, 0..3);
        let broken = [("x".to_owned(), "usr = 1".to_owned())];
        assert_eq!(parse_named("dd or @x", &broken).unwrap_err().span, 6..8);
    }
}
