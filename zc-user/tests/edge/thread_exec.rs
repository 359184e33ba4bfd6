//! A thread that calls `execve` becomes its process's leader: same process id, other counts.

use std::{
    io::{Read as _, Write as _},
    process::{Command, Stdio},
};

use super::zc::{Running, path, zc};

/// Makes the leader's counts large, then has another thread replace it.
const SCRIPT: &str = r#"
import mmap, os, sys, threading
pages = mmap.mmap(-1, 64 << 20)
for at in range(0, len(pages), mmap.PAGESIZE):
    pages[at] = 1
def replace():
    os.execvp("dd", ["dd", "if=/dev/zero", "of=/dev/null", "bs=4099", "count=7"])
print("r", end="", flush=True)
sys.stdin.read(1)
thread = threading.Thread(target=replace)
thread.start()
thread.join()
"#;

#[test]
fn a_thread_that_becomes_the_leader_does_not_inherit_its_counts() {
    let mut python = Command::new("python3");
    python.args(["-c", SCRIPT]).stdin(Stdio::piped());
    let mut python = Running::start(python);
    python.0.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    let stat = Running::start(zc(["stat", "--json", "--pid", &python.0.id().to_string()]));
    stat.attached();
    python.0.stdin.take().unwrap().write_all(b"g").unwrap();
    let pid = python.0.id();
    // Before the report is asked for: it says that the process has ended, once.
    assert!(python.0.wait().unwrap().success());
    let (status, report, stderr) = stat.end();
    let ended = format!("zc: process {pid} (python3) has ended\n");
    assert_eq!((status.code(), stderr), (Some(0), ended));
    let document = serde_json::from_str(&report).unwrap();
    assert_eq!(path(&document, "dd", "pseudo_read"), (7, 7 * 4099));
    for (name, value) in document["processes"][0]["counters"].as_object().unwrap() {
        // A difference from the leader's 16,384 faults and more would have wrapped.
        assert!(value.is_null() || value.as_u64().unwrap() < 1 << 40, "{name} is {value}");
    }
}
