//! `install`: `zc` with its manual pages and completions, below a prefix; and their removal.
//!
//! The binary is the static one that `dist` ships. It goes on working when the C library is upgraded,
//! and inside the mount namespace of a container, which may have another one or none. Only where the
//! machine has no static C library it is linked dynamically.
//!
//! Everything is built as the user who calls this. Only the files are copied as root, and only if
//! the prefix asks for that.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::build;
use crate::dist;
use crate::privilege;
use crate::setup::{self, Needs};
use crate::shell;
use crate::workspace;
use manifest::MANIFEST;
use rights::Rights;

mod manifest;
mod rights;

/// Where the binary goes, below the prefix.
const BINARY: &str = "bin/zc";

/// Where the manual pages go.
const MANUAL: &str = "share/man/man1";

/// The shells, and where each looks for completions.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "share/bash-completion/completions/zc"),
    ("zsh", "share/zsh/site-functions/_zc"),
    ("fish", "share/fish/vendor_completions.d/zc.fish"),
];

/// What `zc` needs if it shall run without root; `zc doctor` says what each is for.
const CAPABILITIES: &str = "cap_bpf,cap_perfmon,cap_dac_read_search,cap_sys_ptrace,cap_syslog+ep";

/// Prefixes in which shells and sudo look for programs and completions without being set up.
const STANDARD: [&str; 2] = ["/usr", "/usr/local"];

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Install below this directory: bin/zc, share/man, completions
    #[arg(long, value_name = "DIR", default_value = "/usr/local", value_parser = prefix)]
    prefix: PathBuf,

    /// Remove what an earlier `cargo xtask install` put there
    #[arg(long)]
    uninstall: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let prefix = &arguments.prefix;
    if arguments.uninstall {
        return uninstall(prefix);
    }
    // First: the build takes minutes.
    let rights = Rights::to_write(prefix, &directories())?;
    setup::prepare(Needs::default())?;
    let (zc, kind) = binary()?;
    let staged = workspace::target()?.join("install");
    stage(&zc, &staged)?;
    let files = install(&staged, prefix, &rights)?;
    report(prefix, kind, &files);
    Ok(())
}

/// The prefix as an absolute path.
fn prefix(text: &str) -> Result<PathBuf, String> {
    if text == "~" || text.starts_with("~/") {
        // `--prefix=~/x` reaches us as it is: the shell expands a ~ at the beginning of a word only.
        return Err(format!("the shell did not expand '~'; write --prefix {text}, with a space"));
    }
    std::path::absolute(text).map_err(|error| error.to_string())
}

/// The directories that are written to, below the prefix.
fn directories() -> Vec<&'static Path> {
    let files = COMPLETIONS.iter().map(|(_, file)| *file).chain([BINARY, MANIFEST]);
    let parents = files.filter_map(|file| Path::new(file).parent());
    parents.chain([Path::new(MANUAL)]).collect()
}

/// Builds `zc`. Returns where it is, and in a word what it is.
fn binary() -> Result<(PathBuf, &'static str)> {
    let libc = shell::capture(&mut shell::command("cc", &["-print-file-name=libc.a"]));
    // Without such a file, `cc` prints the bare name.
    if libc.is_ok_and(|path| Path::new(path.trim()).is_absolute()) {
        return Ok((dist::build()?, "static"));
    }
    eprintln!("xtask: this machine has no static C library: zc is linked dynamically");
    Ok((build::zc(true)?, "dynamic"))
}

/// Puts all files below the directory `staged`, as they will be below the prefix.
fn stage(zc: &Path, staged: &Path) -> Result<()> {
    if staged.exists() {
        fs::remove_dir_all(staged)
            .with_context(|| format!("cannot remove '{}'", staged.display()))?;
    }
    let write = |file: &str, bytes: &[u8]| -> Result<()> {
        let path = staged.join(file);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)
                .with_context(|| format!("cannot create '{}'", parent.display()))?;
        }
        fs::write(&path, bytes).with_context(|| format!("cannot write '{}'", path.display()))
    };
    let bytes = fs::read(zc).with_context(|| format!("cannot read '{}'", zc.display()))?;
    write(BINARY, &bytes)?;
    shell::capture(Command::new(zc).args(["docs", "man", "--to"]).arg(staged.join(MANUAL)))?;
    for (name, file) in COMPLETIONS {
        let script = shell::capture(Command::new(zc).args(["completions", name]))?;
        write(file, script.as_bytes())?;
    }
    // Last, because it lists the others; and itself.
    write(MANIFEST, b"")?;
    write(MANIFEST, manifest::text(&manifest::below(staged)?).as_bytes())
}

/// Copies what is below `staged` below the prefix, and removes what an earlier installation left there
/// besides. Returns the files.
fn install(staged: &Path, prefix: &Path, rights: &Rights) -> Result<BTreeSet<PathBuf>> {
    let files = manifest::below(staged)?;
    let obsolete: BTreeSet<_> = manifest::read(prefix)?.difference(&files).cloned().collect();
    copy(staged, &files, prefix, rights)?;
    remove(&obsolete, prefix, rights)?;
    Ok(files)
}

/// Copies the files over those of an earlier installation.
fn copy(staged: &Path, files: &BTreeSet<PathBuf>, prefix: &Path, rights: &Rights) -> Result<()> {
    let directories: BTreeSet<_> = files.iter().filter_map(|file| file.parent()).collect();
    for directory in directories {
        let mode = if Path::new(BINARY).parent() == Some(directory) { "755" } else { "644" };
        // It removes what is there first, so that a running zc can be replaced.
        let mut install = rights.command("install", &["-D", "-m", mode, "-t"]);
        install.arg(prefix.join(directory));
        let inside = files.iter().filter(|file| file.parent() == Some(directory));
        install.args(inside.map(|file| staged.join(file)));
        shell::run(&mut install)?;
    }
    Ok(())
}

fn remove(files: &BTreeSet<PathBuf>, prefix: &Path, rights: &Rights) -> Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    let mut rm = rights.command("rm", &["-f", "--"]);
    rm.args(files.iter().map(|file| prefix.join(file)));
    shell::run(&mut rm)
}

fn uninstall(prefix: &Path) -> Result<()> {
    let files = manifest::read(prefix)?;
    if files.is_empty() {
        bail!(
            "cannot uninstall: '{}' does not exist; name the prefix of the installation with --prefix",
            prefix.join(MANIFEST).display()
        );
    }
    let rights = Rights::to_write(prefix, &directories())?;
    remove(&files, prefix, &rights)?;
    // Ours alone; the other directories may hold files of other programs.
    if let Some(own) = Path::new(MANIFEST).parent() {
        let mut rmdir = rights.command("rmdir", &["--ignore-fail-on-non-empty", "--"]);
        shell::run(rmdir.arg(prefix.join(own)))?;
    }
    println!("Removed {} files from {}.", files.len(), prefix.display());
    Ok(())
}

/// Says what is where now, and how to run it.
fn report(prefix: &Path, kind: &str, files: &BTreeSet<PathBuf>) {
    let zc = prefix.join(BINARY);
    let pages = files.iter().filter(|file| file.starts_with(MANUAL)).count();
    let shells = COMPLETIONS.map(|(name, _)| name).join(", ");
    println!(
        "\nInstalled in {}: {BINARY} ({kind}), {pages} manual pages, completions for {shells}.\n",
        prefix.display()
    );
    let directories: Vec<_> = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
    print!("{}", advice(prefix, &zc, &directories, privilege::is_root()));
}

/// How to run the installed binary.
fn advice(prefix: &Path, zc: &Path, path: &[PathBuf], is_root: bool) -> String {
    let full = shell::quote(&zc.to_string_lossy());
    let on_path = zc.parent().is_some_and(|bin| path.iter().any(|directory| directory == bin));
    let is_standard = STANDARD.iter().any(|standard| prefix == Path::new(standard));
    let name = if on_path { "zc" } else { &full };
    // sudo replaces PATH.
    let privileged = match (is_root, is_standard) {
        (true, _) => name.to_owned(),
        (false, true) => format!("sudo {name}"),
        (false, false) => format!("sudo {full}"),
    };
    let sudo = if is_root { "" } else { "sudo " };
    let mut text = format!(
        "Run it:\n  {privileged} top\n  {name} doctor\n\n\
         Measuring needs root. To let every user of this machine measure without it, repeat after each\n\
         installation:\n  {sudo}setcap {CAPABILITIES} {full}\n"
    );
    if !on_path && let Some(bin) = zc.parent() {
        let bin = shell::quote(&bin.to_string_lossy());
        text.push_str(&format!(
            "\nThe directory is not on your PATH. To type zc instead of the whole path:\n  \
             export PATH={bin}:\"$PATH\"\n"
        ));
    }
    if !is_standard {
        text.push_str(&format!(
            "\nIf your shell does not look for completions there, load them (or zsh, fish):\n  \
             source <({name} completions bash)\n"
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn advised(prefix: &str, path: &[&str], is_root: bool) -> String {
        let prefix = Path::new(prefix);
        let path: Vec<_> = path.iter().map(PathBuf::from).collect();
        advice(prefix, &prefix.join(BINARY), &path, is_root)
    }

    /// A directory with a program and a page in it, and their list.
    fn staged(directory: &Path, page: &str) -> PathBuf {
        let staged = directory.join("staged");
        // Left by the installation before.
        let _ = fs::remove_dir_all(&staged);
        for file in [BINARY, page, MANIFEST] {
            let path = staged.join(file);
            fs::create_dir_all(path.parent().expect("it has one")).expect("it can be created");
            fs::write(path, file).expect("it can be written");
        }
        let list = manifest::text(&manifest::below(&staged).expect("it is there"));
        fs::write(staged.join(MANIFEST), list).expect("it can be written");
        staged
    }

    #[test]
    fn an_installation_can_be_repeated_and_removed() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let prefix = directory.path().join("prefix");
        let rights = || Rights::to_write(&prefix, &directories()).expect("it is writable");
        let all = || manifest::below(&prefix).expect("it is there");

        let first = staged(directory.path(), "share/man/man1/zc-old.1");
        let installed = install(&first, &prefix, &rights()).expect("the first one");
        assert_eq!(all(), installed);
        let mode = |file: &str| {
            fs::metadata(prefix.join(file)).expect("it is there").permissions().mode() & 0o777
        };
        assert_eq!((mode(BINARY), mode("share/man/man1/zc-old.1")), (0o755, 0o644));

        // A page that there is no longer goes; what others have installed stays.
        let foreign = Path::new("share/man/man1/other.1");
        fs::write(prefix.join(foreign), "").expect("it can be written");
        let second = staged(directory.path(), "share/man/man1/zc-new.1");
        let mut installed = install(&second, &prefix, &rights()).expect("the second one");
        installed.insert(foreign.to_owned());
        assert_eq!(all(), installed);
        assert!(!installed.contains(Path::new("share/man/man1/zc-old.1")));

        uninstall(&prefix).expect("it is installed");
        assert_eq!(all(), BTreeSet::from([foreign.to_owned()]));
        assert!(!prefix.join("share/zc").exists());
        let error = uninstall(&prefix).expect_err("it is not installed");
        assert!(error.to_string().contains("share/zc/installed' does not exist"), "{error}");
    }

    #[test]
    fn a_prefix_that_is_a_file_is_refused() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let error = Rights::to_write(file.path(), &directories()).err().expect("it is a file");
        assert!(error.to_string().contains("is not a directory; choose another"), "{error}");
    }

    #[test]
    fn a_standard_prefix_needs_no_path() {
        let text = advised("/usr/local", &["/usr/local/bin", "/bin"], false);
        assert!(text.starts_with("Run it:\n  sudo zc top\n  zc doctor\n"), "{text}");
        assert!(text.contains("\n  sudo setcap cap_bpf,"), "{text}");
        assert!(text.ends_with("+ep /usr/local/bin/zc\n"), "{text}");
    }

    #[test]
    fn sudo_is_given_the_full_path_of_a_private_prefix() {
        let text = advised("/home/me/.local", &["/home/me/.local/bin"], false);
        assert!(
            text.starts_with("Run it:\n  sudo /home/me/.local/bin/zc top\n  zc doctor\n"),
            "{text}"
        );
        assert!(!text.contains("PATH"), "{text}");
    }

    #[test]
    fn a_directory_that_is_not_on_the_path_is_named() {
        let text = advised("/opt/my zc", &["/usr/bin"], true);
        assert!(text.starts_with("Run it:\n  '/opt/my zc/bin/zc' top\n"), "{text}");
        assert!(text.contains("\n  export PATH='/opt/my zc/bin':\"$PATH\"\n"), "{text}");
        assert!(text.contains("source <('/opt/my zc/bin/zc' completions bash)"), "{text}");
    }

    #[test]
    fn a_prefix_is_absolute_and_has_no_tilde() {
        assert_eq!(prefix("/opt/zc"), Ok(PathBuf::from("/opt/zc")));
        assert!(prefix("here").is_ok_and(|path| path.is_absolute() && path.ends_with("here")));
        assert!(prefix("~/.local").is_err());
        assert!(prefix("").is_err());
    }
}
