//! Marks that arrive while it is recorded.

use std::{
    io::ErrorKind, os::unix::net::UnixListener as Listener, path::Path, sync::Arc, time::Duration,
};

use anyhow::{Error, Result, anyhow};
use rustix::process::getuid;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    sync::{Semaphore, mpsc, oneshot},
    time::timeout,
};

use crate::commands::mark::{self, Asked, DONE, MOST, MOST_SAID};

/// How long one that sets a mark may take to say which.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many are listened to at a time; others wait.
const AT_A_TIME: usize = 4;

/// A mark, and where to say what has become of it.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) text: String,
    /// Device and inode of the file that is meant, if there is one.
    pub(super) file: Option<(u64, u64)>,
    answer: oneshot::Sender<String>,
}

impl Wish {
    /// Says whether the mark was set, or why not.
    pub(super) fn answer(self, set: &Result<()>) {
        let answer = match set {
            Ok(()) => DONE.to_owned(),
            Err(error) => format!("{error:#}"),
        };
        // Who wanted it may have gone.
        let _ = self.answer.send(answer);
    }
}

/// What is wished for, in the order in which it arrives.
pub(super) struct Marks {
    wishes: mpsc::Receiver<Wish>,
}

impl Marks {
    /// Listens for marks of the recording at `path`. Needs the event loop.
    ///
    /// # Errors
    /// When that is not possible: it can be recorded without marks.
    pub(super) fn listen(path: &Path) -> Result<Self> {
        let listener = Listener::bind_addr(&mark::address(path)?).map_err(|error| {
            match error.kind() {
                ErrorKind::AddrInUse => anyhow!(
                    "another program takes those for a recording of this name; to set marks, record to another file"
                ),
                _ => Error::new(error).context("cannot listen"),
            }
        })?;
        listener.set_nonblocking(true)?;
        let listener = UnixListener::from_std(listener)?;
        let (sender, wishes) = mpsc::channel(AT_A_TIME);
        tokio::spawn(serve(listener, sender));
        Ok(Self { wishes })
    }

    /// Never any.
    pub(super) fn none() -> Self {
        Self { wishes: mpsc::channel(1).1 }
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> Wish {
        match self.wishes.recv().await {
            Some(wish) => wish,
            None => std::future::pending().await,
        }
    }
}

async fn serve(listener: UnixListener, wishes: mpsc::Sender<Wish>) {
    let room = Arc::new(Semaphore::new(AT_A_TIME));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, most likely: others are closed in the meantime.
            tokio::time::sleep(PATIENCE / 10).await;
            continue;
        };
        let wishes = wishes.clone();
        tokio::spawn(async move {
            let _permit = permit;
            // Who does not say what it wants is not waited for.
            let _ = timeout(PATIENCE * 2, attend(stream, &wishes)).await;
        });
    }
}

async fn attend(mut stream: UnixStream, wishes: &mpsc::Sender<Wish>) -> Option<()> {
    // First: who is answered before all was read may see a broken connection instead of the answer.
    let mut said = Vec::new();
    let mut reader = (&mut stream).take(MOST_SAID as u64 + 1);
    timeout(PATIENCE, reader.read_to_end(&mut said)).await.ok()?.ok()?;
    let uid = stream.peer_cred().ok()?.uid();
    let answer = if uid == 0 || uid == getuid().as_raw() {
        match Asked::read(said) {
            Some(Asked { file, text }) => {
                let (answer, answered) = oneshot::channel();
                wishes.send(Wish { text, file, answer }).await.ok()?;
                answered.await.ok()?
            }
            None => format!("the name of a moment is text of 1 to {MOST} bytes, in one line"),
        }
    } else {
        "another user records to it; only that user and root set marks".to_owned()
    };
    stream.write_all(answer.as_bytes()).await.ok()
}
