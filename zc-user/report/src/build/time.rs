//! What happened over time.

use zc_render::human;

use super::sheet::meanings;
use crate::{
    content::{Block, Column, Kind, Row, Section, Table},
    series::{Series, Stretch},
};

/// Rows of the table below the curves.
const ROWS: usize = 12;

/// `copied` is the figure of all that was copied: what was copied over time is no better known.
pub(super) fn section(series: Series, copied: &str) -> Option<Section> {
    // Of one stretch the sums say the same.
    if series.stretches.len() < 2 {
        return None;
    }
    let mut blocks = Vec::new();
    let intervals = match series.merged {
        1 => "Each point is an interval of the recording.".to_owned(),
        merged => format!("Each point is {merged} intervals of the recording, merged."),
    };
    let table = Table { marks: meanings(copied), ..table(&series) };
    blocks.push(Block::Series(series));
    blocks.push(Block::Text(format!(
        "{intervals} Bytes by devices are those of the whole machine, whatever processes the recording is about."
    )));
    blocks.push(Block::Table(table));
    Some(Section { id: "time", title: "Over time", blocks })
}

fn table(series: &Series) -> Table {
    let heading = Column::new;
    let mut rows: Vec<Row> = Vec::new();
    let cells = |stretch: &Stretch| {
        let span = human::duration(stretch.end_ns.saturating_sub(stretch.begin_ns));
        vec![
            match stretch.begin_ns {
                0 => "the beginning".to_owned(),
                after => human::duration(after),
            },
            span,
            human::bytes(stretch.copied),
            rate(stretch.copied, stretch),
            human::bytes(stretch.reference),
            human::bytes(stretch.devices),
        ]
    };
    let parts = series.coarser(ROWS);
    let most = parts.iter().map(|part| part.copied).max().unwrap_or(0);
    for part in &parts {
        let bar =
            u16::try_from((u128::from(part.copied) * 1_000).checked_div(most.into()).unwrap_or(0));
        rows.push(Row { kind: Kind::Row, cells: cells(part), share: bar.ok() });
    }
    if let [sum] = &series.coarser(1)[..] {
        let mut cells = cells(sum);
        cells[0] = "total".to_owned();
        rows.push(Row { kind: Kind::Total, cells, share: None });
    }
    Table {
        caption: "The same in figures".to_owned(),
        columns: vec![
            heading("FROM", false),
            heading("FOR", true),
            heading("COPIED", true),
            heading("COPIED/s", true),
            heading("BY REF", true),
            heading("BY DEVICES", true),
        ],
        rows,
        marks: Vec::new(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn rate(bytes: u64, stretch: &Stretch) -> String {
    let seconds = stretch.seconds();
    if seconds > 0.0 {
        human::bytes_per_sec(bytes as f64 / seconds)
    } else {
        human::UNAVAILABLE.to_owned()
    }
}
