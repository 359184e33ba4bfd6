//! A live source that keeps its last minutes: one can go back to them while it goes on.

use std::{
    cell::{Ref, RefCell},
    fs::File,
    io::Write as _,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::fs::{MemfdFlags, memfd_create};
use zc_model::{
    snapshot::Snapshot,
    source::{Interrupted, Moment, SnapshotSource, Steer, Steered},
};

use crate::{Meta, Recording, Replay, Ring, Writer};

/// Bytes that are kept at most. Of most machines these are more than ten minutes; of those with thousands of busy
/// processes, some.
pub const MOST_BYTES: u64 = 16 << 20;

/// What is kept. Clones share it.
#[derive(Clone)]
pub struct Memory(Rc<RefCell<Kept>>);

struct Kept {
    writer: Writer,
    ring: Ring,
    /// When the newest snapshot was taken, ns since the Unix epoch.
    newest_ns: Option<u64>,
    /// Why nothing is kept any more.
    given_up: Option<String>,
}

impl Memory {
    /// Nothing yet; the last `span` is kept, in [`MOST_BYTES`] at most.
    #[must_use]
    pub fn new(meta: Meta, span: Duration) -> Self {
        Self::bounded(meta, span, MOST_BYTES)
    }

    /// The same with another bound.
    #[must_use]
    pub fn bounded(meta: Meta, span: Duration, most: u64) -> Self {
        let ring = Ring::new(span, most);
        Self(Rc::new(RefCell::new(Kept {
            writer: Writer::new(meta),
            ring,
            newest_ns: None,
            given_up: None,
        })))
    }

    /// What is kept now, as a recording in memory. `None` if there is nothing yet.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn recording(&self) -> Result<Option<Recording>> {
        let kept: Ref<'_, Kept> = self.0.borrow();
        if let Some(why) = &kept.given_up {
            bail!("the last minutes are not kept: {why}");
        }
        let Some(dump) = kept.ring.dump(&kept.writer)? else { return Ok(None) };
        let what = "cannot keep the last minutes in memory";
        let file = memfd_create("zc-past", MemfdFlags::CLOEXEC).context(what)?;
        let mut file = File::from(file);
        dump.pieces().try_for_each(|piece| file.write_all(piece)).context(what)?;
        Ok(Some(Recording::open(file)?))
    }

    /// What cannot be kept must not keep anyone from what happens now.
    fn keep(&self, snapshot: &Snapshot) {
        let Kept { writer, ring, newest_ns, given_up } = &mut *self.0.borrow_mut();
        // Time may be set back: what is kept is in order.
        let is_late = newest_ns.is_some_and(|newest| newest >= snapshot.taken_at_ns);
        if is_late || given_up.is_some() {
            return;
        }
        if ring.wants_chunk() {
            writer.begin_chunk();
        }
        match writer.snapshot(snapshot) {
            Ok(piece) => {
                ring.keep(snapshot.taken_at_ns, piece);
                *newest_ns = Some(snapshot.taken_at_ns);
            }
            Err(error) => {
                ring.clear();
                *given_up = Some(format!("{error:#}"));
            }
        }
    }

    /// What comes has nothing to do with what was kept.
    fn begin_again(&self) {
        let Kept { writer, ring, newest_ns, .. } = &mut *self.0.borrow_mut();
        writer.begin_chunk();
        ring.clear();
        *newest_ns = None;
    }

    fn mark(&self, at_ns: Option<u64>, text: &str) -> Result<()> {
        let Kept { writer, ring, newest_ns, .. } = &mut *self.0.borrow_mut();
        let Some(at_ns) = at_ns.or(*newest_ns) else { bail!("nothing has been counted yet") };
        ring.mark(&writer.mark(at_ns, text)?);
        Ok(())
    }
}

/// Where in what is kept it is.
struct Behind {
    replay: Replay,
    /// Snapshots to give before it is live again, on the way there.
    home: Option<usize>,
}

/// The live source, and what is kept of it.
pub struct Past {
    live: Box<dyn SnapshotSource>,
    memory: Memory,
    behind: Option<Behind>,
    /// When the last snapshot was taken, and how long after the one before.
    taken: Option<Instant>,
    gap: Duration,
}

/// The least time between two snapshots that are taken while older ones are looked at.
const LEAST_GAP: Duration = Duration::from_millis(500);

impl Past {
    /// Keeps what `live` gives in `memory`.
    #[must_use]
    pub fn new(live: Box<dyn SnapshotSource>, memory: Memory) -> Self {
        Self { live, memory, behind: None, taken: None, gap: LEAST_GAP }
    }

    /// What is kept.
    #[must_use]
    pub const fn memory(&self) -> &Memory {
        &self.memory
    }

    /// How long after a snapshot the next one is due while older ones are looked at.
    pub const fn set_gap(&mut self, gap: Duration) {
        self.gap = gap;
    }

    fn take_live(&mut self) -> Result<Option<Snapshot>> {
        let now = Instant::now();
        let before = self.taken.replace(now);
        // While older moments are looked at, each comes a little late: their distance would grow.
        if let Some(taken) = before.filter(|_| self.behind.is_none()) {
            self.gap = now.duration_since(taken).max(LEAST_GAP);
        }
        let next = self.live.next();
        match &next {
            Ok(Some(snapshot)) => self.memory.keep(snapshot),
            Err(error) if Interrupted::has_begun_again(error) => self.memory.begin_again(),
            _ => {}
        }
        next
    }

    /// What is kept, at the snapshot that was taken at `at_ns`, or at the newest one.
    fn replay(&self, at_ns: Option<u64>) -> Result<Option<Replay>> {
        let Some(recording) = self.memory.recording()? else { return Ok(None) };
        let mut replay = Replay::new(recording, 1.0);
        replay.stand_at(at_ns);
        Ok(Some(replay))
    }

    /// Back to what happens now, with what led up to it.
    fn go_home(&mut self) -> Result<Steered> {
        let Some(mut replay) = self.replay(None)? else {
            self.behind = None;
            return Ok(Steered::Same);
        };
        let many = replay.lead_to_the_end();
        self.behind = Some(Behind { replay, home: Some(many) });
        Ok(Steered::Elsewhere(many))
    }
}

impl SnapshotSource for Past {
    fn next(&mut self) -> Result<Option<Snapshot>> {
        let Some(behind) = &mut self.behind else { return self.take_live() };
        let next = behind.replay.next();
        if let Some(left) = &mut behind.home {
            *left -= 1;
            if *left == 0 {
                self.behind = None;
            }
        }
        next
    }

    fn pace(&self) -> Option<Duration> {
        self.live.pace()
    }

    fn moment(&self) -> Option<Moment> {
        let behind = self.behind.as_ref()?;
        let newest = self.memory.0.borrow().newest_ns;
        let moment = behind.replay.moment()?;
        let last_ns = newest.unwrap_or(moment.last_ns).max(moment.last_ns);
        Some(Moment { grows: true, last_ns, ..moment })
    }

    fn steer(&mut self, steer: &Steer) -> Result<Steered> {
        let at_ns =
            self.behind.as_ref().and_then(|behind| behind.replay.moment()).map(|it| it.at_ns);
        match steer {
            Steer::Mark(text) => {
                self.memory.mark(at_ns, text)?;
                return Ok(Steered::Same);
            }
            Steer::Now if self.behind.is_none() => return Ok(Steered::Same),
            Steer::Now => return self.go_home(),
            Steer::Faster | Steer::Slower => return Ok(Steered::Same),
            _ => {}
        }
        // Read again each time: it has grown since.
        let Some(mut replay) = self.replay(at_ns)? else { return Ok(Steered::Same) };
        let steered = replay.steer(steer)?;
        if replay.is_to_end(steered) {
            return if self.behind.is_some() { self.go_home() } else { Ok(Steered::Same) };
        }
        if steered != Steered::Same {
            self.behind = Some(Behind { replay, home: None });
        }
        Ok(steered)
    }

    fn tend(&mut self) -> Result<()> {
        self.live.tend()?;
        // What happens while older moments are looked at is kept.
        let is_due = self.taken.is_some_and(|taken| taken.elapsed() >= self.gap);
        if self.behind.is_some() && is_due {
            self.take_live()?;
        }
        Ok(())
    }
}
