//! Copies that programs make themselves, where these were looked for.

use std::collections::HashMap;

use zc_model::{
    column::{Column, Processes, Unit},
    frame::Frame,
    row::Row,
    snapshot::{Copier, CopierKind},
    value::Value,
};
use zc_render::{human, table::UNATTRIBUTED};

use super::{
    MOST_ROWS,
    groups::{and_more, named},
    sheet::{Modelled, Sheet},
};
use crate::content::{Block, Kind, Section, Table};

pub(super) fn section(frame: &Frame) -> Option<Section> {
    if !frame.host.user_copies {
        return None;
    }
    let mut blocks = vec![Block::Text(shares(frame))];
    if !frame.copiers.is_empty() {
        blocks.push(Block::Table(table(frame)));
        blocks.push(Block::Text(
            "From samples of CPU time: a function with a few of them may copy by chance only."
                .to_owned(),
        ));
    }
    Some(Section { id: "copiers", title: "Copies that programs make themselves", blocks })
}

/// How much of the CPU time went into them, or why that is not known.
fn shares(frame: &Frame) -> String {
    let row = Row::totals(frame);
    let of =
        |column: &'static Column| human::value(&column.of(row, frame), Unit::Fraction).into_owned();
    if let Value::Unavailable(why) = Processes::USER_COPY_SHARE.of(row, frame) {
        return format!(
            "What programs copied themselves is not known: {}.",
            why.trim_end_matches('.')
        );
    }
    format!(
        "They took {} ±{} of the CPU time: {} in functions that copy, {} in loops that copy, {} in page faults that \
         these took. With the copies of the kernel it is {} ±{}. {} was in code with no file, {} in code that is not \
         known: whether that copied is not known either.",
        of(Processes::USER_COPY_SHARE),
        of(Processes::USER_COPY_MARGIN),
        of(Processes::LIBRARY_COPY_SHARE),
        of(Processes::INLINED_COPY_SHARE),
        of(Processes::COPY_FAULT_SHARE),
        of(Processes::COPY_BILL),
        of(Processes::COPY_BILL_MARGIN),
        of(Processes::NO_FILE_SHARE),
        of(Processes::UNKNOWN_CODE_SHARE),
    )
}

fn table(frame: &Frame) -> Table {
    let names: HashMap<_, _> =
        frame.processes.iter().map(|process| (process.id, &*process.comm)).collect();
    let all = |it: &Copier| it.samples.saturating_add(it.fault_samples);
    let mut copiers: Vec<_> = frame.copiers.iter().collect();
    copiers.sort_by_key(|it| std::cmp::Reverse(all(it)));
    let columns = [
        ("FUNCTION", false),
        ("FILE", false),
        ("PROCESS", false),
        ("COPY", false),
        ("SAMPLES", true),
        ("AT FAULTS", true),
    ];
    let caption = "Functions that copied, the most samples first";
    let mut sheet = Sheet::new(caption, Modelled(false), &columns).extra(&["AT FAULTS", "COPY"]);
    let most = copiers.first().map_or(0, |it| all(it));
    for it in copiers.iter().take(MOST_ROWS) {
        let who = names.get(&it.process).map_or_else(
            || UNATTRIBUTED.to_owned(),
            |comm| format!("{}[{}]", named(comm), it.process.pid),
        );
        let kind = match it.kind {
            CopierKind::Library => "function",
            CopierKind::Inlined => "loop",
        };
        let cells = vec![
            it.function.as_deref().map_or_else(|| "?".to_owned(), named),
            named(&it.file),
            who,
            kind.to_owned(),
            human::count(all(it)),
            human::count(it.fault_samples),
        ];
        sheet.push_with(Kind::Row, cells, Some((all(it), most)));
    }
    let sum = |part: &[&Copier], of: fn(&Copier) -> u64| {
        human::count(part.iter().map(|it| of(it)).fold(0, u64::saturating_add))
    };
    let line = |title: String, part: &[&Copier]| {
        let none = String::new;
        let samples = sum(part, |it| it.samples.saturating_add(it.fault_samples));
        vec![title, none(), none(), none(), samples, sum(part, |it| it.fault_samples)]
    };
    if let Some(rest) = copiers.get(MOST_ROWS..).filter(|rest| !rest.is_empty()) {
        sheet.push(Kind::Rest, line(and_more(rest.len()), rest));
    }
    sheet.push(Kind::Total, line("total".to_owned(), &copiers));
    sheet.done()
}
