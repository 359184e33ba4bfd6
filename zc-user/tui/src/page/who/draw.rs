//! Draws the table, and what is around it.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{
    Below, COPIED, Who, bottom,
    columns::{Content, SHOWN, Shown},
    copied_in_all,
    layout::Areas,
    list::{Entry, Life},
    minutes, side,
};
use crate::{
    page::tabular,
    state::Context,
    widget::{
        grid::{self, Grid, Slot},
        sparkline,
    },
};
use zc_model::{
    column::{Column, Processes as Columns, Tone, Unit},
    frame::Frame,
    history::History,
    row::Row,
    value::{Quality, Value},
};
use zc_render::{cell, human, sanitize, theme::Theme};

/// Cells of a share in figures.
const PERCENT: u16 = 5;

/// A table being drawn.
struct Table<'a> {
    page: &'a Who,
    context: &'a Context,
    frame: &'a Frame,
    theme: Theme,
    places: Vec<usize>,
    /// Bytes that the CPU copied, of all.
    all: u64,
    /// The greatest rate of all curves on the screen.
    peak: f64,
}

pub(super) fn draw(page: &Who, context: &Context, buf: &mut Buffer) {
    let theme = context.theme();
    let entries = page.list.entries();
    let areas = Areas::of(context, entries.len() + usize::from(page.list.cut > 0));
    let (places, specs) = page.specs(context);
    let sorted = places.iter().position(|at| page.is_sorted_by(&SHOWN[*at]));
    let sorted = sorted.map(|at| (at, page.descending));
    let grid = Grid { specs: &specs, sorted, theme, area: areas.table };
    grid.head(buf);
    head_of_curve(context, &grid, &places, buf);
    let Some(frame) = page.list.frame() else {
        return tabular::empty("collecting...", theme, areas.table, buf);
    };
    if entries.is_empty() {
        let message = if context.is_filtered() {
            "no process matches the filter"
        } else {
            "no process has done anything yet"
        };
        tabular::empty(message, theme, areas.table, buf);
    }
    let visible: Vec<(&Entry, bool)> = page
        .rows
        .visible_places(areas.rows)
        .filter_map(|(at, selected)| Some((entries.get(at)?, selected && page.below.is_none())))
        .collect();
    let tracks = visible.iter().filter_map(|(entry, _)| entry.track(context));
    #[expect(clippy::cast_precision_loss, reason = "drawn eight levels high")]
    let peak = tracks
        .flat_map(|track| track.points().map(|point| point.copied_bytes_per_sec as f64))
        .fold(0.0, f64::max);
    let all = copied_in_all(frame);
    let table = Table { page, context, frame, theme, places, all, peak };
    for ((entry, selected), line) in visible.iter().zip(0..) {
        grid.row(line, *selected, buf, |slot| table.cell(entry, slot));
    }
    let line = |y: u16| y - areas.table.y - 1;
    if let Some(y) = areas.more {
        let is_selected = page.below == Some(Below::More);
        grid.row(line(y), is_selected, buf, |slot| table.more(&visible, slot));
    }
    if let Some(y) = areas.rest {
        let is_selected = page.below == Some(Below::Rest);
        grid.row(line(y), is_selected, buf, |slot| table.rest(slot));
    }
    if let Some(bottom) = areas.bottom {
        bottom::draw(page, context, frame, bottom, buf);
    }
    if let Some(area) = areas.side {
        side::draw(page, context, frame, area, buf);
    }
    if let Some(area) = areas.minutes {
        minutes::draw(context, frame.taken_at_ns, area, buf);
    }
}

/// How far back the curves reach: it depends on the interval.
fn head_of_curve(context: &Context, grid: &Grid<'_>, places: &[usize], buf: &mut Buffer) {
    let is_curve = |slot: &Slot| SHOWN[places[slot.column]].content == Content::Curve;
    let Some(slot) = grid::fit(grid.specs, grid.area.width).into_iter().find(is_curve) else {
        return;
    };
    let span = context.interval().as_secs_f64() * History::LENGTH as f64;
    let text = if context.is_recorded() {
        format!("LAST {}", History::LENGTH)
    } else if span < 120.0 {
        format!("LAST {span:.0} s")
    } else {
        format!("LAST {:.0} m", span / 60.0)
    };
    let area = Rect::new(grid.area.x + slot.x, grid.area.y, slot.width, 1);
    grid::put(&text, false, grid.theme.head(), area, grid.theme, buf);
}

impl Table<'_> {
    fn cell(&self, entry: &Entry, slot: Slot) -> (String, Style) {
        let shown = &SHOWN[self.places[slot.column]];
        let (text, style) = match shown.content {
            Content::Sign => match entry.advice.first() {
                Some(_) => (self.theme.symbols.advice.to_owned(), self.theme.notice()),
                None => Default::default(),
            },
            Content::Share if entry.life == Life::Ended => Default::default(),
            Content::Share => self.share(entry.copied, slot.width),
            Content::Change => self.change(entry),
            Content::Curve => self.curve(entry, slot.width),
            Content::Value => self.value(entry, shown),
        };
        (text, if entry.life == Life::Active { style } else { self.theme.dim() })
    }

    fn value(&self, entry: &Entry, shown: &Shown) -> (String, Style) {
        if shown.is(Columns::COMM) {
            return (self.name(entry), self.theme.tone(Tone::Strong));
        }
        if shown.is(Columns::HOW) && entry.life == Life::Ended {
            return ("ended".to_owned(), self.theme.dim());
        }
        // Merged rows have no process id: 0 would be the idle task.
        let merged = entry.process(self.frame).map_or(1, |process| process.merged);
        if shown.is(Columns::PID) && merged > 1 {
            return (format!("x{}", human::count(merged)), self.theme.dim());
        }
        if shown.is(Columns::ADVICE) {
            let rule = entry.advice.first().map(|told| told.advice.rule.id().to_owned());
            return (rule.unwrap_or_default(), self.theme.notice());
        }
        let (text, style) = self.plain(shown.column, entry.row(self.frame));
        let is_copied = shown.is(COPIED) && entry.copied > 0 && self.all > 0;
        (text, if is_copied { self.theme.copied_share(self.share_of(entry.copied)) } else { style })
    }

    /// Its part of all that the CPU copied.
    #[expect(clippy::cast_precision_loss, reason = "eighths of a cell are shown")]
    fn share_of(&self, copied: u64) -> f64 {
        (copied as f64 / self.all as f64).min(1.0)
    }

    /// A figure. What all copies have in common is said in the header, so only what differs is marked.
    fn plain(&self, column: &'static Column, row: Row<'_>) -> (String, Style) {
        let value = column.of(row, self.frame);
        let (text, style) = tabular::value(column, row, self.frame, self.theme);
        let is_ordinary = value.quality() == Some(Quality::of(self.frame.host.copies));
        let text = match &value {
            Value::Real(ratio, _) if column.unit == Unit::Ratio => {
                let mark = value.quality().filter(|_| !is_ordinary).map_or("", human::mark);
                format!("{ratio:.1}x{mark}")
            }
            _ if is_ordinary && column.marks => {
                let bare = match value {
                    Value::Integer(number, _) => Value::Integer(number, Quality::MEASURED),
                    Value::Real(number, _) => Value::Real(number, Quality::MEASURED),
                    other => other,
                };
                cell::cell(&bare, column.unit)
            }
            _ => text,
        };
        (text, style)
    }

    fn name(&self, entry: &Entry) -> String {
        let name = sanitize::name(entry.name(self.frame));
        if !entry.is_below() {
            return name.into_owned();
        }
        match entry.process(self.frame) {
            Some(process) if process.merged > 1 => {
                format!("  x{} {name}", human::count(process.merged))
            }
            Some(process) => format!("  {} {name}", process.id.pid),
            None => format!("  {name}"),
        }
    }

    /// A bar on one scale for all rows, and its figure.
    fn share(&self, copied: u64, width: u16) -> (String, Style) {
        if self.all == 0 || width <= PERCENT {
            return (String::new(), self.theme.dim());
        }
        let share = self.share_of(copied);
        let bar = sparkline::bar(share, usize::from(width - PERCENT), self.theme.symbols);
        let percent = if copied > 0 && share < 0.005 {
            "  <1%".to_owned()
        } else {
            format!("{:>4.0}%", share * 100.0)
        };
        let style = if copied == 0 { self.theme.dim() } else { self.theme.copied_share(share) };
        (format!("{bar}{percent}"), style)
    }

    fn change(&self, entry: &Entry) -> (String, Style) {
        let Some(then) = self.context.baseline() else { return Default::default() };
        let Some(change) = entry.change(self.context, then) else {
            return (human::UNAVAILABLE.to_owned(), self.theme.dim());
        };
        let text = human::change(change.before, change.now);
        let is_more = change.now > change.before && text != human::SAME;
        (text, if is_more { self.theme.notice() } else { self.theme.text() })
    }

    fn curve(&self, entry: &Entry, width: u16) -> (String, Style) {
        let Some(track) = entry.track(self.context) else { return Default::default() };
        #[expect(clippy::cast_precision_loss, reason = "drawn eight levels high")]
        let points: Vec<f64> =
            track.points().map(|point| point.copied_bytes_per_sec as f64).collect();
        let (newest, span) = (self.context.history().frames(), History::LENGTH);
        let symbols = self.theme.symbols;
        let curve = sparkline::curve(&points, newest, span, width.into(), self.peak, symbols);
        (curve, self.theme.curve())
    }

    /// What is not on the screen, added up.
    fn more(&self, visible: &[(&Entry, bool)], slot: Slot) -> (String, Style) {
        let entries = self.page.list.entries();
        let is_whole = |entry: &&Entry| !entry.is_below() && entry.life != Life::Ended;
        let dim = self.theme.dim();
        let on_screen = || visible.iter().map(|(entry, _)| *entry).filter(is_whole);
        let copied = |entries: &mut dyn Iterator<Item = &Entry>| {
            entries.map(|entry| entry.copied).fold(0, u64::saturating_add)
        };
        let members = |entries: &mut dyn Iterator<Item = &Entry>| {
            entries.map(|entry| entry.members(self.frame)).fold(0, u64::saturating_add)
        };
        let all = || entries.iter().filter(is_whole);
        let shown = &SHOWN[self.places[slot.column]];
        let left = || copied(&mut all()).saturating_sub(copied(&mut on_screen()));
        // What `--top` left out is not known one by one.
        let is_known = self.page.list.cut == 0;
        match shown.content {
            Content::Value if shown.is(Columns::COMM) => {
                let count = all().count() - on_screen().count() + self.page.list.cut;
                let noun = match (self.page.by(), count) {
                    (None, 1) => "process",
                    (None, _) => "processes",
                    (Some(_), 1) => "group",
                    (Some(_), _) => "groups",
                };
                (format!("{} more {noun}", human::count(count as u64)), dim)
            }
            Content::Value if shown.is(Columns::MEMBERS) && is_known => {
                let left = members(&mut all()).saturating_sub(members(&mut on_screen()));
                (human::count(left), dim)
            }
            Content::Value if shown.column == COPIED && is_known => {
                let rate = cell::rate(left(), Unit::BytesPerSec, self.frame);
                (rate.trim_end_matches("/s").to_owned(), dim)
            }
            Content::Share if is_known => (self.share(left(), slot.width).0, dim),
            _ => Default::default(),
        }
    }

    /// What is unattributed.
    fn rest(&self, slot: Slot) -> (String, Style) {
        let row = Row::unattributed(self.frame);
        let shown = &SHOWN[self.places[slot.column]];
        let dim = self.theme.dim();
        match shown.content {
            Content::Value if shown.is(Columns::COMM) => {
                let name = "(unattributed)";
                let is_short = usize::from(slot.width) < name.len();
                ((if is_short { "unattributed" } else { name }).to_owned(), dim)
            }
            Content::Value if shown.is(Columns::ADVICE) => Default::default(),
            Content::Value => (self.plain(shown.column, row).0, dim),
            Content::Share => (self.share(self.frame.copied(row.paths).bytes, slot.width).0, dim),
            Content::Sign | Content::Curve | Content::Change => Default::default(),
        }
    }
}
