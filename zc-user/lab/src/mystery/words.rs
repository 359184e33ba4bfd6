//! What the exercise says, in one table: another language is another table.

/// The sentences of one language.
#[derive(Debug)]
pub struct Words {
    /// What runs.
    pub task: &'static str,
    /// How to look at it.
    pub look: &'static str,
    /// What to find out.
    pub questions: &'static [&'static str],
    /// That the time before is recorded.
    pub before: &'static str,
    /// What to type.
    pub prompt: &'static str,
    /// That the time after is recorded.
    pub after: &'static str,
    /// What is not understood.
    pub unknown: &'static str,
    /// It has been fixed before.
    pub again: &'static str,
    /// The grades.
    pub right: &'static str,
    /// As [`super::grade::Grade::Unshown`].
    pub unshown: &'static str,
    /// As [`super::grade::Grade::Little`].
    pub little: &'static str,
    /// As [`super::grade::Grade::Nothing`].
    pub nothing: &'static str,
    /// Before the name of the right one, where none was fixed.
    pub solution: &'static str,
    /// What all three did.
    pub explanation: &'static str,
}

/// English.
pub static ENGLISH: Words = Words {
    task: "Three programs run now: alpha, beta and gamma. One of them makes the CPU copy far more than it has to.",
    look: "Look at them in another terminal:",
    questions: &[
        "Which one copies most? It is neither the one that moves most bytes nor the one with most calls.",
        "On which path does it copy, and how often each byte?",
        "Which call would move the same bytes without a copy?",
    ],
    before: "Recording how it is now",
    prompt: "Type the name of the program to fix (alpha, beta or gamma), or quit:",
    after: "Recording how it is with the fix",
    unknown: "Expected alpha, beta, gamma or quit.",
    again: "That one is fixed already.",
    right: "Right: that was the one.",
    unshown: "That was the one, but the figures do not show it: is this machine very busy? Run the exercise again.",
    little: "It did copy, but little: another one copies far more. Sort by COPIED/s, not by calls.",
    nothing: "Nothing was saved: it moved its bytes by reference before, too. Bytes moved are not bytes copied.",
    solution: "The right one would have been",
    explanation: "One program read into memory and wrote to a pipe (two copies of each byte), one spliced from its file to \
                  the pipe (references, most bytes), and one wrote small pieces of a mapped file (one copy, most calls). \
                  The fix is splice.",
};
