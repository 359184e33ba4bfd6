//! What a report says by itself, in one table: another language is another table.

use zc_render::diagram::labels::{self, Labels};

/// The words of one language.
#[derive(Debug)]
pub struct Wording {
    /// The language, as HTML names it.
    pub lang: &'static str,
    /// The names of parts, for readers that hear the page: the answer.
    pub answer: &'static str,
    /// The list of sections.
    pub sections: &'static str,
    /// Lines to type, of a section.
    pub command: &'static str,
    /// Before the version of zc.
    pub made_by: &'static str,
    /// Behind it.
    pub asks_for_nothing: &'static str,
    /// The name of a picture.
    pub picture: &'static str,
    /// What it is as a question.
    pub asked: &'static str,
    /// A picture without arrows.
    pub nothing: &'static str,
    /// What the arrows mean: copies.
    pub copied: &'static str,
    /// References.
    pub reference: &'static str,
    /// Transfers of devices.
    pub device: &'static str,
    /// Before the place where an arrow begins.
    pub from: &'static str,
    /// Before the one where it ends.
    pub to: &'static str,
    /// The words on a picture.
    pub labels: &'static Labels,
}

/// English.
pub static ENGLISH: Wording = Wording {
    lang: "en",
    answer: "The answer",
    sections: "Sections",
    command: "Command of",
    made_by: "Made by zc",
    asks_for_nothing: ". This page asks for nothing: no script, no font, no network.",
    picture: "Where the bytes went",
    asked: "An exercise: where do the bytes go, and by which means?",
    nothing: "Nothing moved.",
    copied: "copied by the CPU",
    reference: "by reference: pages are passed on",
    device: "moved by a device (DMA)",
    from: "from",
    to: "to",
    labels: &labels::ENGLISH,
};

impl PartialEq for Wording {
    fn eq(&self, other: &Self) -> bool {
        self.lang == other.lang
    }
}
