//! A whole call stack: the program's functions, and the kernel's below them.

use std::sync::Arc;

use ratatui::{buffer::Buffer, layout::Rect, text::Span};

use super::{
    Page,
    code::{StackKey, Window, processes, stacks_of},
};
use crate::{
    action::Motion,
    state::{Context, scroll::Scroll},
    view::canvas::Canvas,
};
use zc_model::{
    snapshot::{FrameKind, StackEnd, StackFrame, Stacks},
    stack::Estimate,
};
use zc_render::{folded::function, human, sanitize::sanitize};

/// Ways into the kernel's copy routines that are shown.
const WAYS: usize = 5;

/// The page of a stack.
pub struct StackPage {
    key: StackKey,
    /// Goes on while the page is open.
    window: Window,
    /// The last samples that had this stack: it may rest while the user reads.
    seen: (Stacks, f64),
    scroll: Scroll,
}

impl StackPage {
    /// The page of the stack with this key.
    #[must_use]
    pub fn new(key: StackKey, window: Window) -> Self {
        let seen = (window.stacks(), window.seconds());
        Self { key, window, seen, scroll: Scroll::START }
    }

    fn canvas(&self, context: &Context, width: u16) -> Canvas {
        let theme = context.theme();
        let mut canvas = Canvas::new(width);
        let (stacks, seconds) = &self.seen;
        let Some(own) = stacks_of(stacks).remove(&self.key) else {
            canvas.line("no samples");
            return canvas;
        };
        let process = processes(&own.processes, &self.key.comm);
        canvas.line(Span::styled(format!("{process}: a stack that copies"), theme.strong()));
        canvas.paragraph(&amount(&own.estimate, &stacks.total(), *seconds), 0, theme.copied());
        let paths: Vec<_> = own.paths.iter().map(|(path, _)| path.id()).collect();
        if !paths.is_empty() {
            canvas.item("on ", theme.dim(), 3, &paths.join(", "), theme.text());
        }
        canvas.gap();
        canvas.line(Span::styled("Program, the innermost function first", theme.head()));
        for frame in self.key.frames.iter() {
            canvas.line(line(frame));
        }
        let end = match self.key.end {
            StackEnd::Whole => "",
            StackEnd::Depth => "and more: only so many frames are taken",
            StackEnd::NoFramePointers => {
                "from here on no frame pointers: compile with -fno-omit-frame-pointer, Rust with -C \
                 force-frame-pointers=yes, run Java with -XX:+PreserveFramePointer"
            }
            StackEnd::NoStack => {
                "no stack: copied by an asynchronous operation, or where this kernel does not let zc take one"
            }
        };
        if !end.is_empty() {
            canvas.paragraph(&format!("({end})"), 2, theme.dim());
        }
        self.kernel(context, stacks, &mut canvas);
        canvas
    }

    /// The ways that samples of CPU time found the kernel on.
    fn kernel(&self, context: &Context, stacks: &Stacks, canvas: &mut Canvas) {
        let theme = context.theme();
        let mut ways: Vec<(&Arc<[Arc<StackFrame>]>, u64)> = Vec::new();
        let rows = stacks.rows.iter().filter(|row| self.key.has(row) && !row.kernel.is_empty());
        for row in rows {
            match ways.iter_mut().find(|(way, _)| **way == row.kernel) {
                Some((_, samples)) => *samples += row.time_samples,
                None => ways.push((&row.kernel, row.time_samples)),
            }
        }
        ways.sort_by_key(|(_, samples)| std::cmp::Reverse(*samples));
        canvas.gap();
        canvas.line(Span::styled("Kernel, the innermost function first", theme.head()));
        if ways.is_empty() {
            let text = if stacks.frequency == 0 {
                "no samples of CPU time are taken here"
            } else {
                "no sample of CPU time has found it in a copy routine"
            };
            canvas.paragraph(text, 2, theme.dim());
        }
        for (way, samples) in ways.iter().take(WAYS) {
            let noun = if *samples == 1 { "sample" } else { "samples" };
            let text = format!("  {} {noun} of CPU time", human::count(*samples));
            canvas.line(Span::styled(text, theme.key()));
            way.iter().for_each(|frame| canvas.line(line(frame)));
        }
        if ways.len() > WAYS {
            let text = format!("and {} other ways", ways.len() - WAYS);
            canvas.paragraph(&text, 2, theme.dim());
        }
    }
}

/// `12.3% +-1.2% of what was copied through stacks, 1.2 MiB/s, in the last 8 s (512 samples)`.
fn amount(own: &Estimate, all: &Estimate, seconds: f64) -> String {
    let noun = if own.samples == 1 { "sample" } else { "samples" };
    let samples = format!("in the last {seconds:.0} s: {} {noun}", human::count(own.samples));
    let Some(margin) = own.margin().filter(|_| all.bytes > 0.0 && seconds > 0.0) else {
        return format!("how much it copied is not known; {samples}");
    };
    let share = own.bytes / all.bytes;
    let share = human::with_margin(human::percent(share), &human::percent(margin * share));
    let rate = human::bytes_per_sec(own.bytes / seconds);
    format!("{share} of what all stacks copied, {rate}, {samples}")
}

/// `  read  libc.so.6`.
fn line(frame: &StackFrame) -> String {
    let module = sanitize(frame.module.rsplit('/').next().unwrap_or_default());
    let name = function(frame);
    match frame.kind {
        FrameKind::Kernel => format!("    {name}"),
        _ if frame.function.is_none() => format!("    {name}"),
        FrameKind::Recovered => format!("    {name}  ({module}, very likely)"),
        FrameKind::User | FrameKind::NoFile => format!("    {name}  ({module})"),
    }
}

impl Page for StackPage {
    fn title(&self) -> &'static str {
        "Stack"
    }

    fn about(&self) -> &'static str {
        "one call stack"
    }

    fn step(&mut self, motion: Motion, context: &Context) {
        let body = context.body();
        let height = self.canvas(context, body.width).height();
        self.scroll.step(motion, height, body.height);
    }

    fn arrange(&mut self, context: &Context) {
        let Some(frame) = context.frame() else { return };
        self.window.push(frame);
        let stacks = self.window.stacks();
        if stacks.rows.iter().any(|row| self.key.has(row)) {
            self.seen = (stacks, self.window.seconds());
        }
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) {
        let canvas = self.canvas(context, area.width);
        canvas.show(self.scroll.lines(), context.theme(), area, buf);
    }
}
