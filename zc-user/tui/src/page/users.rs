//! Who uses a path, the disks, or the network: the page above a row of these.

use super::{
    Guide, Page,
    detail::Detail,
    listing::{self, Listing, TablePage},
    paths,
};
use crate::state::{
    Context,
    key::{PathKey, ProcessKey},
};
use zc_model::{
    column::{
        Column, Table,
        user::{DiskUsers, NetUsers, PathUsers},
    },
    counter::CounterId,
    frame::Frame,
    row::Row,
    snapshot::{DeviceKind, ProcessSample, Provenance},
};

/// The processes on a path.
pub struct OfPath(pub PathKey);

/// The processes that use disks.
pub struct OfDisks;

/// The processes that use the network.
pub struct OfNetwork;

/// The page of those that use devices of this kind; none where it is not known of any.
#[must_use]
pub fn of_devices(kind: DeviceKind) -> Option<Box<dyn Page>> {
    match kind {
        DeviceKind::Block => Some(Box::new(TablePage::new(OfDisks))),
        DeviceKind::Net => Some(Box::new(TablePage::new(OfNetwork))),
        DeviceKind::Bus | DeviceKind::Iommu | DeviceKind::Unknown(_) => None,
    }
}

/// What the help says of the processes on a path.
#[must_use]
pub fn of_path_guides() -> Vec<Guide> {
    vec![listing::guide::<OfPath>("Path users")]
}

/// What the help says of the processes that use devices.
#[must_use]
pub fn of_devices_guides() -> Vec<Guide> {
    let (disks, network) = (TablePage::new(OfDisks), TablePage::new(OfNetwork));
    disks.guides().into_iter().chain(network.guides()).collect()
}

/// What their rows are.
const NOUN: Option<[&str; 2]> = Some(["process", "processes"]);

fn open(process: &ProcessSample) -> Option<Box<dyn Page>> {
    Some(Box::new(Detail::new(ProcessKey::of(process))))
}

impl Listing for OfPath {
    type Columns = PathUsers;
    type Item = ProcessSample;
    type Key = ProcessKey;

    fn title(&self) -> &'static str {
        "Path users"
    }

    fn about(&self) -> &'static str {
        "processes on a path"
    }

    fn order(&self) -> &'static Column<PathUsers> {
        PathUsers::COPIED_BYTES_PER_SEC
    }

    fn items(&self, context: &Context, frame: &Frame) -> Vec<ProcessSample> {
        let uses = |process: &&ProcessSample| {
            process.paths.iter().any(|sample| PathKey::of(sample) == self.0)
        };
        let of_path = |process: &ProcessSample| ProcessSample {
            paths: process.paths.iter().filter(|it| PathKey::of(it) == self.0).copied().collect(),
            ..process.clone()
        };
        let users = frame.processes.iter().filter(uses);
        users.filter(|process| context.selects(process, frame)).map(of_path).collect()
    }

    fn key(item: &ProcessSample) -> ProcessKey {
        ProcessKey::of(item)
    }

    fn row(item: &ProcessSample) -> Row<'_> {
        Row::process(item)
    }

    fn heading(&self, _context: &Context) -> Option<String> {
        Some(format!("Processes on {}", paths::name(self.0)))
    }

    fn empty(&self, context: &Context) -> &'static str {
        if context.is_filtered() {
            "no process that matches the filter has used this path in the interval"
        } else {
            "no process has used this path in the interval"
        }
    }

    fn noun(&self) -> Option<[&'static str; 2]> {
        NOUN
    }

    const IS_NARROWED: bool = true;

    const HAS_NOTE: bool = true;

    fn note(&self, _item: Option<&ProcessSample>, context: &Context) -> String {
        let help = self.0.path.help();
        let sample = context.frame().and_then(|frame| {
            let of_none = &frame.unattributed.paths;
            let sample = of_none.iter().find(|sample| PathKey::of(sample) == self.0)?;
            Some(paths::copied(sample, frame))
        });
        match sample {
            Some(copied) => format!("{help} Copied here for no process: {copied}."),
            None => help.to_owned(),
        }
    }

    const OPENS: Option<&'static str> = Some("the process");

    fn open(&self, item: &ProcessSample, _frame: &Frame) -> Option<Box<dyn Page>> {
        open(item)
    }
}

/// The processes with one of these counts, as far as they pass the filter.
fn counted(context: &Context, frame: &Frame, counters: &[CounterId]) -> Vec<ProcessSample> {
    let counts =
        |process: &&ProcessSample| counters.iter().any(|counter| process.counters[*counter] > 0);
    let users = frame.processes.iter().filter(counts);
    users.filter(|process| context.selects(process, frame)).cloned().collect()
}

/// Why there is no table where none of these is counted.
fn uncounted(frame: &Frame, counters: &[CounterId]) -> Option<Vec<String>> {
    let limits: Vec<_> = counters.iter().filter_map(|it| frame.host.limitation(*it)).collect();
    let is_out = |it: &CounterId| frame.host.provenance(*it) == Provenance::Unavailable;
    counters.iter().all(is_out).then(|| {
        let mut reasons: Vec<_> = limits.iter().map(|limit| limit.reason.clone()).collect();
        reasons.dedup();
        reasons.insert(0, "Who it was for is not known on this machine:".to_owned());
        reasons
    })
}

macro_rules! of_devices {
    ($name:ident $title:literal: $columns:ident, $sorted:ident, $heading:literal, $counters:expr, $note:ident) => {
        impl Listing for $name {
            type Columns = $columns;
            type Item = ProcessSample;
            type Key = ProcessKey;

            fn title(&self) -> &'static str {
                $title
            }

            fn about(&self) -> &'static str {
                "processes that use devices"
            }

            fn order(&self) -> &'static Column<$columns> {
                $columns::$sorted
            }

            fn items(&self, context: &Context, frame: &Frame) -> Vec<ProcessSample> {
                counted(context, frame, $counters)
            }

            fn key(item: &ProcessSample) -> ProcessKey {
                ProcessKey::of(item)
            }

            fn row(item: &ProcessSample) -> <$columns as Table>::Row<'_> {
                Row::process(item)
            }

            fn heading(&self, _context: &Context) -> Option<String> {
                Some($heading.to_owned())
            }

            fn absent(&self, _context: &Context, frame: &Frame) -> Option<Vec<String>> {
                uncounted(frame, $counters)
            }

            fn empty(&self, context: &Context) -> &'static str {
                if context.is_filtered() {
                    "no process that matches the filter in this interval"
                } else {
                    "no process in this interval"
                }
            }

            fn noun(&self) -> Option<[&'static str; 2]> {
                NOUN
            }

            const IS_NARROWED: bool = true;

            const HAS_NOTE: bool = true;

            fn note(&self, _item: Option<&ProcessSample>, context: &Context) -> String {
                context.frame().map_or_else(String::new, |frame| $note(frame))
            }

            const OPENS: Option<&'static str> = Some("the process");

            fn open(&self, item: &ProcessSample, _frame: &Frame) -> Option<Box<dyn Page>> {
                open(item)
            }
        }
    };
}

of_devices! { OfDisks "Disk users": DiskUsers, BLOCK_READ_BYTES_PER_SEC, "Processes that use disks",
&[CounterId::BlockReadBytes, CounterId::BlockWriteBytes, CounterId::BlockDirtiedBytes], of_disks }

of_devices! { OfNetwork "Network users": NetUsers, NET_TX_BYTES_PER_SEC, "Processes that use the network",
&[CounterId::NetTxBytes, CounterId::NetRxBytes], of_network }

fn of_disks(frame: &Frame) -> String {
    let mut disks = frame.devices.iter().filter(|device| device.kind == DeviceKind::Block);
    let where_to = match (disks.next(), disks.next()) {
        (Some(only), None) => format!(
            "All of it is for {}, the only disk.",
            zc_render::sanitize::sanitize(&only.device)
        ),
        _ => {
            "It is known who asked, not on which disk: these are the sums of all disks.".to_owned()
        }
    };
    format!(
        "{where_to} WRITTEN is often done by kworker, for pages that others have dirtied (DIRTIED)."
    )
}

fn of_network(_frame: &Frame) -> String {
    "Nothing says for whom a packet is: these are the bytes that processes sent to sockets and received from them, on \
     all interfaces together, loopback included."
        .to_owned()
}
