//! Packages of Debian's kernels, from the archives that the machine uses, with lists of our own: the
//! machine's own lists and what it has installed stay as they are.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result, bail};

use super::directory::create;
use super::matrix::Kernel;
use super::report::{Stage, note};
use crate::apt::KEYRING;
use crate::apt::mirror::Mirrors;
use crate::shell;

/// Lists are fetched again when they are older than this.
const FRESH: Duration = Duration::from_secs(12 * 60 * 60);

/// A file in the directory of a suite: the source of its lists, written when they were fetched.
const STAMP: &str = "updated";

/// How often a long download reports its progress.
const PROGRESS: Duration = Duration::from_secs(5);

/// The result of looking for a kernel.
pub(crate) enum Fetched {
    /// The packages, as files.
    Packages(Vec<PathBuf>),
    /// It has left the archive, and there is no cached copy.
    Gone(String),
}

/// A package of the archive.
struct Package {
    name: String,
    version: String,
    size: u64,
}

/// Fetches the newest packages of a kernel, unless `home` has them already.
pub(crate) fn fetch(kernel: &'static Kernel, directory: &Path, home: &Path) -> Result<Fetched> {
    let cache = home.join("packages");
    create(&cache)?;
    let (apt, packages) = match find(kernel, directory) {
        Ok(Ok(found)) => found,
        Ok(Err(gone)) => return Ok(kept(kernel, &cache, &gone)?.unwrap_or(Fetched::Gone(gone))),
        Err(error) => {
            let why = format!("{error:#}");
            return kept(kernel, &cache, &why)?
                .with_context(|| format!("cannot get the kernel: {why}"));
        }
    };
    let files: Vec<_> = packages.iter().map(|package| cache.join(file_name(package))).collect();
    let is_here = |file: &PathBuf, package: &Package| {
        fs::metadata(file).is_ok_and(|metadata| metadata.len() == package.size)
    };
    if files.iter().zip(&packages).any(|(file, package)| !is_here(file, package)) {
        download(kernel, &apt, &cache, &packages)?;
    }
    if let Some(missing) = files.iter().zip(&packages).find(|(file, it)| !is_here(file, it)) {
        bail!("apt-get did not download '{}'", missing.0.display());
    }
    // Older ones are not needed any more.
    for old in debs(&cache)?.iter().filter(|file| !files.contains(file)) {
        fs::remove_file(old).with_context(|| format!("cannot remove '{}'", old.display()))?;
    }
    Ok(Fetched::Packages(files))
}

/// The packages of an earlier run, if the archive has none now.
fn kept(kernel: &Kernel, cache: &Path, why: &str) -> Result<Option<Fetched>> {
    let files = debs(cache)?;
    if files.len() < kernel.sources[0].packages.len() {
        return Ok(None);
    }
    note(kernel, &format!("using the cached packages, because the archive has none: {why}"));
    Ok(Some(Fetched::Packages(files)))
}

fn debs(cache: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(cache).with_context(|| format!("cannot read '{}'", cache.display()))?;
    let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "deb"));
    files.sort();
    Ok(files)
}

/// The newest packages in the first source that has any, with the apt that finds them there; or why
/// there are none.
fn find(kernel: &'static Kernel, directory: &Path) -> Result<Result<(Apt, Vec<Package>), String>> {
    let mirrors = Mirrors::of_this_machine()?;
    let mut gone = Vec::new();
    for source in kernel.sources {
        let archives = mirrors.archives(source.suite)?;
        let apt = match Apt::open(kernel, source.suite, &archives, directory)? {
            Ok(apt) => apt,
            Err(why) => {
                gone.push(why);
                continue;
            }
        };
        let mut names = Vec::new();
        for prefix in source.prefixes() {
            names.extend(apt.names(prefix)?);
        }
        match source.newest(&names) {
            Some(names) => {
                let packages = names.iter().map(|name| apt.show(name)).collect::<Result<_>>()?;
                return Ok(Ok((apt, packages)));
            }
            None => {
                gone.push(format!("{} has no {}", source.suite, source.packages.join(", ")));
            }
        }
    }
    Ok(Err(gone.join("; ")))
}

/// Downloads into a directory within the cache, and moves what is whole.
fn download(kernel: &'static Kernel, apt: &Apt, cache: &Path, packages: &[Package]) -> Result<()> {
    let stage = Stage::begin(kernel);
    let megabytes = |bytes: u64| bytes.div_ceil(1_000_000);
    let total = packages.iter().map(|package| package.size).sum();
    let names: Vec<_> = packages.iter().map(|package| package.name.as_str()).collect();
    note(kernel, &format!("downloading {} MB: {}", megabytes(total), names.join(", ")));

    let partial = cache.join("partial");
    create(&partial)?;
    let mut command = apt.command("apt-get");
    command.arg("download").current_dir(&partial).stdout(Stdio::null());
    command.args(packages.iter().map(|package| format!("{}={}", package.name, package.version)));
    let mut child = command.spawn().context("cannot run apt-get")?;
    let mut told = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().context("cannot wait for apt-get")? {
            break status;
        }
        if told.elapsed() >= PROGRESS {
            told = Instant::now();
            let here = megabytes(size_of_files(&partial));
            note(kernel, &format!("downloading: {here} of {} MB", megabytes(total)));
        }
        // Polls, because apt-get sends no event when a file grows.
        thread::sleep(Duration::from_millis(50));
    };
    if !status.success() {
        bail!("`{}` failed: {status}", shell::display(&command));
    }
    for package in packages {
        let name = file_name(package);
        fs::rename(partial.join(&name), cache.join(&name))
            .with_context(|| format!("apt-get has not downloaded '{name}'"))?;
    }
    fs::remove_dir_all(&partial)
        .with_context(|| format!("cannot remove '{}'", partial.display()))?;
    stage.end(&format!("downloaded {} MB", megabytes(total)));
    Ok(())
}

fn size_of_files(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}

/// The file name that apt chooses.
fn file_name(package: &Package) -> String {
    format!("{}_{}_amd64.deb", package.name, package.version.replace(':', "%3a"))
}

/// apt with lists and caches of its own, for one suite of one archive.
struct Apt {
    suite: &'static str,
    archive: String,
    /// One directory per suite: it has the files for the archive that was asked last.
    home: PathBuf,
}

impl Apt {
    /// apt with the lists of the suite, from the first archive that has it; or why none has.
    ///
    /// # Errors
    ///
    /// No archive has it, and one of them cannot be asked.
    fn open(
        kernel: &Kernel,
        suite: &'static str,
        archives: &[String],
        directory: &Path,
    ) -> Result<Result<Self, String>> {
        let home = directory.join("apt").join(suite);
        let of = |archive: &String| Self { suite, archive: archive.clone(), home: home.clone() };
        if let Some(apt) = archives.iter().map(of).find(Self::is_fresh) {
            return Ok(Ok(apt));
        }
        let mut gone = Vec::new();
        let mut failed = None;
        for apt in archives.iter().map(of) {
            apt.prepare()?;
            match apt.update(kernel) {
                Ok(Ok(())) => return Ok(Ok(apt)),
                Ok(Err(why)) => gone.push(why),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(Err(gone.join("; "))),
        }
    }

    /// Writes the configuration for this archive.
    fn prepare(&self) -> Result<()> {
        for part in ["lists/partial", "cache/archives/partial", "preferences"] {
            create(&self.home.join(part))?;
        }
        // The lists that are there may be those of another archive.
        self.write(STAMP, "")?;
        self.write("sources.list", &self.source())?;
        self.write("status", "")?;
        self.write("apt.conf", &configuration(&self.home))
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.home.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write '{}'", path.display()))
    }

    /// The line of `sources.list`.
    fn source(&self) -> String {
        format!("deb [arch=amd64 signed-by={KEYRING}] {} {} main\n", self.archive, self.suite)
    }

    /// Whether there are recent lists of this archive.
    fn is_fresh(&self) -> bool {
        let stamp = self.home.join(STAMP);
        let age = fs::metadata(&stamp).and_then(|metadata| metadata.modified());
        let now = SystemTime::now();
        age.is_ok_and(|then| now.duration_since(then).is_ok_and(|age| age < FRESH))
            && fs::read_to_string(&stamp).is_ok_and(|source| source == self.source())
    }

    fn command(&self, program: &str) -> Command {
        let mut command = shell::command(program, &["--quiet=2", "--config-file"]);
        command.arg(self.home.join("apt.conf")).env("LC_ALL", "C").stdin(Stdio::null());
        command
    }

    /// Fetches the lists of the suite. `Err` inside: the archive has no such suite.
    fn update(&self, kernel: &Kernel) -> Result<Result<(), String>> {
        let Self { archive, suite, .. } = self;
        let stage = Stage::begin(kernel);
        let mut command = self.command("apt-get");
        command.args(["update", "--error-on=any"]);
        let output = command.output().context("cannot run apt-get")?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        // What apt prints if the archive answers, but does not have this suite.
        if complaint.contains("does not have a Release file") {
            return Ok(Err(format!("{archive} has no {suite}")));
        }
        if !output.status.success() {
            let why = complaint.lines().find(|line| line.starts_with("E: "));
            let why = why.or(complaint.lines().next()).unwrap_or("it printed no reason");
            bail!("`apt-get update` for {suite} of {archive} failed: {why}");
        }
        self.write(STAMP, &self.source())?;
        stage.end(&format!("lists of {suite}, from {archive}"));
        Ok(Ok(()))
    }

    /// The names of packages that begin with `prefix`.
    fn names(&self, prefix: &str) -> Result<Vec<String>> {
        let list = shell::capture(self.command("apt-cache").args(["pkgnames", prefix]))?;
        Ok(list.lines().map(str::to_owned).collect())
    }

    fn show(&self, name: &str) -> Result<Package> {
        let mut command = self.command("apt-cache");
        let text = shell::capture(command.args(["show", "--no-all-versions", name]))?;
        let field = |field: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(": "));
            line.with_context(|| format!("package {name} has no field {field}"))
        };
        let size = field("Size")?.parse().with_context(|| format!("the size of {name}"))?;
        Ok(Package { name: name.to_owned(), version: field("Version")?.to_owned(), size })
    }
}

/// What keeps apt inside `home`. It is read after the machine's own configuration: proxies and
/// passwords of that stay, and its hooks, which clean up what belongs to others, do not.
fn configuration(home: &Path) -> String {
    let home = home.display();
    format!(
        r##"#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear APT::Architectures;
APT::Architecture "amd64";
APT::Architectures {{ "amd64"; }};
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Dir::Cache "{home}/cache";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "{home}/preferences";
Dir::Etc::SourceList "{home}/sources.list";
Dir::Etc::SourceParts "-";
Dir::State::Lists "{home}/lists";
Dir::State::status "{home}/status";
"##
    )
}
