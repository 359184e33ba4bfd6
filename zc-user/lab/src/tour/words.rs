//! What the tour says by itself, in one table per language. What is said of a scene is in the script, and what the
//! catalog says of its scenarios is translated in a table of its own.

mod catalog;
mod chinese;
mod english;

use std::borrow::Cow;

use zc_render::diagram::labels::Labels;

pub use self::{chinese::CHINESE, english::ENGLISH};
pub(crate) use self::{chinese::KEYS as CHINESE_KEYS, english::KEYS as ENGLISH_KEYS};
use crate::{
    judge::{picture, verdict::Judgement},
    language::{Language, fill},
    sink::Sink,
};
use zc_model::{picture::Place, snapshot::Provenance};

/// What footer and help say of a key: the word, and the effect.
pub type KeyWords = (&'static str, &'static str);

/// The keys of the tour, in the order of their table.
#[derive(Debug)]
pub struct Keys {
    /// Pause, or go on.
    pub pause: KeyWords,
    /// To the next step.
    pub next: KeyWords,
    /// To an earlier one.
    pub back: KeyWords,
    /// Twice as fast.
    pub faster: KeyWords,
    /// Half as fast; it has no word.
    pub slower: &'static str,
    /// Digits; they have no word.
    pub digits: &'static str,
    /// The list of scenes.
    pub scenes: KeyWords,
    /// Once more.
    pub again: KeyWords,
    /// Copy the command.
    pub copy: KeyWords,
    /// Big figures.
    pub big: KeyWords,
    /// The help.
    pub help: KeyWords,
    /// Leave.
    pub quit: KeyWords,
    /// Close what is open.
    pub close: KeyWords,
    /// One screen further.
    pub on: KeyWords,
    /// Take what is selected.
    pub take: KeyWords,
    /// Select.
    pub select: KeyWords,
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The sentences of one language. Values stand in braces: `{count}`.
        #[derive(Debug)]
        pub struct Words {
            /// The language.
            pub language: Language,
            $($(#[$doc])* pub $name: &'static str,)*
            /// The script of the built-in tour.
            pub script: &'static str,
            /// The words on a picture.
            pub labels: &'static Labels,
            /// The places of a picture; empty where they have the names of the model.
            pub places: &'static [(Place, &'static str)],
            /// What the signs of scenes mean.
            pub signs: &'static [(&'static str, &'static str)],
            /// The catalog of the lab, and what it says of findings: in English, and in this language. A `{}` stands
            /// for anything.
            pub catalog: &'static [(&'static str, &'static str)],
        }

        impl Words {
            /// The sentences with their names, to compare languages.
            #[must_use]
            pub fn entries(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($name), self.$name)),*]
            }
        }
    };
}

words! {
    /// The name of a tour without one.
    tour_name,
    /// Between the names of two scenarios.
    and,
    /// Above a picture without an answer.
    question,
    /// Asks for a guess.
    guess,
    /// Before the guess that was typed.
    guessed,
    /// The heading over a guess in a table.
    guess_column,
    /// After a right guess.
    right,
    /// After a wrong one.
    wrong,
    /// How many guesses were right.
    score,
    /// Before the command that repeats a scene.
    type_this,
    /// What the program does, before some lines of C.
    in_c,
    /// Before what a script says of results, where nothing was counted.
    theory,
    /// The same, where nothing ran.
    would_have_seen,
    /// A verdict: theory and measurement agree.
    as_textbook,
    /// A verdict: they do not, and why.
    differs,
    /// A verdict: they do not, and nothing is known that explains it.
    unexplained,
    /// A verdict: nothing was counted, and why.
    not_measured,
    /// Between two reasons.
    and_because,
    /// A verdict where the number of copies follows from the path; the first one of a tour.
    modelled_first,
    /// The same for the others.
    modelled,
    /// After a failure.
    failed_twice,
    /// While a workload that failed runs once more.
    second_attempt,
    /// What the textbook claims.
    claim,
    /// Before the name of a hazard.
    hazard,
    /// What a hazard does to programs.
    danger,
    /// Before a fact that is not the known one.
    not_expected_mark,
    /// All facts of a hazard are the known ones.
    as_expected,
    /// They are not.
    not_as_expected,
    /// A hazard whose figures are not known.
    figures_not_measured,
    /// What was left out, and why.
    skipped,
    /// What went wrong.
    failed,
    /// What runs, and how much of it.
    setting,
    /// In what pieces.
    transfers,
    /// With an empty page cache.
    cold,
    /// Where the payload goes.
    destination,
    /// How long a workload has been running.
    runs_for,
    /// What the laboratory does.
    round,
    /// Why there are no figures.
    nothing_is_counted,
    /// The columns of a table of figures.
    column_theory,
    /// The second one.
    column_measured,
    /// The heading of the list of scenes.
    scenes,
    /// How to choose one.
    choose,
    /// The heading of the last screen.
    summary,
    /// What the table of the last screen shows.
    summary_table,
    /// How to leave the last screen.
    leave,
    /// Its columns: copies.
    column_copies,
    /// Mode switches.
    column_switches,
    /// Bytes a second.
    column_throughput,
    /// Compared with read + write.
    column_relative,
    /// The heading of times.
    times,
    /// The results of a tour: how many there were.
    workload,
    /// More than one.
    workloads,
    /// Between that and the parts.
    colon,
    /// Between two parts.
    comma,
    /// At the end of a sentence.
    full_stop,
    /// Parts of it: as the textbook says.
    tally_textbook,
    /// Different, and why is known.
    tally_differs,
    /// Different, and why is not known.
    tally_unexplained,
    /// Not counted.
    tally_not_measured,
    /// A hazard that was reproduced.
    tally_hazard,
    /// More than one.
    tally_hazards,
    /// Not as expected.
    tally_unexpected,
    /// Left out.
    tally_skipped,
    /// Went wrong.
    tally_failed,
    /// A result in a word or two: as the textbook says.
    word_textbook,
    /// Different.
    word_differs,
    /// Different, and why is not known.
    word_unexplained,
    /// Not counted.
    word_not_measured,
    /// A hazard as expected.
    word_expected,
    /// A hazard that was not.
    word_unexpected,
    /// Left out.
    word_skipped,
    /// Went wrong.
    word_failed,
    /// The header: another scene is looked at.
    looking_back,
    /// It stands still.
    paused,
    /// A key leaves.
    space_leaves,
    /// A key goes on.
    space_continues,
    /// It goes on by itself.
    next_in,
    /// A workload runs.
    running,
    /// Nothing is counted.
    copies_unknown,
    /// Copies are counted.
    copies_measured,
    /// They are not; a mark follows.
    copies_other,
    /// The same in a sentence: they are counted.
    copies_are_measured,
    /// They are not.
    copies_are_other,
    /// Provenances.
    modelled_word,
    /// The second one.
    assumed_word,
    /// The name of the page.
    page,
    /// What it is about.
    page_about,
    /// The first line of a text.
    opening,
    /// The parts of a handout.
    exercises,
    /// The second one.
    solutions,
    /// How to use a handout.
    how_to_use,
    /// What to fill in below a picture.
    blanks,
    /// The first column of a table of figures, and the others.
    figure,
    /// What the textbook says.
    textbook,
    /// What was measured.
    here,
    /// What a class guessed.
    guess_heading,
    /// A scene that did not run.
    not_run,
    /// What holds for copies that are a model.
    modelled_caveat,
    /// Figures at the head of a handout: workloads.
    figure_workloads,
    /// Guesses.
    figure_guesses,
    /// How many of them were right.
    of_guesses,
    /// That a handout was written.
    handout_written,
    /// Before the scene that another one is compared with.
    compared_with,
    /// Instead of a figure of a scene that was left out.
    bar_not_run,
    /// Above big figures.
    big_copies,
    /// Where a page goes on below the screen.
    more_lines,
    /// The heading of the help.
    help,
    /// Its parts: keys of the tour.
    help_here,
    /// Keys that scroll, and others that always work.
    help_moving,
    /// The signs of scenes.
    help_signs,
    /// The arrows of pictures.
    help_arrows,
    /// What keys do there: one line.
    move_line,
    /// One screen.
    move_screen,
    /// To the ends.
    move_ends,
    /// Ctrl-C.
    interrupt,
    /// Ctrl-L.
    redraw,
    /// Ctrl-Z.
    suspend,
}

impl Words {
    /// Those of a language.
    #[must_use]
    pub const fn of(language: Language) -> &'static Self {
        match language {
            Language::En => &ENGLISH,
            Language::Zh => &CHINESE,
        }
    }

    /// A sentence of the catalog or of a finding, in this language; as it is where the table does not have it.
    #[must_use]
    pub fn say<'a>(&self, english: &'a str) -> Cow<'a, str> {
        catalog::translate(self.catalog, english)
    }

    /// A verdict, for people.
    #[must_use]
    pub fn judgement(&self, judgement: &Judgement) -> String {
        let why = || {
            let reasons = judgement.reasons().into_iter().map(|reason| self.say(reason));
            reasons.collect::<Vec<_>>()
        };
        match judgement {
            Judgement::Textbook => self.as_textbook.to_owned(),
            Judgement::Differs(_) => fill(self.differs, &[("why", &why().join(self.and_because))]),
            Judgement::Unexplained(_) => fill(self.unexplained, &[("why", &why().join("; "))]),
            Judgement::NotMeasured(_) => fill(self.not_measured, &[("why", &why().concat())]),
        }
    }

    /// Where a figure comes from.
    #[must_use]
    pub fn provenance(&self, provenance: Provenance) -> Cow<'static, str> {
        match provenance {
            Provenance::Modelled => Cow::Borrowed(self.modelled_word),
            Provenance::Assumed => Cow::Borrowed(self.assumed_word),
            other => Cow::Owned(other.id().to_string()),
        }
    }

    /// What was left out, and why.
    #[must_use]
    pub fn skipped(&self, why: &str) -> String {
        fill(self.skipped, &[("why", &self.say(why))])
    }

    /// What went wrong.
    #[must_use]
    pub fn failed(&self, why: &str) -> String {
        fill(self.failed, &[("why", &self.say(why))])
    }

    /// The places of a picture where the payload goes to this sink.
    #[must_use]
    pub fn names(&self, sink: Sink) -> Vec<(Place, &'static str)> {
        let of_sink = picture::names(sink);
        let here = |english: &'static str| {
            let known = self.catalog.iter().find(|(known, _)| *known == english);
            known.map_or(english, |(_, name)| name)
        };
        let of_sink = of_sink.into_iter().map(|(place, name)| (place, here(name)));
        // The first of a place is the one that is shown.
        of_sink.chain(self.places.iter().copied()).collect()
    }
}

#[cfg(test)]
mod tests;
