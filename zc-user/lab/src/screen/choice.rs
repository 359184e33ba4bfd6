//! The list of scenes, from which one is chosen by its number or with the arrows.

use crossterm::event::KeyCode;
use ratatui::text::{Line, Span};

use super::chrome::{mark, numbered};
use crate::{
    language::Language,
    tour::{walk::Tour, words},
};
use zc_render::theme::Theme;
use zc_tui::{
    action::Motion,
    keymap::{self, Binding, Chord, Key, bind, chr, key},
    view::canvas::Canvas,
};

/// The most digits that are taken: a script has 1000 scenes at most.
const DIGITS: usize = 4;
/// Lines above the list.
const HEAD: u16 = 2;

/// What footers say while a scene is chosen; [`Choice::press`] has what keys do.
macro_rules! table {
    ($words:expr) => {
        &[
            bind(&[key(KeyCode::Enter), chr(' ')], "Enter", (), $words.take.1).hint(
                0,
                "Enter",
                $words.take.0,
            ),
            bind(&[key(KeyCode::Up), key(KeyCode::Down)], "Up Down", (), $words.select.1).hint(
                1,
                "Up/Down",
                $words.select.0,
            ),
            bind(&[key(KeyCode::Esc), chr('q'), chr('g')], "Esc", (), $words.close.1).hint(
                2,
                "Esc",
                $words.close.0,
            ),
            bind(&[chr('?'), key(KeyCode::F(1))], "? F1", (), $words.help.1).hint(
                12,
                "?",
                $words.help.0,
            ),
        ]
    };
}

static ENGLISH: &[Binding<()>] = table!(words::ENGLISH_KEYS);
static CHINESE: &[Binding<()>] = table!(words::CHINESE_KEYS);

/// The keys while a scene is chosen.
pub(super) fn keys(language: Language) -> Vec<&'static Key> {
    keymap::keys(match language {
        Language::En => ENGLISH,
        Language::Zh => CHINESE,
    })
}

/// A choice that is being made.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    typed: String,
    selected: usize,
}

/// The end of a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chosen {
    /// More is to come.
    NotYet,
    /// This scene, from 0.
    Scene(usize),
    /// The user wants none.
    None,
}

impl Choice {
    /// At this scene.
    pub(super) const fn at(scene: usize) -> Self {
        Self { typed: String::new(), selected: scene }
    }

    /// Whether a key moves the selection, which [`Self::step`] does.
    pub(super) const fn is_motion(&self, chord: Chord) -> bool {
        use KeyCode::{Down, End, Home, PageDown, PageUp, Up};
        matches!(chord.code, Up | Down | Home | End | PageUp | PageDown)
    }

    /// Takes a key. A number that no other digit can make longer is complete.
    pub(super) fn press(&mut self, chord: Chord, tour: &Tour) -> Chosen {
        let last = tour.script().scenes.len();
        match chord.code {
            KeyCode::Esc | KeyCode::Char('q' | 'g') => return Chosen::None,
            KeyCode::Enter | KeyCode::Char(' ') => return Chosen::Scene(self.selected),
            KeyCode::Backspace => {
                self.typed.pop();
            }
            KeyCode::Char(digit) if digit.is_ascii_digit() && self.typed.len() < DIGITS => {
                self.typed.push(digit);
            }
            _ => {}
        }
        if let Ok(number @ 1..) = self.typed.parse::<usize>() {
            self.selected = (number - 1).min(last);
            if number * 10 > last {
                return Chosen::Scene(self.selected);
            }
        }
        Chosen::NotYet
    }

    /// Moves the selection.
    pub(super) fn step(&mut self, motion: Motion, tour: &Tour) {
        let last = tour.script().scenes.len();
        self.typed.clear();
        self.selected = match motion {
            Motion::Up => self.selected.saturating_sub(1),
            Motion::Down => (self.selected + 1).min(last),
            Motion::PageUp | Motion::First => 0,
            Motion::PageDown | Motion::Last => last,
        };
    }

    /// Lines above a screen of so many that shows the selection, and the line below it.
    pub(super) fn scrolled(&self, height: u16) -> u16 {
        let line = u16::try_from(self.selected).unwrap_or(u16::MAX).saturating_add(HEAD);
        line.saturating_add(2).saturating_sub(height)
    }

    /// The list.
    pub(super) fn canvas(&self, tour: &Tour, theme: Theme, width: u16) -> Canvas {
        let mut canvas = Canvas::new(width);
        let words = tour.words();
        let cursor = format!("{} {}_", words.scenes, self.typed);
        canvas.line(Span::styled(cursor, theme.head()));
        canvas.line(Span::styled(words.choose, theme.dim()));
        let titles = tour.script().scenes.iter().map(|scene| scene.title.as_str());
        for (index, title) in titles.chain([words.summary]).enumerate() {
            let (sign, style) = mark(tour, index, theme);
            let line = Line::from(vec![
                Span::styled(format!("{sign} "), style),
                Span::raw(numbered(index, title, tour)),
            ]);
            let selected = index == self.selected;
            canvas.line(if selected { line.patch_style(theme.selected()) } else { line });
        }
        canvas
    }
}
