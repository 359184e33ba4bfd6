//! Types by kind and name.
//!
//! A kernel has about a hundred thousand of them, a hundred are looked up, and every start of `zc` reads them
//! all. So the table holds ids alone: the names stay where they are, and the caller compares them. The hash does
//! not withstand an attack, so a table in which names are too far from their places is refused.

/// How far from the place of its hash a name may be. In a table that is half full, a few dozen are usual.
const FARTHEST: usize = 4096;

/// The table: ids, each in the first free place at or after that of its hash. 0, which is `void`, is a free
/// place.
#[derive(Default)]
pub(super) struct Names {
    ids: Vec<u32>,
}

impl Names {
    /// The table of these hashes and ids; `None` when looking for them would take too long.
    pub(super) fn new(hashes: &[(u64, u32)]) -> Option<Self> {
        // At most half full: a search ends at a free place.
        let mut names = Self { ids: vec![0; (2 * hashes.len()).next_power_of_two().max(2)] };
        for (hash, id) in hashes {
            let mut place = names.place(*hash);
            let mut steps = 0;
            while names.ids[place] != 0 {
                place = names.next(place);
                steps += 1;
                if steps > FARTHEST {
                    return None;
                }
            }
            names.ids[place] = *id;
        }
        Some(names)
    }

    /// Ids that may have this hash, among them all that have it, in the order of the file.
    pub(super) fn candidates(&self, hash: u64) -> impl Iterator<Item = u32> + '_ {
        let first = (!self.ids.is_empty()).then(|| self.place(hash));
        let places = std::iter::successors(first, |place| Some(self.next(*place)));
        places.map(|place| self.ids[place]).take_while(|id| *id != 0)
    }

    fn place(&self, hash: u64) -> usize {
        hash as usize & (self.ids.len() - 1)
    }

    fn next(&self, place: usize) -> usize {
        (place + 1) & (self.ids.len() - 1)
    }
}

/// The hash of a kind and a name.
pub(super) fn hash(kind: u32, name: &[u8]) -> u64 {
    /// Odd, with its bits spread evenly: 2 to the 64 over the golden ratio.
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(FACTOR);
    let (words, rest) = name.as_chunks::<8>();
    let hash =
        words.iter().fold(u64::from(kind), |hash, word| mix(hash, u64::from_ne_bytes(*word)));
    let hash = rest.iter().fold(hash, |hash, byte| mix(hash, u64::from(*byte)));
    // The low bits choose the place, and a product's high bits depend on all of its factors.
    hash ^ hash >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_and_the_first_of_equal_ones_comes_first() {
        let names: Vec<_> = (0..5003_u32).map(|n| format!("name_{}", n % 5000)).collect();
        let ids = 1..;
        let hashes: Vec<_> =
            names.iter().zip(ids).map(|(name, id)| (hash(12, name.as_bytes()), id)).collect();
        let table = Names::new(&hashes).unwrap();
        for (n, name) in names.iter().enumerate() {
            let is_same = |id: &u32| names[*id as usize - 1] == *name;
            let found = table.candidates(hash(12, name.as_bytes())).find(is_same);
            assert_eq!(found, Some(n as u32 % 5000 + 1), "{name}");
        }
        let is_absent = |id: u32| names[id as usize - 1] != "absent";
        assert!(table.candidates(hash(12, b"absent")).all(is_absent));
    }

    #[test]
    fn an_empty_table_has_no_candidates() {
        assert_eq!(Names::default().candidates(1).count(), 0);
        assert_eq!(Names::new(&[]).unwrap().candidates(1).count(), 0);
    }

    #[test]
    fn a_table_of_one_name_is_refused() {
        let same = |count: u32| (1..=count).map(|id| (7, id)).collect::<Vec<_>>();
        assert!(Names::new(&same(FARTHEST as u32)).is_some());
        assert!(Names::new(&same(FARTHEST as u32 + 2)).is_none());
    }

    #[test]
    fn kind_and_every_byte_count() {
        let name = b"task_struct";
        let base = hash(4, name);
        assert_ne!(base, hash(12, name));
        for at in 0..name.len() {
            let mut other = *name;
            other[at] ^= 1;
            assert_ne!(base, hash(4, &other), "byte {at}");
            assert_ne!(base, hash(4, &name[..at]), "{at} bytes");
        }
    }
}
