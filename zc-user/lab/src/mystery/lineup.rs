//! The three programs, while they run.

use std::{
    fs::File,
    io::{self, PipeWriter, Write as _},
    path::Path,
    process::Stdio,
};

use anyhow::{Context as _, Result, bail};
use tokio::net::unix::pipe::Receiver;

use super::{
    role::{NAMES, Role, assign},
    suspect::{CHANGED, FIX},
};
use crate::process::child::Child;

/// The three programs. They end when this is dropped, and with this process, whatever ends it.
pub struct Lineup {
    suspects: Vec<Suspect>,
}

struct Suspect {
    name: &'static str,
    role: Role,
    is_fixed: bool,
    orders: PipeWriter,
    answers: Receiver,
    process: Child,
}

impl Lineup {
    /// Starts them, with files in `directory`; which of them does what depends on `seed`.
    ///
    /// # Errors
    /// When one of them cannot be started.
    pub async fn start(directory: &Path, seed: u64) -> Result<Self> {
        let mut lineup = Self { suspects: Vec::new() };
        for (name, role) in NAMES.into_iter().zip(assign(seed)) {
            let (input, orders) = io::pipe().context("cannot make a pipe")?;
            let (answers, output) = io::pipe().context("cannot make a pipe")?;
            let words = ["suspect".as_ref(), name.as_ref(), directory.as_os_str()];
            let process = Child::spawn(&words, input.into(), Stdio::from(output))?;
            let answers = Receiver::from_file(File::from(std::os::fd::OwnedFd::from(answers)))
                .context("cannot read from a pipe")?;
            let mut suspect = Suspect { name, role, is_fixed: false, orders, answers, process };
            suspect.order(role.code()).await?;
            lineup.suspects.push(suspect);
        }
        Ok(lineup)
    }

    /// Their process ids.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        self.suspects.iter().map(|suspect| suspect.process.pid()).collect()
    }

    /// The name of the one that copies most.
    #[must_use]
    pub fn culprit(&self) -> &'static str {
        let culprit = self.suspects.iter().find(|suspect| suspect.role == Role::Copies);
        culprit.map_or(NAMES[0], |suspect| suspect.name)
    }

    /// What one of them did at the start.
    #[must_use]
    pub fn role(&self, name: &str) -> Option<Role> {
        self.suspects.iter().find(|suspect| suspect.name == name).map(|suspect| suspect.role)
    }

    /// Fixes one of them: from now on its bytes go by reference. Whether it was not fixed before.
    ///
    /// # Errors
    /// When there is none of this name, or it has ended.
    pub async fn fix(&mut self, name: &str) -> Result<bool> {
        let suspect = self.suspects.iter_mut().find(|suspect| suspect.name == name);
        let suspect = suspect.with_context(|| format!("there is no program '{name}'"))?;
        if suspect.is_fixed {
            return Ok(false);
        }
        suspect.order(FIX).await?;
        suspect.is_fixed = true;
        Ok(true)
    }

    /// That all of them run.
    ///
    /// # Errors
    /// When one has ended: with what it wrote to standard error.
    pub fn check(&mut self) -> Result<()> {
        for suspect in &mut self.suspects {
            if let Some(error) = suspect.process.ended()? {
                return Err(error.context(format!("{} has ended", suspect.name)));
            }
        }
        Ok(())
    }
}

impl Suspect {
    /// Says what to do, and waits until it is done.
    async fn order(&mut self, code: u8) -> Result<()> {
        if let Err(error) = self.orders.write_all(&[code]) {
            return Err(self.why(error.into()).await);
        }
        let mut answer = [0];
        loop {
            self.answers.readable().await.context("cannot read from a pipe")?;
            match self.answers.try_read(&mut answer) {
                Ok(1) if answer[0] == CHANGED => return Ok(()),
                Ok(0) => return Err(self.why(anyhow::anyhow!("{} has ended", self.name)).await),
                Ok(_) => bail!("{} gives no sensible answer", self.name),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error).context("cannot read from a pipe"),
            }
        }
    }

    /// Why it has ended, if it says so.
    async fn why(&mut self, error: anyhow::Error) -> anyhow::Error {
        match self.process.finished().await {
            Err(why) => why.context(format!("{} has ended", self.name)),
            Ok(()) => error,
        }
    }
}
