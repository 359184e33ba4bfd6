//! The page for people: what is served here, and what its figures are worth.

use std::fmt::Write as _;

use zc_recording::Meta;
use zc_render::{human, sanitize::sanitize};

use crate::{
    account::Account,
    collect::{self, About},
};

/// What the page is about.
pub(crate) struct Subject<'a> {
    pub(crate) account: &'a Account,
    pub(crate) about: &'a About,
    pub(crate) meta: &'a Meta,
    pub(crate) addresses: &'a [String],
    pub(crate) has_flight: bool,
}

/// The page. Loads nothing, and runs no script.
pub(crate) fn page(subject: &Subject<'_>) -> String {
    let mut page = HEAD.to_owned();
    // Writing to a text does not fail.
    let _ = write(&mut page, subject);
    page.push_str("</main></body></html>\n");
    page
}

const HEAD: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
<meta name=\"viewport\" content=\"width=device-width\"><title>zc serve</title><style>\
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:2rem}main{max-width:46rem;margin:auto}\
td,th{text-align:left;vertical-align:top;padding:.2rem 1rem .2rem 0}td:first-child{white-space:nowrap}\
code{font-family:ui-monospace,monospace}</style></head><body><main>\n";

fn write(page: &mut String, subject: &Subject<'_>) -> std::fmt::Result {
    let Subject { account, about, meta, addresses, has_flight } = subject;
    let latest = account.latest();
    let host = latest.map_or_else(String::new, |latest| {
        format!(" on {}, Linux {}", safe(&latest.host.name), safe(&latest.host.kernel))
    });
    writeln!(page, "<h1>zc {}{host}</h1>", safe(about.version))?;
    writeln!(
        page,
        "<p>Where the CPU copies data: {}, every {}.</p>",
        safe(&meta.subject),
        human::duration(meta.interval_ns)
    )?;
    page.push_str("<table><tbody>\n");
    for (path, what) in [
        ("/metrics", "metrics for Prometheus (OpenMetrics, or text 0.0.4)"),
        ("/snapshot.json", "the last interval as JSON (zc/1)"),
        ("/snapshot.zc", "the last snapshots, for <code>zc top --connect</code>"),
        ("/-/healthy", "200 while snapshots come"),
        ("/-/ready", "200 after the first snapshot"),
    ] {
        writeln!(page, "<tr><td><a href=\"{path}\">{path}</a></td><td>{what}</td></tr>")?;
    }
    let dump = if *has_flight {
        "the flight recorder's recording: <code>curl -X POST --unix-socket SOCKET http://zc/dump</code>"
    } else {
        "off; start with <code>--flight-recorder 10m</code>"
    };
    writeln!(page, "<tr><td>POST /dump</td><td>{dump} (on unix sockets only)</td></tr>")?;
    page.push_str("</tbody></table>\n");
    for address in *addresses {
        writeln!(page, "<p>Listening on <code>{}</code>.</p>", safe(address))?;
    }
    let Some(latest) = latest else {
        page.push_str("<p>There is no snapshot yet.</p>\n");
        return Ok(());
    };
    worth(page, account, about, latest.host.copies)
}

fn worth(
    page: &mut String,
    account: &Account,
    about: &About,
    copies: zc_model::snapshot::Provenance,
) -> std::fmt::Result {
    writeln!(
        page,
        "<h2>What the figures are worth</h2>\n<p>Here {}.</p>",
        collect::provenance(copies)
    )?;
    let missing: Vec<_> =
        about.probes.iter().filter(|(_, is_there)| !is_there).map(|(group, _)| *group).collect();
    if !missing.is_empty() {
        writeln!(
            page,
            "<p>Not attached: {}; <code>zc doctor</code> says why.</p>",
            missing.iter().map(|group| safe(group)).collect::<Vec<_>>().join(", ")
        )?;
    }
    if let Some(latest) = account.latest()
        && !latest.host.limitations.is_empty()
    {
        page.push_str(
            "<table><thead><tr><th>counter</th><th>is</th><th>because</th></tr></thead><tbody>\n",
        );
        for limit in &latest.host.limitations {
            let [counter, provenance, reason] =
                [limit.counter.id(), limit.provenance.id(), &limit.reason].map(safe);
            writeln!(page, "<tr><td>{counter}</td><td>{provenance}</td><td>{reason}</td></tr>")?;
        }
        page.push_str("</tbody></table>\n");
    }
    let lost = collect::lost(account);
    if lost == 0 {
        page.push_str("<p>Nothing was lost.</p>\n");
    } else {
        writeln!(page, "<h2>Losses: {}</h2>\n<table><tbody>", human::count(lost))?;
        for (loss, count) in account.losses().occurred() {
            let (id, help) = (safe(loss.id()), safe(loss.help()));
            writeln!(page, "<tr><td>{} {id}</td><td>{help}</td></tr>", human::count(count))?;
        }
        page.push_str("</tbody></table>\n");
    }
    if let Some(guard) = account.guard() {
        writeln!(
            page,
            "<p>{} groups by {} have series of their own; {} were refused.</p>",
            human::count(guard.groups().len() as u64),
            guard.by().id(),
            human::count(guard.folded())
        )?;
    }
    Ok(())
}

/// Text from outside, with nothing in it that a terminal or a browser would obey.
fn safe(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in sanitize(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_outside_are_text_and_nothing_else() {
        assert_eq!(
            safe("<script>alert('1')</script>&\"\u{202e}\n"),
            "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&quot;\\u{202e}\\n"
        );
    }
}
