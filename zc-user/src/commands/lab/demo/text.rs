//! The tour as text, with pauses if the output is a terminal.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Read as _, Write as _},
    os::fd::AsFd as _,
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::{
    io::{Interest, unix::AsyncFd},
    time::sleep,
};

use super::{handout, laboratory::LiveLaboratory, status};
use crate::{cli::lab::demo::Demo, commands::lab::interrupted};
use zc_lab::{
    screen::text::TextForm,
    tour::{
        script::Act,
        summary::Tally,
        walk::{Laboratory as _, Phase, Tour},
    },
};
use zc_probe::attach::Options;
use zc_render::theme::Theme;
use zc_session::{
    stall::Stoppable,
    work,
    world::{NoEvents, Real},
};

/// Plays the tour on standard output.
pub(super) async fn run(
    mut tour: Tour,
    theme: Theme,
    arguments: &Demo,
    options: &Options,
    acts: &[Act],
) -> Result<ExitCode> {
    let mut world = Real::new(NoEvents)?;
    let mut laboratory = LiveLaboratory::open(arguments, options, acts, tour.words())?;
    let mut reader = Reader::open()?;
    let style = TextForm { theme, color: theme.has_color() && io::stdout().is_terminal() };
    say(&style.opening(&tour, laboratory.conditions()))?;
    let mut announced = None;
    loop {
        if let Some((scene, _, findings)) = tour.shown() {
            if announced != Some(tour.at()) {
                announced = Some(tour.at());
                say(&style.before(tour.at() + 1, scene))?;
            }
            if tour.phase() == Phase::After {
                say(&style.after(&tour, scene, findings))?;
            }
        } else {
            say(&style.closing(&tour))?;
            if let Some(path) = &arguments.report {
                handout::write(&tour, Some(laboratory.conditions()), path)?;
            }
            return Ok(status(Tally::of(&tour)));
        }
        let due = tour.due().cloned();
        let step = async {
            match &due {
                Some(act) => Some(laboratory.run(act).await),
                None => {
                    reader.pause(tour.goes_on_in()).await;
                    None
                }
            }
        };
        match work::run(step, &mut world).await? {
            work::Outcome::Done(Some(exhibit)) => tour.receive(exhibit),
            work::Outcome::Done(None) => tour.next(),
            work::Outcome::Stopped(signal) => return Ok(interrupted(signal.number())),
        }
    }
}

/// The keys of a user at a terminal; `None` if there is no terminal.
struct Reader(Option<AsyncFd<File>>);

impl Reader {
    fn open() -> Result<Self> {
        if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
            return Ok(Self(None));
        }
        let keys = io::stdin().as_fd().try_clone_to_owned().context("cannot use standard input")?;
        // SAFETY: a File keeps its descriptor open, and the same, for as long as it lives.
        let keys = unsafe { AsyncFd::register_with_interest(File::from(keys), Interest::READABLE) };
        Ok(Self(Some(keys.map_err(io::Error::from).context("cannot wait for keys")?)))
    }

    /// Gives the reader this long, or until Enter is pressed; with `None` only Enter goes on.
    async fn pause(&mut self, time: Option<Duration>) {
        let Some(keys) = &mut self.0 else { return };
        let pressed = async {
            match keys.readable_mut().await {
                Ok(mut ready) => {
                    // A line and the end of the input both mean: continue.
                    let _ = ready.get_inner_mut().read(&mut [0; 4096]);
                    ready.clear_ready();
                }
                // Without keys, only time continues the tour.
                Err(_) => std::future::pending().await,
            }
        };
        match time {
            None => pressed.await,
            Some(time) => tokio::select! {
                () = pressed => {}
                () = sleep(time) => {}
            },
        }
    }
}

fn say(text: &str) -> Result<()> {
    let mut out = Stoppable(io::stdout());
    let said = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    said.context("cannot write to standard output")
}
