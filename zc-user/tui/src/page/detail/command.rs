//! What the machine says of a process, in words: its command line, its age.

use std::{borrow::Cow, time::Duration};

use crate::inspect::Answer;
use zc_render::sanitize::sanitize;

/// The command line as a shell would take it; `None` where there is none. `ellipsis` ends one that goes on.
pub(super) fn line(answer: &Answer, ellipsis: &str) -> Option<String> {
    let end = answer.command.iter().rposition(|byte| *byte != 0)?;
    let text = String::from_utf8_lossy(&answer.command[..=end]);
    let words: Vec<&str> = text.split('\0').collect();
    let mut line = match words[..] {
        // Also what a program has written over its arguments, which is no list of them.
        [one] => sanitize(one).into_owned(),
        _ => words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "),
    };
    if answer.is_cut {
        line.push_str(ellipsis);
    }
    Some(line)
}

fn quoted(word: &str) -> Cow<'_, str> {
    let safe = sanitize(word);
    let is_plain = |c: char| !c.is_whitespace() && c != '\'';
    if !safe.is_empty() && safe.chars().all(is_plain) {
        return safe;
    }
    format!("'{}'", safe.replace('\'', r"'\''")).into()
}

/// `42 s`, `5 min`, `3 h 4 min`, `3 d 4 h`.
pub(super) fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, ..) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(command: &[u8], is_cut: bool) -> Option<String> {
        let answer = Answer {
            command: command.to_vec(),
            is_cut,
            at: Duration::ZERO,
            age: Duration::ZERO,
            threads: 1,
            some: Vec::new(),
        };
        line(&answer, "...")
    }

    #[test]
    fn words_stay_apart_and_nothing_is_obeyed() {
        let line = |command: &[u8]| shown(command, false).unwrap();
        assert_eq!(line(b"cat\0-\0two words\0\0it's\0"), r"cat - 'two words' '' 'it'\''s'");
        assert_eq!(line(b"nginx: worker process\0\0\0\0"), "nginx: worker process");
        assert_eq!(line(b"a\x1b[2J\0b\nc\0\xff\0"), "a\\u{1b}[2J b\\nc \u{fffd}");
        assert_eq!(line(b"no end"), "no end");
        assert_eq!(shown(b"", false), None, "of a thread of the kernel");
        assert_eq!(shown(b"\0\0", false), None);
        assert_eq!(shown(b"cat\0long", true).unwrap(), "cat long...");
    }

    #[test]
    fn an_age_has_two_units_at_most() {
        let shown = [
            (0, "0 s"),
            (59, "59 s"),
            (3_599, "59 min"),
            (3_600, "1 h 0 min"),
            (86_399, "23 h 59 min"),
            (3 * 86_400 + 4 * 3_600 + 1_799, "3 d 4 h"),
        ];
        for (seconds, text) in shown {
            assert_eq!(age(Duration::from_secs(seconds)), text);
        }
    }
}
