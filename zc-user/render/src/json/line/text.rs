//! Pieces of JSON at the end of a buffer, byte for byte as `serde_json` writes them.

use std::io;

use serde::Serialize;
use serde_json::{Serializer, ser::CompactFormatter};

use super::super::escape::Escaping;
use zc_model::value::Value;

/// Appends any value.
pub(super) fn push(text: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(text, Escaping(CompactFormatter)))?;
    Ok(())
}

/// Appends a number.
pub(super) fn push_integer(text: &mut Vec<u8>, value: u64) {
    text.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends a string.
pub(super) fn push_string(text: &mut Vec<u8>, value: &str) -> io::Result<()> {
    // Nearly always. What must be escaped is for `serde_json` and `Escaping` to know.
    if is_plain(value.as_bytes()) {
        push_id(text, value);
        return Ok(());
    }
    push(text, value)
}

/// Appends a string of which nothing must be escaped, as an id.
pub(super) fn push_id(text: &mut Vec<u8>, id: &str) {
    debug_assert!(is_plain(id.as_bytes()), "{id:?} must be escaped");
    text.push(b'"');
    text.extend_from_slice(id.as_bytes());
    text.push(b'"');
}

/// Whether nothing in a string must be escaped. Without a jump for each byte, so that many are looked at
/// together.
fn is_plain(bytes: &[u8]) -> bool {
    let is_special = |byte: u8| !matches!(byte, b' '..=b'~') | (byte == b'"') | (byte == b'\\');
    !bytes.iter().fold(false, |any, byte| any | is_special(*byte))
}

/// Appends a cell, without its unit.
pub(super) fn push_cell(text: &mut Vec<u8>, value: &Value<'_>) -> io::Result<()> {
    match value {
        Value::Integer(value, _) => push_integer(text, *value),
        Value::Real(value, _) => push(text, value)?,
        Value::Text(value) => push_string(text, value)?,
        Value::Absent | Value::Unavailable(_) => text.extend_from_slice(b"null"),
    }
    Ok(())
}

/// Appends whether something is so.
pub(super) fn push_bool(text: &mut Vec<u8>, value: bool) {
    text.extend_from_slice(if value { b"true" } else { b"false" });
}
