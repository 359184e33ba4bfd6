//! What builds of `zc` add to operations, in instructions. Run by `cargo xtask bench --instructions`,
//! in a guest whose clock counts them; it writes raw figures, which xtask compares.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value, json};

use crate::{
    observer::{Build, OWN, Output, Switch, Work},
    setting::{self, BARE},
    sites::{
        self, OPERATIONS, WARM_UP, clock,
        operation::{self, Operation},
    },
};

/// The beginning of the name of every program that takes stacks at the end of calls.
const STACKS: &str = "zc_sys_exit_sta";

/// It interrupts whatever runs, a hundred times a second.
const SAMPLER: &str = "tax";

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where to write the figures
    #[arg(long, value_name = "FILE")]
    json: PathBuf,

    /// Another build of zc to measure, as JSON
    #[arg(long = "build")]
    builds: Vec<Build>,

    /// Operations, all when none is named
    #[arg(long, value_name = "OPERATION", value_delimiter = ',')]
    ops: Vec<String>,
}

/// Instructions of every operation in one setting.
struct Column {
    name: String,
    instructions: Vec<f64>,
}

/// What became of a build.
struct Observed {
    name: String,
    /// From its start until its probes were attached.
    attached_after: u64,
    limitations: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let unit = clock::verify()?;
    let (mut operations, refused) = operation::chosen(&arguments.ops)?;
    if let Some(refused) = refused.iter().find(|it| arguments.ops.iter().any(|id| id == it.id)) {
        bail!("{}: cannot be carried out: {}", refused.id, refused.why);
    }
    let mut columns = vec![measure(BARE, &mut operations)?];
    {
        let _attached = setting::floor()?;
        columns.push(measure("floor", &mut operations)?);
    }
    let mut observed = Vec::new();
    let own = Build::own();
    for build in std::iter::once(&own).chain(&arguments.builds) {
        let begin = clock::now();
        let observer = build.clone().leaving_out(SAMPLER).observe(Output::Report)?;
        let attached_after = clock::now() - begin;
        columns.push(measure(&build.name, &mut operations)?);
        let limitations = if build.with == Some(Switch::Stacks) {
            // Its report has names, which an unoptimised zc looks for in its own executable, too: with an emulated
            // processor for minutes.
            observer.abandon(STACKS)?;
            observed.first().map_or_else(Vec::new, |own: &Observed| own.limitations.clone())
        } else {
            let report = observer.finish()?.context("zc made no report")?;
            report
                .prove(least_done(&operations))
                .with_context(|| format!("'{}' did not count", build.name))?;
            report.limitations()
        };
        observed.push(Observed { name: build.name.clone(), attached_after, limitations });
        println!("measured '{}'", build.name);
    }
    // The kernel's caches fill while it is measured: by how much that changes the figures.
    let again = measure("bare_again", &mut operations)?;

    let kernel = rustix::system::uname();
    let figures = json!({
        "schema": "zc-bench-instructions/1",
        "kernel": kernel.release().to_string_lossy(),
        "mitigations": sites::mitigations(),
        "unit": unit,
        "own": OWN,
        "operations": operations.iter().enumerate().map(|(index, operation)| {
            let added: Map<_, _> = columns[1..]
                .iter()
                .map(|it| (it.name.clone(), (it.instructions[index] - columns[0].instructions[index]).into()))
                .collect();
            json!({
                "id": operation.id,
                "what": operation.what,
                "bare": columns[0].instructions[index],
                "bare_again": again.instructions[index],
                "added": added,
            })
        }).collect::<Vec<_>>(),
        "builds": observed.iter().map(Observed::json).collect::<Vec<_>>(),
    });
    let text = serde_json::to_string_pretty(&figures)? + "\n";
    let path = &arguments.json;
    fs::write(path, text).with_context(|| format!("cannot write '{}'", path.display()))
}

fn measure(name: &str, operations: &mut [Operation]) -> Result<Column> {
    let instructions = operations.iter_mut().map(sites::instructions).collect::<Result<_>>()?;
    Ok(Column { name: name.to_owned(), instructions })
}

/// What the operations did at the least in one setting: a call each, and a byte where they move data.
fn least_done(operations: &[Operation]) -> Work {
    let each = u64::from(OPERATIONS + WARM_UP);
    let moving = operations.iter().filter(|it| it.moves_data()).count() as u64;
    Work { calls: each * operations.len() as u64, moved_bytes: each * moving }
}

impl Observed {
    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "attach_instructions": self.attached_after,
            "limitations": self.limitations,
        })
    }
}
