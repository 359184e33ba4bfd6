//! `zc docs`: the documents that are generated from the code.

use std::{fs, path::Path, process::ExitCode};

use anyhow::{Context as _, Result};
use clap::CommandFactory as _;
use clap_mangen::Man;

use crate::{
    cli::{Cli, Document},
    metrics,
};

/// The document as one text; of the manual, the page of `zc` itself.
pub(super) fn text(document: Document) -> Result<Vec<u8>> {
    match document {
        Document::Man => page(&Man::new(Cli::command())),
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
            .map(|man| Ok((man.get_filename(), page(man)?)))
            .collect::<Result<Vec<_>>>()?,
        Document::Metrics => vec![("metrics.md".to_owned(), text(document)?)],
    };
    for (name, bytes) in files {
        let path = directory.join(name);
        fs::write(&path, bytes).with_context(|| format!("cannot write '{}'", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The manual: a page for `zc`, and one for each subcommand that the help lists.
fn manual() -> Vec<Man> {
    let mut root = Cli::command().disable_help_subcommand(true);
    // Gives each subcommand its full name: that of the page.
    root.build();
    let source = format!("zc {}", root.get_version().unwrap_or_default());
    let mut pages = Vec::new();
    let mut open = vec![root];
    while let Some(command) = open.pop() {
        let shown = command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set());
        open.extend(shown.cloned());
        pages.push(Man::new(command).source(&source));
    }
    pages
}

fn page(man: &Man) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    man.render(&mut bytes)?;
    Ok(bytes)
}
