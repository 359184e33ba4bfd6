//! A filter expression as words, operators and parentheses, each with its place.

use super::{FilterError, Operator};

/// A token and where it stands, in bytes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token<'a> {
    pub(super) kind: TokenKind<'a>,
    pub(super) start: usize,
    pub(super) end: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind<'a> {
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
const SYMBOLS: &[(&str, TokenKind<'static>)] = &[
    ("==", TokenKind::Operator(Operator::Equal)),
    ("!=", TokenKind::Operator(Operator::NotEqual)),
    ("<=", TokenKind::Operator(Operator::LessOrEqual)),
    (">=", TokenKind::Operator(Operator::GreaterOrEqual)),
    ("!~", TokenKind::Operator(Operator::ContainsNot)),
    ("=~", TokenKind::Operator(Operator::Contains)),
    ("&&", TokenKind::And),
    ("||", TokenKind::Or),
    ("=", TokenKind::Operator(Operator::Equal)),
    ("<", TokenKind::Operator(Operator::Less)),
    (">", TokenKind::Operator(Operator::Greater)),
    ("~", TokenKind::Operator(Operator::Contains)),
    ("!", TokenKind::Not),
    ("(", TokenKind::Open),
    (")", TokenKind::Close),
];

/// Splits `text` into tokens; the last one is [`TokenKind::End`].
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
            (TokenKind::Quoted(&inner[..len]), len + 2)
        } else {
            let is_end = |c: char| c.is_whitespace() || "()=!<>~&|\"'".contains(c);
            let len = rest.find(is_end).unwrap_or(rest.len());
            if len == 0 {
                return Err(FilterError::new(
                    text,
                    start..start + first.len_utf8(),
                    format!("unexpected '{first}': write 'and' or 'or', or quote the text"),
                ));
            }
            (word(&rest[..len]), len)
        };
        tokens.push(Token { kind, start, end: start + len });
        start += len;
    }
    tokens.push(Token { kind: TokenKind::End, start: text.len(), end: text.len() });
    Ok(tokens)
}

fn word(text: &str) -> TokenKind<'_> {
    match text {
        "and" | "AND" => TokenKind::And,
        "or" | "OR" => TokenKind::Or,
        "not" | "NOT" => TokenKind::Not,
        _ => TokenKind::Word(text),
    }
}
