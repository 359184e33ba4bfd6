//! Command lines, to be shown.

use std::ffi::OsString;

use zc_render::sanitize::sanitize;

/// The command line, as a shell reads it.
pub(super) fn command(words: impl Iterator<Item = OsString>) -> String {
    let quoted = words.map(|word| {
        let word = word.to_string_lossy().into_owned();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
        if !word.is_empty() && word.chars().all(is_plain) {
            return word;
        }
        format!("'{}'", sanitize(&word).replace('\'', r"'\''"))
    });
    ["zc".to_owned()].into_iter().chain(quoted).collect::<Vec<_>>().join(" ")
}
