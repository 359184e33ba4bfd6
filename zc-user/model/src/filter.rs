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

mod expr;
mod lexer;
mod parse;

pub use self::{
    expr::{Comparison, Expr, Literal, Operand, Operator},
    parse::{FilterError, parse},
};
pub use parse::nearest;
pub(crate) use parse::{COPIES_PER_BYTE, parse_expectation};

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
}

/// Bytes of a thread's name that the kernel keeps (`TASK_COMM_LEN` without the NUL).
const COMM_BYTES: usize = 15;

impl Filter {
    /// Whether nothing is narrowed.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        let Self { pids, comms, cgroups, paths, followed: _, watched: _, expr } = self;
        pids.is_empty()
            && comms.is_empty()
            && cgroups.is_empty()
            && paths.is_empty()
            && expr.is_none()
    }

    /// What narrows, in a few words: hostile, as it was given. `None` if nothing does.
    #[must_use]
    pub fn in_words(&self) -> Option<String> {
        let Self { pids, comms, cgroups, paths, followed: _, watched: _, expr } = self;
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
            parts.push("--filter".to_owned());
        }
        (!parts.is_empty()).then(|| parts.join(", "))
    }

    /// Whether `process` is selected. What is not available in `frame` is neither true nor false,
    /// and does not select.
    #[must_use]
    pub fn selects(&self, process: &ProcessSample, frame: &Frame) -> bool {
        let any = |wanted: usize, hit: bool| wanted == 0 || hit;
        any(self.pids.len(), self.descends(process, frame))
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        fixture::sketch::{path, process, snapshot},
        snapshot::{Ancestry, Relative},
    };

    fn frame() -> Frame {
        let mut nginx = process(1, "nginx", &[path(CopyPath::SendfileToSocket, 2, 4 << 20)]);
        nginx.cgroup = Some("/system.slice/nginx.service".into());
        let mut dd = process(2, "dd", &[path(CopyPath::FileRead, 1, 2 << 20)]);
        dd.cgroup = Some("/user.slice".into());
        let sender = process(3, "sender", &[path(CopyPath::SocketSendZerocopy, 1, 1 << 20)]);
        let long = process(4, "a-name-too-long", &[]);
        Frame::cumulative(snapshot(1, &[nginx, dd, sender, long]))
    }

    fn selected(filter: &Filter) -> Vec<u32> {
        let frame = frame();
        let is_selected = |process: &&ProcessSample| filter.selects(process, &frame);
        frame.processes.iter().filter(is_selected).map(|process| process.id.pid).collect()
    }

    fn by_expr(text: &str) -> Vec<u32> {
        selected(&Filter { expr: Some(parse(text).unwrap()), ..Filter::default() })
    }

    #[test]
    fn expressions_select() {
        assert_eq!(by_expr("copied_bytes > 1MiB"), [2]);
        assert_eq!(by_expr("moved_bytes >= 1048576 and not comm ~ D"), [1]);
        assert_eq!(by_expr("comm == nginx or comm == dd"), [1, 2]);
        assert_eq!(by_expr("path == sendfile_to_socket"), [1]);
        assert_eq!(by_expr("path != sendfile_to_socket"), [2, 3, 4]);
        assert_eq!(by_expr("path ~ send"), [1, 3]);
        assert_eq!(by_expr("file_read > 0"), [2]);
        assert_eq!(by_expr("pid = 3 || pid=4"), [3, 4]);
        assert_eq!(by_expr("cgroup != /user.slice"), [1, 3, 4]);
        assert_eq!(by_expr("comm == 'a-name-too-long'"), [4]);
        assert_eq!(by_expr("amplification < 50%"), [1]);
    }

    #[test]
    fn and_binds_tighter_than_or_and_parentheses_tighter_still() {
        assert_eq!(by_expr("pid == 1 or pid == 2 and comm == nginx"), [1]);
        assert_eq!(by_expr("(pid == 1 or pid == 2) and comm == dd"), [2]);
        assert_eq!(by_expr("not pid == 1 and not (pid == 2 or pid == 3)"), [4]);
    }

    #[test]
    fn what_is_not_known_is_not_selected_by_its_opposite_either() {
        assert_eq!(by_expr("copied_bytes >= 0"), [1, 2, 4]);
        assert_eq!(by_expr("not copied_bytes >= 1"), [1, 4]);
        assert_eq!(by_expr("copied_bytes < 1 or comm == sender"), [1, 3, 4]);
    }

    #[test]
    fn selections_are_alternatives_within_a_kind_and_conditions_between() {
        let filter = Filter { pids: vec![1, 2], ..Filter::default() };
        assert_eq!(selected(&filter), [1, 2]);
        let filter = Filter { comms: vec!["dd".into(), "s*r".into()], ..filter };
        assert_eq!(selected(&filter), [2]);
        let filter =
            Filter { comms: vec!["a-name-too-long-for-the-kernel".into()], ..Filter::default() };
        assert_eq!(selected(&filter), [4]);
        let filter = Filter { cgroups: vec!["system.slice".into()], ..Filter::default() };
        assert_eq!(selected(&filter), [1]);
        let filter = Filter { cgroups: vec!["/system".into()], ..Filter::default() };
        assert!(selected(&filter).is_empty());
        let filter = Filter { paths: vec![CopyPath::FileRead], ..Filter::default() };
        assert_eq!(selected(&filter), [2]);
        let filter = Filter { followed: true, ..Filter::default() };
        assert_eq!(selected(&filter), [1, 2, 3, 4], "there are no others");
        assert!(filter.is_everything());
    }

    #[test]
    fn a_number_selects_what_descends_from_it_too() {
        let relative = |pid: u32| Relative {
            id: ProcessId { pid, start_ns: pid.into() },
            comm: "parent".into(),
        };
        let child = |pid, parent: Option<u32>, root| {
            let ancestry = Ancestry { parent: parent.map(relative), root: relative(root) };
            ProcessSample { ancestry: Some(Arc::new(ancestry)), ..process(pid, "child", &[]) }
        };
        // 3 below 2 below 1; of 6 below 5 below 4, 5 did nothing; the others are in a circle.
        let processes = [
            child(1, None, 1),
            child(2, Some(1), 1),
            child(3, Some(2), 1),
            child(6, Some(5), 4),
            child(7, Some(8), 7),
            child(8, Some(7), 8),
        ];
        let frame = Frame::cumulative(snapshot(1, &processes));
        for (pid, selected) in [
            (1, &[1, 2, 3][..]),
            (2, &[2, 3]),
            (3, &[3]),
            (4, &[6]),
            (5, &[6]),
            (7, &[7, 8]),
            (9, &[]),
        ] {
            let filter = Filter { pids: vec![pid], ..Filter::default() };
            let frame = frame.clone().select(&filter);
            let pids: Vec<_> = frame.processes.iter().map(|process| process.id.pid).collect();
            assert_eq!(pids, selected, "{pid}");
        }
    }

    #[test]
    fn names_are_bytes() {
        let kept =
            |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(15)]).into_owned();
        for (pattern, is) in [
            (&b"\xff\xfe\x80\xc3"[..], true),
            (b"\xff\xfe", false),
            (b"\xff*\xc3", true),
            (b"*", true),
        ] {
            let comm = kept(b"\xff\xfe\x80\xc3");
            assert_eq!(is_named(OsStr::from_bytes(pattern), &comm), is, "{pattern:?}");
        }
        // Cut in the middle of a character, and between bytes that are none.
        for long in [
            "ééééééééé".as_bytes(),
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        ] {
            assert!(is_named(OsStr::from_bytes(long), &kept(long)), "{long:?}");
        }
        assert!(!is_named(OsStr::new("ééé"), &kept("ééééééééé".as_bytes())));
    }

    #[test]
    fn globs() {
        for (pattern, text, matches) in [
            ("nginx", "nginx", true),
            ("nginx", "nginx2", false),
            ("*", "", true),
            ("ng*", "nginx", true),
            ("*x", "nginx", true),
            ("n*i*x", "nginx", true),
            ("a*a", "a", false),
            ("n**x", "nginx", true),
            ("n*z*x", "nginx", false),
        ] {
            assert_eq!(glob(pattern, text), matches, "{pattern} {text}");
        }
    }

    #[test]
    fn errors_say_where_and_what_instead() {
        for (text, place, words) in [
            ("", 1, "a comparison is missing"),
            ("copied_byts > 1", 1, "did you mean 'copied_bytes'?"),
            ("comm", 5, "expected a comparison after 'comm'"),
            ("comm > nginx", 6, "'comm' is a text"),
            ("copied_bytes ~ 1", 14, "'copied_bytes' is a number"),
            ("copied_bytes > ", 16, "expected a value after 'copied_bytes >'"),
            ("copied_bytes > big", 16, "'big' is not a number"),
            ("copied_bytes > 1XiB", 16, "write it like 4096"),
            ("copied_bytes > nan", 16, "is not a number"),
            ("copied_bytes > '1'", 16, "leave the quotes out"),
            ("path == sendfile_socket", 9, "did you mean 'sendfile_to_socket'?"),
            ("pid == 1 pid == 2", 10, "expected 'and', 'or' or the end"),
            ("(pid == 1", 10, "expected 'and', 'or' or ')'"),
            ("pid == 1)", 9, "never opened"),
            ("comm == 'x", 9, "the quote is not closed"),
            ("pid == 1 & pid == 2", 10, "unexpected '&'"),
            ("pid == 1 and", 13, "a comparison is missing"),
            ("zzzzzz == 1", 1, "Columns: pid, ppid, comm"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
            assert!(error.starts_with(&format!("bad filter at character {place}:")), "{error}");
        }
    }

    #[test]
    fn the_place_is_marked_below_the_text_and_nothing_hostile_is_echoed() {
        let error = parse("comm == é and\u{1b} x").unwrap_err().to_string();
        let lines: Vec<_> = error.lines().skip(1).collect();
        assert_eq!(lines[0], "  comm == é and  x");
        assert!(!error.contains('\u{1b}'), "{error:?}");
        let error = parse("\u{1b}[2J == 1").unwrap_err().to_string();
        assert!(!error.contains('\u{1b}'), "{error:?}");
        let deep = "not ".repeat(10_000) + "pid == 1";
        assert!(parse(&deep).unwrap_err().message.contains("too many levels"));
    }
}
