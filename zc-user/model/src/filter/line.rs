//! A filter as a line that a user can edit: what can be said in the language of expressions.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

use super::{COMM_BYTES, Expr, Filter};

impl Filter {
    /// What can be said in the language, as a line; and the rest: numbers of processes, which stand for descendants
    /// too, and names that are no text.
    #[must_use]
    pub fn into_line(mut self) -> (String, Self) {
        let mut parts = Vec::new();
        let comms = self.comms.iter().map(|comm| named(comm)).collect::<Option<Vec<_>>>();
        if let Some(names) = comms {
            parts.extend(either("comm", &names));
            self.comms.clear();
        }
        let cgroups = self.cgroups.iter().map(|cgroup| in_cgroup(cgroup));
        if let Some(groups) = cgroups.collect::<Option<Vec<_>>>() {
            parts.extend(either("cgroup", &groups.concat()));
            self.cgroups.clear();
        }
        let paths: Vec<_> = self.paths.iter().map(|path| path.id().to_owned()).collect();
        parts.extend(either("path", &paths));
        self.paths.clear();
        if let (Some(expr), Some(written)) = (&self.expr, &self.written) {
            let has_or = matches!(expr, Expr::Or(..));
            parts.push((written.clone(), has_or));
            (self.expr, self.written) = (None, None);
        }
        let line = match &parts[..] {
            [(one, _)] => one.clone(),
            parts => {
                let parts = parts.iter().map(|(part, has_or)| match has_or {
                    true => format!("({part})"),
                    false => part.clone(),
                });
                parts.collect::<Vec<_>>().join(" and ")
            }
        };
        (line, self)
    }
}

/// That `what` is one of these values, and whether that is said with an `or`.
fn either(what: &str, values: &[String]) -> Option<(String, bool)> {
    let is_quoted = |value: &String| value.starts_with(['\'', '"']);
    match values {
        [] => None,
        // Commas in quotes do not separate.
        values if values.len() > 1 && values.iter().any(is_quoted) => {
            let each: Vec<_> = values.iter().map(|value| format!("{what} = {value}")).collect();
            Some((each.join(" or "), true))
        }
        values => Some((format!("{what} = {}", values.join(",")), false)),
    }
}

/// A name of which the kernel keeps the beginning.
fn named(comm: &OsStr) -> Option<String> {
    let bytes = comm.as_bytes();
    let kept = match bytes.get(..COMM_BYTES) {
        Some(kept) if !bytes.contains(&b'*') => kept,
        _ => bytes,
    };
    word(std::str::from_utf8(kept).ok()?)
}

/// The control group, and what is below it.
fn in_cgroup(cgroup: &str) -> Option<Vec<String>> {
    let cgroup = cgroup.trim_end_matches('/');
    if cgroup.contains('*') {
        return Some(vec![word(cgroup)?]);
    }
    let root = if cgroup.starts_with('/') || cgroup.is_empty() { "" } else { "/" };
    let below = word(&format!("{root}{cgroup}/*"))?;
    Some(match cgroup {
        "" => vec![below],
        cgroup => vec![word(&format!("{root}{cgroup}"))?, below],
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
