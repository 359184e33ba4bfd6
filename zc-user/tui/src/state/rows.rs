//! Rows that come and go: the selection follows the row, not its place, and the screen follows the user.

use crate::action::Motion;

/// The rows' keys, in the order of the screen, and the selected one.
#[derive(Clone, Debug)]
pub struct Rows<K> {
    keys: Vec<K>,
    /// `None` until the user selects: then the first row is, whichever it is.
    selected: Option<K>,
    index: usize,
    offset: usize,
}

impl<K> Default for Rows<K> {
    fn default() -> Self {
        Self { keys: Vec::new(), selected: None, index: 0, offset: 0 }
    }
}

impl<K: Clone + PartialEq> Rows<K> {
    /// The rows have changed, or their order has, or `height` rows fit on the screen now.
    pub fn replace(&mut self, keys: Vec<K>, height: usize) {
        self.keys = keys;
        let found = self.selected.as_ref().and_then(|key| self.keys.iter().position(|k| k == key));
        self.index = match found {
            Some(index) => index,
            // The row is gone: its neighbour takes over, if ever there was one.
            None if self.selected.is_some() => self.index.min(self.keys.len().saturating_sub(1)),
            None => 0,
        };
        if self.selected.is_some() {
            self.selected = self.keys.get(self.index).cloned();
        }
        // The user has not scrolled: a selected row that goes elsewhere is pinned to the edge of the screen.
        self.offset = self.offset.min(self.keys.len().saturating_sub(height.max(1)));
    }

    /// Moves the selection.
    pub fn step(&mut self, motion: Motion, height: usize) {
        let last = self.keys.len().saturating_sub(1);
        let page = height.saturating_sub(1).max(1);
        self.index = match motion {
            Motion::Up => self.index.saturating_sub(1),
            Motion::Down => (self.index + 1).min(last),
            Motion::PageUp => self.index.saturating_sub(page),
            Motion::PageDown => (self.index + page).min(last),
            Motion::First => 0,
            Motion::Last => last,
        };
        // At the top on purpose: stay there, whichever row it is.
        self.selected =
            if motion == Motion::First { None } else { self.keys.get(self.index).cloned() };
        self.scroll_into_view(height);
    }

    /// Selects the row at this place of a screen for `height` rows; false if there is none.
    pub fn select_visible(&mut self, row: usize, height: usize) -> bool {
        let Some(index) = self.shown(height).nth(row) else { return false };
        let Some(key) = self.keys.get(index) else { return false };
        self.index = index;
        self.selected = Some(key.clone());
        true
    }

    /// Selects the row with this key, if there is one.
    pub fn select(&mut self, key: &K, height: usize) {
        if let Some(index) = self.keys.iter().position(|k| k == key) {
            self.index = index;
            self.selected = Some(key.clone());
            self.scroll_into_view(height);
        }
    }

    /// The selected row's key; `None` when there are no rows.
    #[must_use]
    pub fn selected(&self) -> Option<&K> {
        self.keys.get(self.index)
    }

    /// Its place among the keys.
    #[must_use]
    pub fn place(&self) -> Option<usize> {
        (self.index < self.keys.len()).then_some(self.index)
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether the last row is selected, or there is none.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.index + 1 >= self.keys.len()
    }

    /// Rows above the first visible one.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The visible rows: key, and whether it is the selected one, which always is among them.
    pub fn visible(&self, height: usize) -> impl Iterator<Item = (&K, bool)> {
        self.shown(height).map(|index| (&self.keys[index], index == self.index))
    }

    /// The same with the places of the rows among the keys.
    pub fn visible_places(&self, height: usize) -> impl Iterator<Item = (usize, bool)> {
        self.shown(height).map(|index| (index, index == self.index))
    }

    /// The first and the last of the rows on a screen for `height` of them, from 1, when not all are; a selected row
    /// from elsewhere is not counted.
    #[must_use]
    pub fn window(&self, height: usize) -> Option<(usize, usize)> {
        let end = (self.offset + height).min(self.keys.len());
        if end - self.offset.min(end) == self.keys.len() || height == 0 {
            return None;
        }
        let pinned_first = usize::from(self.index < self.offset);
        let pinned_last = usize::from(self.index >= end);
        Some((self.offset + 1 + pinned_first, end - pinned_last))
    }

    /// The places of the visible rows. A selected row that is above them or below takes the place of the first one or
    /// the last one.
    fn shown(&self, height: usize) -> impl Iterator<Item = usize> {
        let end = (self.offset + height).min(self.keys.len());
        let (offset, selected) = (self.offset, self.index);
        (offset..end).map(move |index| {
            let is_above = selected < offset && index == offset;
            let is_below = selected >= end && index + 1 == end;
            if is_above || is_below { selected } else { index }
        })
    }

    fn scroll_into_view(&mut self, height: usize) {
        let height = height.max(1);
        let lowest = self.index.saturating_sub(height - 1);
        let highest = self.keys.len().saturating_sub(height).min(self.index);
        self.offset = self.offset.max(lowest).min(highest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(keys: &[u32]) -> Rows<u32> {
        let mut listing = Rows::default();
        listing.replace(keys.to_vec(), 3);
        listing
    }

    fn visible(listing: &Rows<u32>) -> Vec<u32> {
        listing.visible(3).map(|(key, _)| *key).collect()
    }

    #[test]
    fn the_selection_follows_the_row() {
        let mut list = listing(&[1, 2, 3, 4, 5]);
        list.step(Motion::Down, 3);
        list.replace(vec![5, 4, 3, 2, 1], 3);
        assert_eq!(list.selected(), Some(&2));
        assert_eq!(visible(&list), [5, 4, 2], "the top stays, and so does the selected row");
        assert_eq!(list.window(3), Some((1, 2)));
        list.step(Motion::Down, 3);
        assert_eq!(
            (list.selected(), visible(&list)),
            (Some(&1), vec![3, 2, 1]),
            "from where it is"
        );
        list.replace(vec![1, 2, 3, 4, 5], 3);
        assert_eq!((list.selected(), visible(&list)), (Some(&1), vec![1, 4, 5]));
        assert_eq!(list.window(3), Some((4, 5)));
        assert!(list.select_visible(0, 3) && list.selected() == Some(&1));
        assert!(list.select_visible(2, 3) && list.selected() == Some(&5));
        assert!(!list.select_visible(3, 3));
    }

    #[test]
    fn untouched_or_sent_home_the_selection_stays_at_the_top() {
        let mut list = listing(&[1, 2, 3]);
        list.replace(vec![3, 1, 2], 3);
        assert_eq!(list.selected(), Some(&3));
        list.step(Motion::Last, 3);
        list.step(Motion::First, 3);
        list.replace(vec![2, 3, 1], 3);
        assert_eq!(list.selected(), Some(&2));
    }

    #[test]
    fn the_neighbour_of_a_row_that_went_is_selected() {
        let mut list = listing(&[1, 2, 3]);
        list.step(Motion::Last, 3);
        list.replace(vec![1, 2], 3);
        assert_eq!(list.selected(), Some(&2));
        list.replace(vec![], 3);
        assert_eq!(list.selected(), None);
        list.replace(vec![7, 8], 3);
        assert_eq!(list.selected(), Some(&7));
    }

    #[test]
    fn pages_and_ends_stay_inside() {
        let mut list = listing(&[1, 2, 3, 4, 5]);
        list.step(Motion::PageDown, 3);
        list.step(Motion::PageDown, 3);
        list.step(Motion::Down, 3);
        assert_eq!((list.selected(), visible(&list)), (Some(&5), vec![3, 4, 5]));
        list.step(Motion::PageUp, 3);
        assert_eq!((list.selected(), visible(&list)), (Some(&3), vec![3, 4, 5]));
        let mut empty = listing(&[]);
        empty.step(Motion::Last, 0);
        assert_eq!(empty.selected(), None);
    }

    #[test]
    fn rows_that_went_leave_no_gap_at_the_end() {
        let mut list = listing(&[1, 2, 3, 4, 5]);
        list.step(Motion::Last, 3);
        list.replace(vec![1, 2, 5], 3);
        assert_eq!(visible(&list), [1, 2, 5]);
    }
}
