//! A service manager starts it: sockets that are passed, and what it reports.

use std::{
    io::Read as _,
    net::{TcpListener, TcpStream},
    os::{
        fd::{AsRawFd as _, RawFd},
        unix::{net::UnixDatagram, process::CommandExt as _},
    },
    path::Path,
    process::Command,
};

use rustix::process::Signal;

use crate::{
    Test,
    requirement::{self, Skip},
    served::{dial, get},
    zc::{Running, ZC, deadline, run, until},
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("manager::a_passed_socket_is_served_and_kept_open_for_the_next_start", activation),
    ("manager::a_socket_that_was_not_passed_is_an_error", nothing_passed),
    ("manager::it_keeps_the_privileges_that_top_keeps", privileges),
    ("manager::it_reports_that_it_is_ready_alive_and_stopping", reports),
];

/// A shell that becomes `zc serve` with this descriptor as the first that was passed.
fn passing(descriptor: RawFd, words: &str) -> Command {
    let mut command = Command::new("sh");
    command.args([
        "-c",
        &format!("LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" serve -i 0.1 {words}"),
        &ZC,
    ]);
    // SAFETY: both may be called there.
    unsafe {
        command.pre_exec(move || {
            // It may be the third one already, which would be closed.
            let other = libc::fcntl(descriptor, libc::F_DUPFD, 10);
            if libc::dup2(other, 3) == 3 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
        });
    }
    command
}

fn activation() -> Result<(), Skip> {
    requirement::ebpf()?;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    for words in ["", "--listen fd://0"] {
        // Who connects before it serves is served.
        let early = dial(at);
        let running = Running::start(passing(listener.as_raw_fd(), words));
        let answer = crate::served::ask(
            early,
            "GET /-/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        );
        assert_eq!(answer.status, 200);
        assert_eq!(get(at, "/metrics").status, 200);
        running.signal(Signal::TERM);
        let (status, _, said) = running.end();
        assert_eq!(status.code(), Some(0), "{said}");
        assert!(said.contains("serving on fd://0"), "{said}");
    }
    // It is the manager's, and still listened on.
    TcpStream::connect(at).unwrap();
    Ok(())
}

fn nothing_passed() -> Result<(), Skip> {
    requirement::ebpf()?;
    let mut command = Command::new("sh");
    let script = "exec 3>&- && LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" serve";
    command.args(["-c", script, &ZC]).stdin(std::process::Stdio::null());
    run(command).fails(1, &["cannot take the sockets of the service manager (LISTEN_FDS)"]);
    Ok(())
}

/// The next report.
fn report(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 4096];
    let got = socket.recv(&mut buffer).expect("a report in time");
    String::from_utf8(buffer[..got].to_vec()).unwrap()
}

fn reports() -> Result<(), Skip> {
    requirement::ebpf()?;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(deadline())).unwrap();
    let mut running = Running::start(served(&path));
    let ready = report(&socket);
    assert!(ready.lines().any(|line| line == "READY=1"), "{ready}");
    assert!(ready.contains("STATUS=serving on 127.0.0.1:"), "{ready}");
    for _ in 0..3 {
        assert_eq!(report(&socket), "WATCHDOG=1\n");
    }
    running.signal(Signal::TERM);
    until("it reports that it stops", || report(&socket) == "STOPPING=1\n");
    let mut said = String::new();
    running.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("serving on"), "{said}");
    assert!(running.0.wait().unwrap().success());
    Ok(())
}

/// As `zc top`, it keeps what counting takes, and no more.
fn privileges() -> Result<(), Skip> {
    requirement::ebpf()?;
    let capabilities = |pid: u32| {
        crate::zc::attached(pid);
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let lines = status.lines().filter(|line| line.starts_with("Cap"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let served = crate::served::Served::start(&[]);
    let top = Running::start(crate::zc::zc(["top", "--json"]));
    assert_eq!(capabilities(served.pid()), capabilities(top.0.id()));
    top.signal(Signal::TERM);
    Ok(())
}

fn served(notify: &Path) -> Command {
    let mut command = crate::zc::zc(["serve", "-i", "0.1", "--listen", "127.0.0.1:0"]);
    command.env("NOTIFY_SOCKET", notify).env("WATCHDOG_USEC", "400000");
    command
}
