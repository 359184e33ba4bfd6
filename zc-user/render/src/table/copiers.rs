//! Copies that programs make themselves.

use std::io;

use super::{
    grid::{Cell, Grid},
    notes,
    once::total,
};
use crate::{
    human,
    paragraph::{self, Indent},
    sanitize,
};
use zc_model::{
    column::{Processes, Unit},
    frame::Frame,
    row::Row,
    snapshot::{Copier, CopierKind},
    value::{Quality, Value},
};

/// Functions that are listed.
const MOST: usize = 10;

/// Functions with fewer samples are left out: they may be anything.
const LEAST_SAMPLES: u64 = 5;

/// Writes how much of the CPU time went into copies that programs make themselves, or why that is not known.
pub(super) fn write_shares(frame: &Frame, out: &mut dyn io::Write) -> io::Result<()> {
    if !frame.host.user_copies {
        return Ok(());
    }
    let row = Row::totals(frame);
    if let Value::Unavailable(why) = Processes::USER_COPY_SHARE.of(row, frame) {
        let text = format!("copies in user space {}: {why}", human::UNAVAILABLE);
        return paragraph::write(&text, Indent::NONE, notes::COLUMNS, out);
    }
    let of = |column| total(frame, column);
    let with_margin = |share, margin| human::with_margin(of(share), &of(margin));
    let text = format!(
        "copies in user space {}: {} in functions that copy, {} in loops that copy, {} in page faults that \
         these took",
        with_margin(Processes::USER_COPY_SHARE, Processes::USER_COPY_MARGIN),
        of(Processes::LIBRARY_COPY_SHARE),
        of(Processes::INLINED_COPY_SHARE),
        of(Processes::COPY_FAULT_SHARE),
    );
    paragraph::write(&text, Indent::NONE, notes::COLUMNS, out)?;
    let text = format!(
        "copy bill {} of the CPU time: copies of the kernel and in user space; {} in code with no file, {} in \
         code not known",
        with_margin(Processes::COPY_BILL, Processes::COPY_BILL_MARGIN),
        of(Processes::NO_FILE_SHARE),
        of(Processes::UNKNOWN_CODE_SHARE),
    );
    paragraph::write(&text, Indent::NONE, notes::COLUMNS, out)
}

/// Writes the functions that copied most.
pub(super) fn write_functions(frame: &Frame, out: &mut dyn io::Write) -> io::Result<()> {
    let samples = |copier: &Copier| copier.samples + copier.fault_samples;
    let mut copiers: Vec<_> =
        frame.copiers.iter().filter(|it| samples(it) >= LEAST_SAMPLES).collect();
    if copiers.is_empty() {
        return Ok(());
    }
    // In a fixed order where there are as many.
    copiers.sort_by_key(|copier| std::cmp::Reverse(samples(copier)));
    writeln!(out, "\nCopies in user space")?;
    let mut grid = Grid::new([
        ("SAMPLES", true),
        ("AT FAULTS", true),
        ("PID", true),
        ("COMM", false),
        ("COPY", false),
        ("FUNCTION", false),
        ("FILE", false),
    ]);
    for copier in copiers.iter().take(MOST) {
        let number = |value| Cell::value(&Value::Integer(value, Quality::MEASURED), Unit::Count);
        let name = frame.processes.iter().find(|process| process.id == copier.process);
        let name = name.map_or(String::new(), |process| sanitize::sanitize(&process.comm).into());
        grid.push(vec![
            number(samples(copier)),
            number(copier.fault_samples),
            Cell::text(copier.process.pid.to_string()),
            Cell::text(name),
            Cell::text(match copier.kind {
                CopierKind::Library => "function",
                CopierKind::Inlined => "loop",
            }),
            Cell::text(copier.function.as_deref().map_or("?".into(), sanitize::sanitize)),
            Cell::text(sanitize::sanitize(file_name(&copier.file))),
        ]);
    }
    grid.write(out)?;
    if copiers.len() > MOST {
        writeln!(out, "  ... and {} more", copiers.len() - MOST)?;
    }
    Ok(())
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
