//! Files, sockets and pipes, and what flows between them.

use std::sync::Arc;

use super::{
    Page,
    detail::Detail,
    listing::{Listing, TablePage},
    switch::Switch,
};
use crate::state::{Context, key::ProcessKey};
use zc_model::{
    column::{
        Column,
        object::{FlowLine, Flows, ObjectLine, Objects},
    },
    frame::Frame,
    object::{Peers, Used, Which, mapped},
    snapshot::{FlowVia, ObjectId, Outside, OutsideSample, PathSample, ProcessId, ProcessSample},
};
use zc_render::{
    human,
    table::{how, object_name, shortened, unknown_flows, users},
};

/// The page: files and peers first, then each of both alone, then the flows.
#[must_use]
pub fn page() -> Switch {
    let objects =
        |lists: &'static [Which]| Box::new(TablePage::new(OfObjects(lists))) as Box<dyn Page>;
    let others = vec![
        objects(&[Which::Files]),
        objects(&[Which::Peers]),
        Box::new(TablePage::new(OfFlows)) as Box<dyn Page>,
    ];
    Switch::new("Files", "files and peers", objects(&[Which::Files, Which::Peers]), others)
}

/// Files, peers, or both.
pub struct OfObjects(&'static [Which]);

/// From where to where.
pub struct OfFlows;

/// A line, with what it stands for.
pub struct Listed {
    line: ObjectLine,
    key: Key,
    /// The busiest of its processes.
    process: Option<ProcessId>,
}

/// What a line stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// An object; of a socket or a pipe: one of its processes.
    Object(ObjectId, Option<ProcessId>),
    /// What is in the line of none.
    Outside(Outside, bool),
}

/// What a flow is: its ends, and how.
pub type FlowKey = Option<(ObjectId, ObjectId, FlowVia)>;

/// Why there is nothing.
fn absent(context: &Context, frame: &Frame) -> Option<Vec<String>> {
    if frame.objects.is_some() {
        return None;
    }
    let what = if context.is_recorded() {
        "This recording has no files and peers. Make one that has them: zc record --objects FILE"
    } else {
        "Files and peers are not counted: it makes each call that moves data some 2,000 instructions longer, so zc \
         does it only when it is asked to."
    };
    let how = "Quit (q) and start again with them:  zc top --objects";
    let why = "They cannot be switched on here: once the probes are attached, zc gives up the right to attach others.";
    let elsewhere = "For a report in place of a dashboard:  zc files -d 10  or  zc peers -d 10";
    Some(match context.is_recorded() {
        true => vec![what.to_owned()],
        false => [what, how, why, elsewhere].map(str::to_owned).to_vec(),
    })
}

/// Whether a line is listed: its process passes the filter, or its name has what is typed there.
fn selects(
    context: &Context,
    frame: &Frame,
    processes: &[(ProcessId, Arc<str>)],
    names: &[&str],
) -> bool {
    let mut own = processes.iter().filter_map(|(id, _)| frame.process(*id));
    if !context.is_filtered() || own.clone().any(|it| context.selects(it, frame)) {
        return true;
    }
    let typed = context.filter().text().trim();
    let is_admitted = |it: &ProcessSample| context.admits(it, frame);
    !typed.is_empty()
        && names.iter().any(|name| name.contains(typed))
        && (own.any(is_admitted) || !context.is_narrowed())
}

fn line(used: Used, peers: &Peers<'_>) -> ObjectLine {
    ObjectLine {
        name: object_name(&used.object, &used.processes, peers),
        process: users(&used.processes),
        paths: used.paths(),
        from: used.from,
        to: used.to,
    }
}

/// What is in the line of no object, of files or of peers.
fn outside(sample: OutsideSample, which: Which) -> ObjectLine {
    let what = match which {
        Which::Files => "files",
        Which::Peers => "peers",
    };
    let name = match sample.reason {
        Outside::NoRoom => format!("(other {what})"),
        Outside::UnknownObject => format!("(unknown {what})"),
        Outside::NotAttributed => format!("({what}, not attributed)"),
    };
    let mut paths: Vec<PathSample> = sample.from.clone();
    zc_model::ledger::add(&mut paths, &sample.to);
    ObjectLine { name, process: String::new(), from: sample.from, to: sample.to, paths }
}

fn open(process: Option<ProcessId>, frame: &Frame) -> Option<Box<dyn Page>> {
    let process = frame.process(process?)?;
    Some(Box::new(Detail::new(ProcessKey::of(process))))
}

impl Listing for OfObjects {
    type Columns = Objects;
    type Item = Listed;
    type Key = Key;

    const TABLE: &'static str = "files";

    fn title(&self) -> &'static str {
        match self.0 {
            [Which::Files] => "Files alone",
            [Which::Peers] => "Peers alone",
            _ => "Files",
        }
    }

    fn about(&self) -> &'static str {
        "files and peers"
    }

    fn order(&self) -> &'static Column<Objects> {
        Objects::COPIED_BYTES_PER_SEC
    }

    fn items(&self, context: &Context, frame: &Frame) -> Vec<Listed> {
        let Some(objects) = &frame.objects else { return Vec::new() };
        let peers = objects.peers();
        let mut listed = Vec::new();
        for which in self.0 {
            let is_peer = *which == Which::Peers;
            for used in objects.used(*which) {
                let processes = used.processes.clone();
                let process = processes.first().map(|(process, _)| *process);
                let key = Key::Object(used.object.id, process.filter(|_| is_peer));
                let line = line(used, &peers);
                if selects(context, frame, &processes, &[&line.name]) {
                    listed.push(Listed { line, key, process });
                }
            }
            // Of what is in no line, it is not known whose it is.
            if !context.is_filtered() {
                listed.extend(objects.outside(*which).into_iter().map(|sample| Listed {
                    key: Key::Outside(sample.reason, is_peer),
                    line: outside(sample, *which),
                    process: None,
                }));
            }
        }
        listed
    }

    fn key(item: &Listed) -> Key {
        item.key
    }

    fn row(item: &Listed) -> &ObjectLine {
        &item.line
    }

    fn absent(&self, context: &Context, frame: &Frame) -> Option<Vec<String>> {
        absent(context, frame)
    }

    fn empty(&self, context: &Context) -> &'static str {
        if context.is_filtered() {
            "nothing that matches the filter was used in this interval"
        } else {
            "nothing was used in this interval"
        }
    }

    fn noun(&self) -> Option<[&'static str; 2]> {
        Some(match self.0 {
            [Which::Files] => ["file", "files"],
            [Which::Peers] => ["peer", "peers"],
            _ => ["file or peer", "files and peers"],
        })
    }

    fn is_counted(item: &Listed) -> bool {
        matches!(item.key, Key::Object(..))
    }

    const HAS_NOTE: bool = true;

    fn note(&self, item: Option<&Listed>, context: &Context) -> String {
        let Some((Listed { line, key, .. }, frame)) = item.zip(context.frame()) else {
            return String::new();
        };
        let why = match key {
            Key::Object(..) => "",
            Key::Outside(Outside::NoRoom, _) => {
                ": there was no room for them; --max-objects has more"
            }
            Key::Outside(Outside::UnknownObject, _) => {
                ": another thread closed or replaced the descriptor at the same time, or there is none"
            }
            Key::Outside(Outside::NotAttributed, _) => {
                ": done by the kernel where zc does not look at the object, such as libaio"
            }
        };
        let process = if line.process.is_empty() {
            String::new()
        } else {
            format!("  used by {}", line.process)
        };
        let pages = mapped(&line.from).saturating_add(mapped(&line.to));
        let mapped = match frame.per_second(pages).filter(|_| pages > 0) {
            Some(rate) => {
                format!("; {} of it first touched in a mapping", human::bytes_per_sec(rate))
            }
            None => String::new(),
        };
        format!("{}{why}{process}{mapped}", line.name)
    }

    const OPENS: Option<&'static str> = Some("the process");

    fn open(&self, item: &Listed, frame: &Frame) -> Option<Box<dyn Page>> {
        open(item.process, frame)
    }

    const IS_FILTERED: bool = true;

    fn shorten(column: &Column<Objects>, text: String, room: usize) -> String {
        if column == Objects::NAME { shortened(&text, room).into_owned() } else { text }
    }
}

impl Listing for OfFlows {
    type Columns = Flows;
    type Item = FlowLine;
    type Key = FlowKey;

    const TABLE: &'static str = "flows";

    fn title(&self) -> &'static str {
        "Flows"
    }

    fn about(&self) -> &'static str {
        "what flows from where to where"
    }

    fn order(&self) -> &'static Column<Flows> {
        Flows::BYTES_PER_SEC
    }

    fn items(&self, context: &Context, frame: &Frame) -> Vec<FlowLine> {
        let Some(objects) = &frame.objects else { return Vec::new() };
        let peers = objects.peers();
        let mut all = objects.flows(Which::Files);
        for flow in objects.flows(Which::Peers) {
            let is_file = Which::Files.lists(flow.from.kind) || Which::Files.lists(flow.to.kind);
            if !is_file {
                all.push(flow);
            }
        }
        let mut lines: Vec<FlowLine> = Vec::new();
        for flow in all {
            let line = FlowLine {
                bytes: flow.bytes,
                how: how(flow.via),
                from: object_name(&flow.from, &flow.processes, &peers),
                to: object_name(&flow.to, &flow.processes, &peers),
                process: users(&flow.processes),
                flow: None,
            };
            if selects(context, frame, &flow.processes, &[&line.from, &line.to]) {
                lines.push(FlowLine { flow: Some(flow), ..line });
            }
        }
        let unknown = unknown_flows(frame);
        if unknown > 0 && !context.is_filtered() {
            lines.push(FlowLine {
                flow: None,
                bytes: unknown,
                how: how(FlowVia::Relayed),
                from: "(not attributed)".to_owned(),
                to: String::new(),
                process: String::new(),
            });
        }
        lines
    }

    fn key(item: &FlowLine) -> FlowKey {
        item.flow.as_ref().map(|flow| (flow.from.id, flow.to.id, flow.via))
    }

    fn row(item: &FlowLine) -> &FlowLine {
        item
    }

    fn absent(&self, context: &Context, frame: &Frame) -> Option<Vec<String>> {
        absent(context, frame)
    }

    fn empty(&self, context: &Context) -> &'static str {
        if context.is_filtered() {
            "nothing that matches the filter flowed in this interval"
        } else {
            "nothing was seen to flow from one to another in this interval"
        }
    }

    fn noun(&self) -> Option<[&'static str; 2]> {
        Some(["flow", "flows"])
    }

    fn is_counted(item: &FlowLine) -> bool {
        item.flow.is_some()
    }

    const HAS_NOTE: bool = true;

    fn note(&self, item: Option<&FlowLine>, _context: &Context) -> String {
        match item {
            Some(FlowLine { flow: None, .. }) => "Bytes that threads passed on, of which it was \
                not seen from where and to where, or there was no room for it."
                .to_owned(),
            Some(line) => format!("{}  to  {}  by {}", line.from, line.to, line.process),
            None => String::new(),
        }
    }

    const OPENS: Option<&'static str> = Some("the process");

    fn open(&self, item: &FlowLine, frame: &Frame) -> Option<Box<dyn Page>> {
        open(item.flow.as_ref()?.processes.first().map(|(process, _)| *process), frame)
    }

    const IS_FILTERED: bool = true;

    fn shorten(column: &Column<Flows>, text: String, room: usize) -> String {
        let is_name = column == Flows::FROM || column == Flows::TO;
        if is_name { shortened(&text, room).into_owned() } else { text }
    }
}
