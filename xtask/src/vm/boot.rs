//! Running a guest, and understanding how it ended.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::create;
use super::last_words::last_words;
use super::matrix::Kernel;
use super::report::{Outcome, Stage, guest, note};
use super::tally::Tally;
use crate::shell;

/// How often a guest that says nothing is said to be running.
const SILENCE: Duration = Duration::from_secs(30);

/// How long a kernel may take to boot. On a busy machine it may take longer, as long as it goes on
/// telling what it does.
const BOOT: Duration = Duration::from_secs(150);

/// Memory of a guest. The image is in it twice while the kernel unpacks it.
const MEGABYTES: u32 = 1280;

/// Disks: what the guest knows them by, and how large they are. They are empty at every boot.
const DISKS: [(&str, u64); 3] =
    [("zc-nvme", 1 << 30), ("zc-virtio", 256 << 20), ("zc-results", 64 << 20)];

/// How a line begins that is from process 1 of the guest.
const MARK: &str = "zc-vm: ";

/// What a guest is booted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The test programs.
    Tests,
    /// Something else.
    Command,
    /// Something that counts instructions: one processor, whose clock ticks once for each of them, and
    /// bounce buffers for all devices.
    Instructions,
}

/// How long a guest may take.
#[derive(Clone, Copy)]
struct Limits {
    /// Until process 1 runs.
    boot: Duration,
    /// Until it ends.
    whole: Duration,
}

/// A guest. It dies with us, and when this is dropped.
struct Guest(Child);

impl Drop for Guest {
    fn drop(&mut self) {
        // It has ended by itself, unless something went wrong.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What has been read of a guest's output.
#[derive(Default)]
struct Output {
    lines: Vec<String>,
    /// Whether process 1 runs.
    up: bool,
    /// The exit status of the tests, which is the last that a guest says.
    status: Option<String>,
    tally: Tally,
}

/// Boots the kernel and waits for what it runs.
pub(crate) fn boot(
    kernel: &'static Kernel,
    vmlinux: &Path,
    initrd: &Path,
    home: &Path,
    results: &Path,
    timeout: Duration,
    purpose: Purpose,
) -> Result<Outcome> {
    for (name, size) in DISKS {
        let path = home.join(name);
        let disk = File::create(&path)
            .and_then(|file| file.set_len(size))
            .with_context(|| format!("cannot create '{}'", path.display()));
        disk?;
    }
    if results.exists() {
        fs::remove_dir_all(results)
            .with_context(|| format!("cannot remove '{}'", results.display()))?;
    }
    create(results)?;

    let stage = Stage::begin(kernel);
    // Where instructions are counted there is one processor, and all of it takes its time.
    let boot = if purpose == Purpose::Instructions { timeout } else { BOOT };
    let limits = Limits { boot, whole: timeout };
    let console = home.join("console.log");
    let mut output = watch(kernel, command(vmlinux, initrd, home, purpose), home, limits)?;
    if output.status.is_none() && !output.up && stage.elapsed() < timeout {
        // Some kernels stand still now and then while an emulated machine boots, and the emulator
        // itself gives up on some (10.0: `iotlb_to_section`).
        note(kernel, "ended or stood still before the tests began: booting once more");
        output = watch(kernel, command(vmlinux, initrd, home, purpose), home, limits)?;
    }
    let took = stage.elapsed();
    if output.status.is_some() {
        unpack_results(&home.join("zc-results"), results)?;
    }
    // They are large, and every run recreates them.
    for path in DISKS.iter().map(|(name, _)| home.join(name)).chain([initrd.to_owned()]) {
        fs::remove_file(&path).with_context(|| format!("cannot remove '{}'", path.display()))?;
    }
    let log = home.join("output.log");
    let log = log.display();
    let fail = |why: String| {
        let why = format!("{why}; see {log} and {}", console.display());
        Ok(Outcome::failed_with(kernel, why, &output.lines, output.status.is_some()))
    };
    let Some(status) = &output.status else {
        let seconds = took.as_secs();
        let why = if took >= timeout {
            format!("not done after {seconds} s, killed")
        } else {
            format!("the guest ended without a result after {seconds} s")
        };
        let why = format!("{why}; see {log} and {}", console.display());
        return Ok(Outcome::died(kernel, why, &output.lines, last_words(&console)));
    };
    let tally = output.tally.clone();
    let unexpected = tally.unexpected(kernel).join("\n  ");
    let outcome = match (status.as_str(), tally.failed) {
        ("0", 0) if purpose != Purpose::Tests => {
            return Ok(Outcome::passed(kernel, "done".to_owned(), took));
        }
        ("0", 0) if tally.passed + tally.skipped == 0 => {
            fail("there is no test of that name".to_owned())
        }
        ("0", 0) if !unexpected.is_empty() => {
            fail(format!("{tally}; expected to run and skipped:\n  {unexpected}\n "))
        }
        ("0", 0) => Ok(Outcome::passed(kernel, tally.to_string(), took)),
        (status, 0) => fail(format!("exit status {status}; {tally}")),
        (..) => fail(tally.to_string()),
    };
    outcome.map(|outcome| outcome.with_tally(tally))
}

/// qemu with all that a guest has.
fn command(vmlinux: &Path, initrd: &Path, home: &Path, purpose: Purpose) -> Command {
    // Without this, a guest would outlive us if we are killed.
    let mut command = shell::command("setpriv", &["--pdeathsig", "KILL", "qemu-system-x86_64"]);
    let mut add = |words: &[&str]| {
        command.args(words);
    };
    if purpose == Purpose::Instructions {
        add(&["-machine", "q35,accel=tcg", "-cpu", "max", "-smp", "1"]);
        // When there is nothing to run, the clock goes on to whatever it is that is waited for.
        add(&["-icount", "shift=0,sleep=off"]);
    } else if can_virtualise() {
        add(&["-machine", "q35,accel=kvm", "-cpu", "host", "-smp", "2"]);
    } else {
        // One after the other where two at a time would not be safe.
        let threads = if emulates_in_parallel() { "multi" } else { "single" };
        add(&["-accel", &format!("tcg,thread={threads}")]);
        add(&["-machine", "q35", "-cpu", "max", "-smp", "2"]);
    }
    add(&["-m", &MEGABYTES.to_string()]);
    add(&["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]);
    let place = |path: &Path| path.display().to_string();
    add(&["-kernel", &place(vmlinux), "-initrd", &place(initrd)]);
    // An emulated TSC is the host's on all CPUs, which older kernels do not believe; with another
    // clock, to ask for the time is a system call.
    // Newer emulators offer a disk on several paths, above which 5.10 lets nothing be asynchronous.
    // Debian builds the calls of x32 in, and leaves them off.
    let mut words = "console=ttyS0 panic=-1 oops=panic tsc=reliable nvme_core.multipath=N \
                     syscall.x32=y rdinit=/init"
        .to_owned();
    if purpose == Purpose::Instructions {
        // Addresses are the same every time, and no device is reached directly.
        words.push_str(" nokaslr swiotlb=force");
    }
    add(&["-append", &words]);
    let console = place(&home.join("console.log"));
    add(&["-chardev", &format!("file,id=console,path={console}"), "-serial", "chardev:console"]);
    add(&["-chardev", "stdio,id=output,signal=off", "-serial", "chardev:output"]);

    for (name, _) in DISKS {
        let path = place(&home.join(name));
        let drive = format!("file={path},format=raw,if=none,id={name},cache=unsafe");
        let kind = if name == "zc-nvme" { "nvme" } else { "virtio-blk-pci" };
        add(&["-drive", &drive, "-device", &format!("{kind},drive={name},serial={name}")]);
    }
    // Two devices on one cable, which nothing else is plugged into.
    for (index, kind) in ["e1000e", "virtio-net-pci"].into_iter().enumerate() {
        let port = format!("hubport,hubid=0,id=port{index}");
        let device = format!("{kind},netdev=port{index},mac=52:54:00:00:00:0{index},romfile=");
        add(&["-netdev", &port, "-device", &device]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Whether the processor can run guests. That /dev/kvm is there does not tell: where the machine is
/// a guest itself, what is behind it may not run an ordinary kernel.
fn can_virtualise() -> bool {
    let flags = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let able = flags.split_whitespace().any(|flag| ["vmx", "svm"].contains(&flag));
    able && File::options().read(true).write(true).open("/dev/kvm").is_ok()
}

/// Whether the emulator can run two processors at a time of which one changes the code of the other, as a
/// kernel does when a function gets a probe. Before 8.1 it kept a breakpoint now and then that had been
/// removed while it was being translated (fixed by deba78709ae8, `accel/tcg`), and the kernel died of it:
/// "Oops: int3".
fn emulates_in_parallel() -> bool {
    let version = shell::capture(&mut shell::command("qemu-system-x86_64", &["--version"]));
    version.is_ok_and(|text| qemu_version(&text).is_some_and(|version| version >= (8, 1)))
}

/// `QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)`
fn qemu_version(text: &str) -> Option<(u32, u32)> {
    let (_, rest) = text.split_once(" version ")?;
    let mut numbers = rest.split(['.', ' ']).map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

/// Starts the guest and reads what it says until it ends, or until its time is over.
fn watch(
    kernel: &'static Kernel,
    mut command: Command,
    home: &Path,
    limits: Limits,
) -> Result<Output> {
    let Limits { boot, whole: timeout } = limits;
    let path = home.join("output.log");
    let mut log =
        File::create(&path).with_context(|| format!("cannot create '{}'", path.display()))?;
    let began = Instant::now();
    let mut child = Guest(command.spawn().context("cannot run qemu")?);
    let stdout = child.0.stdout.take().context("qemu has no standard output")?;
    let stderr = child.0.stderr.take().context("qemu has no standard error")?;
    let (send, lines) = mpsc::channel();
    let complaints = send.clone();
    thread::spawn(move || read_lines(stdout, "", &send));
    thread::spawn(move || read_lines(stderr, "qemu: ", &complaints));

    let console = home.join("console.log");
    let mut told = 0;
    let mut output = Output::default();
    let mut deadline = began + SILENCE;
    loop {
        let now = Instant::now();
        if now >= began + timeout {
            break;
        }
        let wait = deadline.min(began + timeout).saturating_duration_since(now);
        match lines.recv_timeout(wait) {
            Ok(line) => {
                writeln!(log, "{line}").with_context(|| format!("'{}'", path.display()))?;
                output.take(kernel, line, began);
                deadline = Instant::now() + SILENCE;
            }
            Err(RecvTimeoutError::Timeout) => {
                note(kernel, &format!("still running after {} s", began.elapsed().as_secs()));
                let length = fs::metadata(&console).map_or(0, |metadata| metadata.len());
                let stands_still = length == told;
                told = length;
                if !output.up && stands_still && began.elapsed() >= boot {
                    break;
                }
                deadline = Instant::now() + SILENCE;
            }
            // qemu has closed both: it has ended.
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    Ok(output)
}

/// Sends every line, with what could disturb a terminal replaced.
fn read_lines(from: impl std::io::Read, prefix: &str, to: &mpsc::Sender<String>) {
    let mut from = BufReader::new(from);
    let mut bytes = Vec::new();
    while from.read_until(b'\n', &mut bytes).is_ok_and(|length| length > 0) {
        let text = String::from_utf8_lossy(&bytes);
        let clean = |c: char| if c.is_control() && c != '\t' { '\u{fffd}' } else { c };
        // True, and as it should be.
        if text.contains("is not connected to host network") {
            bytes.clear();
            continue;
        }
        let line: String = text.trim_end_matches(['\n', '\r']).chars().map(clean).collect();
        if to.send(format!("{prefix}{line}")).is_err() {
            return;
        }
        bytes.clear();
    }
}

impl Output {
    fn take(&mut self, kernel: &Kernel, line: String, began: Instant) {
        if let Some(words) = line.strip_prefix(MARK) {
            if let Some(status) = words.strip_prefix("done ") {
                self.status = Some(status.to_owned());
            } else if let Some(words) = words.strip_prefix("up ") {
                self.up = true;
                let release = words.split_whitespace().nth(1).unwrap_or("?");
                let seconds = began.elapsed().as_secs_f64();
                note(kernel, &format!("Linux {release} is up ({seconds:.1} s)"));
            } else {
                note(kernel, words);
            }
            return;
        }
        self.tally.take(&line);
        guest(kernel, &line);
        self.lines.push(line);
    }
}

/// The guest has written an archive to its last disk.
fn unpack_results(disk: &Path, results: &Path) -> Result<()> {
    let mut tar = shell::command("tar", &["--extract", "--no-same-owner", "--file"]);
    let output =
        tar.arg(disk).arg("--directory").arg(results).output().context("cannot run tar")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the guest's results cannot be read: {}", complaint.trim());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_the_emulator_is_its_first_two_numbers() {
        let version = "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)\n";
        assert_eq!(qemu_version(version), Some((7, 2)));
        assert!(qemu_version("QEMU emulator version 10.0.2").is_some_and(|it| it >= (8, 1)));
        assert_eq!(qemu_version("QEMU"), None);
    }
}
