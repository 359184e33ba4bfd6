//! `zc docs`: the documents that are generated from the code.

use std::{fs, path::Path, process::ExitCode};

use anyhow::{Context as _, Result};
use clap::CommandFactory as _;
use clap_mangen::Man;

use zc_tui::page::help::FILTERS;

use crate::{
    cli::{Cli, Document},
    metrics,
    settings::table,
};

/// The document as one text; of the manual, all pages, that of `zc` itself first.
pub(super) fn text(document: Document) -> Result<Vec<u8>> {
    match document {
        Document::Man => {
            let pages = manual().iter().map(page).collect::<Result<Vec<_>>>()?;
            Ok(pages.concat())
        }
        Document::Metrics => Ok(metrics::markdown().into_bytes()),
    }
}

/// Writes the files of the document into `directory`, which is created if necessary.
pub(super) fn write(document: Document, directory: &Path) -> Result<ExitCode> {
    fs::create_dir_all(directory)
        .with_context(|| format!("cannot create '{}'", directory.display()))?;
    let files = match document {
        Document::Man => manual()
            .iter()
            .map(|one| Ok((one.man.get_filename(), page(one)?)))
            .collect::<Result<Vec<_>>>()?,
        Document::Metrics => vec![("metrics.md".to_owned(), text(document)?)],
    };
    for (name, bytes) in files {
        let path = directory.join(name);
        fs::write(&path, bytes).with_context(|| format!("cannot write '{}'", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A page of the manual.
struct Page {
    man: Man,
    /// Whether the command is the dashboard.
    has_keys: bool,
    /// Whether it takes a filter.
    has_filter: bool,
}

/// The manual: a page for `zc`, and one for each subcommand that the help lists, in the order of their names.
fn manual() -> Vec<Page> {
    let mut root = Cli::command().disable_help_subcommand(true);
    // Gives each subcommand its full name: that of the page.
    root.build();
    let source = format!("zc {}", root.get_version().unwrap_or_default());
    let mut pages = Vec::new();
    let mut open = vec![root];
    while let Some(command) = open.pop() {
        let shown = command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set());
        open.extend(shown.cloned());
        let takes = |name: &str| command.get_arguments().any(|argument| argument.get_id() == name);
        // The tour takes a theme, too, and has keys of its own.
        let has_filter = takes("filter");
        let has_keys = takes("theme") && has_filter;
        pages.push(Page { man: Man::new(command).source(&source), has_keys, has_filter });
    }
    pages.sort_by_key(|page| page.man.get_filename().replace('.', " "));
    pages
}

fn page(page: &Page) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    page.man.render(&mut bytes)?;
    let mut text = String::from_utf8(bytes)?.replace(".SH EXTRA\n", ".SH NOTES\n");
    if page.has_keys {
        text.push_str(".SH KEYS\n");
        for section in table::shell().all_keys() {
            let title = section.title.trim_start_matches("Keys: ");
            text.push_str(&format!(".SS \"{}\"\n", escaped(title).replace('"', "")));
            entries(&section.rows, &mut text);
        }
    }
    if page.has_filter {
        text.push_str(".SH FILTERS\n");
        entries(FILTERS, &mut text);
    }
    Ok(text.into_bytes())
}

/// What is written, and below it what it means.
fn entries(rows: &[(&str, &str)], text: &mut String) {
    for (written, meaning) in rows {
        text.push_str(&format!(".TP\n\\fB{}\\fR\n{}\n", escaped(written), escaped(meaning)));
    }
}

/// As roff has it: no backslash of its own, no hyphen that is a dash, and no line that begins like a request.
fn escaped(text: &str) -> String {
    format!("\\&{}", text.replace('\\', "\\e").replace('-', "\\-"))
}
