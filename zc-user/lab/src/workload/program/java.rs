//! Servers on the Java machine: small real programs, compiled when they are needed.

use std::ffi::OsString;

use anyhow::Result;

use super::{Launch, PAYLOAD, Port, Program, Protocol, Site};
use crate::workload::need::{JAVA, JAVAC, Need};

/// A Java program.
pub(super) struct Source {
    /// The class with the `main` method.
    pub(super) class: &'static str,
    /// Its text.
    pub(super) text: &'static str,
    /// Libraries, as a class path; empty for none.
    pub(super) libraries: &'static str,
    /// Further arguments.
    pub(super) arguments: &'static [&'static str],
}

/// What has to be installed.
pub(super) const NEEDS: &[&Need] = &[&JAVA, &JAVAC];

/// What the programs have in common.
pub(super) const SERVER: Program = Program {
    protocol: Protocol::Line,
    launch: |_| anyhow::bail!("every program has a class of its own"),
};

/// Why transferTo switches modes twice as often as sendfile.
pub(super) const ASKS_FOR_SIZE: &str =
    "transferTo gets the size of the file (fstat) before each sendfile";

/// Accepting connections, shared by the programs that do it by hand.
const ACCEPT: &str = include_str!("java/Server.java");

/// Fixed, so that one round of warming up goes as far as another: one collector, one compiler.
/// Without performance data the machine makes no file in `/tmp`.
const OPTIONS: [&str; 6] = [
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Xshare:auto",
    "-Xmx256m",
    "-Djava.net.preferIPv4Stack=true",
];

/// Compiles the program, and runs it with the payload, the size of a transfer and a directory for
/// its files.
pub(super) fn launch(site: &Site<'_>, source: &Source) -> Result<Launch> {
    let accept = site.scratch.write("Server.java", ACCEPT)?;
    let main = site.scratch.write(&format!("{}.java", source.class), source.text)?;
    let directory = site.scratch.path();
    let mut class_path = OsString::from(directory);
    if !source.libraries.is_empty() {
        class_path.push(":");
        class_path.push(source.libraries);
    }
    let mut temporary = OsString::from("-Djava.io.tmpdir=");
    temporary.push(directory);

    let mut compiler: Vec<OsString> = vec![JAVAC.require()?.into()];
    compiler
        .extend(["-J-XX:-UsePerfData", "-J-XX:TieredStopAtLevel=1", "-proc:none"].map(Into::into));
    compiler.extend(["-cp".into(), class_path.clone(), "-d".into(), directory.into()]);
    compiler.extend([accept.into(), main.into()]);

    let mut server: Vec<OsString> = vec![JAVA.require()?.into()];
    server.extend(OPTIONS.map(Into::into));
    server.extend([temporary, "-cp".into(), class_path, source.class.into()]);
    server.extend([PAYLOAD.into(), site.chunk.to_string().into(), directory.into()]);
    server.extend(source.arguments.iter().map(Into::into));
    Ok(Launch { first: Some(compiler), server, port: Port::Printed })
}
