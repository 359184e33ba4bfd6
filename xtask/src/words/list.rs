//! The list of refused words, and where a text has them.

use std::collections::HashMap;
use std::ops::Range;

use anyhow::{Context as _, Result, bail};

/// The words that are refused, and the names that stay although they contain one.
pub(crate) struct List {
    /// By the first word.
    refused: HashMap<String, Vec<Phrase>>,
    kept: Vec<String>,
}

struct Phrase {
    /// As the list spells it.
    text: String,
    /// The words after the first.
    rest: Vec<String>,
    instead: String,
}

/// A refused word in a text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding<'a> {
    /// The line in which it begins; the first is 1.
    pub(crate) line: usize,
    pub(crate) phrase: &'a str,
    pub(crate) instead: &'a str,
}

impl List {
    /// Parses the list: sections, and in them lines of the form `PHRASE -> TEXT`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut list = Self { refused: HashMap::new(), kept: Vec::new() };
        let mut section = "";
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            let place = || format!("line {} of the list of refused words", index + 1);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if line.starts_with('[') {
                section = line;
                continue;
            }
            let (phrase, instead) = line.split_once("->").with_context(|| {
                format!("cannot read {}: it is not of the form WORD -> TEXT", place())
            })?;
            let (phrase, instead) = (phrase.trim(), instead.trim());
            match section {
                "[refused]" => {
                    let mut words = tokens(phrase).into_iter().map(|token| token.word);
                    let first = words.next().with_context(|| format!("no word in {}", place()))?;
                    list.refused.entry(first).or_default().push(Phrase {
                        text: phrase.to_owned(),
                        rest: words.collect(),
                        instead: instead.to_owned(),
                    });
                }
                "[kept]" => list.kept.push(phrase.to_owned()),
                other => bail!("cannot read {}: unknown section '{other}'", place()),
            }
        }
        Ok(list)
    }

    /// The refused words in `text`, in their order.
    pub(crate) fn find(&self, text: &str) -> Vec<Finding<'_>> {
        let tokens = tokens(text);
        let kept: Vec<Range<usize>> = self
            .kept
            .iter()
            .flat_map(|name| text.match_indices(name.as_str()))
            .map(|(at, name)| at..at + name.len())
            .collect();
        let mut found = Vec::new();
        for (index, token) in tokens.iter().enumerate() {
            let Some(phrases) = self.refused.get(&token.word) else { continue };
            for phrase in phrases.iter().filter(|phrase| phrase.follows(&tokens[index..], text)) {
                if kept.iter().any(|range| range.contains(&token.range.start)) {
                    continue;
                }
                found.push(Finding {
                    line: token.line,
                    phrase: &phrase.text,
                    instead: &phrase.instead,
                });
            }
        }
        found
    }
}

impl Phrase {
    /// Whether the rest of the phrase follows its first word, which `tokens` begins with.
    fn follows(&self, tokens: &[Token], text: &str) -> bool {
        tokens.len() > self.rest.len()
            && self.rest.iter().zip(tokens.windows(2)).all(|(word, pair)| {
                pair[1].word == *word && joins(&text[pair[0].range.end..pair[1].range.start])
            })
    }
}

/// A word of a text, in lower case.
struct Token {
    word: String,
    range: Range<usize>,
    line: usize,
}

/// All words: letters in a row. A capital letter after a small one begins another word.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut line = 1;
    let mut before = ' ';
    for (at, letter) in text.char_indices() {
        if letter == '\n' {
            line += 1;
        }
        if letter.is_alphabetic() {
            let begins =
                !before.is_alphabetic() || (before.is_lowercase() && letter.is_uppercase());
            if begins {
                tokens.push(Token { word: String::new(), range: at..at, line });
            }
            if let Some(token) = tokens.last_mut() {
                token.word.extend(letter.to_lowercase());
                token.range.end = at + letter.len_utf8();
            }
        }
        before = letter;
    }
    tokens
}

/// Whether two words with `gap` between them are part of one phrase or name.
fn joins(gap: &str) -> bool {
    let within_a_line = |c: char| c.is_whitespace() || "_-'’".contains(c);
    // The end of a string's line, and what a comment or a quotation begins its lines with.
    let over_lines = |c: char| within_a_line(c) || "\\/!#*>|".contains(c);
    if gap.contains('\n') { gap.chars().all(over_lines) } else { gap.chars().all(within_a_line) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "# A comment.\n[refused]\ngremlin -> fault\nis eaten -> the cat eats\n\
                        cat's -> of the cat\n[kept]\ngremlin_count -> an id\n";

    fn found(text: &str) -> Vec<(usize, String)> {
        let list = List::parse(LIST).expect("it is valid");
        let found = list.find(text);
        found.iter().map(|finding| (finding.line, finding.phrase.to_owned())).collect()
    }

    fn one(phrase: &str) -> Vec<(usize, String)> {
        vec![(1, phrase.to_owned())]
    }

    #[test]
    fn a_word_is_found_in_any_case_with_its_line_and_what_to_write() {
        let list = List::parse(LIST).expect("it is valid");
        let found = list.find("fine\nThe Gremlin.\n");
        assert_eq!(found, [Finding { line: 2, phrase: "gremlin", instead: "fault" }]);
    }

    #[test]
    fn a_word_within_another_is_another() {
        assert_eq!(found("gremlins, gremlinesque, agremlin"), []);
    }

    #[test]
    fn a_word_is_found_within_names() {
        assert_eq!(found("fn gremlin_appears"), one("gremlin"));
        assert_eq!(found("struct BigGremlin;"), one("gremlin"));
        assert_eq!(found("const GREMLIN: u8"), one("gremlin"));
        assert_eq!(found("fn it_is_eaten()"), one("is eaten"));
        assert_eq!(found("a gremlin's"), one("gremlin"));
    }

    #[test]
    fn a_phrase_is_found_over_the_end_of_a_line() {
        for text in [
            "it is eaten",
            "it is\n  eaten",
            "/// it is\n    /// eaten",
            "//! it is\n//! eaten",
            "# it is\n# eaten",
            "\"it is \\\n     eaten\"",
            "> it is\n> eaten",
        ] {
            assert_eq!(found(text), one("is eaten"), "{text}");
        }
    }

    #[test]
    fn words_that_only_follow_each_other_are_no_phrase() {
        for text in ["it is. Eaten", "it is, eaten", "(is)\n(eaten)", "is\n\neats", "is not eaten"]
        {
            assert_eq!(found(text), [], "{text}");
        }
    }

    #[test]
    fn an_apostrophe_is_part_of_a_phrase() {
        assert_eq!(found("the cat's food"), one("cat's"));
        assert_eq!(found("the cat’s food"), one("cat's"));
        assert_eq!(found("the cats and the cat"), []);
    }

    #[test]
    fn a_name_that_stays_is_not_found_and_the_word_elsewhere_is() {
        assert_eq!(found("gremlin_count"), []);
        assert_eq!(found("gremlin_count\ngremlin"), [(2, "gremlin".to_owned())]);
    }

    #[test]
    fn a_list_that_cannot_be_read_is_refused_with_the_line() {
        let error = List::parse("[refused]\ngremlin\n").err().expect("it has no arrow");
        assert_eq!(
            error.to_string(),
            "cannot read line 2 of the list of refused words: it is not of the form WORD -> TEXT"
        );
    }
}
