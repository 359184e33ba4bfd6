//! The tables of the page of devices: which columns each has, and what these are called there.

use crate::widget::grid::Spec;
use zc_model::{
    column::{Column, Devices as Columns},
    snapshot::DeviceKind,
};

/// Points of the curve of a device: a minute of one-second intervals.
pub(super) const POINTS: usize = 60;

/// A column of one of the tables: what it is called there, its width, and when it gives way.
pub(super) struct Place {
    /// `None`: the curve of the last intervals.
    pub(super) column: Option<&'static Column<Columns>>,
    pub(super) title: &'static str,
    pub(super) width: (u16, u16),
    pub(super) priority: u8,
}

const fn place(
    column: &'static Column<Columns>,
    title: &'static str,
    width: u16,
    priority: u8,
) -> Place {
    Place { column: Some(column), title, width: (width, width), priority }
}

const fn name(title: &'static str) -> Place {
    Place { column: Some(Columns::DEVICE), title, width: (14, 32), priority: 0 }
}

const fn curve(priority: u8) -> Place {
    Place { column: None, title: "TREND", width: (8, POINTS as u16), priority }
}

/// Devices that can be compared with each other.
pub(super) struct Section {
    has: fn(DeviceKind) -> bool,
    pub(super) places: &'static [Place],
}

/// The tables, in the order of the screen.
pub(super) static SECTIONS: &[Section] = &[
    Section {
        has: |kind| kind == DeviceKind::Block,
        places: &[
            name("DISK"),
            place(Columns::READ_BYTES_PER_SEC, "READ/s", 11, 1),
            place(Columns::WRITE_BYTES_PER_SEC, "WRITTEN/s", 10, 2),
            place(Columns::READ_REQUESTS_PER_SEC, "READS/s", 8, 4),
            place(Columns::WRITE_REQUESTS_PER_SEC, "WRITES/s", 9, 5),
            place(Columns::AVERAGE_BYTES, "AVERAGE", 9, 6),
            place(Columns::ERRORS, "ERRORS", 7, 7),
            curve(3),
        ],
    },
    Section {
        has: |kind| kind == DeviceKind::Net,
        places: &[
            name("INTERFACE"),
            place(Columns::READ_BYTES_PER_SEC, "RECEIVED/s", 11, 1),
            place(Columns::WRITE_BYTES_PER_SEC, "SENT/s", 10, 2),
            place(Columns::READ_REQUESTS_PER_SEC, "IN/s", 8, 5),
            place(Columns::WRITE_REQUESTS_PER_SEC, "OUT/s", 9, 6),
            place(Columns::GATHERED_SHARE, "GATHERED", 9, 4),
            place(Columns::ERRORS, "ERRORS", 7, 8),
            place(Columns::AVERAGE_BYTES, "AVERAGE", 9, 7),
            place(Columns::NAMESPACE, "NETNS", 10, 9),
            curve(3),
        ],
    },
    Section {
        has: |kind| !kind.moves_bytes(),
        places: &[
            name("MAPPED FOR"),
            place(Columns::READ_BYTES_PER_SEC, "TO FILL/s", 11, 1),
            place(Columns::WRITE_BYTES_PER_SEC, "TO READ/s", 10, 2),
            place(Columns::MAPPED_BIDIRECTIONAL_BYTES_PER_SEC, "BOTH/s", 10, 4),
            place(Columns::BOUNCED_BYTES_PER_SEC, "BOUNCED/s", 10, 3),
            place(Columns::KIND, "KIND", 5, 5),
        ],
    },
];

/// The table that devices of this kind are in.
pub(super) fn section(kind: DeviceKind) -> Option<usize> {
    SECTIONS.iter().position(|section| (section.has)(kind))
}

/// The columns as the grid wants them.
pub(super) fn specs(places: &[Place]) -> Vec<Spec> {
    let spec = |place: &Place| Spec {
        title: place.title,
        width: place.width.0,
        right: place.column.is_some_and(|column| column.unit.is_numeric()),
        marks: false,
        stretch: place.width.1,
        priority: place.priority,
    };
    places.iter().map(spec).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_has_a_table_and_every_column_of_it_its_time_to_give_way() {
        for kind in [DeviceKind::Block, DeviceKind::Net, DeviceKind::Bus, DeviceKind::Iommu] {
            assert!(section(kind).is_some(), "{kind:?}");
        }
        for section in SECTIONS {
            let priorities: HashSet<u8> = section.places.iter().map(|it| it.priority).collect();
            assert_eq!(priorities.len(), section.places.len());
            for place in section.places {
                assert!(place.title.len() < usize::from(place.width.0), "{}", place.title);
            }
        }
    }
}
