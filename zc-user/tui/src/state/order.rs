//! By which column of a table the rows are sorted.

use std::cmp::Ordering;

use zc_model::value::Value;

/// The order of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Index of the column.
    pub column: usize,
    /// From large to small.
    pub descending: bool,
}

impl Order {
    /// How two cells of the column compare. What is not known comes last either way.
    #[must_use]
    pub fn compare(self, a: &Value<'_>, b: &Value<'_>) -> Ordering {
        match (a.is_known(), b.is_known()) {
            (true, true) if self.descending => b.compare(a),
            (true, true) => a.compare(b),
            (a, b) => b.cmp(&a),
        }
    }
}

impl From<Order> for (usize, bool) {
    /// Column, and whether from large to small.
    fn from(order: Order) -> Self {
        (order.column, order.descending)
    }
}
