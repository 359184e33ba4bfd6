//! The language of the tour and of the exercise: chosen once, at the start.

use std::fmt::{Display, Write as _};

use clap::ValueEnum;

/// A language in which they speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// English.
    En,
    /// Chinese, in simplified characters.
    Zh,
}

impl Language {
    /// What the environment says: the first of `LC_ALL`, `LC_MESSAGES` and `LANG` that is set. Chinese only if the
    /// locale of characters is UTF-8, since other terminals cannot show it.
    #[must_use]
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let first = |names: [&str; 3]| names.iter().find_map(|name| set(name)).unwrap_or_default();
        let messages = first(["LC_ALL", "LC_MESSAGES", "LANG"]).to_ascii_lowercase();
        let characters = first(["LC_ALL", "LC_CTYPE", "LANG"]).to_ascii_lowercase();
        let is_chinese = messages.split(['_', '.', '@']).next() == Some("zh");
        let is_utf8 = characters.contains("utf-8") || characters.contains("utf8");
        if is_chinese && is_utf8 { Self::Zh } else { Self::En }
    }
}

/// A sentence with its `{placeholders}` filled in. What is filled in is not looked at again.
#[must_use]
pub fn fill(sentence: &str, values: &[(&str, &dyn Display)]) -> String {
    let mut text = String::with_capacity(sentence.len());
    let mut rest = sentence;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        let value = values.iter().find(|(known, _)| *known == name);
        debug_assert!(value.is_some(), "no value for '{name}' in '{sentence}'");
        if let Some((_, value)) = value {
            let written = write!(text, "{value}");
            debug_assert!(written.is_ok(), "writing to a String does not fail");
        }
        rest = after;
    }
    text.push_str(rest);
    text
}

/// The placeholders of a sentence, in the order of their names.
#[must_use]
pub fn placeholders(sentence: &str) -> Vec<&str> {
    let names = sentence.split('{').skip(1).filter_map(|part| part.split_once('}'));
    let mut names: Vec<_> = names.map(|(name, _)| name).collect();
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Language {
        Language::of_environment(|name| {
            let known = variables.iter().find(|(known, _)| *known == name);
            known.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_says_it_where_the_terminal_can_show_it() {
        for (variables, language) in [
            (&[][..], Language::En),
            (&[("LANG", "zh_CN.UTF-8")], Language::Zh),
            (&[("LANG", "zh_CN.utf8")], Language::Zh),
            (&[("LANG", "zh_TW.UTF-8")], Language::Zh),
            (&[("LANG", "zh_CN.GB18030")], Language::En),
            (&[("LANG", "zh_CN")], Language::En),
            (&[("LANG", "zhx_CN.UTF-8")], Language::En),
            (&[("LANG", "en_GB.UTF-8")], Language::En),
            (&[("LANG", "en_GB.UTF-8"), ("LC_MESSAGES", "zh_CN.UTF-8")], Language::Zh),
            (&[("LANG", "zh_CN.UTF-8"), ("LC_MESSAGES", "C")], Language::En),
            (&[("LANG", "zh_CN.UTF-8"), ("LC_MESSAGES", "")], Language::Zh),
            (&[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "C.UTF-8")], Language::En),
            (&[("LANG", "zh_CN.UTF-8"), ("LC_CTYPE", "C")], Language::En),
        ] {
            assert_eq!(of(variables), language, "{variables:?}");
        }
    }

    #[test]
    fn a_value_is_not_a_sentence() {
        let text = fill("{b} of {a}: {b}", &[("a", &"{b}"), ("b", &7)]);
        assert_eq!(text, "7 of {b}: 7");
        assert_eq!(placeholders("{b} of {a}: {b}"), ["a", "b", "b"]);
    }
}
