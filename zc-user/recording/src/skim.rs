//! How many values a text of MessagePack holds, without making any of them.
//!
//! Packed, a few bytes can stand for millions of values, each of which takes many bytes once it is read.

/// The most values that one snapshot may have: of tens of thousands of processes.
pub(crate) const MOST_VALUES: u64 = 4_000_000;

/// Values in `bytes`, which are one value with all that it holds; keys of maps are none. `None` if there are more than
/// [`MOST_VALUES`]. What is no MessagePack counts as far as it goes: the reader refuses it.
pub(crate) fn values(mut bytes: &[u8]) -> Option<u64> {
    let mut values = 1_u64;
    let mut left = 1_u64;
    while left > 0 {
        let Some(item) = Item::read(bytes) else { return Some(values) };
        left -= 1;
        left += item.items;
        values += item.values;
        if values > MOST_VALUES {
            return None;
        }
        bytes = item.rest;
    }
    Some(values)
}

/// One value, or key, without what it holds.
struct Item<'a> {
    /// What follows it.
    rest: &'a [u8],
    /// How much of that it holds, keys included.
    items: u64,
    /// The same without the keys.
    values: u64,
}

impl<'a> Item<'a> {
    /// By the first byte, as the specification of MessagePack lists the formats.
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (first, rest) = bytes.split_first()?;
        match *first {
            first @ 0x80..=0x8f => Some(Self::map(rest, u64::from(first & 0xf))),
            first @ 0x90..=0x9f => Some(Self::array(rest, u64::from(first & 0xf))),
            first @ 0xa0..=0xbf => Self::plain(rest, u64::from(first & 0x1f)),
            // Binary data and texts with their length.
            0xc4 | 0xd9 => length(rest, 1).and_then(|(long, rest)| Self::plain(rest, long)),
            0xc5 | 0xda => length(rest, 2).and_then(|(long, rest)| Self::plain(rest, long)),
            0xc6 | 0xdb => length(rest, 4).and_then(|(long, rest)| Self::plain(rest, long)),
            // Extensions, which have a byte for their type.
            0xc7 => length(rest, 1).and_then(|(long, rest)| Self::plain(rest, long + 1)),
            0xc8 => length(rest, 2).and_then(|(long, rest)| Self::plain(rest, long + 1)),
            0xc9 => length(rest, 4).and_then(|(long, rest)| Self::plain(rest, long + 1)),
            first @ 0xd4..=0xd8 => Self::plain(rest, (1 << (first - 0xd4)) + 1),
            // Numbers.
            0xcc | 0xd0 => Self::plain(rest, 1),
            0xcd | 0xd1 => Self::plain(rest, 2),
            0xca | 0xce | 0xd2 => Self::plain(rest, 4),
            0xcb | 0xcf | 0xd3 => Self::plain(rest, 8),
            0xdc => length(rest, 2).map(|(many, rest)| Self::array(rest, many)),
            0xdd => length(rest, 4).map(|(many, rest)| Self::array(rest, many)),
            0xde => length(rest, 2).map(|(many, rest)| Self::map(rest, many)),
            0xdf => length(rest, 4).map(|(many, rest)| Self::map(rest, many)),
            // Small numbers, nil, false and true; 0xc1 is never used.
            _ => Self::plain(rest, 0),
        }
    }

    fn plain(rest: &'a [u8], long: u64) -> Option<Self> {
        let rest = rest.get(usize::try_from(long).ok()?..)?;
        Some(Self { rest, items: 0, values: 0 })
    }

    const fn array(rest: &'a [u8], many: u64) -> Self {
        Self { rest, items: many, values: many }
    }

    const fn map(rest: &'a [u8], many: u64) -> Self {
        Self { rest, items: 2 * many, values: many }
    }
}

/// A number of `size` bytes, and what follows it.
fn length(bytes: &[u8], size: usize) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_at_checked(size)?;
    Some((number.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn of(value: &impl serde::Serialize) -> Option<u64> {
        let bytes = rmp_serde::to_vec_named(value).unwrap();
        // Cut anywhere, it is no more, and nothing breaks.
        for cut in (0..bytes.len()).step_by(bytes.len() / 50 + 1) {
            assert!(values(&bytes[..cut]).unwrap() <= values(&bytes).unwrap());
        }
        values(&bytes)
    }

    #[test]
    fn each_value_counts_once_and_keys_do_not() {
        assert_eq!(of(&7), Some(1));
        assert_eq!(of(&(1, -1, 300, -300, 70_000, -70_000, u64::MAX, i64::MIN)), Some(9));
        assert_eq!(of(&(1.5_f32, 1.5_f64, true, Option::<u8>::None)), Some(5));
        for long in [0, 31, 32, 255, 256, 65_535, 65_536] {
            assert_eq!(of(&("x".repeat(long), 1)), Some(3), "a text of {long}");
        }
        for many in [0, 1, 15, 16, 65_535, 65_536] {
            assert_eq!(of(&(vec![7_u8; many], 1)), Some(3 + many as u64), "an array of {many}");
            let map: BTreeMap<_, _> = (0..many).map(|key| (key, ())).collect();
            assert_eq!(of(&(map, 1)), Some(3 + many as u64), "a map of {many}");
        }
        assert_eq!(of(&[[[(); 3]; 5]; 7]), Some(1 + 7 + 7 * 5 + 7 * 5 * 3));
    }

    #[test]
    fn binary_data_and_extensions_are_one_value() {
        for bytes in [
            &[0x92, 0xc4, 2, 0x91, 0x91, 1][..],
            &[0x92, 0xc5, 0, 1, 0x91, 1],
            &[0x92, 0xc6, 0, 0, 0, 1, 0x91, 1],
            &[0x92, 0xd4, 5, 0x91, 1],
            &[0x92, 0xd6, 5, 0x91, 0x91, 0x91, 0x91, 1],
            &[0x92, 0xc7, 1, 5, 0x91, 1],
            &[0x92, 0xc8, 0, 1, 5, 0x91, 1],
            &[0x92, 0xc9, 0, 0, 0, 1, 5, 0x91, 1],
        ] {
            assert_eq!(values(bytes), Some(3), "{bytes:x?}");
        }
    }

    #[test]
    fn too_many_are_too_many_whatever_they_are_of() {
        let most = usize::try_from(MOST_VALUES).unwrap();
        let of = |many: usize| values(&rmp_serde::to_vec(&vec![(); many]).unwrap());
        assert_eq!(of(most - 1), Some(MOST_VALUES));
        assert_eq!(of(most), None);
        // What it promises counts, whether or not it is there.
        assert_eq!(values(&[0xdd, 0xff, 0xff, 0xff, 0xff]), None);
        assert_eq!(values(&[0xdf, 0xff, 0xff, 0xff, 0xff]), None);
        // Each in the one before: nothing is remembered of any.
        assert_eq!(values(&vec![0x91; 1_000_000]), Some(1_000_001));
    }
}
