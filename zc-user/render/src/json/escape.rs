//! JSON whose strings cannot reach a terminal as anything but text.

use std::io;

use serde_json::ser::{CharEscape, Formatter};

use crate::sanitize::is_hostile;

/// Writes as `F` does, but escapes every character that a terminal would obey or hide. JSON itself
/// only asks for the first 32.
pub struct Escaping<F>(pub F);

macro_rules! as_inner {
    ($($method:ident($($arg:ident: $type:ty),*);)*) => {
        $(fn $method<W: ?Sized + io::Write>(&mut self, out: &mut W, $($arg: $type),*) -> io::Result<()> {
            self.0.$method(out, $($arg),*)
        })*
    };
}

impl<F: Formatter> Formatter for Escaping<F> {
    as_inner! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        end_object_key();
        begin_object_value();
        end_object_value();
        write_char_escape(escape: CharEscape);
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        // Nearly always: keys, and most names.
        if fragment.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return out.write_all(fragment.as_bytes());
        }
        let mut rest = fragment;
        while let Some(at) = rest.find(is_hostile) {
            let (safe, hostile) = rest.split_at(at);
            out.write_all(safe.as_bytes())?;
            let Some(c) = hostile.chars().next() else { break };
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = &hostile[c.len_utf8()..];
        }
        out.write_all(rest.as_bytes())
    }
}
