//! What is said at the right of the tabs: what has happened, what has changed, and which filter applies. Each in full, then
//! in fewer words.

use std::sync::Arc;

use ratatui::style::Style;

use crate::state::Context;
use zc_model::{history::Baseline, snapshot::ProcessSample};
use zc_render::{
    human,
    sanitize::{name, sanitize},
};

/// What went wrong, or has happened, or has changed; nothing of that: no forms.
#[must_use]
pub fn forms(context: &Context) -> Vec<String> {
    if let Some((text, _)) = urgent(context) {
        return vec![text];
    }
    let compared = context.baseline().map(|then| compared(context, then));
    match (happened(context), compared) {
        (None, None) => Vec::new(),
        (None, Some(compared)) => compared,
        (Some(text), None) => vec![text],
        (Some(text), Some(compared)) => {
            let both = compared.into_iter().map(|compared| format!("{text}; {compared}"));
            both.chain([text.clone()]).collect()
        }
    }
}

/// How that looks.
#[must_use]
pub fn style(context: &Context) -> Style {
    let theme = context.theme();
    match urgent(context) {
        Some((_, style)) => style,
        None if happened(context).is_some() => theme.notice(),
        None => theme.text(),
    }
}

/// What narrows the list.
pub fn filters(context: &Context) -> impl Iterator<Item = String> {
    let only = context.narrowed_to().map(|narrowed| format!("only: {}", sanitize(&narrowed)));
    let typed = context.filter().text().trim();
    let typed = (!typed.is_empty()).then(|| format!("filter: {}", sanitize(typed)));
    only.into_iter().chain(typed)
}

/// What the user waits for, and what went wrong.
fn urgent(context: &Context) -> Option<(String, Style)> {
    let theme = context.theme();
    let said = context.said().map(|said| (sanitize(said).into_owned(), theme.notice()));
    said.or_else(|| Some((sanitize(context.complaint()?).into_owned(), theme.alarm())))
}

fn happened(context: &Context) -> Option<String> {
    let mark = context.moment().and_then(|moment| moment.mark.as_ref());
    mark.map(|mark| format!("mark: {}", sanitize(mark))).or_else(|| ended(context))
}

/// How all has changed since the baseline.
fn compared(context: &Context, then: &Baseline) -> Vec<String> {
    let [copied, by_reference] = context
        .history()
        .change(then)
        .map(|change| human::change(change.before, change.now))
        .map(|text| if text.is_empty() { "0".to_owned() } else { text });
    let at = human::clock(then.at_ns);
    let at = at.trim_end_matches(" UTC");
    vec![
        format!("since {at} (b): copied {copied}, by ref {by_reference}"),
        format!("since b: copied {copied}, by ref {by_reference}"),
        format!("b: copied {copied}, ref {by_reference}"),
        format!("b: copied {copied}"),
    ]
}

/// Which of the processes given by number have ended.
fn ended(context: &Context) -> Option<String> {
    let named =
        |process: &Arc<ProcessSample>| format!("{} ({})", name(&process.comm), process.id.pid);
    match context.ended() {
        [] => None,
        [one] => Some(format!("{} has ended", named(one))),
        all => Some(format!("{} have ended", all.iter().map(named).collect::<Vec<_>>().join(", "))),
    }
}
