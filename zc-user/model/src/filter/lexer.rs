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
    /// A regular expression between slashes, which are left out.
    Regex(&'a str),
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
        } else if first == '/'
            && takes_regex(&tokens)
            && let Some(len) = regex_len(rest)
        {
            (TokenKind::Regex(&rest[1..len - 1]), len)
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

/// Whether slashes may enclose a regular expression here: where a name or a text is expected. Paths of control groups
/// have slashes of their own.
fn takes_regex(before: &[Token<'_>]) -> bool {
    match before {
        [.., of, Token { kind: TokenKind::Operator(operator), .. }] => {
            let is_of_text = matches!(
                operator,
                Operator::Equal | Operator::NotEqual | Operator::Contains | Operator::ContainsNot
            );
            let is_of_group =
                matches!(of.kind, TokenKind::Word(name) if name.eq_ignore_ascii_case("cgroup"));
            is_of_text && !is_of_group
        }
        [.., Token { kind, .. }] => {
            matches!(kind, TokenKind::And | TokenKind::Or | TokenKind::Not | TokenKind::Open)
        }
        [] => true,
    }
}

/// The bytes of `/.../` at the start of `text`, if it is one: the next slash that is not escaped is its end, and the
/// end of a word.
fn regex_len(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '/' => {
                let is_end = |c: char| c.is_whitespace() || c == ')';
                let ends = text[at + 1..].chars().next().is_none_or(is_end);
                return (ends && at > 1).then_some(at + 1);
            }
            _ => {}
        }
    }
    None
}

fn word(text: &str) -> TokenKind<'_> {
    match text {
        "and" | "AND" => TokenKind::And,
        "or" | "OR" => TokenKind::Or,
        "not" | "NOT" => TokenKind::Not,
        _ => TokenKind::Word(text),
    }
}
