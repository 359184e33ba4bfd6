//! Groups of processes in the document.

use serde::{Serialize, Serializer};

use super::Entry;
use zc_model::{
    frame::Frame,
    group::{Group, GroupBy},
    home::Home,
    row::Row,
    snapshot::ProcessId,
    sort::Listing,
};

/// The groups, where groups are listed.
#[derive(Debug, Serialize)]
pub(super) struct Grouped<'a> {
    group_by: &'static str,
    groups: GroupRows<'a>,
}

#[derive(Debug)]
struct GroupRows<'a> {
    groups: Vec<Group>,
    frame: &'a Frame,
}

#[derive(Debug, Serialize)]
struct GroupRow<'a> {
    group: &'a str,
    members: Option<u64>,
    /// Parents and roots of trees only.
    #[serde(skip_serializing_if = "Option::is_none", flatten)]
    process: Option<ProcessId>,
    /// Users only.
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<u32>,
    /// Control groups and containers only.
    #[serde(skip_serializing_if = "Option::is_none", flatten)]
    home: Option<Residence<'a>>,
    #[serde(flatten)]
    entry: Entry<'a>,
}

#[derive(Debug, Serialize)]
struct Residence<'a> {
    container: Option<&'a str>,
    runtime: Option<&'a str>,
    pod: Option<&'a str>,
    unit: Option<&'a str>,
}

impl<'a> Grouped<'a> {
    pub(super) fn of(listing: &Listing, frame: &'a Frame) -> Option<Self> {
        let (by, groups) = listing.by.zip(listing.groups(frame))?;
        Some(Self { group_by: by.id(), groups: GroupRows { groups, frame } })
    }
}

impl<'a> GroupRow<'a> {
    fn new(group: &'a Group, frame: &'a Frame) -> Self {
        let has_home = matches!(group.by, GroupBy::Cgroup | GroupBy::Container);
        Self {
            group: &group.name,
            members: group.members,
            process: group.process,
            uid: group.user,
            home: has_home.then(|| {
                let Home { container, pod, unit } =
                    group.cgroup.as_deref().map_or_else(Home::default, Home::of);
                let (id, runtime) =
                    (container.map(|it| it.id), container.and_then(|it| it.runtime));
                Residence { container: id, runtime, pod, unit }
            }),
            entry: Entry::new(Row::group(group), frame),
        }
    }
}

impl Serialize for GroupRows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.groups.iter().map(|group| GroupRow::new(group, self.frame)))
    }
}
