//! Enumerations whose variants have a stable id and a sentence of help.

/// Declares an enumeration from `/// help` and `Variant = "id"`: the variants, all of them in order,
/// their number, the id and the help.
#[macro_export]
macro_rules! named {
    (
        $(#[$attribute:meta])*
        pub enum $name:ident { $($(#[doc = $doc:literal])* $variant:ident = $id:literal,)* }
    ) => {
        $(#[$attribute])*
        pub enum $name { $($(#[doc = $doc])* $variant,)* }

        impl $name {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
            /// How many there are.
            pub const COUNT: usize = Self::ALL.len();

            /// The stable snake_case id: the same word in JSON, labels, filters and docs.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }

            /// What it means, in one sentence.
            #[must_use]
            pub const fn help(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc,)*).trim_ascii_start(),)* }
            }
        }
    };
}
