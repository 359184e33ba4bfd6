//! Many processes, for measuring what it costs to watch them.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, PipeReader, PipeWriter, Read as _, Write as _, stdin},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread::sleep,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

/// What the population does.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many
    #[arg(long)]
    count: u32,

    /// Go on making calls, once a second, instead of sleeping until killed
    #[arg(long)]
    active: bool,
}

/// Reads of one byte that each process makes when it begins, and every second if it is active.
const READS: u32 = 10;

/// A population, seen from outside. It ends when this is dropped.
pub(crate) struct Population {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Population {
    /// Starts that many processes, which wait until [`Self::begin`].
    pub(crate) fn start(count: u32, active: bool) -> Result<Self> {
        let own = std::env::current_exe().context("cannot find the benchmark's own file")?;
        let mut command = Command::new(own);
        command.args(["population", "--count", &count.to_string()]);
        if active {
            command.arg("--active");
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the population")?;
        let answers = child.stdout.take().context("the population has no output")?;
        let mut population =
            Self { orders: child.stdin.take(), answers: BufReader::new(answers), child };
        population.expect("ready")?;
        Ok(population)
    }

    /// Lets every process make its first calls, and waits until all have.
    pub(crate) fn begin(&mut self) -> Result<()> {
        let orders = self.orders.as_mut().context("the population takes no orders")?;
        orders.write_all(b"go\n").context("the population is gone")?;
        self.expect("begun")
    }

    fn expect(&mut self, word: &str) -> Result<()> {
        let mut answer = String::new();
        self.answers.read_line(&mut answer).context("cannot read from the population")?;
        ensure!(answer.trim_end() == word, "the population did not get to the word '{word}'");
        Ok(())
    }
}

impl Drop for Population {
    fn drop(&mut self) {
        // The end of its orders is the order to end.
        self.orders = None;
        // Nothing to do about a child that cannot be waited for.
        let _ = self.child.wait();
    }
}

/// The population itself: takes orders on standard input, and ends with it.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let (gate, opener) = std::io::pipe().context("cannot make a pipe")?;
    let mut opener = Some(opener);
    let (mut begun, beginner) = std::io::pipe().context("cannot make a pipe")?;
    let mut members = Vec::new();
    for _ in 0..arguments.count {
        // SAFETY: this process has one thread, so the child may do anything.
        match unsafe { libc::fork() } {
            0 => {
                drop(opener.take());
                member(gate, beginner, arguments.active);
            }
            -1 => {
                let error = std::io::Error::last_os_error();
                end(&members);
                return Err(error).context(format!(
                    "cannot start process {} of {}",
                    members.len() + 1,
                    arguments.count
                ));
            }
            pid => members.push(pid),
        }
    }
    println!("ready");
    for line in stdin().lines() {
        if line.context("cannot read orders")? == "go" {
            // All members read the other end of the pipe: now they find its end.
            drop(opener.take());
            begun.read_exact(&mut vec![0; members.len()]).context("not every process began")?;
            println!("begun");
        }
    }
    end(&members);
    Ok(())
}

fn end(members: &[libc::pid_t]) {
    for pid in members {
        // SAFETY: our own child, which has not been waited for, so the pid is still its.
        unsafe { libc::kill(*pid, libc::SIGKILL) };
    }
    for pid in members {
        // SAFETY: no status is wanted, so nothing is written.
        unsafe { libc::waitpid(*pid, std::ptr::null_mut(), 0) };
    }
}

/// One process: waits at the gate, makes its calls, and goes on or sleeps.
fn member(mut gate: PipeReader, mut beginner: PipeWriter, active: bool) -> ! {
    // SAFETY: changes an attribute of this process, nothing else. Should the parent be killed,
    // its children must not stay.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    let mut byte = [0];
    let opened = gate.read(&mut byte);
    if let (Ok(_), Ok(mut zero)) = (opened, File::open("/dev/zero")) {
        let mut read = || {
            for _ in 0..READS {
                // A read of /dev/zero cannot fail.
                let _ = zero.read(&mut byte);
            }
        };
        read();
        // The parent waits for this byte; if it is gone, so are we in a moment.
        let _ = beginner.write(&[0]);
        loop {
            read();
            if !active {
                // A signal is what it waits for.
                // SAFETY: no arguments.
                unsafe { libc::pause() };
                break;
            }
            sleep(Duration::from_secs(1));
        }
    }
    // No destructors, no flushing of buffers that are the parent's.
    // SAFETY: ends this process.
    unsafe { libc::_exit(0) }
}
