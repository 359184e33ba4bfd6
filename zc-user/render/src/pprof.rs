//! Stacks as a profile that `pprof`, Perfetto and others read: `profile.proto` of <https://github.com/google/pprof>,
//! compressed with gzip.

mod messages;

use std::{collections::HashMap, io};

use flate2::{Compression, write::GzEncoder};
use prost::Message as _;

use crate::{
    folded::{path_id, whole},
    sanitize::sanitize,
};
use messages::{Function, Label, Line, Location, Mapping, Profile, Sample, ValueType};
use zc_model::{
    frame::Frame,
    snapshot::{FrameKind, Provenance, StackEnd, StackFrame, StackSample},
};

/// Writes the stacks of a frame.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write_pprof(frame: &Frame, out: &mut dyn io::Write) -> io::Result<()> {
    let bytes = profile(frame).encode_to_vec();
    let mut encoder = GzEncoder::new(out, Compression::default());
    encoder.write_all(&bytes)?;
    encoder.finish()?.flush()
}

use io::Write as _;

/// Collects what the parts of a profile refer to.
#[derive(Default)]
struct Builder {
    strings: HashMap<String, i64>,
    table: Vec<String>,
    functions: HashMap<(i64, i64), u64>,
    locations: HashMap<StackFrame, u64>,
    mappings: HashMap<i64, u64>,
    profile: Profile,
}

fn profile(frame: &Frame) -> Profile {
    let mut builder = Builder::default();
    // The first string is empty.
    builder.string("");
    let time_each = frame.stacks.as_ref().and_then(|stacks| stacks.time_each_ns());
    let types: &[_] = if time_each.is_some() {
        &[("copied_bytes", "bytes"), ("calls", "count"), ("copy_cpu", "nanoseconds")]
    } else {
        &[("copied_bytes", "bytes"), ("calls", "count")]
    };
    builder.profile.sample_type = types.iter().map(|it| builder.value_type(*it)).collect();
    for row in frame.stacks.iter().flat_map(|stacks| &stacks.rows) {
        let sample = builder.sample(row, time_each, frame);
        builder.profile.sample.push(sample);
    }
    let Builder { table, mut profile, .. } = {
        let kind = builder.string("copied_bytes");
        builder.profile.default_sample_type = kind;
        builder
    };
    profile.time_nanos = frame.taken_at_ns.saturating_sub(frame.elapsed_ns).cast_signed();
    profile.duration_nanos = frame.elapsed_ns.cast_signed();
    profile.string_table = table;
    profile
}

impl Builder {
    fn string(&mut self, text: &str) -> i64 {
        if let Some(known) = self.strings.get(text) {
            return *known;
        }
        let index = self.table.len() as i64;
        self.table.push(text.to_owned());
        self.strings.insert(text.to_owned(), index);
        index
    }

    fn value_type(&mut self, (kind, unit): (&str, &str)) -> ValueType {
        ValueType { kind: self.string(kind), unit: self.string(unit) }
    }

    fn sample(&mut self, row: &StackSample, time_each: Option<u64>, frame: &Frame) -> Sample {
        let frames = row.kernel.iter().chain(row.frames.iter());
        let location_id = frames.map(|frame| self.location(frame)).collect();
        let mut value = vec![whole(row.bytes).cast_signed(), whole(row.calls).cast_signed()];
        value.extend(time_each.map(|each| (row.time_samples * each).cast_signed()));
        let mut label = vec![self.text_label("comm", &row.comm)];
        label.push(Label {
            key: self.string("pid"),
            num: row.process.pid.into(),
            ..Label::default()
        });
        if let Some(path) = row.path {
            label.push(self.text_label("path", &path_id(path)));
            let total = frame.totals.paths.iter().find(|sample| sample.path == path);
            let provenance = total.map_or(Provenance::Measured, |sample| sample.provenance);
            label.push(self.text_label("provenance", provenance.id()));
        }
        let end = match row.end {
            StackEnd::Whole => None,
            StackEnd::Depth => Some("depth"),
            StackEnd::NoFramePointers => Some("no_frame_pointers"),
            StackEnd::NoStack => Some("no_stack"),
        };
        label.extend(end.map(|end| self.text_label("stack_end", end)));
        Sample { location_id, value, label }
    }

    fn text_label(&mut self, key: &str, text: &str) -> Label {
        Label { key: self.string(key), str: self.string(&sanitize(text)), ..Label::default() }
    }

    fn location(&mut self, frame: &StackFrame) -> u64 {
        if let Some(known) = self.locations.get(frame) {
            return *known;
        }
        let file = self.string(&frame.module);
        let mapping_id = self.mapping(file);
        let mut name = crate::folded::function(frame);
        if frame.kind == FrameKind::Recovered {
            name.push_str(" [recovered]");
        }
        let name = self.string(&name);
        let function_id = self.function(name, file);
        let id = self.profile.location.len() as u64 + 1;
        let line = vec![Line { function_id, line: 0 }];
        self.profile.location.push(Location { id, mapping_id, address: frame.offset, line });
        self.locations.insert(frame.clone(), id);
        id
    }

    fn mapping(&mut self, filename: i64) -> u64 {
        let next = self.mappings.len() as u64 + 1;
        let id = *self.mappings.entry(filename).or_insert(next);
        if id == next && self.profile.mapping.len() as u64 + 1 == next {
            self.profile.mapping.push(Mapping { id, filename, has_functions: true });
        }
        id
    }

    fn function(&mut self, name: i64, filename: i64) -> u64 {
        let next = self.functions.len() as u64 + 1;
        let id = *self.functions.entry((name, filename)).or_insert(next);
        if id == next && self.profile.function.len() as u64 + 1 == next {
            self.profile.function.push(Function { id, name, system_name: name, filename });
        }
        id
    }
}

#[cfg(test)]
mod tests;
