//! What a screen is made from: a frame, and what led up to it.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use zc_model::{
    advice::{Findings, Recent},
    frame::Frame,
    history::History,
    snapshot::Losses,
};

/// A frame with its history. Pausing keeps one while another goes on.
#[derive(Clone, Debug, Default)]
pub struct Shot {
    /// The last frame, once there is one.
    pub frame: Option<Arc<Frame>>,
    /// The frames so far.
    pub history: History,
    /// What advice rests on.
    recent: Recent,
    /// The advice of the last frame.
    pub findings: Arc<Findings>,
    /// Everything lost since the source began.
    pub losses: Losses,
    /// How long each of the last intervals was.
    pub intervals: VecDeque<Duration>,
}

impl Shot {
    /// The next frame.
    pub fn push(&mut self, mut frame: Frame) {
        self.recent.follow(&mut frame);
        self.history.push(&frame);
        self.intervals.push_back(Duration::from_nanos(frame.elapsed_ns));
        if self.intervals.len() > History::LENGTH {
            self.intervals.pop_front();
        }
        self.findings = Arc::new(Findings::of(&frame));
        self.frame = Some(Arc::new(frame));
    }
}
