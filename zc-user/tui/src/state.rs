//! What all pages share: the frames so far, the filter, the theme, and the room on the screen.
//!
//! Nothing here draws, and nothing here knows a page.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use ratatui::layout::Rect;

use crate::keymap::Remap;
use zc_model::{
    advice::Findings,
    filter::{Expr, Filter},
    frame::{Frame, Scope},
    history::{Baseline, History, Point, Timeline},
    snapshot::{LossId, Losses, ProcessId, ProcessSample, Provenance, Snapshot},
    source::{Interrupted, Moment, Steer},
    watch::Watch,
};
use zc_render::theme::Theme;

pub mod checks;
pub mod filter;
pub mod inspected;
pub mod key;
pub mod lost;
pub mod order;
pub mod prompt;
pub mod rows;
pub mod scroll;
pub mod shot;

use self::{filter::FilterState, inspected::Inspected, lost::Lost, shot::Shot};

/// The intervals that `+` and `-` step through, milliseconds.
const INTERVALS_MS: &[u64] = &[100, 250, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000];

/// What pages read and the shell changes.
pub struct Context {
    theme: Theme,
    interval: Duration,
    body: Rect,
    previous: Option<Snapshot>,
    live: Shot,
    /// What a paused display shows.
    frozen: Option<Shot>,
    ended: bool,
    /// What is shown happened before: a recording.
    recorded: bool,
    /// Whether the last minutes can be gone back to.
    keeps_past: bool,
    /// Where in a recording it is, or in the last minutes.
    moment: Option<Moment>,
    /// Where in it the user wants to be.
    steer: Option<Steer>,
    /// Whether that is another moment, not another speed.
    travels: bool,
    /// Whether it stands still there.
    held: bool,
    complaint: Option<String>,
    /// What figures are compared with.
    baseline: Option<Arc<Baseline>>,
    /// What the user asked for has been done, until the next key.
    said: Option<String>,
    /// Whether what is shown can be handed on.
    hands_on: bool,
    narrowed: Filter,
    watch: Watch,
    lost: Lost,
    /// The last ten minutes.
    timeline: Timeline,
    /// The filter that the user types.
    pub(crate) filter: FilterState,
    keys: Remap,
    inspected: Inspected,
    has_archive: bool,
}

impl Context {
    /// Nothing received yet; `narrowed` is the filter of the command line.
    #[must_use]
    pub fn new(theme: Theme, interval: Duration, narrowed: Filter) -> Self {
        // What the user could have typed can be edited.
        let (line, narrowed) = narrowed.into_line();
        Self {
            theme,
            interval,
            body: Rect::ZERO,
            previous: None,
            live: Shot::default(),
            frozen: None,
            ended: false,
            recorded: false,
            keeps_past: false,
            moment: None,
            steer: None,
            travels: false,
            held: false,
            complaint: None,
            baseline: None,
            said: None,
            hands_on: false,
            watch: Watch::new(narrowed.watched.clone()),
            narrowed,
            lost: Lost::default(),
            timeline: Timeline::default(),
            filter: FilterState::of(&line),
            keys: Remap::default(),
            inspected: Inspected::default(),
            has_archive: false,
        }
    }

    /// The same, of a recording.
    #[must_use]
    pub fn of_recording(self, recorded: bool) -> Self {
        Self { recorded, ..self }
    }

    /// The same, with other keys.
    #[must_use]
    pub fn with_keys(self, keys: Remap) -> Self {
        Self { keys, ..self }
    }

    /// The keys that the user chose.
    #[must_use]
    pub const fn keys(&self) -> &Remap {
        &self.keys
    }

    /// The same, with filters that have names.
    #[must_use]
    pub fn with_filters(mut self, named: Vec<(String, String)>) -> Self {
        self.filter.remember(named);
        self
    }

    /// Whether what is shown is a recording.
    #[must_use]
    pub const fn is_recorded(&self) -> bool {
        self.recorded
    }

    /// The same, of a live source of which the last minutes are kept.
    #[must_use]
    pub fn with_past(self, keeps_past: bool) -> Self {
        Self { keeps_past, ..self }
    }

    /// Whether what is shown can be moved in time.
    #[must_use]
    pub const fn has_past(&self) -> bool {
        self.recorded || self.keeps_past
    }

    /// Whether what is shown happened before, while a live source goes on.
    #[must_use]
    pub const fn is_in_past(&self) -> bool {
        !self.recorded && self.moment.is_some()
    }

    /// Where in the recording, or in the last minutes, what is shown is.
    #[must_use]
    pub const fn moment(&self) -> Option<&Moment> {
        self.moment.as_ref()
    }

    /// The next snapshot is of this moment.
    pub(crate) fn at(&mut self, moment: Option<Moment>) {
        if self.is_in_past() && moment.is_none() {
            // It is live again.
            self.held = false;
        }
        self.moment = moment;
    }

    /// Wants to be elsewhere in the recording.
    pub(crate) fn steer(&mut self, steer: Steer) {
        if let Steer::Mark(text) = &steer
            && let Some(at_ns) = self.frame().map(|frame| frame.taken_at_ns)
        {
            self.timeline.mark(at_ns, text);
        }
        self.steer = Some(steer);
    }

    /// Where the user wants to be, once.
    pub(crate) fn take_steer(&mut self) -> Option<Steer> {
        let steer = self.steer.take()?;
        self.travels =
            !matches!(steer, Steer::Faster | Steer::Slower | Steer::Mark(_) | Steer::Now);
        Some(steer)
    }

    /// What the user wanted was done: a recording stands still where it was moved to.
    pub(crate) fn arrived(&mut self) {
        self.held |= self.travels && self.moment.is_some();
    }

    /// What comes now has nothing to do with what came before.
    pub(crate) fn moved(&mut self) {
        self.previous = None;
        self.live = Shot::default();
        self.frozen = None;
        self.lost.begin_again();
        self.ended = false;
    }

    /// The next snapshot has been asked for.
    pub(crate) fn receive(&mut self, next: Result<Option<Snapshot>>) {
        match next {
            Ok(Some(next)) => {
                self.complaint = None;
                if let Some(previous) = &self.previous {
                    // Given back first: the next frame takes as much memory as this one.
                    self.live.frame = None;
                    let frame = Frame::between(previous, &next);
                    if !self.recorded {
                        self.lost.look(&frame, self.interval);
                    }
                    self.timeline.push(&frame);
                    if let Some(mark) = self.moment.as_ref().and_then(|it| it.mark.as_deref()) {
                        self.timeline.mark(frame.taken_at_ns, mark);
                    }
                    self.live.push(frame);
                }
                self.live.losses.clone_from(&next.losses);
                self.watch.look(&next);
                self.previous = Some(next);
            }
            Ok(None) if self.moment.as_ref().is_some_and(|moment| moment.grows) => {}
            Ok(None) => {
                self.ended = true;
                // A recording of one snapshot has no interval but the one since it began.
                let is_one =
                    self.moment.as_ref().is_none_or(|moment| moment.first_ns == moment.last_ns);
                if is_one
                    && self.live.frame.is_none()
                    && let Some(only) = self.previous.take()
                {
                    self.live.push(Frame::cumulative(only));
                }
            }
            Err(error) => {
                if Interrupted::has_begun_again(&error) {
                    self.previous = None;
                    self.lost.begin_again();
                }
                self.complain(&error);
            }
        }
    }

    /// The same, where what is shown can be handed on.
    #[must_use]
    pub fn handing_on(self, hands_on: bool) -> Self {
        Self { hands_on, ..self }
    }

    /// Whether what is shown can be handed on.
    #[must_use]
    pub const fn hands_on(&self) -> bool {
        self.hands_on
    }

    /// Compares with what is usual now, from now on.
    pub(crate) fn set_baseline(&mut self) {
        let shot = self.shot();
        let baseline = shot.frame.as_ref().map(|frame| shot.history.baseline(frame.taken_at_ns));
        self.baseline = baseline.map(Arc::new);
    }

    /// Compares no more.
    pub(crate) fn clear_baseline(&mut self) {
        self.baseline = None;
    }

    /// The last ten minutes, as far as they have been seen.
    #[must_use]
    pub const fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// What figures are compared with.
    #[must_use]
    pub fn baseline(&self) -> Option<&Baseline> {
        self.baseline.as_deref()
    }

    /// What the user asked for has been done, or not: to be read until the next key.
    pub(crate) fn say(&mut self, done: Result<String>) {
        self.said = Some(done.unwrap_or_else(|error| format!("{error:#}")));
    }

    /// It has been read.
    pub(crate) fn unsay(&mut self) {
        self.said = None;
    }

    /// What has been done.
    #[must_use]
    pub fn said(&self) -> Option<&str> {
        self.said.as_deref()
    }

    /// All that selects processes.
    #[must_use]
    pub fn selection(&self) -> Filter {
        let mut selection = self.narrowed.clone();
        selection.expr = match (selection.expr.take(), self.filter.expr().cloned()) {
            (Some(one), Some(other)) => Some(Expr::And(Box::new(one), Box::new(other))),
            (one, other) => one.or(other),
        };
        selection
    }

    /// Something failed that does not end the session.
    pub(crate) fn complain(&mut self, error: &anyhow::Error) {
        self.complaint = Some(format!("{error:#}"));
    }

    /// Pages have this room from now on.
    pub(crate) fn set_body(&mut self, body: Rect) {
        self.body = body;
    }

    /// Freezes the display, or shows what happens now. A recording waits.
    pub(crate) fn toggle_pause(&mut self) {
        if self.is_in_past() {
            return self.steer(Steer::Now);
        }
        if self.recorded {
            self.held = !self.held;
            return;
        }
        self.frozen = if self.frozen.is_some() { None } else { Some(self.live.clone()) };
    }

    /// The next longer interval.
    pub(crate) fn slow_down(&mut self) {
        let mut steps = intervals();
        self.interval = steps.find(|step| *step > self.interval).unwrap_or(self.interval);
    }

    /// The next shorter interval.
    pub(crate) fn speed_up(&mut self) {
        let mut steps = intervals();
        self.interval = steps.rfind(|step| *step < self.interval).unwrap_or(self.interval);
    }

    /// Whether this process passes what was typed and what the command line said.
    #[must_use]
    pub fn selects(&self, process: &ProcessSample, frame: &Frame) -> bool {
        self.narrowed.selects(process, frame) && self.filter.selects(process, frame)
    }

    /// Whether this process passes what the command line said.
    #[must_use]
    pub(crate) fn admits(&self, process: &ProcessSample, frame: &Frame) -> bool {
        self.narrowed.selects(process, frame)
    }

    /// Whether the command line leaves processes out.
    #[must_use]
    pub(crate) fn is_narrowed(&self) -> bool {
        !self.narrowed.is_everything()
    }

    /// What the command line has narrowed the list to, in a few words.
    #[must_use]
    pub(crate) fn narrowed_to(&self) -> Option<String> {
        self.narrowed.in_words()
    }

    /// Whether some processes are followed only, and there are others.
    #[must_use]
    pub fn follows_some(&self) -> bool {
        self.narrowed.followed
    }

    /// The processes given by number that have ended.
    #[must_use]
    pub(crate) fn ended(&self) -> &[Arc<ProcessSample>] {
        self.watch.ended()
    }

    /// Completes the word of the filter that is typed, with what is on the screen too.
    pub(crate) fn complete_filter(&mut self, backwards: bool) {
        let shot = self.frozen.as_ref().unwrap_or(&self.live);
        self.filter.complete(shot.frame.as_deref(), backwards);
    }

    /// Whether processes may be hidden.
    #[must_use]
    pub fn is_filtered(&self) -> bool {
        !self.narrowed.is_everything() || self.filter.is_active()
    }

    /// The frame on the screen, once there is one.
    #[must_use]
    pub fn frame(&self) -> Option<&Arc<Frame>> {
        self.shot().frame.as_ref()
    }

    /// The rates of a process over the last intervals, oldest first.
    #[must_use]
    pub fn points(&self, id: ProcessId) -> Vec<Point> {
        self.shot().history.process(id).map_or_else(Vec::new, |track| track.points().collect())
    }

    /// The rates of the last intervals.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.shot().history
    }

    /// The advice of the frame on the screen.
    #[must_use]
    pub fn findings(&self) -> &Arc<Findings> {
        &self.shot().findings
    }

    /// How long the last `count` intervals were together, or as many as there were.
    #[must_use]
    pub fn span(&self, count: usize) -> Duration {
        self.shot().intervals.iter().rev().take(count).sum()
    }

    /// Everything lost since the source began.
    #[must_use]
    pub fn losses(&self) -> &Losses {
        &self.shot().losses
    }

    /// Whether a loss concerns what the header shows: all processes that are followed.
    #[must_use]
    pub(crate) fn concerns(&self, loss: LossId) -> bool {
        Scope { followed: self.narrowed.followed, filtered: false }.concerns(loss)
    }

    /// The losses that do, as far as the user has not seen them.
    pub(crate) fn losses_here(&self) -> impl Iterator<Item = (LossId, u64)> + '_ {
        self.lost.unseen(self.losses()).filter(|(loss, _)| self.concerns(*loss))
    }

    /// What is remembered of losses.
    pub(crate) const fn lost(&self) -> &Lost {
        &self.lost
    }

    /// The user has seen what was lost so far.
    pub(crate) fn acknowledge(&mut self) {
        let losses = self.shot().losses.clone();
        self.lost.acknowledge(&losses);
    }

    /// Where the page is; empty on a screen that is too small for it.
    #[must_use]
    pub const fn body(&self) -> Rect {
        self.body
    }

    /// Colours and signs.
    #[must_use]
    pub const fn theme(&self) -> Theme {
        self.theme
    }

    /// Time between snapshots.
    #[must_use]
    pub const fn interval(&self) -> Duration {
        self.interval
    }

    /// Whether the display is frozen.
    #[must_use]
    pub const fn is_paused(&self) -> bool {
        self.frozen.is_some() || self.held
    }

    /// Whether the recording stands still.
    #[must_use]
    pub(crate) const fn is_held(&self) -> bool {
        self.held
    }

    /// Whether the source has no more snapshots.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.ended
    }

    /// What last went wrong, until it goes well again.
    #[must_use]
    pub fn complaint(&self) -> Option<&str> {
        self.complaint.as_deref()
    }

    /// The filter that the user types.
    #[must_use]
    pub const fn filter(&self) -> &FilterState {
        &self.filter
    }

    /// Whether numbers on the screen carry the mark of a model.
    #[must_use]
    pub fn is_modelled(&self) -> bool {
        self.frame().is_some_and(|frame| {
            frame.host.copies == Provenance::Modelled
                || frame.totals.paths.iter().any(|path| path.provenance == Provenance::Modelled)
        })
    }

    fn shot(&self) -> &Shot {
        self.frozen.as_ref().unwrap_or(&self.live)
    }
}

fn intervals() -> impl DoubleEndedIterator<Item = Duration> {
    INTERVALS_MS.iter().copied().map(Duration::from_millis)
}
