//! Runs the dashboard on a pseudo terminal that this program reads.

use std::{
    fs::{File, OpenOptions},
    io::Read as _,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use crate::binary::ZC;

/// After this long the dashboard is taken to be stuck.
const PATIENCE: Duration = Duration::from_secs(30);

/// In the header as soon as there are figures, and not before.
const FIGURE: &str = "avoidable";

/// A dashboard on a terminal of its own.
pub(crate) struct Dashboard {
    child: Child,
    started: Instant,
    seen: Receiver<Instant>,
}

impl Dashboard {
    pub(crate) fn start() -> Result<Self> {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
            .context("cannot make a pseudo terminal")?;
        grantpt(&controller)?;
        unlockpt(&controller)?;
        let size = Winsize { ws_row: 50, ws_col: 160, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&controller, size)?;
        let name = ptsname(&controller, Vec::new())?.into_string()?;
        let terminal = OpenOptions::new().read(true).write(true).open(&name)?;
        let started = Instant::now();
        let child = Command::new(ZC)
            .arg("top")
            .env("TERM", "xterm-256color")
            .stdin(Stdio::from(terminal.try_clone()?))
            .stdout(Stdio::from(terminal))
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot run '{ZC}'"))?;
        let (sender, seen) = channel();
        let controller = File::from(controller);
        thread::spawn(move || watch(controller, &sender));
        Ok(Self { child, started, seen })
    }

    /// Time from the start to the first screen, and to the first figures on it.
    pub(crate) fn first(&self) -> Result<(Duration, Duration)> {
        let next = || -> Result<Duration> {
            let at = self.seen.recv_timeout(PATIENCE).context("the dashboard shows nothing")?;
            Ok(at - self.started)
        };
        Ok((next()?, next()?))
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

/// Reads until the terminal is closed, because a full buffer would block the dashboard. Sends the
/// time of the first output and the time of the first figures.
fn watch(mut screen: File, seen: &Sender<Instant>) {
    let mut text = Vec::new();
    let mut buffer = [0; 16 << 10];
    let mut waiting = true;
    while let Ok(count @ 1..) = screen.read(&mut buffer) {
        if !waiting {
            continue;
        }
        // Sending fails when the receiver has been dropped, which is fine.
        if text.is_empty() {
            let _ = seen.send(Instant::now());
        }
        text.extend_from_slice(&buffer[..count]);
        waiting = !String::from_utf8_lossy(&text).contains(FIGURE);
        if !waiting {
            let _ = seen.send(Instant::now());
        }
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing else to be done then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
