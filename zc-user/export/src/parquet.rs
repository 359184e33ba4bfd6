//! Long tables in Parquet: a row for each path of a process, each process, each device, each loss in each interval.
//!
//! Counts are those of the interval, so that `sum()` is the total. What is not available is null.

mod table;

use std::{fs::File, io};

use anyhow::{Context as _, Result};
use table::{Cell, Column, Table};
use zc_model::{
    column::{Processes, state},
    counter::CounterId,
    frame::Frame,
    home::Home,
    row::Row,
    snapshot::{PathSample, ProcessSample, Provenance},
    value::Value,
};
use zc_render::sanitize::sanitize;

use crate::About;

/// Name and version of the form of the tables.
pub const SCHEMA: &str = "zc-parquet/1";

/// The tables, each a file.
pub const TABLES: [&str; 6] = ["paths", "processes", "devices", "losses", "marks", "meta"];

/// Tables that are written.
pub struct Tables {
    paths: Table,
    processes: Table,
    devices: Table,
    losses: Table,
    marks: Table,
    meta: Table,
    intervals: u64,
    limitations: Vec<(String, String)>,
}

impl Tables {
    /// Begins the tables; `create` opens the file of this name.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn new(mut create: impl FnMut(&str) -> io::Result<File>) -> Result<Self> {
        let mut table = |name: &str, columns: Vec<Column>| {
            let file = format!("{name}.parquet");
            let opened = create(&file).with_context(|| format!("cannot write '{file}'"))?;
            Table::new(name, columns, opened, SCHEMA)
        };
        let when = || [Column::time("ts"), Column::int("interval_ns"), Column::text("host")];
        let who = || {
            [
                Column::int("pid"),
                Column::int("start_ns"),
                Column::text("comm"),
                Column::text("cgroup"),
                Column::text("container"),
                Column::int("uid"),
            ]
        };
        let of = |columns: &[Column]| -> Vec<Column> {
            when().into_iter().chain(columns.iter().copied()).collect()
        };
        let of_paths: Vec<_> = who()
            .into_iter()
            .chain([
                Column::text("path"),
                Column::text("socket"),
                Column::int("ops"),
                Column::int("errors"),
                Column::int("moved_bytes"),
                Column::int("copied_bytes"),
                Column::int("assumed_bytes"),
                Column::text("provenance"),
            ])
            .collect();
        let of_processes: Vec<_> = who()
            .into_iter()
            .chain([Column::text("state"), Column::int("merged")])
            .chain(CounterId::ALL.iter().map(|counter| Column::int(counter.id())))
            .collect();
        let of_devices = [
            Column::text("device"),
            Column::text("kind"),
            Column::int("namespace"),
            Column::bool("software"),
            Column::int("read_bytes"),
            Column::int("write_bytes"),
            Column::int("read_requests"),
            Column::int("write_requests"),
            Column::int("errors"),
            Column::int("dma_read_bytes"),
            Column::int("dma_write_bytes"),
            Column::int("linear_bytes"),
            Column::int("gather_bytes"),
        ];
        Ok(Self {
            paths: table("paths", of(&of_paths))?,
            processes: table("processes", of(&of_processes))?,
            devices: table("devices", of(&of_devices))?,
            losses: table("losses", of(&[Column::text("loss"), Column::int("count")]))?,
            marks: table("marks", vec![Column::time("ts"), Column::text("text")])?,
            meta: table("meta", vec![Column::text("key"), Column::text("value")])?,
            intervals: 0,
            limitations: Vec::new(),
        })
    }

    /// Adds an interval.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn add(&mut self, frame: &Frame) -> Result<()> {
        let host = sanitize(&frame.host.name);
        let when = [Cell::time(frame.taken_at_ns), Cell::int(frame.elapsed_ns), Cell::Text(&host)];
        for process in frame.processes.iter().filter(|process| process.is_active()) {
            self.row(&when, Some(process), Row::process(process), frame)?;
        }
        if frame.unattributed.is_active() {
            self.row(&when, None, Row::unattributed(frame), frame)?;
        }
        for device in &frame.devices {
            let own = |count: u64| {
                if device.kind.moves_bytes() { Cell::int(count) } else { Cell::Null }
            };
            let dma = |count| if device.does_dma() { Cell::int(count) } else { Cell::Null };
            let net = |count| {
                let is_net = device.kind == zc_model::snapshot::DeviceKind::Net;
                if is_net { Cell::int(count) } else { Cell::Null }
            };
            let name = sanitize(&device.device);
            let cells = [
                Cell::Text(&name),
                Cell::Text(device.kind.id()),
                device.namespace.map_or(Cell::Null, Cell::int),
                Cell::Bool(device.software),
                own(device.read_bytes),
                own(device.write_bytes),
                own(device.read_requests),
                own(device.write_requests),
                own(device.errors),
                dma(device.read_bytes),
                dma(device.write_bytes),
                net(device.linear_bytes),
                net(device.gather_bytes),
            ];
            self.devices.push(when.iter().chain(&cells).copied())?;
        }
        for (loss, count) in frame.losses.occurred() {
            let cells = [Cell::Text(loss.id()), Cell::int(count)];
            self.losses.push(when.iter().chain(&cells).copied())?;
        }
        if self.intervals == 0 {
            let limits = frame.host.limitations.iter().map(|limit| {
                let key = format!("limitation.{}", limit.counter.id());
                (key, format!("{}: {}", limit.provenance.id(), limit.reason))
            });
            self.limitations.extend(limits);
            self.limitations.push(("kernel".to_owned(), frame.host.kernel.clone()));
            self.limitations.push(("arch".to_owned(), frame.host.arch.clone()));
            self.limitations.push(("copies".to_owned(), frame.host.copies.id().to_owned()));
        }
        self.intervals += 1;
        Ok(())
    }

    fn row(
        &mut self,
        when: &[Cell<'_>],
        process: Option<&ProcessSample>,
        row: Row<'_>,
        frame: &Frame,
    ) -> Result<()> {
        let comm = process.map(|process| sanitize(&process.comm));
        let cgroup = process.and_then(|it| it.cgroup.as_deref()).map(sanitize);
        let container = cgroup.as_deref().and_then(|it| Home::of(it).container.map(|it| it.id));
        let who = [
            process.map_or(Cell::Null, |it| Cell::int(it.id.pid.into())),
            process.map_or(Cell::Null, |it| Cell::int(it.id.start_ns)),
            Cell::text(comm.as_deref()),
            Cell::text(cgroup.as_deref()),
            Cell::text(container),
            process.and_then(|it| it.user).map_or(Cell::Null, |uid| Cell::int(uid.into())),
        ];
        let begin: Vec<_> = when.iter().chain(&who).copied().collect();
        for sample in row.paths {
            self.paths.push(begin.iter().chain(&path(sample)).copied())?;
        }
        let counters = CounterId::ALL.iter().map(|counter| {
            match Processes::counter(*counter).of(row, frame) {
                Value::Integer(count, _) => Cell::int(count),
                _ => Cell::Null,
            }
        });
        let of_process = [
            Cell::text(process.map(state)),
            process.map_or(Cell::Null, |process| Cell::int(process.merged)),
        ];
        self.processes.push(begin.iter().copied().chain(of_process).chain(counters))
    }

    /// Adds a moment that was given a name, ns since the Unix epoch.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn mark(&mut self, at_ns: u64, text: &str) -> Result<()> {
        self.marks.push([Cell::time(at_ns), Cell::Text(&sanitize(text))])
    }

    /// Ends the tables.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn finish(mut self, about: &About) -> Result<()> {
        let own = [
            ("schema".to_owned(), SCHEMA.to_owned()),
            ("intervals".to_owned(), self.intervals.to_string()),
        ];
        let facts = own.iter().chain(&about.facts).chain(&self.limitations);
        for (key, value) in facts {
            let (key, value) = (sanitize(key), sanitize(value));
            self.meta.push([Cell::Text(&key), Cell::Text(&value)])?;
        }
        for table in [self.paths, self.processes, self.devices, self.losses, self.marks, self.meta]
        {
            table.finish()?;
        }
        Ok(())
    }
}

fn path(sample: &PathSample) -> [Cell<'_>; 8] {
    let is_known = sample.provenance != Provenance::Unavailable;
    let known = |count| if is_known { Cell::int(count) } else { Cell::Null };
    [
        Cell::Text(sample.path.id()),
        Cell::text(sample.socket.map(|socket| socket.id())),
        Cell::int(sample.ops),
        Cell::int(sample.errors),
        Cell::int(sample.moved_bytes),
        known(sample.copied_bytes),
        known(sample.assumed_bytes),
        Cell::Text(sample.provenance.id()),
    ]
}

#[cfg(test)]
mod tests;
