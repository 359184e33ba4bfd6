//! The end of the console log of a kernel that crashed.

use std::fs;
use std::path::Path;

/// How the messages begin that end a kernel here (`oops=panic`).
const COMPLAINTS: [&str; 7] = [
    "BUG:",
    "kernel BUG",
    "Oops",
    "general protection",
    "double fault",
    "stack segment",
    "Kernel panic",
];

/// The most lines that are kept: enough for registers, a stack, and that of an interrupt.
const MOST: usize = 120;

/// Lines before the first of these messages, which may show the cause.
const BEFORE: usize = 5;

/// Lines of a log without such a message.
const QUIET: usize = 15;

/// The lines of a console log from the first such message on, or the last few.
pub(crate) fn last_words(console: &Path) -> Vec<String> {
    end_of(&String::from_utf8_lossy(&fs::read(console).unwrap_or_default()))
}

fn end_of(text: &str) -> Vec<String> {
    let clean = |line: &str| line.chars().filter(|c| !c.is_control()).collect::<String>();
    let mut lines: Vec<_> =
        text.lines().map(clean).filter(|line| !line.trim().is_empty()).collect();
    let first = match lines.iter().position(|line| complains(line)) {
        Some(at) => at.saturating_sub(BEFORE),
        None => lines.len().saturating_sub(QUIET),
    };
    lines.drain(..first);
    lines.truncate(MOST);
    lines
}

fn complains(line: &str) -> bool {
    COMPLAINTS.iter().any(|words| line.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET_LINE: &str = "[    1.000000] a device\r\n";
    const FAULT: &str = "[  173.5] BUG: unable to handle page fault for address: 0\n\
        [  173.5] RIP: 0010:skb_segment+0x1/0x2\n\
        [  173.6] Kernel panic - not syncing: Fatal exception in interrupt\n";

    #[test]
    fn of_a_fault_everything_is_kept() {
        let words = end_of(&format!("{}{FAULT}", QUIET_LINE.repeat(50)));
        assert_eq!(words.len(), BEFORE + 3);
        assert_eq!(words[0], QUIET_LINE.trim_end());
    }

    #[test]
    fn of_a_kernel_that_just_stops_a_few_lines_are_kept() {
        let words = end_of(&QUIET_LINE.repeat(50));
        assert_eq!(words.len(), QUIET);
        assert!(end_of("").is_empty());
    }
}
