//! What the tour says by itself, in one table: another language is another table. What is said of a scene is in the
//! script.

/// The sentences of one language.
#[derive(Debug)]
pub struct Words {
    /// Above a picture without an answer.
    pub question: &'static str,
    /// Asks for a guess.
    pub guess: &'static str,
    /// Before the guess that was typed.
    pub guessed: &'static str,
    /// The heading over a guess in a table.
    pub guess_column: &'static str,
    /// After a right guess.
    pub right: &'static str,
    /// After a wrong one.
    pub wrong: &'static str,
    /// Before the command that repeats a scene.
    pub type_this: &'static str,
    /// What the program does, before some lines of C.
    pub in_c: &'static str,
    /// Before what a script says of results, where nothing was counted.
    pub theory: &'static str,
    /// A verdict where the number of copies follows from the path; the first one of a tour.
    pub modelled_first: &'static str,
    /// The same for the others.
    pub modelled: &'static str,
    /// After a failure.
    pub failed_twice: &'static str,
    /// While a workload that failed runs once more.
    pub second_attempt: &'static str,
    /// The heading of the list of scenes.
    pub scenes: &'static str,
    /// How to choose one.
    pub choose: &'static str,
    /// The heading of the last screen.
    pub summary: &'static str,
    /// What the table of the last screen shows.
    pub summary_table: &'static str,
    /// The parts of a handout.
    pub exercises: &'static str,
    /// The second one.
    pub solutions: &'static str,
    /// How to use a handout.
    pub how_to_use: &'static str,
    /// What to fill in below a picture.
    pub blanks: &'static str,
    /// The first column of a table of figures, and the others.
    pub figure: &'static str,
    /// What the textbook says.
    pub textbook: &'static str,
    /// What was measured.
    pub here: &'static str,
    /// What a class guessed.
    pub guess_heading: &'static str,
    /// A scene that did not run.
    pub not_run: &'static str,
    /// What holds for copies that are a model.
    pub modelled_caveat: &'static str,
    /// How to leave the last screen.
    pub leave: &'static str,
}

/// English.
pub static ENGLISH: Words = Words {
    question: "Where does the CPU copy? Where does a device move the bytes, and where do references do?",
    guess: "How often does the CPU copy each byte? Type 0, 1, 2 or 3.",
    guessed: "The guess:",
    guess_column: "guess",
    right: "right",
    wrong: "not right",
    type_this: "Type this:",
    in_c: "In C:",
    theory: "Theory, not checked here:",
    modelled_first: "calls and moved bytes are as the textbook says; the number of copies is theory, not checked here, \
                     because this kernel does not let zc trace the functions that copy (~)",
    modelled: "calls and moved bytes are as the textbook says (~)",
    failed_twice: "It failed twice. r tries again.",
    second_attempt: "The first attempt failed; this is the second.",
    scenes: "Scenes",
    choose: "Type a number, or use Up and Down; Enter goes there, Esc stays here.",
    summary: "Summary",
    summary_table: "CPU copies per byte and mode switches per transfer: textbook, then measured.",
    exercises: "Exercises",
    solutions: "Solutions",
    how_to_use: "The first part asks, the second one answers with what this machine did: print them apart.",
    blanks: "CPU copies of each byte: ______   mode switches of a transfer: ______",
    figure: "FIGURE",
    textbook: "TEXTBOOK",
    here: "THIS MACHINE",
    guess_heading: "GUESS",
    not_run: "This scene was left out.",
    modelled_caveat: "The number of copies (~) follows from the path: theory, not checked here, because this kernel does \
                      not let zc trace the functions that copy. Moved bytes and calls are measured.",
    leave: "Space leaves the tour; a number goes back to that scene.",
};
