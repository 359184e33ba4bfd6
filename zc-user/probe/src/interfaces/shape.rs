//! Which of the sent bytes were references: as the hooks count, or estimated from a sample of the packets.

/// Of one interface.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    /// Bytes that were references, as shown while they are estimated.
    gathered: u64,
    /// What is added to the hooks' count.
    offset: u64,
    /// Bytes sent, as far as they have been estimated.
    sent: u64,
    /// Bytes of the packets looked at until now, and how many of them were references.
    sampled: [u64; 2],
    /// The same between the last two estimates that had any.
    fresh: [u64; 2],
}

impl Shape {
    /// What is shown while the hooks have counted this.
    pub(crate) const fn by_hooks(&self, counted: u64) -> u64 {
        counted.wrapping_add(self.offset)
    }

    /// What is shown while shapes are estimated.
    pub(crate) const fn estimated(&self) -> u64 {
        self.gathered
    }

    /// From here on, shapes are estimated.
    pub(crate) fn begin(&mut self, counted: u64, sent: u64, sampled: [u64; 2]) {
        self.gathered = self.by_hooks(counted).min(sent);
        (self.sent, self.sampled, self.fresh) = (sent, sampled, [0; 2]);
    }

    /// Estimates the shape of what has been sent since the last estimate.
    pub(crate) fn estimate(&mut self, sent: u64, sampled: [u64; 2]) {
        if sampled[0] > self.sampled[0] {
            self.fresh = [0, 1].map(|at| sampled[at].saturating_sub(self.sampled[at]));
            self.sampled = sampled;
        }
        let more = sent.saturating_sub(self.sent);
        let [bytes, gathered] = self.fresh.map(u128::from);
        let gathered = (u128::from(more) * gathered).checked_div(bytes).unwrap_or(0) as u64;
        self.gathered = self.gathered.saturating_add(gathered.min(more));
        self.sent = sent;
    }

    /// The hooks, which have counted this, count again.
    pub(crate) const fn end(&mut self, counted: u64) {
        self.offset = self.gathered.wrapping_sub(counted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_has_the_shape_of_the_sample() {
        let mut shape = Shape::default();
        shape.begin(7, 1000, [64, 64]);
        // Nothing was looked at yet.
        shape.estimate(2000, [64, 64]);
        assert_eq!(shape.estimated(), 7);
        shape.estimate(12_000, [164, 89]);
        assert_eq!(shape.estimated(), 2507);
        // Without a new sample, the last one holds.
        shape.estimate(12_400, [164, 89]);
        assert_eq!(shape.estimated(), 2607);
        shape.end(9);
        assert_eq!(shape.by_hooks(10), 2608);
    }

    #[test]
    fn an_estimate_is_never_more_than_was_sent() {
        let mut shape = Shape::default();
        shape.estimate(10, [100, 300]);
        assert_eq!(shape.estimated(), 10);
        shape.estimate(5, [200, 400]);
        assert_eq!(shape.estimated(), 10);
    }
}
