//! Which processes to show: `--filter` expressions, and the selections `-p`, `--comm`, `--cgroup`
//! and `--path`.

use std::{
    borrow::Cow,
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt as _,
};

use zc_common::path::CopyPath;

use crate::{
    frame::Frame,
    row::Row,
    snapshot::{ProcessId, ProcessSample},
};

mod complete;
mod expr;
mod lexer;
mod line;
mod named;
mod names;
mod number;
mod parse;
mod pattern;

use self::pattern::glob;
pub use self::{
    complete::{Wanted, wanted},
    expr::{Comparison, Expr, Literal, Operand, Operator},
    line::word,
    named::{expand, first_name, is_name_part, parse_named},
    names::{names, nearest, paths},
    parse::{FilterError, parse},
    pattern::Pattern,
};
pub(crate) use self::{names::COPIES_PER_BYTE, parse::parse_expectation};

/// Everything that narrows the list of processes. The default selects everything.
///
/// Several values of one kind are alternatives; the kinds, and the expression, must all agree.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// Process ids: each selects itself, and what descends from it as far as that is known.
    pub pids: Vec<u32>,
    /// Names: the whole name, of which the kernel keeps 15 bytes, whatever they are; `*` stands for any text.
    pub comms: Vec<OsString>,
    /// Control groups: each selects itself and what is below it; `*` stands for any text.
    pub cgroups: Vec<String>,
    /// Processes that used one of these paths. Their other paths stay visible.
    pub paths: Vec<CopyPath>,
    /// Whether the run follows some processes only. That narrows nothing: there are no others.
    pub followed: bool,
    /// The processes that were asked for by number, if the run follows those. That narrows nothing either.
    pub watched: Vec<ProcessId>,
    /// The expression.
    pub expr: Option<Expr>,
    /// The expression as it was written.
    pub written: Option<String>,
}

/// Bytes of a thread's name that the kernel keeps (`TASK_COMM_LEN` without the NUL).
const COMM_BYTES: usize = 15;

impl Filter {
    /// Whether nothing is narrowed.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        let Self { pids, comms, cgroups, paths, followed: _, watched: _, expr, written: _ } = self;
        pids.is_empty()
            && comms.is_empty()
            && cgroups.is_empty()
            && paths.is_empty()
            && expr.is_none()
    }

    /// What narrows, in a few words: hostile, as it was given. `None` if nothing does.
    #[must_use]
    pub fn in_words(&self) -> Option<String> {
        let Self { pids, comms, cgroups, paths, followed: _, watched: _, expr, written } = self;
        let either = |words: Vec<String>| words.join(" or ");
        let mut parts = Vec::new();
        let mut add = |what: &str, words: Vec<String>| {
            if !words.is_empty() {
                parts.push(format!("{what} {}", either(words)));
            }
        };
        add("pid", pids.iter().map(u32::to_string).collect());
        add("name", comms.iter().map(|comm| comm.to_string_lossy().into_owned()).collect());
        add("control group", cgroups.clone());
        add("path", paths.iter().map(|path| path.id().to_owned()).collect());
        if expr.is_some() {
            parts.push(written.clone().unwrap_or_else(|| "--filter".to_owned()));
        }
        (!parts.is_empty()).then(|| parts.join(", "))
    }

    /// Whether `process` is selected. What is not available in `frame` is neither true nor false,
    /// and does not select.
    #[must_use]
    pub fn selects(&self, process: &ProcessSample, frame: &Frame) -> bool {
        let any = |wanted: usize, hit: bool| wanted == 0 || hit;
        // Ancestors are looked for only where processes are asked for.
        (self.pids.is_empty() || self.descends(process, frame))
            && any(self.comms.len(), self.comms.iter().any(|comm| is_named(comm, &process.comm)))
            && any(
                self.cgroups.len(),
                process.cgroup.as_deref().is_some_and(|cgroup| {
                    self.cgroups.iter().any(|wanted| is_below(wanted, cgroup))
                }),
            )
            && any(
                self.paths.len(),
                process
                    .paths
                    .iter()
                    .any(|sample| sample.path.is_known_and(|path| self.paths.contains(&path))),
            )
            && self
                .expr
                .as_ref()
                .is_none_or(|expr| expr.holds(Row::process(process), frame) == Some(true))
    }
}

/// Generations that are gone through: a recording may say anything of them, even that they go round.
const MOST_GENERATIONS: usize = 64;

impl Filter {
    /// Whether the process is one of those asked for by number, or one of its ancestors is.
    fn descends(&self, process: &ProcessSample, frame: &Frame) -> bool {
        let is_wanted = |id: ProcessId| self.pids.contains(&id.pid);
        let mut descendant = Some(process);
        for _ in 0..MOST_GENERATIONS {
            let Some(process) = descendant else { return false };
            if is_wanted(process.id) {
                return true;
            }
            let Some(ancestry) = process.ancestry.as_deref() else { return false };
            let parent = ancestry.parent.as_ref().map(|parent| parent.id);
            if is_wanted(ancestry.root.id) || parent.is_some_and(is_wanted) {
                return true;
            }
            descendant = parent.and_then(|parent| frame.process(parent));
        }
        false
    }
}

impl Frame {
    /// Only the processes that `filter` selects, see [`Self::only`]. A filter that selects
    /// everything leaves out nothing.
    ///
    /// What is unattributed stays while threads find no slots: it may be of the selected processes.
    #[must_use]
    pub fn select(mut self, filter: &Filter) -> Self {
        self.scope.followed = filter.followed;
        if filter.is_everything() {
            return self;
        }
        let of_crowd = self.crowded.then(|| std::mem::take(&mut self.unattributed));
        let selected = self.only(|process, frame| filter.selects(process, frame));
        match of_crowd {
            Some(unattributed) => selected.with_unattributed(unattributed),
            None => selected,
        }
    }
}

/// Whether `pattern` names this process. The kernel may have truncated the name, in the middle of a character
/// even. What is no UTF-8 in either has become U+FFFD.
fn is_named(pattern: &OsStr, comm: &str) -> bool {
    let text = |bytes| String::from_utf8_lossy(bytes);
    let bytes = pattern.as_bytes();
    let truncated: Option<Cow<'_, str>> = match bytes.get(..COMM_BYTES) {
        Some(kept) if !bytes.contains(&b'*') => Some(text(kept)),
        _ => None,
    };
    truncated.is_some_and(|kept| kept == comm) || glob(&text(bytes), comm)
}

/// Whether `cgroup` is `wanted` or below it.
fn is_below(wanted: &str, cgroup: &str) -> bool {
    let wanted = wanted.trim_end_matches('/');
    if wanted.contains('*') {
        return glob(wanted, cgroup);
    }
    let below = cgroup.strip_prefix(wanted).or_else(|| {
        // People write both `/system.slice` and `system.slice`.
        cgroup.strip_prefix('/').and_then(|cgroup| cgroup.strip_prefix(wanted))
    });
    below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests;
