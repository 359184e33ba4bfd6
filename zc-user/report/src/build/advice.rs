//! What could be changed, for whom, and what that would save.

use zc_common::path::CopyPath;
use zc_model::{
    advice::{ByCommand, Certainty, Rule},
    counter::CounterId,
    frame::Frame,
    group::{self, GroupBy},
};
use zc_render::{advice as words, human};

use super::groups::{named, share};
use crate::content::{Block, Counsel, Section};

/// Pieces of advice that are listed.
const MOST: usize = 10;

pub(super) fn section(advised: &[ByCommand<'_>], frame: &Frame) -> Option<Section> {
    if advised.is_empty() {
        return None;
    }
    let mut blocks =
        vec![Block::Advice(advised.iter().take(MOST).map(|one| counsel(one, frame)).collect())];
    if let Some(rest) = advised.get(MOST..).filter(|rest| !rest.is_empty()) {
        let saved = rest.iter().map(|one| one.advice.saving.copied_bytes);
        blocks.push(Block::Text(format!(
            "And {} more, which would save {} of copies together.",
            human::count(rest.len() as u64),
            human::bytes(saved.fold(0, u64::saturating_add)),
        )));
    }
    if advised.iter().any(|one| one.advice.saving.cpu.is_some()) {
        blocks.push(Block::Text(
            "The CPU time of copies is an estimate from samples, with a margin of 95 %: it is what they took, and not a \
             promise of what will be left, because passing on references takes time, too."
                .to_owned(),
        ));
    }
    Some(Section { id: "advice", title: "What to change", blocks })
}

fn counsel(one: &ByCommand<'_>, frame: &Frame) -> Counsel {
    let advice = &one.advice;
    Counsel {
        to: to(one),
        certainty: (advice.certainty.id(), meaning(advice.certainty)),
        remedy: remedy(one),
        savings: savings(one, frame),
        evidence: format!("{}.", capitalised(&words::evidence(advice))),
    }
}

/// `nginx (4 processes)`, `nginx[4711]`.
fn to(one: &ByCommand<'_>) -> String {
    match one.processes {
        1 if one.first.pid > 0 => format!("{}[{}]", named(one.comm), one.first.pid),
        1 => named(one.comm),
        count => format!("{} ({} processes)", named(one.comm), human::count(count)),
    }
}

/// What to do, under which condition, and which setting of a known program does it.
fn remedy(one: &ByCommand<'_>) -> String {
    let advice = &one.advice;
    let text = format!("{}, {}.", capitalised(advice.remedy()), advice.condition());
    match setting(one) {
        Some(setting) => format!("{text} {setting}"),
        None => text,
    }
}

/// What does that in a program of this name.
pub(super) fn setting(one: &ByCommand<'_>) -> Option<&'static str> {
    match (one.advice.rule, one.advice.paths().next()) {
        (Rule::FileToSocket, Some(CopyPath::FileRead)) => {}
        (Rule::Relay, Some(CopyPath::SocketRecv)) if one.comm == "haproxy" => {
            return Some("In HAProxy that is \"option splice-auto\".");
        }
        _ => return None,
    }
    match one.comm {
        "nginx" => Some("In nginx that is the directive \"sendfile on;\"."),
        "apache2" | "httpd" => Some("In the Apache server that is \"EnableSendfile On\"."),
        "lighttpd" => {
            Some("In lighttpd that is server.network-backend = \"sendfile\", the default.")
        }
        "vsftpd" => Some("In vsftpd that is \"use_sendfile=YES\", the default."),
        _ => None,
    }
}

pub(super) const fn meaning(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::Possible => "nothing that was seen contradicts the condition",
        Certainty::Likely => "what was seen would be unusual otherwise",
        Certainty::Certain => "the kernel itself reported it",
    }
}

/// What it would save, the most important first.
pub(super) fn savings(one: &ByCommand<'_>, frame: &Frame) -> Vec<String> {
    let saving = one.advice.saving;
    let mut savings = Vec::new();
    if saving.copied_bytes > 0 {
        let copied = copied_by(one.comm, frame);
        savings.push(format!(
            "{} less copied, {} of what {} copied",
            human::bytes(saving.copied_bytes),
            share(saving.copied_bytes, copied),
            named(one.comm),
        ));
    }
    savings.extend(words::spent(saving, frame.seconds()).map(plus_minus));
    if saving.mode_switches > 0 {
        savings.push(format!("{} fewer mode switches", human::count(saving.mode_switches)));
    }
    if savings.is_empty() {
        savings.push("no copies; CPU time that the mechanism costs on top".to_owned());
    }
    savings
}

/// Files and pages have room for the sign that every terminal may lack.
fn plus_minus(text: String) -> String {
    text.replace("+-", "±")
}

/// What all processes of a name copied.
fn copied_by(comm: &str, frame: &Frame) -> u64 {
    let groups = group::groups(frame, GroupBy::Command);
    let named = groups.iter().find(|group| group.name == comm);
    named.map_or(0, |group| group.counters[CounterId::CopiedBytes])
}

pub(super) fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
