//! `zc mark`: give a moment of a recording a name, while it is recorded.
//!
//! The recorder listens at a socket without a file (an abstract address), whose name is made of the name of the
//! recording: nothing is left behind if it is killed.

use std::{
    fs,
    hash::{DefaultHasher, Hasher as _},
    io::{self, ErrorKind, Read as _, Write as _},
    net::Shutdown,
    os::{
        linux::net::SocketAddrExt as _,
        unix::{ffi::OsStrExt as _, fs::MetadataExt, net::SocketAddr, net::UnixStream},
    },
    path::Path,
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use rustix::{net::sockopt::socket_peercred, process::getuid, thread::CapabilitySet};

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

/// Bytes of the end of a file's name that are in the address, which has 107 at most, in addition to a number made of
/// all of it.
const NAME: usize = 30;

/// What is said to the recorder: which file is meant, as far as there is one, and the mark.
pub(super) struct Asked {
    /// Device and inode of the file that is meant.
    pub(super) file: Option<(u64, u64)>,
    /// The mark.
    pub(super) text: String,
}

/// The longest line before the mark.
const HEAD: usize = 64;
/// The longest that is said.
pub(super) const MOST_SAID: usize = HEAD + MOST;

impl Asked {
    fn bytes(&self) -> Vec<u8> {
        let file =
            self.file.map_or_else(String::new, |(device, inode)| format!("{device:x}:{inode:x}"));
        format!("{file}\n{}", self.text).into_bytes()
    }

    /// What was said. `None` if that is none of it.
    pub(super) fn read(bytes: Vec<u8>) -> Option<Self> {
        let said = String::from_utf8(bytes).ok()?;
        let (file, text) = said.split_once('\n')?;
        let number = |text: &str| u64::from_str_radix(text, 16).ok();
        let file = match file.split_once(':') {
            Some((device, inode)) => Some((number(device)?, number(inode)?)),
            None => None,
        };
        checked(text).ok().map(|text| Self { file, text: text.to_owned() })
    }
}

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
    let mut hasher = DefaultHasher::new();
    hasher.write(name);
    let (device, inode, number) = (found.dev(), found.ino(), hasher.finish());
    let mut address = format!("zc-record:{device:x}:{inode:x}:{number:016x}:").into_bytes();
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
    let file = as_user(|| fs::metadata(recording)).ok();
    let owner = file.as_ref().map(MetadataExt::uid);
    let recorder = socket_peercred(&stream).with_context(what)?.uid.as_raw();
    ensure!(
        [Some(0), Some(getuid().as_raw()), owner].contains(&Some(recorder)),
        "{}: another user answers in place of its recorder",
        what()
    );
    let file = file.map(|file| (file.dev(), file.ino()));
    let asked = Asked { file, text: text.to_owned() };
    let answer = ask(&mut stream, &asked).map_err(|error| match error.kind() {
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

fn ask(stream: &mut UnixStream, asked: &Asked) -> io::Result<String> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(&asked.bytes())?;
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
        assert_ne!(
            named(&format!("a{}", "x".repeat(200))),
            named(&format!("b{}", "x".repeat(200)))
        );
        assert!(address(Path::new("/no/such/directory/a.zc")).is_err());
    }

    #[test]
    fn what_is_said_is_read() {
        for file in [None, Some((0xfe01, 77))] {
            let read = Asked::read(Asked { file, text: "deployed 42".to_owned() }.bytes()).unwrap();
            assert_eq!((read.file, &*read.text), (file, "deployed 42"));
        }
        for wrong in ["", "text", "1:x\ntext", "1:2\n", "1:2\n\u{1b}", "1:2\na\nb"] {
            assert!(Asked::read(wrong.into()).is_none(), "{wrong:?}");
        }
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
