//! Texts to be looked for: a part of a name, a glob, a regular expression.

use regex::{Regex, RegexBuilder};

/// Bytes that a compiled expression may take: far more than any that a person writes.
const MOST_BYTES: usize = 1 << 20;

/// A text to be found in others, ignoring case.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// As it was written, without the slashes around it.
    source: String,
    /// Whether it was written between slashes: nothing but a regular expression then.
    delimited: bool,
    lower: String,
    regex: Option<Regex>,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        (&self.source, self.delimited) == (&other.source, other.delimited)
    }
}

impl Pattern {
    /// What `text` says behind `~`: found as it is, or as a regular expression if it is one.
    #[must_use]
    pub(super) fn loose(text: &str) -> Self {
        // Without signs of an expression the two are the same.
        let is_plain = text.chars().all(|c| !r"\.+*?()|[]{}^$".contains(c));
        let regex = if is_plain { None } else { compile(text).ok() };
        Self { source: text.to_owned(), delimited: false, lower: text.to_lowercase(), regex }
    }

    /// A plain text, of which no sign means anything else.
    #[must_use]
    pub(super) fn plain(text: &str) -> Self {
        Self { source: text.to_owned(), delimited: false, lower: text.to_lowercase(), regex: None }
    }

    /// What is between the slashes of `/.../`.
    pub(super) fn regex(text: &str) -> Result<Self, String> {
        let regex = compile(text).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "this regular expression is too large".to_owned(),
            // The library marks the place over several lines; the last one says what is wrong.
            error => {
                let text = error.to_string();
                let reason = text.lines().last().unwrap_or_default().trim();
                let reason = reason.strip_prefix("error: ").unwrap_or(reason);
                format!("this is no regular expression: {reason}")
            }
        })?;
        Ok(Self {
            source: text.to_owned(),
            delimited: true,
            lower: String::new(),
            regex: Some(regex),
        })
    }

    /// Whether `text` has it.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        (!self.delimited && text.to_lowercase().contains(&self.lower))
            || self.regex.as_ref().is_some_and(|regex| regex.is_match(text))
    }
}

fn compile(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text).case_insensitive(true).size_limit(MOST_BYTES).nest_limit(64).build()
}

/// Whether `text` is `pattern`, where each `*` stands for any text.
pub(super) fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|head| text.strip_prefix(head)) else {
        return false;
    };
    let Some(tail) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(tail)
}
