//! Which processes to show: `--filter` expressions, and the selections `-p`, `--comm`, `--cgroup`
//! and `--path`.

use zc_common::path::CopyPath;

use super::{frame::Frame, row::Row};
use crate::sample::snapshot::ProcessSample;

mod expr;
mod lexer;
mod parse;

pub use self::{
    expr::{Comparison, Expr, Literal, Operand, Operator},
    parse::{FilterError, parse},
};

/// Everything that narrows the list of processes. The default selects everything.
///
/// Several values of one kind are alternatives; the kinds, and the expression, must all agree.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// Process ids.
    pub pids: Vec<u32>,
    /// Names: the whole name, of which the kernel keeps 15 bytes; `*` stands for any text.
    pub comms: Vec<String>,
    /// Control groups: each selects itself and what is below it; `*` stands for any text.
    pub cgroups: Vec<String>,
    /// Processes that used one of these paths. Their other paths stay visible.
    pub paths: Vec<CopyPath>,
    /// The expression.
    pub expr: Option<Expr>,
}

/// Bytes of a thread's name that the kernel keeps (`TASK_COMM_LEN` without the NUL).
const COMM_BYTES: usize = 15;

impl Filter {
    /// Whether nothing is narrowed.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        let Self { pids, comms, cgroups, paths, expr } = self;
        pids.is_empty()
            && comms.is_empty()
            && cgroups.is_empty()
            && paths.is_empty()
            && expr.is_none()
    }

    /// Whether `process` is selected. What is not available in `frame` is neither true nor false,
    /// and does not select.
    #[must_use]
    pub fn selects(&self, process: &ProcessSample, frame: &Frame) -> bool {
        let any = |wanted: usize, hit: bool| wanted == 0 || hit;
        any(self.pids.len(), self.pids.contains(&process.id.pid))
            && any(self.comms.len(), self.comms.iter().any(|comm| is_named(comm, &process.comm)))
            && any(
                self.cgroups.len(),
                process.cgroup.as_deref().is_some_and(|cgroup| {
                    self.cgroups.iter().any(|wanted| is_below(wanted, cgroup))
                }),
            )
            && any(
                self.paths.len(),
                process.paths.iter().any(|sample| self.paths.contains(&sample.path.0)),
            )
            && self
                .expr
                .as_ref()
                .is_none_or(|expr| expr.holds(Row::process(process), frame) == Some(true))
    }
}

/// Whether `pattern` names this process, allowing for what the kernel cut off.
fn is_named(pattern: &str, comm: &str) -> bool {
    let cut_off = !pattern.contains('*') && comm.len() == COMM_BYTES && pattern.starts_with(comm);
    cut_off || glob(pattern, comm)
}

/// Whether `cgroup` is `wanted` or below it.
fn is_below(wanted: &str, cgroup: &str) -> bool {
    let wanted = wanted.trim_end_matches('/');
    if wanted.contains('*') {
        return glob(wanted, cgroup);
    }
    let below = cgroup.strip_prefix(wanted).or_else(|| {
        // `/system.slice` and `system.slice` are both what people write.
        cgroup.strip_prefix('/').and_then(|cgroup| cgroup.strip_prefix(wanted))
    });
    below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether `text` is `pattern`, where each `*` stands for any text.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|head| text.strip_prefix(head)) else {
        return false;
    };
    let Some(tail) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(tail)
}
