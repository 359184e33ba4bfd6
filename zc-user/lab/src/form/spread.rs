//! How far repeated rounds lie apart, in words.

use zc_model::{
    column::Unit,
    value::{Quality, Value},
};
use zc_render::human;

use crate::finding::Spread;

/// `2.10 to 2.40`.
pub(super) fn range_of(spread: Spread, unit: Unit) -> String {
    let end = |value| human::value(&Value::Real(value, Quality::MEASURED), unit).into_owned();
    let (min, max) = (end(spread.min), end(spread.max));
    match (min.rsplit_once(' '), max.rsplit_once(' ')) {
        (Some((number, a)), Some((_, b))) if a == b => format!("{number} to {max}"),
        _ => format!("{min} to {max}"),
    }
}
