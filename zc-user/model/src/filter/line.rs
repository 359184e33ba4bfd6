//! A filter as a line that a user can edit: what can be said in the language of expressions.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

use super::{COMM_BYTES, Filter, parse};

impl Filter {
    /// What can be said in the language, as a line; and the rest: numbers of processes, which stand for descendants
    /// too, and names that are no text.
    #[must_use]
    pub fn into_line(mut self) -> (String, Self) {
        let mut parts = Vec::new();
        if let Some(line) = either(self.comms.iter().map(|comm| named(comm))) {
            parts.push(line);
            self.comms.clear();
        }
        if let Some(line) = either(self.cgroups.iter().map(|cgroup| in_cgroup(cgroup))) {
            parts.push(line);
            self.cgroups.clear();
        }
        if !self.paths.is_empty() {
            let ids: Vec<_> = self.paths.iter().map(|path| path.id()).collect();
            parts.push(format!("path = {}", ids.join(",")));
            self.paths.clear();
        }
        if let (Some(_), Some(written)) = (&self.expr, &self.written) {
            parts.push(written.clone());
            (self.expr, self.written) = (None, None);
        }
        let line = match &parts[..] {
            [one] => one.clone(),
            parts => {
                let parts: Vec<_> = parts.iter().map(|part| bracketed(part)).collect();
                parts.join(" and ")
            }
        };
        (line, self)
    }
}

/// In parentheses where an `or` would take in less than is meant.
fn bracketed(part: &str) -> String {
    let has_or = matches!(parse(part), Ok(super::Expr::Or(..))) && !part.starts_with("path = ");
    if has_or { format!("({part})") } else { part.to_owned() }
}

/// All of them, if each can be said.
fn either(parts: impl Iterator<Item = Option<String>>) -> Option<String> {
    let parts: Vec<String> = parts.collect::<Option<_>>()?;
    (!parts.is_empty()).then(|| parts.join(" or "))
}

/// A name of which the kernel keeps the beginning.
fn named(comm: &OsStr) -> Option<String> {
    let bytes = comm.as_bytes();
    let kept = match bytes.get(..COMM_BYTES) {
        Some(kept) if !bytes.contains(&b'*') => kept,
        _ => bytes,
    };
    Some(format!("comm = {}", word(std::str::from_utf8(kept).ok()?)?))
}

/// The control group, and what is below it.
fn in_cgroup(cgroup: &str) -> Option<String> {
    let cgroup = cgroup.trim_end_matches('/');
    if cgroup.contains('*') {
        return Some(format!("cgroup = {}", word(cgroup)?));
    }
    let root = if cgroup.starts_with('/') || cgroup.is_empty() { "" } else { "/" };
    let (itself, below) = (word(&format!("{root}{cgroup}"))?, word(&format!("{root}{cgroup}/*"))?);
    Some(if cgroup.is_empty() {
        format!("cgroup = {below}")
    } else {
        format!("cgroup = {itself} or cgroup = {below}")
    })
}

/// A text as a value: in quotes where it needs them. `None` if it has both kinds of quotes, or signs that no line has.
#[must_use]
pub fn word(text: &str) -> Option<String> {
    let is_plain = |c: char| c.is_alphanumeric() || "-_.:/@*+#".contains(c);
    let is_keyword = matches!(text, "and" | "or" | "not" | "AND" | "OR" | "NOT");
    if !text.is_empty() && text.chars().all(is_plain) && !is_keyword && !text.starts_with('/') {
        return Some(text.to_owned());
    }
    // A path of a control group, which has no slash at its end.
    if text.starts_with('/') && text.chars().all(is_plain) && !text[1..].ends_with('/') {
        return Some(text.to_owned());
    }
    if text.contains(char::is_control) {
        return None;
    }
    ['\'', '"']
        .iter()
        .find(|quote| !text.contains(**quote))
        .map(|quote| format!("{quote}{text}{quote}"))
}
