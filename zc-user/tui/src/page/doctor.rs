//! How far the figures of this run can be trusted: what is not measured and why, and what was lost.

use ratatui::{buffer::Buffer, layout::Rect, text::Span};

use super::{Intent, Page};
use crate::{
    action::Motion,
    keymap::{self, Binding, Chord, Key, bind, chr},
    state::{
        Context,
        checks::{Check, Checks},
        scroll::Scroll,
    },
    view::canvas::Canvas,
};
use zc_model::{
    column::Unit,
    frame::Frame,
    snapshot::{Limitation, LossId, Provenance},
};
use zc_render::{cell, human, sanitize::sanitize};

/// What the keys of this page do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Acknowledge,
}

#[rustfmt::skip]
static KEYS: &[Binding<Action>] = &[
    bind(&[chr('a')], "a", Action::Acknowledge, "I have seen what was lost: show it when it is more").hint(20, "a", "Seen"),
];

/// The page.
pub struct Doctor {
    checks: Checks,
    scroll: Scroll,
}

impl Doctor {
    /// The page, with what was found out when the run began.
    #[must_use]
    pub const fn new(checks: Checks) -> Self {
        Self { checks, scroll: Scroll::START }
    }

    fn canvas(&self, context: &Context, width: u16) -> Canvas {
        let mut canvas = Canvas::new(width);
        let Some(frame) = context.frame() else {
            canvas.line("collecting...");
            return canvas;
        };
        verdict(context, frame, &mut canvas);
        losses(context, frame, &mut canvas);
        limitations(context, frame, &mut canvas);
        cost(context, frame, &mut canvas);
        checks(context, self.checks.get(), &mut canvas);
        canvas
    }
}

impl Page for Doctor {
    fn title(&self) -> &'static str {
        "Doctor"
    }

    fn about(&self) -> &'static str {
        "what is not measured or was lost"
    }

    fn keys(&self) -> Vec<&'static Key> {
        keymap::keys(KEYS)
    }

    fn press(&mut self, chord: Chord, _context: &Context) -> Option<Intent> {
        match keymap::find(KEYS, chord)? {
            Action::Acknowledge => Some(Intent::Acknowledge),
        }
    }

    fn step(&mut self, motion: Motion, context: &Context) {
        let body = context.body();
        let height = self.canvas(context, body.width).height();
        self.scroll.step(motion, height, body.height);
    }

    fn enter(&mut self) {
        self.scroll = Scroll::START;
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) {
        let canvas = self.canvas(context, area.width);
        canvas.show(self.scroll.lines(), context.theme(), area, buf);
    }
}

fn heading(context: &Context, text: &str, canvas: &mut Canvas) {
    canvas.gap();
    canvas.line(Span::styled(text.to_owned(), context.theme().head()));
}

/// The answer first.
fn verdict(context: &Context, frame: &Frame, canvas: &mut Canvas) {
    let theme = context.theme();
    let (word, how) = match frame.host.copies {
        Provenance::Measured => ("Works.", "Copies are measured where the kernel makes them."),
        Provenance::Unavailable => {
            ("Works in part.", "Copies are not known here; bytes moved are measured.")
        }
        Provenance::Modelled | Provenance::Assumed | Provenance::Unknown(_) => (
            "Works.",
            "Copies are modelled (~), not measured: bytes moved are measured, and copies follow from what each path is \
             known to do.",
        ),
    };
    let sum = |losses: &mut dyn Iterator<Item = (LossId, u64)>| {
        losses.fold(0_u64, |sum, (_, count)| sum.saturating_add(count))
    };
    let unseen = sum(&mut context.losses_here());
    let elsewhere = sum(&mut context.lost().unseen(context.losses())).saturating_sub(unseen);
    let lost = match (context.losses().total(), unseen, elsewhere) {
        (0, ..) => "Nothing was lost.".to_owned(),
        (_, 0, 0) => "What was lost has been seen.".to_owned(),
        (_, 0, count) => {
            format!("{} events of any process were lost: see below.", human::count(count))
        }
        (_, count, _) => format!("{} events were lost: see below.", human::count(count)),
    };
    let look = if unseen > 0 { theme.notice() } else { theme.strong() };
    canvas.paragraph(&format!("{word} {how} {lost}"), 0, look);
}

/// Losses in people's words.
fn losses(context: &Context, frame: &Frame, canvas: &mut Canvas) {
    let theme = context.theme();
    let stops = context.lost().stops();
    let mut lost: Vec<(LossId, u64)> = context.losses().occurred().collect();
    if lost.is_empty() && stops.is_none() {
        return;
    }
    lost.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    heading(context, "Lost       since start   last interval", canvas);
    for (loss, count) in lost {
        let now = frame.losses.iter().find(|(it, _)| *it == loss).map_or(0, |(_, count)| count);
        let is_unseen = context.lost().unseen(context.losses()).any(|(it, _)| it == loss);
        let look = if is_unseen { theme.notice() } else { theme.dim() };
        let counts =
            format!("{:>22}{:>16}   {}", human::count(count), human::count(now), loss.id());
        canvas.line(Span::styled(counts, look));
        let place = if context.concerns(loss) { "" } else { " On this machine, of any process." };
        canvas.paragraph(&format!("{}{place}", loss.help()), 2, theme.text());
    }
    if let Some((count, stop)) = stops {
        let times = if count == 1 {
            String::new()
        } else {
            format!(" ({} times so far)", human::count(count))
        };
        let text = format!(
            "zc itself was stopped, or had no CPU, for {:.1} s until {}{times}. What happened until then is in one long \
             interval; threads that came and went found no slots, and are in the unattributed row.",
            stop.by.as_secs_f64(),
            human::clock(stop.until_ns),
        );
        canvas.paragraph(&text, 2, theme.text());
    }
    if context.losses_here().next().is_some() {
        canvas.paragraph(
            "a: I have seen this; the header says so again when it is more.",
            2,
            theme.key(),
        );
    }
}

/// What is not measured, by its reason.
fn limitations(context: &Context, frame: &Frame, canvas: &mut Canvas) {
    let theme = context.theme();
    let mut reasons: Vec<(&str, Vec<&Limitation>)> = Vec::new();
    for limit in &frame.host.limitations {
        match reasons.iter_mut().find(|(reason, _)| *reason == limit.reason) {
            Some((_, limits)) => limits.push(limit),
            None => reasons.push((&limit.reason, vec![limit])),
        }
    }
    if reasons.is_empty() {
        return;
    }
    heading(context, "Not measured here, and why", canvas);
    for (reason, limits) in reasons {
        let mut kinds: Vec<(&str, Vec<&str>)> = Vec::new();
        for limit in limits {
            let kind = match limit.provenance {
                // What is known is measured, and not all is known.
                Provenance::Measured => "in part",
                other => other.id(),
            };
            match kinds.iter_mut().find(|(it, _)| *it == kind) {
                Some((_, counters)) => counters.push(limit.counter.id()),
                None => kinds.push((kind, vec![limit.counter.id()])),
            }
        }
        for (kind, counters) in kinds {
            canvas.item(
                &format!("  {kind}"),
                theme.notice(),
                15,
                &counters.join(", "),
                theme.text(),
            );
        }
        canvas.paragraph(&sanitize(reason), 15, theme.dim());
    }
}

/// What it costs to look.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn cost(context: &Context, frame: &Frame, canvas: &mut Canvas) {
    let theme = context.theme();
    heading(context, "What zc costs", canvas);
    let cost = &frame.self_cost;
    let share = |ns: u64| {
        let share = (frame.elapsed_ns > 0).then(|| ns as f64 / frame.elapsed_ns as f64);
        share.map_or_else(|| human::UNAVAILABLE.to_owned(), human::percent)
    };
    let probes = match (cost.program_run_ns, cost.program_runs) {
        (Some(ns), runs) => {
            let runs = runs.map_or_else(String::new, |runs| {
                format!(", {} runs", cell::rate(runs, Unit::PerSec, frame))
            });
            format!("{} of a CPU in the probes{runs}", share(ns))
        }
        (None, _) => "the time of the probes is not measured, for that makes them dearer: sysctl \
                      kernel.bpf_stats_enabled=1"
            .to_owned(),
    };
    let text = format!(
        "{} of a CPU and {} for the dashboard; {} of maps in the kernel; {probes}.",
        share(cost.cpu_ns),
        human::bytes(cost.rss_bytes),
        human::bytes(cost.map_bytes),
    );
    canvas.paragraph(&text, 2, theme.text());
}

/// What was looked at when the run began.
fn checks(context: &Context, checks: &[Check], canvas: &mut Canvas) {
    let theme = context.theme();
    if checks.is_empty() {
        return;
    }
    heading(context, "Checked when zc began", canvas);
    let (well, ill): (Vec<_>, Vec<_>) = checks.iter().partition(|check| check.is_ok);
    for check in ill {
        let what = sanitize(&check.what);
        canvas.item(&format!("  {}", check.name), theme.notice(), 20, &what, theme.text());
        if let Some(fix) = &check.fix {
            canvas.paragraph(&format!("fix: {}", sanitize(fix)), 20, theme.dim());
        }
    }
    for check in well {
        let what = sanitize(&check.what);
        canvas.item(&format!("  {}", check.name), theme.dim(), 20, &what, theme.dim());
    }
    canvas.paragraph("zc doctor says what each probe group serves here.", 2, theme.dim());
}
