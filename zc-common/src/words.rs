//! Structures of counters, each declared once: fields, zero, sums, and what every word means.

/// A word of a structure: the name of its field, and what it counts in one sentence.
pub type Word = (&'static str, &'static str);

/// Declares a structure of 64-bit words from `/// meaning` and `field`. Adding a field here is all
/// that zero and sums need.
macro_rules! words {
    (
        $(#[$attribute:meta])*
        pub struct $name:ident { $($(#[doc = $doc:literal])+ $field:ident,)+ }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[repr(C)]
        pub struct $name { $($(#[doc = $doc])+ pub $field: u64,)+ }

        impl $name {
            /// Nothing counted yet.
            pub const ZERO: Self = Self { $($field: 0,)+ };

            /// Every word, in order.
            pub const WORDS: &'static [$crate::words::Word] =
                &[$((stringify!($field), concat!($($doc,)+).trim_ascii_start()),)+];

            /// Combines each field with the same field of `other`.
            #[must_use]
            pub fn combined(&self, other: &Self, combine: impl Fn(u64, u64) -> u64) -> Self {
                Self { $($field: combine(self.$field, other.$field),)+ }
            }

            /// Adds each field of `other` to the same field.
            pub fn add(&mut self, other: &Self) {
                *self = self.combined(other, |sum, more| sum + more);
            }
        }
    };
}
pub(crate) use words;

/// What the field `name` counts. For constants: a name that is not among `words` does not compile.
///
/// # Panics
/// If `words` has no such name.
#[must_use]
pub const fn meaning(words: &[Word], name: &str) -> &'static str {
    let mut at = 0;
    while at < words.len() {
        if is_same(words[at].0, name) {
            return words[at].1;
        }
        at += 1;
    }
    panic!("no such field")
}

/// Equality of strings, in constants.
const fn is_same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}
