//! Disks and network interfaces, and what is mapped for devices: a table for each.

use std::collections::{HashMap, HashSet, VecDeque};

use crossterm::event::KeyCode;
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{Guide, Heading, Intent, Page, tabular, users};
use crate::{
    action::Motion,
    keymap::{self, Binding, Chord, Key, bind, chr, key},
    state::{Context, key::DeviceKey, order::Order, rows::Rows},
    view::canvas::Canvas,
    widget::{
        grid::{self, Grid},
        sparkline::sparkline,
    },
};
use zc_model::{
    column::{Column, Devices as Columns},
    counter::CounterId,
    frame::Frame,
    snapshot::{DeviceKind, DeviceSample},
    value::Value,
};
use zc_render::{
    human,
    sanitize::{self, sanitize},
};

mod sections;

use self::sections::{POINTS, SECTIONS, Section, section, specs};

/// Devices that have a curve, at most.
const CURVES: usize = 1024;

/// Lines below the tables: a rule, and two of text.
const NOTE: u16 = 3;

/// The fewest lines of a page with room for these.
const ROOM_FOR_NOTE: u16 = 12;

/// What the keys of this page do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Open,
}

#[rustfmt::skip]
static KEYS: &[Binding<Action>] = &[
    bind(&[key(KeyCode::Enter), key(KeyCode::Right), chr('l')], "Enter Right l", Action::Open, "open the row").hint(20, "Enter", "Open"),
];

/// The columns by which one can sort.
const SORTABLE: &[&Column<Columns>] = &[
    Columns::DEVICE,
    Columns::READ_BYTES_PER_SEC,
    Columns::WRITE_BYTES_PER_SEC,
    Columns::READ_REQUESTS_PER_SEC,
    Columns::WRITE_REQUESTS_PER_SEC,
    Columns::AVERAGE_BYTES,
    Columns::GATHERED_SHARE,
    Columns::BOUNCED_BYTES_PER_SEC,
    Columns::ERRORS,
];

/// The page: the busiest reader first.
#[must_use]
pub fn page() -> DevicesPage {
    let column =
        SORTABLE.iter().position(|column| *column == Columns::READ_BYTES_PER_SEC).unwrap_or(0);
    DevicesPage {
        order: Order { column, descending: true },
        devices: Vec::new(),
        rows: Rows::default(),
        curves: HashMap::new(),
        seen: None,
        users: [String::new(), String::new()],
    }
}

/// The page of devices.
pub struct DevicesPage {
    /// Stays as the user left it.
    order: Order,
    devices: Vec<DeviceSample>,
    rows: Rows<At>,
    curves: HashMap<DeviceKey, VecDeque<f64>>,
    /// The end of the last frame of the curves.
    seen: Option<u64>,
    /// For whom: the disks, and the network.
    users: [String; 2],
}

/// The key of a row, and where its device is.
#[derive(Clone, Debug)]
struct At {
    key: DeviceKey,
    section: usize,
    device: usize,
}

impl PartialEq for At {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

/// A line of the page.
enum Line<'a> {
    Head(&'static Section),
    Row(&'a At, bool),
    Gap,
}

impl DevicesPage {
    /// Lines for rows: the heads are always on the screen.
    fn height(&self, body: Rect) -> usize {
        let present: HashSet<_> =
            self.devices.iter().filter_map(|device| section(device.kind)).collect();
        let heads = (2 * present.len()).saturating_sub(1);
        usize::from(tables(body).height).saturating_sub(heads)
    }

    fn lines(&self, body: Rect) -> Vec<Line<'_>> {
        let mut lines = Vec::new();
        let mut before = None;
        for (at, selected) in self.rows.visible(self.height(body)) {
            if before != Some(at.section) {
                if before.is_some() {
                    lines.push(Line::Gap);
                }
                lines.push(Line::Head(&SECTIONS[at.section]));
                before = Some(at.section);
            }
            lines.push(Line::Row(at, selected));
        }
        lines
    }

    fn selected(&self) -> Option<&DeviceSample> {
        self.devices.get(self.rows.selected()?.device)
    }

    fn open(&self) -> Intent {
        let page = self.selected().and_then(|device| users::of_devices(device.kind));
        page.map_or(Intent::Nothing, Intent::Open)
    }

    fn sort(&mut self, context: &Context) {
        let keys = match (context.frame(), SORTABLE.get(self.order.column)) {
            (Some(frame), Some(column)) => sorted(&self.devices, column, self.order, frame),
            _ => Vec::new(),
        };
        let height = self.height(context.body());
        self.rows.replace(keys, height);
    }

    /// What each device has moved in the last intervals.
    fn follow(&mut self, frame: &Frame) {
        if self.seen == Some(frame.taken_at_ns) || frame.elapsed_ns == 0 {
            return;
        }
        self.seen = Some(frame.taken_at_ns);
        let mut before = std::mem::take(&mut self.curves);
        for device in frame.devices.iter().filter(|it| it.kind.moves_bytes()).take(CURVES) {
            let key = DeviceKey::of(device);
            let mut points = before.remove(&key).unwrap_or_default();
            if points.len() >= POINTS {
                points.pop_front();
            }
            let bytes = device.read_bytes.saturating_add(device.write_bytes);
            points.push_back(frame.per_second(bytes).unwrap_or(0.0));
            self.curves.insert(key, points);
        }
    }

    fn draw_row(&self, context: &Context, at: &At, selected: bool, area: Rect, buf: &mut Buffer) {
        let theme = context.theme();
        let (Some(device), Some(frame)) = (self.devices.get(at.device), context.frame()) else {
            return;
        };
        let places = SECTIONS[at.section].places;
        let specs = specs(places);
        // Its head is elsewhere.
        let area = Rect { y: area.y.saturating_sub(1), height: area.height + 1, ..area };
        let grid = Grid { specs: &specs, sorted: None, theme, area };
        let is_memory = device.kind.moves_bytes() && device.software;
        grid.row(0, selected, buf, |slot| {
            let Some(column) = places[slot.column].column else {
                let points: Vec<f64> =
                    self.curves.get(&at.key).into_iter().flatten().copied().collect();
                return (sparkline(&points, slot.width.into(), theme.symbols), theme.curve());
            };
            let (text, style) = tabular::value(column, device, frame, theme);
            let text = if column == Columns::DEVICE && is_memory {
                format!("{text} (memory)")
            } else {
                text
            };
            (text, if is_memory { theme.dim() } else { style })
        });
    }

    fn note(&self) -> String {
        let Some(device) = self.selected() else { return String::new() };
        let name = sanitize(&device.device);
        let gathered = "GATHERED is the part of what was sent that the device took from page references; the CPU had \
                        copied the rest into packets.";
        match device.kind {
            DeviceKind::Block if device.software => {
                format!("{name} is no hardware: what is read from it, the CPU copies from elsewhere.")
            }
            DeviceKind::Block => format!("Disks move {}. Enter shows all.", self.users[0]),
            DeviceKind::Net if device.software => format!(
                "{name} is no hardware: nothing leaves this machine, and who receives copies. {gathered}"
            ),
            DeviceKind::Net => format!("Sockets move {}. {gathered}", self.users[1]),
            DeviceKind::Bus => {
                "Memory that drivers made reachable for a device, to fill or to read. BOUNCED: copied through another \
                 buffer (swiotlb), because the device could not reach it."
                    .to_owned()
            }
            DeviceKind::Iommu | DeviceKind::Unknown(_) => {
                "Memory mapped by the IOMMU: another view of what the rows above have.".to_owned()
            }
        }
    }

    fn draw_note(&self, context: &Context, area: Rect, buf: &mut Buffer) {
        let theme = context.theme();
        let rule = theme.symbols.border.horizontal_top.repeat(area.width.into());
        buf.set_stringn(area.x, area.y, rule, area.width.into(), theme.dim());
        let mut canvas = Canvas::new(area.width);
        canvas.paragraph(&self.note(), 0, theme.text());
        let rest = Rect { y: area.y + 1, height: area.height - 1, ..area };
        canvas.show_beginning(theme, rest, buf);
    }
}

impl Page for DevicesPage {
    fn title(&self) -> &'static str {
        "Devices"
    }

    fn about(&self) -> &'static str {
        "devices and their DMA"
    }

    fn keys(&self) -> Vec<&'static Key> {
        keymap::keys(KEYS)
    }

    fn press(&mut self, chord: Chord, _context: &Context) -> Option<Intent> {
        match keymap::find(KEYS, chord)? {
            Action::Open => Some(self.open()),
        }
    }

    fn step(&mut self, motion: Motion, context: &Context) {
        let height = self.height(context.body());
        self.rows.step(motion, height);
    }

    fn click(&mut self, at: Position, context: &Context) -> Intent {
        let body = context.body();
        let line = usize::from(at.y.saturating_sub(body.y));
        let key = match self.lines(body).get(line) {
            Some(Line::Head(section)) => {
                let column = grid::column_at(&specs(section.places), body, at.x)
                    .and_then(|slot| section.places[slot].column)
                    .and_then(|column| SORTABLE.iter().position(|it| *it == column));
                return column.map_or(Intent::Nothing, Intent::SortBy);
            }
            Some(Line::Row(at, _)) => (*at).clone(),
            Some(Line::Gap) | None => return Intent::Nothing,
        };
        if self.rows.selected() == Some(&key) {
            // A second click on the selected row opens it.
            return self.open();
        }
        let height = self.height(body);
        self.rows.select(&key, height);
        Intent::Nothing
    }

    fn arrange(&mut self, context: &Context) {
        match context.frame() {
            Some(frame) => self.follow(frame),
            None => self.curves.clear(),
        }
    }

    fn attend(&mut self, context: &Context) {
        self.devices = context.frame().map_or_else(Vec::new, |frame| frame.devices.clone());
        if let Some(frame) = context.frame() {
            let disks = [CounterId::BlockReadBytes, CounterId::BlockWriteBytes];
            let network = [CounterId::NetTxBytes, CounterId::NetRxBytes];
            self.users = [disks, network].map(|counters| busiest(frame, counters));
        }
        self.sort(context);
    }

    fn guides(&self) -> Vec<Guide> {
        let own = Guide { title: self.title(), keys: self.keys(), columns: self.columns() };
        [own].into_iter().chain(users::of_devices_guides()).collect()
    }

    fn columns(&self) -> Vec<Heading> {
        SORTABLE.iter().map(|column| Heading::of(column)).collect()
    }

    fn order(&self) -> Option<Order> {
        Some(self.order)
    }

    fn set_order(&mut self, order: Order, context: &Context) {
        self.order = order;
        self.sort(context);
    }

    fn scope(&self, context: &Context) -> String {
        let whose = context.follows_some().then_some("of the whole machine");
        let sampled = context.frame().and_then(|frame| frame.sampled_shapes());
        let remark = sampled.map(|_| "GATHERED of a sample");
        whose.into_iter().chain(remark).collect::<Vec<_>>().join(", ")
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) {
        let theme = context.theme();
        if context.frame().is_none() || self.rows.is_empty() {
            let text = match context.frame() {
                None => "collecting...",
                Some(_) => "no device has moved anything yet",
            };
            return tabular::empty(text, theme, area, buf);
        }
        let room = tables(area);
        let sorted = SORTABLE.get(self.order.column);
        for (line, y) in self.lines(area).into_iter().zip(room.top()..room.bottom()) {
            let area = Rect { y, height: 1, ..room };
            match line {
                Line::Head(section) => {
                    let specs = specs(section.places);
                    let place = section.places.iter().position(|it| it.column.as_ref() == sorted);
                    let sorted = place.map(|place| (place, self.order.descending));
                    Grid { specs: &specs, sorted, theme, area }.head(buf);
                }
                Line::Row(at, selected) => self.draw_row(context, at, selected, area, buf),
                Line::Gap => {}
            }
        }
        if room.height < area.height {
            let note = Rect { y: room.bottom(), height: area.height - room.height, ..area };
            self.draw_note(context, note, buf);
        }
    }
}

/// Where the tables are.
fn tables(body: Rect) -> Rect {
    let note = if body.height >= ROOM_FOR_NOTE { NOTE } else { 0 };
    Rect { height: body.height - note, ..body }
}

/// The devices, those of each section together.
fn sorted(
    devices: &[DeviceSample],
    column: &Column<Columns>,
    order: Order,
    frame: &Frame,
) -> Vec<At> {
    let mut rows: Vec<(At, Value<'_>)> = devices
        .iter()
        .enumerate()
        .filter_map(|(device, sample)| {
            let at = At { key: DeviceKey::of(sample), section: section(sample.kind)?, device };
            Some((at, column.of(sample, frame)))
        })
        .collect();
    rows.sort_by(|a, b| a.0.section.cmp(&b.0.section).then_with(|| order.compare(&a.1, &b.1)));
    rows.into_iter().map(|(at, _)| at).collect()
}

/// The processes with most of these bytes: "4.2 MiB/s for dd, 1.0 MiB/s for apt".
fn busiest(frame: &Frame, counters: [CounterId; 2]) -> String {
    /// Processes that are named.
    const MOST: usize = 3;
    let mut bytes: HashMap<&str, u64> = HashMap::new();
    for process in &frame.processes {
        let sum = counters
            .iter()
            .fold(0_u64, |sum, counter| sum.saturating_add(process.counters[*counter]));
        if sum > 0 {
            let all = bytes.entry(&process.comm).or_default();
            *all = all.saturating_add(sum);
        }
    }
    let mut bytes: Vec<_> = bytes.into_iter().collect();
    bytes.sort_by_key(|(comm, bytes)| (std::cmp::Reverse(*bytes), *comm));
    let named = bytes.iter().take(MOST).map(|(comm, bytes)| {
        let rate = frame.per_second(*bytes).map(human::bytes_per_sec).unwrap_or_default();
        format!("{rate} for {}", sanitize::name(comm))
    });
    let named: Vec<_> = named.collect();
    if named.is_empty() {
        "nothing for a process at the moment".to_owned()
    } else {
        named.join(", ")
    }
}
