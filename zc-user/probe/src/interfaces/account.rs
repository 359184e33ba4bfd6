//! What is shown of one interface, from two counters of the same packets: the hooks' and the kernel's
//! statistics.
//!
//! Each counter has an offset that makes it the number that is shown. While both counters agree, the offset
//! of the statistics stays as it was when `zc` began (0 for an interface that came later), so that totals are
//! those of the statistics whichever packets wait in a backlog when the source changes.

/// Received bytes, sent bytes, received packets, sent packets. Sums and differences wrap.
pub(crate) type Moved = [u64; 4];

pub(crate) fn plus(a: Moved, b: Moved) -> Moved {
    std::array::from_fn(|at| a[at].wrapping_add(b[at]))
}

pub(crate) fn minus(a: Moved, b: Moved) -> Moved {
    std::array::from_fn(|at| a[at].wrapping_sub(b[at]))
}

pub(crate) const fn packets(moved: Moved) -> u64 {
    moved[2].wrapping_add(moved[3])
}

/// Bytes of a packet, at most (`GSO_MAX_SIZE`, `include/linux/netdevice.h`, 6.3 to 7.2).
const LARGEST: u64 = 8 * 65_535;

/// The statistics, read between two readings of what the hooks have counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub(crate) before: Moved,
    pub(crate) statistics: Moved,
    pub(crate) after: Moved,
}

impl Reading {
    /// What passed between the two readings of the hooks.
    pub(crate) fn width(&self) -> Moved {
        minus(self.after, self.before)
    }
}

/// A number that is added to a counter.
#[derive(Clone, Copy, Debug, Default)]
struct Offset {
    value: Moved,
    /// Packets that it may be off by.
    bound: u64,
}

/// One interface.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    hooks: Offset,
    statistics: Offset,
    /// What is shown while the statistics are taken.
    pub(crate) shown: Moved,
    /// The statistics as read last, then. `None` before.
    last: Option<Moved>,
    /// Whether they could be read last time.
    pub(crate) is_present: bool,
    /// Packets that the statistics alone know of.
    pub(crate) alone: u64,
    /// How often an unknown number of packets was not counted.
    pub(crate) gaps: u64,
    /// The narrowest reading of this look.
    best: Option<Reading>,
    /// Packets by which the statistics were behind the hooks, at the reading of this look where they agreed best.
    behind: Option<u64>,
    /// The offset of the hooks that the last look found.
    candidate: Option<Moved>,
}

impl Account {
    /// What is shown while the hooks, which have counted this, are taken.
    pub(crate) fn by_hooks(&self, counted: Moved) -> Moved {
        plus(counted, self.hooks.value)
    }

    /// Packets that may have been lost or counted twice.
    pub(crate) const fn uncertain(&self) -> u64 {
        let statistics = if self.alone > 0 { self.statistics.bound } else { 0 };
        statistics.saturating_add(self.hooks.bound)
    }

    /// Whether a quiet moment would tell more about the hooks' offset.
    pub(crate) const fn is_unsettled(&self) -> bool {
        self.hooks.bound > 0
    }

    /// A look at both counters begins.
    pub(crate) fn begin(&mut self) {
        (self.best, self.behind) = (None, None);
    }

    /// Notes a reading of both, while both count. `under_way`: packets that may be between them.
    pub(crate) fn note(&mut self, reading: Reading, under_way: u64) {
        if let Some(behind) = self.lag(&reading, under_way) {
            self.behind = Some(self.behind.map_or(behind, |best| best.min(behind)));
        }
        if self.best.is_none_or(|best| packets(reading.width()) < packets(best.width())) {
            self.best = Some(reading);
        }
    }

    /// Packets by which the statistics are behind all that the hooks may have counted at that moment. `None`
    /// when both differ by more than may be under way.
    fn lag(&self, reading: &Reading, under_way: u64) -> Option<u64> {
        let shown = plus(reading.statistics, self.statistics.value);
        let least = self.by_hooks(reading.before);
        let width = reading.width();
        let distance = |at: usize| {
            let above = shown[at].wrapping_sub(least[at]).cast_signed();
            if above < 0 { above } else { above.saturating_sub_unsigned(width[at]).max(0) }
        };
        let mut behind = 0;
        for direction in 0..2 {
            let (bytes, packets) = (distance(direction), distance(direction + 2));
            let between = packets.unsigned_abs().saturating_add(width[direction + 2]);
            // What is sent, the hooks count before the driver.
            let is_ahead = direction == 1 && packets > 0;
            if is_ahead
                || packets.unsigned_abs() > under_way
                || bytes.unsigned_abs() > between.saturating_mul(LARGEST)
            {
                return None;
            }
            behind += packets.min(0).unsigned_abs();
        }
        Some(behind)
    }

    /// The first look ends: the interface may have been there before the hooks.
    pub(crate) fn conclude_first(&mut self) {
        if let Some(reading) = self.best {
            let value = minus(reading.before, reading.statistics);
            self.statistics = Offset { value, bound: packets(reading.width()) };
        }
    }

    /// The statistics are taken from the readings of this look on: what the hooks have counted since does not
    /// matter. Until they were taken off, they have counted `counted`.
    pub(crate) fn take_statistics(&mut self, counted: Moved, under_way: u64) {
        let (more, shown) = match (self.best, self.behind) {
            (Some(reading), Some(behind)) => {
                (behind, plus(reading.statistics, self.statistics.value))
            }
            (Some(reading), None) => {
                let between = packets(reading.width()).saturating_add(under_way);
                (between.saturating_add(self.hooks.bound), self.by_hooks(reading.before))
            }
            (None, _) => (self.hooks.bound, self.by_hooks(counted)),
        };
        self.statistics.bound = self.statistics.bound.saturating_add(more);
        (self.hooks.bound, self.candidate) = (0, None);
        (self.shown, self.last) = (shown, self.best.map(|reading| reading.statistics));
        self.is_present = self.best.is_some();
    }

    /// The statistics were read while they are taken. `is_new`: if they were never read before, the interface
    /// has just come into being.
    pub(crate) fn advance(&mut self, statistics: Moved, is_new: bool) {
        let from = match self.last {
            Some(last) if is_past(last, statistics) => {
                // After an absence it may be another one.
                self.gaps += u64::from(!self.is_present);
                last
            }
            // The kernel's counters never fall: this is another interface of the same name.
            Some(_) => {
                self.gaps += u64::from(self.is_present);
                Moved::default()
            }
            None if is_new => Moved::default(),
            None => {
                self.gaps += u64::from(packets(statistics) > 0);
                statistics
            }
        };
        let more = minus(statistics, from);
        self.shown = plus(self.shown, more);
        self.alone = self.alone.saturating_add(packets(more));
        (self.last, self.is_present) = (Some(statistics), true);
    }

    /// The interface was not found when the statistics were read: what it has moved since the last time is not
    /// known.
    pub(crate) fn lose(&mut self) {
        self.gaps += u64::from(self.is_present);
        self.is_present = false;
    }

    /// Whether an interface that appears with these statistics may be this one, which was there before: under
    /// another name, or in another namespace.
    pub(crate) fn may_be(&self, statistics: Moved) -> bool {
        let last = self.last.unwrap_or(self.shown);
        !self.is_present && packets(last) > 0 && is_past(last, statistics)
    }

    /// The statistics of this look, where they could be read.
    pub(crate) fn found(&self) -> Option<Moved> {
        self.best.map(|reading| reading.statistics)
    }

    /// The hooks are taken from the readings of this look on, which [`Self::advance`] knows. Before they were
    /// attached, they had counted `counted`.
    pub(crate) fn take_hooks(&mut self, counted: Moved, under_way: u64) {
        let bound = |best: Reading| packets(best.width()).saturating_add(under_way);
        let counted = self.best.map_or(counted, |best| best.before);
        let value = minus(self.shown, counted);
        self.hooks = Offset { value, bound: self.best.map_or(0, bound) };
        self.statistics.value = minus(self.shown, self.last.unwrap_or_default());
    }

    /// A later look ends. Two quiet readings that say the same are right: where packets pass so seldom, none
    /// waits for long.
    pub(crate) fn settle(&mut self) {
        let quiet = self.best.filter(|it| it.before == it.after && self.behind.is_some());
        let (true, Some(reading)) = (self.is_unsettled(), quiet) else { return };
        let value = minus(plus(reading.statistics, self.statistics.value), reading.before);
        if self.candidate == Some(value) {
            self.hooks = Offset { value, bound: 0 };
        }
        self.candidate = Some(value);
    }
}

/// Whether a counter can have said `later` after `earlier`.
fn is_past(earlier: Moved, later: Moved) -> bool {
    (0..4).all(|at| later[at] >= earlier[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNDER_WAY: u64 = 100;

    /// Received packets without bytes.
    const fn received(packets: u64) -> Moved {
        [0, 0, packets, 0]
    }

    fn look(account: &mut Account, before: u64, statistics: u64, after: u64) {
        account.begin();
        let [before, statistics, after] = [before, statistics, after].map(received);
        account.note(Reading { before, statistics, after }, UNDER_WAY);
    }

    #[test]
    fn each_counter_goes_on_from_the_reading() {
        let mut account = Account::default();
        // The driver counts something else. What the hooks count until they are off is in its next figure.
        look(&mut account, 1000, 44_000, 1005);
        account.take_statistics(received(1040), UNDER_WAY);
        assert_eq!((account.shown, account.uncertain()), (received(1000), 0));
        account.advance(received(44_050), false);
        assert_eq!((account.shown, account.uncertain()), (received(1050), 105));
        // The hooks have counted 20 since they are back.
        look(&mut account, 1060, 44_090, 1063);
        account.advance(account.found().unwrap(), false);
        account.take_hooks(received(1040), UNDER_WAY);
        assert_eq!(account.by_hooks(received(1060)), received(1090));
        assert_eq!(account.uncertain(), 105 + 103);
    }

    #[test]
    fn an_offset_is_settled_when_two_quiet_looks_say_the_same() {
        let mut account = Account::default();
        look(&mut account, 1000, 1000, 1000);
        account.take_statistics(received(1000), UNDER_WAY);
        account.advance(received(2000), false);
        // Seven wait that both count, at the next look three, then none.
        for (counted, statistics, off) in [(1000, 2007, 7), (1011, 2014, 7), (1020, 2020, 7)] {
            look(&mut account, counted, statistics, counted);
            if counted == 1000 {
                account.advance(received(statistics), false);
                account.take_hooks(received(1000), UNDER_WAY);
            } else {
                account.settle();
            }
            assert!(account.is_unsettled());
            assert_eq!(account.by_hooks(received(1020)), received(2020 + off));
        }
        look(&mut account, 1030, 2030, 1030);
        account.settle();
        assert_eq!((account.by_hooks(received(1030)), account.uncertain()), (received(2030), 0));
    }

    #[test]
    fn statistics_that_begin_again_are_uncertain_by_what_is_missing() {
        let mut account = Account::default();
        // It was replaced by another one of its name when 60 packets had passed.
        look(&mut account, 90, 30, 90);
        account.take_statistics(received(90), UNDER_WAY);
        account.advance(received(31), false);
        assert_eq!(account.uncertain(), 60);
    }
}
