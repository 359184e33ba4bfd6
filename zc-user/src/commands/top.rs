//! `zc top`: the dashboard, or its updates as text, JSON or CSV.

use std::{
    fs::File,
    io::{self, BufWriter, IsTerminal as _, Write},
    os::fd::AsFd as _,
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, Result};
use rustix::thread::CapabilitySet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::{options, privilege, stop::Stop};
use crate::cli::{Top, Usage};
use zc_model::{column::Column, frame::Frame, sort::Listing, source::SnapshotSource as _};
use zc_probe::{live::Live, names::identity};
use zc_render::{csv, json, table, theme::Theme};

/// How often the slots of exited threads are recycled.
const TEND: Duration = Duration::from_millis(100);

/// Processes listed in plain text.
const LISTED: usize = 20;

/// Runs `zc top`.
pub(super) async fn run(arguments: &Top) -> Result<ExitCode> {
    for pid in &arguments.selection.pids {
        identity::find(*pid)?;
    }
    let plain = arguments.once
        || arguments.count.is_some()
        || arguments.format.json
        || arguments.format.csv
        || !io::stdout().is_terminal();
    if !plain && arguments.probing.ebpf_log && io::stderr().is_terminal() {
        return Err(Usage(
            "--ebpf-log would write across the dashboard: add 2>FILE, --json or --once".into(),
        )
        .into());
    }
    if plain {
        print(start(arguments)?, arguments).await?;
    } else {
        dashboard(arguments).await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Attaches, and gives up what is not needed after that.
fn start(arguments: &Top) -> Result<Live> {
    let live = Live::start(&options(&arguments.probing))?;
    privilege::drop_unneeded(CapabilitySet::empty())?;
    Ok(live)
}

async fn dashboard(arguments: &Top) -> Result<()> {
    let selection = &arguments.selection;
    let listing = selection.listing(Listing::everything());
    let options = zc_tui::run::Options {
        interval: arguments.interval,
        theme: Theme::detect(arguments.format.no_color, |name| std::env::var(name).ok()),
        filter: selection.filter(),
        sort: (listing.column, listing.direction),
    };
    zc_tui::run::run(|| Ok(Box::new(start(arguments)?)), options).await
}

/// One update per interval, until enough have been printed, a signal arrives or the reader leaves.
async fn print(mut live: Live, arguments: &Top) -> Result<()> {
    let mut stop = Stop::new()?;
    let mut tend = interval(TEND);
    tend.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let filter = arguments.selection.filter();
    let mut updates = if arguments.once { Some(1) } else { arguments.count };
    let mut printer = Printer::new(arguments).context("cannot write to standard output")?;
    let mut previous = live.next()?.context("the probes returned no snapshot")?;
    let mut due = Instant::now() + arguments.interval;
    while updates != Some(0) {
        tokio::select! {
            _ = stop.next() => break,
            _ = tend.tick() => live.tend()?,
            () = sleep_until(due) => {
                let next = live.next()?.context("the probes returned no snapshot")?;
                printer
                    .print(Frame::between(&previous, &next).select(&filter))
                    .context("cannot write to standard output")?;
                previous = next;
                // Late updates are not caught up: the interval in each says how long it was.
                due = (due + arguments.interval).max(Instant::now());
                updates = updates.map(|left| left - 1);
            }
        }
    }
    Ok(())
}

struct Printer<'a> {
    arguments: &'a Top,
    columns: Vec<&'static Column>,
    out: Box<dyn Write>,
}

impl<'a> Printer<'a> {
    fn new(arguments: &'a Top) -> Result<Self> {
        // Past the standard library's buffer, which looks for line ends in all that it is given.
        let out =
            io::stdout().as_fd().try_clone_to_owned().context("cannot use standard output")?;
        let mut printer = Self {
            arguments,
            columns: table::once_columns(),
            out: Box::new(BufWriter::new(File::from(out))),
        };
        if arguments.format.csv {
            csv::write_header(&printer.columns, &mut printer.out)?;
        }
        Ok(printer)
    }

    fn print(&mut self, frame: Frame) -> Result<()> {
        let Self { arguments, columns, out } = self;
        let everything = arguments.selection.listing(Listing::everything());
        if arguments.format.json {
            json::write_line(&frame, &everything, out)?;
        } else if arguments.format.csv {
            csv::write_rows(&frame, &everything, columns, out)?;
        } else {
            let listing = arguments.selection.listing(Listing::busiest(LISTED));
            table::write_once(&frame, &listing, columns, out)?;
        }
        Ok(out.flush()?)
    }
}
