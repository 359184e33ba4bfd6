//! Subjects of commits.

use super::list::List;

/// The most characters of a subject.
const LONGEST: usize = 60;

/// What begins a sentence about a thing, or a question, and not an action.
const NO_VERBS: &[&str] = &[
    "a",
    "all",
    "an",
    "both",
    "each",
    "every",
    "everything",
    "how",
    "in",
    "it",
    "its",
    "no",
    "not",
    "nothing",
    "of",
    "one",
    "only",
    "that",
    "the",
    "there",
    "these",
    "this",
    "those",
    "what",
    "whatever",
    "when",
    "where",
    "whether",
    "which",
    "who",
    "whom",
    "whose",
    "why",
];

/// What is wrong with the subject of a commit.
pub(crate) fn complaints(subject: &str, list: &List) -> Vec<String> {
    let mut complaints = Vec::new();
    let length = subject.chars().count();
    if length > LONGEST {
        complaints.push(format!("{length} characters -> at most {LONGEST}"));
    }
    match subject.split_once(": ") {
        Some((area, action)) if !area.is_empty() => {
            let first = action.split_whitespace().next().unwrap_or_default().to_lowercase();
            if NO_VERBS.contains(&first.as_str()) {
                complaints.push(format!("begins with '{first}' -> an action: '{area}: add ...'"));
            }
        }
        _ => complaints.push("names no area -> 'area: add the thing'".to_owned()),
    }
    let found = list.find(subject);
    complaints.extend(found.iter().map(|it| format!("{} -> {}", it.phrase, it.instead)));
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(subject: &str) -> Vec<String> {
        let list = List::parse("[refused]\ngremlin -> fault\n").expect("it is valid");
        complaints(subject, &list)
    }

    #[test]
    fn an_action_is_accepted() {
        assert_eq!(of("xtask: retry a guest when QEMU aborts"), [""; 0]);
        assert_eq!(of("model, output: add the column"), [""; 0]);
    }

    #[test]
    fn a_subject_is_an_action_and_not_a_sentence_about_a_thing() {
        for word in ["the", "a", "An", "what", "who", "how"] {
            let complaints = of(&format!("xtask: {word} guest is retried"));
            assert_eq!(complaints.len(), 1, "{word}: {complaints:?}");
        }
        assert_eq!(
            of("xtask: a guest is retried"),
            ["begins with 'a' -> an action: 'xtask: add ...'"]
        );
    }

    #[test]
    fn a_subject_names_its_area() {
        assert_eq!(of("retry a guest"), ["names no area -> 'area: add the thing'"]);
    }

    #[test]
    fn a_long_subject_is_refused() {
        let longest = format!("xtask: {}", "x".repeat(LONGEST - "xtask: ".len()));
        assert_eq!(of(&longest), [""; 0]);
        assert_eq!(of(&format!("{longest}x")), ["61 characters -> at most 60"]);
    }

    #[test]
    fn a_refused_word_is_found() {
        assert_eq!(of("xtask: fix the gremlin"), ["gremlin -> fault"]);
    }
}
