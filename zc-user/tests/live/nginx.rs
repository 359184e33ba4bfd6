//! nginx serves a file, with and without sendfile.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{
    Test,
    report::{Count, Process, data},
    requirement::{self, Skip, program},
    zc::{PATIENCE, Watch},
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("nginx::with_sendfile_nothing_is_copied", sendfile_on),
    ("nginx::without_sendfile_everything_is_copied_twice", sendfile_off),
    ("nginx::without_sendfile_it_is_advised", advice),
];

/// 64 MiB less 5 bytes: the largest prime below.
const BYTES: u64 = 67_108_859;

/// How often nginx may be started until it has a port of its own.
const ATTEMPTS: usize = 7;

/// A server of our own, with one worker.
struct Nginx {
    master: Child,
    port: u16,
    worker: u32,
    _directory: TempDir,
}

impl Nginx {
    /// Its port was free a moment ago. If another program was faster, nginx is started with another port.
    fn start(sendfile: &str) -> Result<Self, Skip> {
        let nginx = program("nginx")?;
        for _ in 0..ATTEMPTS {
            if let Some(started) = Self::attempt(&nginx, sendfile) {
                return Ok(started);
            }
        }
        panic!("nginx does not start");
    }

    /// `None` if it ends at once.
    fn attempt(nginx: &Path, sendfile: &str) -> Option<Self> {
        let directory = TempDir::new().expect("a directory");
        let root = directory.path();
        // Holes: their pages are as good as any in the page cache, and take no room on the disk.
        let file = fs::File::create(root.join("file")).expect("room");
        file.set_len(BYTES).expect("room");
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a port")
            .port();
        let here = root.display();
        let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
        let configuration = format!(
            "daemon off; {user} worker_processes 1; pid {here}/pid; error_log {here}/error.log;
             events {{ worker_connections 17; }}
             http {{
                 access_log off; sendfile {sendfile}; keepalive_requests 1;
                 client_body_temp_path {here}/body; proxy_temp_path {here}/proxy;
                 fastcgi_temp_path {here}/fastcgi; uwsgi_temp_path {here}/uwsgi;
                 scgi_temp_path {here}/scgi;
                 server {{ listen 127.0.0.1:{port}; root {here}; }}
             }}"
        );
        fs::write(root.join("nginx.conf"), configuration).expect("room");
        let master = Command::new(nginx)
            .arg("-p")
            .arg(root)
            .arg("-c")
            .arg(root.join("nginx.conf"))
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx runs");
        let mut nginx = Self { master, port, worker: 0, _directory: directory };
        nginx.worker = nginx.await_worker()?;
        Some(nginx)
    }

    /// The worker, which is there and has answered; `None` if the master has ended.
    fn await_worker(&mut self) -> Option<u32> {
        let began = Instant::now();
        let master = self.master.id();
        loop {
            let children = fs::read_to_string(format!("/proc/{master}/task/{master}/children"));
            let worker =
                children.ok().and_then(|list| list.split_whitespace().next()?.parse().ok());
            if self.master.try_wait().expect("nginx is a child").is_some() {
                return None;
            }
            if let Some(worker) = worker
                && TcpStream::connect(("127.0.0.1", self.port)).is_ok()
            {
                // Once through, so that everything is loaded, and the connection before is closed.
                self.get("/none");
                return Some(worker);
            }
            assert!(began.elapsed() < PATIENCE, "nginx does not get ready");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Asks for `path`: lengths of the request, of the headers of the answer, and of its body.
    fn get(&self, path: &str) -> (u64, u64, u64) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("nginx listens");
        let request = format!("GET {path} HTTP/1.0\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("room");
        let mut reader = BufReader::with_capacity(1 << 16, stream);
        let mut headers = 0;
        loop {
            let mut line = Vec::new();
            headers += reader.read_until(b'\n', &mut line).expect("an answer") as u64;
            if line == b"\r\n" {
                break;
            }
        }
        let mut body = 0;
        let mut buffer = vec![0; 1 << 16];
        loop {
            match reader.read(&mut buffer).expect("an answer") {
                0 => return (request.len() as u64, headers, body),
                count => body += count as u64,
            }
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        if let Some(pid) = Pid::from_raw(self.master.id().cast_signed()) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.master.wait();
    }
}

/// The row of the worker, and the lengths of request and headers, of one download.
fn download(sendfile: &str) -> Result<(Process, u64, u64), Skip> {
    requirement::ebpf()?;
    let nginx = Nginx::start(sendfile)?;
    let pids = format!("{},{}", nginx.master.id(), nginx.worker);
    let watch = Watch::start(&["--json", "-p", &pids]);
    let (request, headers, body) = nginx.get("/file");
    assert_eq!(body, BYTES);
    let report = watch.finish();
    let worker = report.process(nginx.worker.into());
    let master = report.incarnations(nginx.master.id().into());
    assert!(master.iter().all(|row| data(&row.paths).is_empty()), "the master only waits");
    Ok((worker, request, headers))
}

fn bytes(count: Count) -> (u64, bool) {
    (count.bytes, count.ops > 0)
}

fn sendfile_on() -> Result<(), Skip> {
    let (worker, request, headers) = download("on")?;
    let paths = worker.data_paths();
    assert_eq!(bytes(worker.path("sendfile_to_socket")), (BYTES, true), "{paths:?}");
    assert_eq!(worker.path("socket_send:tcp").bytes, headers, "{paths:?}");
    assert_eq!(worker.path("socket_recv:tcp").bytes, request, "{paths:?}");
    assert_eq!(paths.len(), 3, "{paths:?}");
    assert_eq!(worker.payload_copied(), headers + request);
    assert_eq!(worker.counter("net_tx_bytes"), BYTES + headers);
    Ok(())
}

/// What one download is too little for: the ticks of the kernel tell what nginx does with the bytes.
fn advice() -> Result<(), Skip> {
    const DOWNLOADS: u64 = 5;
    requirement::ebpf()?;
    // An emulated processor spends as much time between a read and a send as others for a look at the data.
    let is_emulated = std::env::var_os("ZC_VM_RESULTS").is_some();
    for (sendfile, passed_on) in [("on", 0), ("off", DOWNLOADS * BYTES)] {
        let nginx = Nginx::start(sendfile)?;
        let watch = Watch::start(&["--json", "-p", &nginx.worker.to_string()]);
        for _ in 0..DOWNLOADS {
            assert_eq!(nginx.get("/file").2, BYTES);
        }
        let worker = watch.finish().process(nginx.worker.into());
        // Never more than there were. Of a buffer that a full socket did not take at once, the rest may be sent
        // when two others have been filled, and is no evidence then.
        let relayed = worker.counter("relayed_file_socket_bytes");
        assert!(relayed <= passed_on && relayed >= passed_on / 8 * 7, "{worker:?}");
        let rules: Vec<_> = worker.advice.iter().map(|advice| advice["rule"].as_str()).collect();
        let expected = Vec::from_iter((passed_on > 0).then_some(Some("file_to_socket")));
        assert!(rules == expected || is_emulated && rules.is_empty(), "{worker:?}");
    }
    Ok(())
}

fn sendfile_off() -> Result<(), Skip> {
    let (worker, request, headers) = download("off")?;
    let paths = worker.data_paths();
    assert_eq!(bytes(worker.path("file_read")), (BYTES, true), "{paths:?}");
    assert_eq!(worker.path("socket_send:tcp").bytes, BYTES + headers, "{paths:?}");
    assert_eq!(worker.path("socket_recv:tcp").bytes, request, "{paths:?}");
    assert_eq!(paths.len(), 3, "{paths:?}");
    assert_eq!(worker.payload_copied(), 2 * BYTES + headers + request);
    assert_eq!(worker.counter("net_tx_bytes"), BYTES + headers);
    Ok(())
}
