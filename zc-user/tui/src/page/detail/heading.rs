//! Who it is, with a label for everything.

use ratatui::style::Style;

use super::{
    command,
    subject::{Subject, What},
};
use crate::{
    inspect::Answer,
    state::Context,
    view::canvas::Canvas,
    widget::flow::{self, Pair},
};
use ratatui::text::{Line, Span};
use zc_model::{column::state as life, group::Group, home::Home, snapshot::ProcessSample};
use zc_render::{
    human,
    sanitize::{self, name, sanitize},
};

/// Draws it, in as many lines as it takes; `is_here`: it is in the frame on the screen.
pub(super) fn draw(subject: &Subject, is_here: bool, context: &Context, canvas: &mut Canvas) {
    let theme = context.theme();
    let pair = |label: &str, value: String, style: Style| Pair {
        label: label.to_owned(),
        value,
        style,
        width: 0,
    };
    let mut pairs = vec![pair("", name(subject.name()).into_owned(), theme.strong())];
    let known = subject.process().filter(|_| is_here).and_then(|it| context.known(it.id));
    let answer = known.map(|known| known.answer);
    let facts = match &subject.what {
        What::Process(process) => of_process(process, subject, answer),
        What::Group(group) => of_group(group),
    };
    pairs.extend(facts.into_iter().map(|(label, value)| pair(label, value, theme.text())));
    let state = match &subject.what {
        _ if !is_here => None,
        What::Process(process) => Some(life(process)),
        What::Group(_) => None,
    };
    if let Some(state) = state {
        pairs.push(pair("", state.to_owned(), theme.dim()));
    }
    let lines = flow::lines(&pairs, canvas.width());
    let (area, buf) = canvas.block(lines);
    flow::draw(&pairs, theme.dim(), area, buf);
    let ellipsis = theme.symbols.ellipsis;
    if let Some(line) = answer.and_then(|answer| command::line(answer, ellipsis)) {
        let room = usize::from(canvas.width()).saturating_sub(COMMAND.len());
        let line = sanitize::truncate(&line, room, ellipsis).into_owned();
        canvas.line(Line::from(vec![
            Span::styled(COMMAND, theme.dim()),
            Span::styled(line, theme.text()),
        ]));
    }
    if !is_here {
        canvas.paragraph(&gone(subject), 0, theme.notice());
    }
}

/// The label of a command line.
const COMMAND: &str = "command ";

/// Why figures are old.
fn gone(subject: &Subject) -> String {
    let name = name(subject.name());
    match &subject.what {
        What::Process(process) if process.is_merged() => {
            format!("{name} did nothing in this interval. These are its last figures.")
        }
        What::Process(process) => {
            format!("{name} ({}) has ended. These are its last figures.", process.id.pid)
        }
        What::Group(_) => {
            format!(
                "No process of {name} did anything in this interval. These are the last figures."
            )
        }
    }
}

type Fact = (&'static str, String);

fn of_process(process: &ProcessSample, subject: &Subject, answer: Option<&Answer>) -> Vec<Fact> {
    let frame = &subject.frame;
    let mut facts = Vec::new();
    if process.is_merged() {
        facts.push(("merged", format!("{} processes", human::count(process.merged))));
    } else {
        facts.push(("pid", process.id.pid.to_string()));
        let parent = process.ancestry.as_deref().and_then(|it| it.parent.as_ref());
        let parent = match parent {
            Some(parent) => format!("{} ({})", parent.id.pid, name(&parent.comm)),
            None => process.parent.pid.to_string(),
        };
        facts.push(("parent", parent));
    }
    if let Some(user) = process.user {
        let found = frame.host.users.get(&user);
        let user = found.map_or_else(|| user.to_string(), |found| sanitize(found).into_owned());
        facts.push(("user", user));
    }
    facts.extend(process.cgroup.as_deref().and_then(home));
    let threads = frame.threads.iter().filter(|thread| thread.process == process.id);
    let counted = threads.filter(|thread| !thread.has_ended()).count() as u64;
    let threads = answer.map_or(counted, |answer| answer.threads);
    if threads > 0 {
        facts.push(("threads", human::count(threads)));
    }
    facts.extend(answer.map(|answer| ("up", command::age(answer.age))));
    facts
}

fn of_group(group: &Group) -> Vec<Fact> {
    let mut facts = vec![("grouped by", group.by.id().to_owned())];
    if let Some(members) = group.members {
        facts.push(("processes", human::count(members)));
    }
    facts.extend(group.cgroup.as_deref().and_then(home));
    facts
}

/// Where the control group says that it lives. The root says nothing.
fn home(path: &str) -> Option<Fact> {
    let home = Home::of(path);
    if let Some(container) = home.container {
        let id = sanitize(container.id);
        let id: String = id.chars().take(12).collect();
        let runtime = container.runtime.map_or_else(String::new, |it| format!("{}:", sanitize(it)));
        return Some(("container", format!("{runtime}{id}")));
    }
    if let Some(unit) = home.unit {
        return Some(("unit", sanitize(unit).into_owned()));
    }
    (path != "/").then(|| ("cgroup", sanitize(path).into_owned()))
}
