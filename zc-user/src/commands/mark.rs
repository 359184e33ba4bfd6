//! `zc mark`: give a moment of a recording a name, while it is recorded.
//!
//! The recorder listens at a socket without a file (an abstract address), whose name is made of the name of the
//! recording: nothing is left behind if it is killed.

use std::{
    fs,
    io::{self, ErrorKind, Read as _, Write as _},
    net::Shutdown,
    os::{
        linux::net::SocketAddrExt as _,
        unix::{ffi::OsStrExt as _, fs::MetadataExt as _, net::SocketAddr, net::UnixStream},
    },
    path::Path,
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail};
use rustix::thread::CapabilitySet;

use super::{privilege, recorded::shown};
use crate::cli::{Mark as Arguments, Usage};
use zc_privilege::as_user;
use zc_render::sanitize::sanitize;

/// The longest name of a moment, bytes.
pub(super) const MOST: usize = 256;

/// What the recorder answers when the mark is in the recording. Any other answer says why it is not.
pub(super) const DONE: &str = "ok";

/// How long the recorder may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of the end of a file's name that are in the address, which has 107 at most.
const NAME: usize = 60;

/// Where the recorder of the recording at `path` listens.
///
/// # Errors
/// When the directory of the recording cannot be looked at.
pub(super) fn address(path: &Path) -> io::Result<SocketAddr> {
    let name = path.file_name().ok_or(ErrorKind::IsADirectory)?.as_bytes();
    let directory = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        None => Path::new("."),
        Some(parent) => parent,
    };
    let found = as_user(|| fs::metadata(directory))?;
    let mut address = format!("zc-record:{:x}:{:x}:", found.dev(), found.ino()).into_bytes();
    address.extend_from_slice(&name[name.len().saturating_sub(NAME)..]);
    SocketAddr::from_abstract_name(address)
}

/// Runs `zc mark`.
pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    privilege::drop_unneeded(None, CapabilitySet::empty())?;
    let Arguments { recording, text } = arguments;
    let text = checked(text)?;
    let what = || format!("cannot mark the recording '{}'", shown(recording));
    let address = address(recording).with_context(what)?;
    let mut stream = UnixStream::connect_addr(&address).map_err(|error| match error.kind() {
        ErrorKind::ConnectionRefused | ErrorKind::NotFound => {
            anyhow!("{}: no zc records to it here; see `zc record --help`", what())
        }
        _ => anyhow::Error::new(error).context(what()),
    })?;
    let answer = ask(&mut stream, text).map_err(|error| match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            anyhow!("{}: its recorder does not answer within {} s", what(), PATIENCE.as_secs())
        }
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
            anyhow!("{}: its recorder has just ended", what())
        }
        _ => anyhow::Error::new(error).context(what()),
    })?;
    match answer.as_str() {
        DONE => Ok(ExitCode::SUCCESS),
        why => bail!("{}: {}", what(), sanitize(why)),
    }
}

/// The name, if it can be one.
fn checked(text: &str) -> Result<&str, Usage> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Usage(
            "the name of the moment is empty; give it a name, such as 'deployed 42'".into(),
        ));
    }
    if text.len() > MOST {
        return Err(Usage(format!(
            "the name of the moment is longer than {MOST} bytes; shorten it"
        )));
    }
    if text.chars().any(char::is_control) {
        return Err(Usage("the name of the moment has control characters; leave them out".into()));
    }
    Ok(text)
}

fn ask(stream: &mut UnixStream, text: &str) -> io::Result<String> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(text.as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    stream.take(1024).read_to_string(&mut answer)?;
    if answer.is_empty() { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(answer) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_recording_has_one_address_and_another_one_another() {
        let directory = tempfile::tempdir().unwrap();
        let named = |name: &str| {
            address(&directory.path().join(name)).unwrap().as_abstract_name().unwrap().to_vec()
        };
        assert_eq!(named("a.zc"), named("./a.zc"));
        assert_ne!(named("a.zc"), named("b.zc"));
        assert!(named(&"x".repeat(255)).len() < 107);
        assert!(address(Path::new("/no/such/directory/a.zc")).is_err());
    }

    #[test]
    fn a_name_has_to_be_one() {
        assert_eq!(checked(" a b ").unwrap(), "a b");
        let long = "x".repeat(MOST + 1);
        for wrong in ["", "  ", "a\nb", "\u{1b}[31m", &long] {
            assert!(checked(wrong).is_err(), "{wrong:?}");
        }
    }
}
