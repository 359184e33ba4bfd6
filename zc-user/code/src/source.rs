//! Bytes of a file, a block at a time and within an allowance.
//!
//! A file is read and not mapped: a process that may write it may also cut it off while it is looked at, and a read
//! then returns less, where a mapping would raise a signal.

use std::{
    cell::{Cell, RefCell},
    fs::File,
    os::unix::fs::FileExt,
    time::{Duration, Instant},
};

/// What can be read at any place.
pub trait Source {
    /// Reads from `offset` on; returns how many bytes, 0 behind the end and when it fails.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> usize;
}

impl Source for File {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> usize {
        let mut done = 0;
        while done < into.len() {
            let at = offset.saturating_add(done as u64);
            match FileExt::read_at(self, &mut into[done..], at) {
                Ok(0) | Err(_) => break,
                Ok(read) => done += read,
            }
        }
        done
    }
}

impl Source for &[u8] {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> usize {
        let rest = usize::try_from(offset).ok().and_then(|it| self.get(it..)).unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        count
    }
}

/// Bytes of a block.
const BLOCK: usize = 1 << 14;
/// Blocks that are kept: enough for a table and the names that it refers to.
const KEPT: usize = 8;

/// How much may be read for one question.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    pub(crate) bytes: u64,
    pub(crate) time: Duration,
}

/// A file, and what may still be read of it.
pub(crate) struct Blocks<S> {
    source: S,
    kept: RefCell<Vec<Block>>,
    left: Cell<u64>,
    until: Cell<Instant>,
}

struct Block {
    number: u64,
    bytes: Vec<u8>,
}

impl<S: Source> Blocks<S> {
    pub(crate) fn new(source: S) -> Self {
        let (kept, left) = (RefCell::default(), Cell::new(0));
        Self { source, kept, left, until: Cell::new(Instant::now()) }
    }

    /// Begins with a question.
    pub(crate) fn allow(&self, allowance: Allowance) {
        self.left.set(allowance.bytes);
        self.until.set(Instant::now() + allowance.time);
    }

    /// Whether the question has taken more than it may.
    pub(crate) fn is_spent(&self) -> bool {
        self.left.get() == 0
    }

    /// Takes `cost` off what is left, as for so many bytes. Whether there was enough.
    pub(crate) fn spend(&self, cost: u64) -> bool {
        let left = if Instant::now() > self.until.get() { 0 } else { self.left.get() };
        self.left.set(left.saturating_sub(cost));
        left >= cost
    }

    /// Fills `into` from `offset` on. `None` when the file has less, or the allowance is spent.
    pub(crate) fn fill(&self, offset: u64, into: &mut [u8]) -> Option<()> {
        (self.fill_part(offset, into) == into.len()).then_some(())
    }

    /// As [`Self::fill`], as far as the file has it. Returns how many bytes there are.
    pub(crate) fn fill_part(&self, offset: u64, into: &mut [u8]) -> usize {
        let mut done = 0;
        while done < into.len() {
            let Some(at) = offset.checked_add(done as u64) else { break };
            let copied = self.with_block(at / BLOCK as u64, |block| {
                let rest = block.get(at as usize % BLOCK..).unwrap_or_default();
                let count = rest.len().min(into.len() - done);
                into[done..done + count].copy_from_slice(&rest[..count]);
                count
            });
            match copied {
                None | Some(0) => break,
                Some(count) => done += count,
            }
        }
        done
    }

    fn with_block<T>(&self, number: u64, read: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let mut kept = self.kept.borrow_mut();
        if let Some(place) = kept.iter().position(|it| it.number == number) {
            // The one that was used last comes last.
            kept[place..].rotate_left(1);
        } else {
            if !self.spend(BLOCK as u64) {
                return None;
            }
            let offset = number.checked_mul(BLOCK as u64)?;
            let mut bytes = if kept.len() < KEPT { Vec::new() } else { kept.remove(0).bytes };
            bytes.resize(BLOCK, 0);
            let count = self.source.read_at(offset, &mut bytes).min(BLOCK);
            bytes.truncate(count);
            kept.push(Block { number, bytes });
        }
        Some(read(&kept.last()?.bytes))
    }

    pub(crate) fn array<const N: usize>(&self, offset: u64) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(offset, &mut bytes)?;
        Some(bytes)
    }

    pub(crate) fn u32(&self, offset: u64) -> Option<u32> {
        self.array(offset).map(u32::from_le_bytes)
    }

    pub(crate) fn i32(&self, offset: u64) -> Option<i32> {
        self.array(offset).map(i32::from_le_bytes)
    }

    pub(crate) fn u64(&self, offset: u64) -> Option<u64> {
        self.array(offset).map(u64::from_le_bytes)
    }

    /// The bytes up to a NUL, at most `most` of them.
    pub(crate) fn string(&self, offset: u64, most: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; most];
        let count = self.fill_part(offset, &mut bytes);
        let end = bytes[..count].iter().position(|byte| *byte == 0)?;
        bytes.truncate(end);
        Some(bytes)
    }
}
