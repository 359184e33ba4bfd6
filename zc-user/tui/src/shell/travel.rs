//! Going elsewhere in a recording.

use anyhow::Result;
use zc_model::{
    snapshot::Snapshot,
    source::{Moment, Steer},
};

use super::{Shell, keys::Travel};
use crate::state::prompt::{Prompt, Wanted};

impl From<Travel> for Steer {
    fn from(travel: Travel) -> Self {
        match travel {
            Travel::On => Self::Snapshots(1),
            Travel::Back => Self::Snapshots(-1),
            Travel::MinuteOn => Self::Seconds(60),
            Travel::MinuteBack => Self::Seconds(-60),
            Travel::NextMark => Self::NextMark,
            Travel::PreviousMark => Self::PreviousMark,
            Travel::Now => Self::Now,
            Travel::Faster => Self::Faster,
            Travel::Slower => Self::Slower,
        }
    }
}

impl Shell<'_> {
    /// Goes elsewhere in time; there is nothing later than now.
    pub(super) fn travel(&mut self, travel: Travel) {
        let is_later = matches!(travel, Travel::On | Travel::MinuteOn | Travel::NextMark);
        let is_now = !self.context.is_recorded() && !self.context.is_in_past();
        if is_later && is_now {
            return self.context.say(Ok("nothing is later than this: , goes back".to_owned()));
        }
        let is_to_mark = matches!(travel, Travel::NextMark | Travel::PreviousMark);
        if is_to_mark
            && !self.context.is_recorded()
            && self.context.timeline().marks().next().is_none()
        {
            return self.context.say(Ok("no moment has a name yet: m gives one".to_owned()));
        }
        self.context.steer(travel.into());
    }

    /// Takes a snapshot that only leads up to the one to be shown.
    pub(crate) fn lead_up(&mut self, next: Result<Option<Snapshot>>) {
        self.context.receive(next);
    }

    /// Where in the recording the user wants to be, if elsewhere.
    pub(crate) fn steer(&mut self) -> Option<Steer> {
        self.context.take_steer()
    }

    /// The recording has been moved in, or not.
    pub(crate) fn steered(&mut self, moved: Result<bool>) {
        match (moved, &mut self.prompt) {
            (Ok(moved), _) => {
                self.prompt = None;
                self.context.arrived();
                if moved {
                    self.context.moved();
                }
            }
            (Err(error), Some(prompt)) => prompt.error = Some(format!("{error:#}")),
            (Err(error), None) => self.context.complain(&error),
        }
    }

    /// The next snapshot is of this moment of the recording.
    pub(crate) fn at(&mut self, moment: Option<Moment>) {
        self.context.at(moment);
    }

    /// A moment or a name, while it is typed.
    pub(crate) const fn prompt(&self) -> Option<&Prompt> {
        self.prompt.as_ref()
    }

    /// Asks for what was typed; an empty line asks for nothing.
    pub(super) fn accept_prompt(&mut self) {
        let typed = self.prompt.as_ref().map(|prompt| (prompt.wanted, prompt.line.text()));
        match typed.filter(|(_, text)| !text.trim().is_empty()) {
            Some((Wanted::Moment, text)) => self.context.steer(Steer::Named(text)),
            Some((Wanted::Mark, text)) => self.context.steer(Steer::Mark(text.trim().to_owned())),
            None => self.prompt = None,
        }
    }
}
