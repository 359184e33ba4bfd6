//! Where this machine fetches Debian packages from.
//!
//! apt is asked, because it knows every form of sources (one line, deb822, lists of mirrors). What it
//! is configured to need on the way, such as a proxy or a password, it adds by itself. A suite that
//! the machine does not use is looked for in the archives of those that it uses.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::shell;

/// Names the archives instead, separated by spaces: for machines whose sources have none of Debian's.
const OVERRIDE: &str = "ZC_DEBIAN_ARCHIVE";

/// What Debian's suites say of their origin.
const ORIGIN: &str = "Debian";

/// The package sources of this machine that may be Debian's.
pub(crate) struct Mirrors(Vec<Entry>);

/// A suite in an archive.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    /// What comes before `/dists/`.
    archive: String,
    suite: String,
    /// Whether a list that apt has fetched says that this is Debian's.
    is_known: bool,
}

/// What is to be fetched for a suite.
#[derive(Debug, PartialEq, Eq)]
struct Target {
    archive: String,
    suite: String,
    /// The name of the release file among apt's lists.
    file: String,
}

impl Mirrors {
    /// Asks apt.
    pub(crate) fn of_this_machine() -> Result<Self> {
        if let Some(named) = env::var(OVERRIDE).ok().filter(|named| !named.trim().is_empty()) {
            return Ok(Self::named(&named));
        }
        // Only prints what it would fetch: needs neither root nor the network.
        let mut update = shell::command("apt-get", &["update", "--print-uris"]);
        let printed = shell::capture(update.env("LC_ALL", "C"))
            .context("cannot tell where this machine fetches packages from")?;
        let lists = lists()?;
        let entries = targets(&printed).filter_map(|target| {
            let origin = origin(&lists.join(&target.file));
            // Another distribution, or a vendor.
            if origin.as_ref().is_some_and(|origin| origin != ORIGIN) {
                return None;
            }
            let Target { archive, suite, .. } = target;
            Some(Entry { archive, suite, is_known: origin.is_some() })
        });
        Ok(Self(entries.collect()))
    }

    fn named(archives: &str) -> Self {
        let entry = |archive: &str| Entry {
            archive: archive.trim_end_matches('/').to_owned(),
            suite: if archive.contains("-security") { "-security" } else { "" }.to_owned(),
            is_known: true,
        };
        Self(archives.split_whitespace().map(entry).collect())
    }

    /// Whether the machine's own sources have the suite.
    pub(crate) fn have(&self, suite: &str) -> bool {
        self.0.iter().any(|entry| entry.suite == suite)
    }

    /// The archives that may have a suite, the most likely one first.
    ///
    /// # Errors
    ///
    /// This machine uses no archive of Debian's: what to do.
    pub(crate) fn archives(&self, suite: &str) -> Result<Vec<String>> {
        if self.0.is_empty() {
            bail!(
                "none of this machine's package sources is Debian's archive; name one: \
                 {OVERRIDE}='http://HOST/debian'"
            );
        }
        let mut entries: Vec<_> = self.0.iter().collect();
        // Stable: otherwise in the order of the sources.
        entries.sort_by_key(|entry| {
            let is_same = entry.suite == suite;
            let is_same_release = suite.starts_with(&format!("{}-", entry.suite));
            (!is_same, !is_same_release, !entry.is_known)
        });
        let mut archives: Vec<String> = Vec::new();
        let mut add = |archive: String| {
            if !archives.contains(&archive) {
                archives.push(archive);
            }
        };
        let (security, main): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|entry| is_security(&entry.suite));
        if is_security(suite) {
            security.iter().for_each(|entry| add(entry.archive.clone()));
            // A machine without security updates: mirrors that have them have them there.
            main.iter().for_each(|entry| add(format!("{}-security", entry.archive)));
        } else {
            main.iter().for_each(|entry| add(entry.archive.clone()));
        }
        Ok(archives)
    }
}

/// Debian keeps these suites in an archive of their own.
fn is_security(suite: &str) -> bool {
    // Until buster they were called `buster/updates`.
    suite.ends_with("-security") || suite.ends_with("/updates")
}

/// The suites in what `apt-get update --print-uris` printed: for each a line such as
/// `'http://HOST/debian/dists/bookworm/InRelease' HOST_debian_dists_bookworm_InRelease 0`.
fn targets(printed: &str) -> impl Iterator<Item = Target> {
    printed.lines().filter_map(|line| {
        let (uri, rest) = line.strip_prefix('\'')?.split_once("' ")?;
        // A source without `/dists/` has no suites, and no source of Debian's is like that.
        let (archive, suite) = uri.strip_suffix("/InRelease")?.rsplit_once("/dists/")?;
        let file = rest.split_whitespace().next()?;
        // A disc in a drive has the suites that it has.
        (!archive.starts_with("cdrom:")).then(|| Target {
            archive: archive.to_owned(),
            suite: suite.to_owned(),
            file: file.to_owned(),
        })
    })
}

/// The directory of apt's lists.
fn lists() -> Result<PathBuf> {
    // The only form of the question that is answered with the full path.
    let question = ["shell", "LISTS", "Dir::State::Lists/d"];
    let answer = shell::capture(&mut shell::command("apt-config", &question))?;
    let path = answer.trim().strip_prefix("LISTS='").and_then(|path| path.strip_suffix('\''));
    Ok(PathBuf::from(path.context("apt-config does not say where apt keeps its lists")?))
}

/// What the release file of a suite says of its origin, if apt has fetched it.
fn origin(release: &Path) -> Option<String> {
    origin_in(&String::from_utf8_lossy(&fs::read(release).ok()?))
}

fn origin_in(release: &str) -> Option<String> {
    let line = release.lines().find_map(|line| line.strip_prefix("Origin:"))?;
    Some(line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(archive: &str, suite: &str, is_known: bool) -> Entry {
        Entry { archive: archive.to_owned(), suite: suite.to_owned(), is_known }
    }

    fn archives(mirrors: &Mirrors, suite: &str) -> Vec<String> {
        mirrors.archives(suite).expect("there are some")
    }

    #[test]
    fn suites_are_found_in_what_apt_would_fetch() {
        let printed = "\
'http://mirror.test/debian/dists/bookworm/InRelease' mirror.test_debian_dists_bookworm_InRelease 0 
'mirror+file:/etc/apt/mirrors/debian-security.list/dists/bookworm-security/InRelease' a_InRelease 0 
'http://mirror.test/old/dists/buster/updates/InRelease' b_InRelease 0 
'http://mirror.test/debian/dists/bookworm/main/binary-amd64/Packages.xz' c_Packages 0 
'http://vendor.test/flat/./InRelease' vendor.test_flat_._InRelease 0 
'cdrom://[Debian GNU/Linux 12]/dists/bookworm/InRelease' d_InRelease 0 
";
        let found: Vec<_> = targets(printed).collect();
        let found: Vec<_> = found
            .iter()
            .map(|Target { archive, suite, file }| [archive.as_str(), suite, file])
            .collect();
        assert_eq!(
            found,
            [
                [
                    "http://mirror.test/debian",
                    "bookworm",
                    "mirror.test_debian_dists_bookworm_InRelease"
                ],
                [
                    "mirror+file:/etc/apt/mirrors/debian-security.list",
                    "bookworm-security",
                    "a_InRelease"
                ],
                ["http://mirror.test/old", "buster/updates", "b_InRelease"],
            ]
        );
    }

    #[test]
    fn other_suites_are_looked_for_in_the_archives_of_those_that_are_used() {
        let mirrors = Mirrors(vec![
            entry("http://vendor.test/linux", "bookworm", false),
            entry("http://mirror.test/debian", "bookworm", true),
            entry("http://mirror.test/debian", "bookworm-updates", true),
            entry("http://safe.test/updates", "bookworm-security", true),
        ]);
        let main = ["http://mirror.test/debian", "http://vendor.test/linux"];
        for suite in ["sid", "bookworm", "bookworm-backports", "trixie-backports"] {
            assert_eq!(archives(&mirrors, suite), main, "{suite}");
        }
        // The machine's own archive of security updates, then the places where mirrors have it.
        let security = archives(&mirrors, "bullseye-security");
        assert_eq!(security[0], "http://safe.test/updates");
        assert_eq!(security[1], "http://mirror.test/debian-security");
        assert!(mirrors.have("bookworm-updates") && !mirrors.have("bookworm-backports"));
    }

    #[test]
    fn the_archive_that_has_the_suite_comes_first() {
        let mirrors = Mirrors(vec![
            entry("http://mirror.test/debian", "bookworm", true),
            entry("http://other.test/debian", "sid", false),
        ]);
        assert_eq!(archives(&mirrors, "sid")[0], "http://other.test/debian");
    }

    #[test]
    fn archives_can_be_named() {
        let mirrors = Mirrors::named("http://here.test/debian/");
        assert_eq!(archives(&mirrors, "sid"), ["http://here.test/debian"]);
        assert_eq!(archives(&mirrors, "trixie-security"), ["http://here.test/debian-security"]);

        let mirrors = Mirrors::named("http://here.test/debian http://safe.test/debian-security");
        assert_eq!(archives(&mirrors, "sid"), ["http://here.test/debian"]);
        assert_eq!(archives(&mirrors, "trixie-security")[0], "http://safe.test/debian-security");
    }

    #[test]
    fn without_archives_the_error_names_the_variable() {
        let error = Mirrors(Vec::new()).archives("sid").expect_err("there are none");
        assert!(error.to_string().contains("ZC_DEBIAN_ARCHIVE='http://HOST/debian'"), "{error}");
    }

    #[test]
    fn the_origin_is_read_from_a_signed_release_file() {
        let release = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nOrigin: Debian\n\
                       Label: Debian-Security\n";
        assert_eq!(origin_in(release).as_deref(), Some("Debian"));
        assert_eq!(origin_in("Label: x\n"), None);
    }
}
