//! Where processes are, and which slots their threads have.

/// A place in a table whose entries come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u32);

impl Place {
    /// Puts `entry` into a free place of `table`, or a new one.
    pub(super) fn take<T>(table: &mut Vec<Option<T>>, free: &mut Vec<Self>, entry: T) -> Self {
        if let Some(place) = free.pop() {
            table[place.0 as usize] = Some(entry);
            return place;
        }
        table.push(Some(entry));
        Self((table.len() - 1) as u32)
    }

    /// The entry.
    pub(super) fn of<T>(self, table: &mut [Option<T>]) -> Option<&mut T> {
        table.get_mut(self.0 as usize)?.as_mut()
    }

    /// Takes the entry out and frees its place.
    pub(super) fn leave<T>(self, table: &mut [Option<T>], free: &mut Vec<Self>) -> Option<T> {
        let entry = table.get_mut(self.0 as usize)?.take()?;
        free.push(self);
        Some(entry)
    }
}

/// The slots of a process's threads. Nearly every process has one thread: that needs no list, which
/// would lie elsewhere in memory.
#[derive(Debug, Default)]
pub(super) struct Slots {
    first: Option<u32>,
    more: Vec<u32>,
}

impl Slots {
    /// Adds a slot that is not there yet.
    pub(super) fn add(&mut self, slot: u32) {
        debug_assert!(self.iter().all(|other| other != slot), "slot {slot} is there twice");
        match self.first {
            None => self.first = Some(slot),
            Some(_) => self.more.push(slot),
        }
    }

    /// Removes a slot.
    pub(super) fn remove(&mut self, slot: u32) {
        if self.first == Some(slot) {
            self.first = self.more.pop();
        } else if let Some(at) = self.more.iter().position(|other| *other == slot) {
            self.more.swap_remove(at);
        }
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// All of them, in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.first.into_iter().chain(self.more.iter().copied())
    }
}
