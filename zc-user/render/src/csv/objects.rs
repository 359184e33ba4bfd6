//! A line per process, object, end and path.

use std::io::{self, Write};

use super::harmless;
use zc_model::{
    frame::Frame,
    object::Which,
    snapshot::{ObjectSample, PathSample, Provenance},
};

/// The names of the columns.
const COLUMNS: [&str; 22] = [
    "taken_at_ns",
    "elapsed_ns",
    "kind",
    "device",
    "inode",
    "name",
    "deleted",
    "protocol",
    "local",
    "remote",
    "pid",
    "start_ns",
    "comm",
    "outside",
    "end",
    "path",
    "socket",
    "ops",
    "errors",
    "moved_bytes",
    "copied_bytes",
    "provenance",
];

/// Cells that tell an object and a process.
const IDENTITY: usize = 11;

/// Writes the names of the columns.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write_objects_header(out: &mut dyn Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(COLUMNS)?;
    writer.flush()
}

/// Writes the lines of the objects that `which` lists, and of what is outside the rows.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write_objects(frame: &Frame, which: Which, out: &mut dyn Write) -> io::Result<()> {
    let Some(objects) = &frame.objects else { return Ok(()) };
    let mut writer = csv::Writer::from_writer(out);
    let moment = [frame.taken_at_ns.to_string(), frame.elapsed_ns.to_string()];
    let mut write = |identity: &[String], outside: &str, end: &str, paths: &[PathSample]| {
        paths.iter().try_for_each(|path| {
            let ends = [outside.to_owned(), end.to_owned()];
            let cells = moment.iter().chain(identity).chain(&ends);
            writer.write_record(cells.chain(&counts(path)))
        })
    };
    for row in objects.rows.iter().filter(|row| which.lists(row.object.kind)) {
        let identity = identity(row);
        write(&identity, "", "from", &row.from)?;
        write(&identity, "", "to", &row.to)?;
    }
    let nothing = vec![String::new(); IDENTITY];
    for sample in objects.outside(which) {
        write(&nothing, sample.reason.id(), "from", &sample.from)?;
        write(&nothing, sample.reason.id(), "to", &sample.to)?;
    }
    writer.flush()
}

fn identity(row: &ObjectSample) -> [String; IDENTITY] {
    let object = &*row.object;
    let text = |text: Option<&str>| text.map_or_else(String::new, |it| harmless(it).into_owned());
    let ends = object.ends.as_ref();
    [
        object.kind.id().to_owned(),
        format!("{}:{}", object.id.major, object.id.minor),
        object.id.inode.to_string(),
        text(object.name.as_deref()),
        object.is_deleted.to_string(),
        text(ends.map(|ends| ends.protocol.as_str())),
        text(ends.and_then(|ends| ends.local.as_deref())),
        text(ends.and_then(|ends| ends.remote.as_deref())),
        row.process.pid.to_string(),
        row.process.start_ns.to_string(),
        text(Some(&row.comm)),
    ]
}

fn counts(path: &PathSample) -> [String; 7] {
    let copied = match path.provenance {
        Provenance::Unavailable => String::new(),
        _ => path.copied_bytes.to_string(),
    };
    [
        path.path.id().to_owned(),
        path.socket.map_or("", |socket| socket.id()).to_owned(),
        path.ops.to_string(),
        path.errors.to_string(),
        path.moved_bytes.to_string(),
        copied,
        path.provenance.id().to_owned(),
    ]
}
