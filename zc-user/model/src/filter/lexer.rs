//! A filter expression as words, operators and parentheses, each with its place.

use super::{FilterError, Operator};

/// A token and where it stands, in bytes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind<'a>,
    pub(super) start: usize,
    pub(super) end: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind<'a> {
    /// A name, a number with or without unit, or an unquoted text.
    Word(&'a str),
    /// A text in quotes, which are left out.
    Quoted(&'a str),
    Operator(Operator),
    Open,
    Close,
    And,
    Or,
    Not,
    End,
}

/// Longer ones first.
const SYMBOLS: &[(&str, Kind<'static>)] = &[
    ("==", Kind::Operator(Operator::Equal)),
    ("!=", Kind::Operator(Operator::NotEqual)),
    ("<=", Kind::Operator(Operator::LessOrEqual)),
    (">=", Kind::Operator(Operator::GreaterOrEqual)),
    ("!~", Kind::Operator(Operator::ContainsNot)),
    ("=~", Kind::Operator(Operator::Contains)),
    ("&&", Kind::And),
    ("||", Kind::Or),
    ("=", Kind::Operator(Operator::Equal)),
    ("<", Kind::Operator(Operator::Less)),
    (">", Kind::Operator(Operator::Greater)),
    ("~", Kind::Operator(Operator::Contains)),
    ("!", Kind::Not),
    ("(", Kind::Open),
    (")", Kind::Close),
];

/// Splits `text` into tokens; the last one is [`Kind::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, FilterError> {
    let mut tokens = Vec::new();
    let mut start = 0;
    while let Some(first) = text[start..].chars().next() {
        let rest = &text[start..];
        if first.is_whitespace() {
            start += first.len_utf8();
            continue;
        }
        let (kind, len) = if let Some((symbol, kind)) =
            SYMBOLS.iter().find(|(symbol, _)| rest.starts_with(symbol))
        {
            (kind.clone(), symbol.len())
        } else if first == '"' || first == '\'' {
            let inner = &rest[1..];
            let Some(len) = inner.find(first) else {
                return Err(FilterError::new(text, start..text.len(), "the quote is not closed"));
            };
            (Kind::Quoted(&inner[..len]), len + 2)
        } else {
            let is_end = |c: char| c.is_whitespace() || "()=!<>~&|\"'".contains(c);
            let len = rest.find(is_end).unwrap_or(rest.len());
            if len == 0 {
                return Err(FilterError::new(
                    text,
                    start..start + first.len_utf8(),
                    format!("'{first}' means nothing here; write 'and', 'or', or quote the text"),
                ));
            }
            (word(&rest[..len]), len)
        };
        tokens.push(Token { kind, start, end: start + len });
        start += len;
    }
    tokens.push(Token { kind: Kind::End, start: text.len(), end: text.len() });
    Ok(tokens)
}

fn word(text: &str) -> Kind<'_> {
    match text {
        "and" | "AND" => Kind::And,
        "or" | "OR" => Kind::Or,
        "not" | "NOT" => Kind::Not,
        _ => Kind::Word(text),
    }
}
