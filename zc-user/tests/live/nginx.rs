//! nginx serves a file, with and without sendfile.

use std::{
    collections::BTreeMap,
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
    report::{Count, Paths, Process, data},
    requirement::{self, Skip, program},
    zc::{PATIENCE, Watch},
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("nginx::with_sendfile_nothing_is_copied", sendfile_on),
    ("nginx::without_sendfile_everything_is_copied_twice", sendfile_off),
    ("nginx::without_sendfile_it_is_advised", advice),
    ("nginx::a_comparison_says_what_sendfile_changes", comparison),
    ("nginx::files_and_clients_have_the_bytes_of_the_access_log", access_log),
];

/// The files of the test that compares with the access log, and their sizes: primes.
const FILES: [(&str, u64); 4] =
    [("one", 1_000_003), ("two", 300_007), ("three", 70_001), ("four", 10_007)];

/// 64 MiB less 5 bytes: the largest prime below.
const BYTES: u64 = 67_108_859;

/// How often nginx may be started until it has a port of its own.
const ATTEMPTS: usize = 7;

/// A server of our own, with one worker.
struct Nginx {
    master: Child,
    port: u16,
    worker: u32,
    directory: TempDir,
}

impl Nginx {
    /// Its port was free a moment ago. If another program was faster, nginx is started with another port.
    fn start(sendfile: &str) -> Result<Self, Skip> {
        Self::with(sendfile, 1)
    }

    fn with(sendfile: &str, workers: usize) -> Result<Self, Skip> {
        let nginx = program("nginx")?;
        for _ in 0..ATTEMPTS {
            if let Some(started) = Self::attempt(&nginx, sendfile, workers) {
                return Ok(started);
            }
        }
        panic!("nginx does not start");
    }

    /// `None` if it ends at once.
    fn attempt(nginx: &Path, sendfile: &str, workers: usize) -> Option<Self> {
        let directory = TempDir::new().expect("a directory");
        let root = directory.path();
        // Holes: their pages are as good as any in the page cache, and take no room on the disk.
        let file = fs::File::create(root.join("file")).expect("room");
        file.set_len(BYTES).expect("room");
        for (name, bytes) in FILES {
            let file = fs::File::create(root.join(name)).expect("room");
            file.set_len(bytes).expect("room");
        }
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a port")
            .port();
        let here = root.display();
        // What is asked of several workers is logged, which they write to a file.
        let log = if workers > 1 { format!("{here}/access.log bytes") } else { "off".to_owned() };
        let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
        let configuration = format!(
            "daemon off; {user} worker_processes {workers}; pid {here}/pid; error_log {here}/error.log;
             events {{ worker_connections 17; }}
             http {{
                 log_format bytes '$remote_port $uri $bytes_sent $body_bytes_sent $request_length';
                 access_log {log}; sendfile {sendfile}; keepalive_requests 100;
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
        let mut nginx = Self { master, port, worker: 0, directory };
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

/// A client that asks for several files on one connection.
struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn new(nginx: &Nginx) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", nginx.port)).expect("nginx listens");
        Self { stream: BufReader::new(stream) }
    }

    fn get(&mut self, file: &str) {
        let request = format!("GET /{file} HTTP/1.1\r\nHost: zc\r\n\r\n");
        self.stream.get_mut().write_all(request.as_bytes()).expect("room");
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).expect("an answer");
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.strip_prefix("Content-Length: ") {
                length = value.trim().parse().expect("a number");
            }
        }
        let body = &mut self.stream.by_ref().take(length);
        assert_eq!(std::io::copy(body, &mut std::io::sink()).expect("an answer"), length);
    }
}

/// Three runs each without and with sendfile, compared.
fn comparison() -> Result<(), Skip> {
    requirement::ebpf()?;
    let directory = TempDir::new().expect("a directory");
    for sendfile in ["off", "on"] {
        let nginx = Nginx::start(sendfile)?;
        let mut documents = String::new();
        for _ in 0..3 {
            let watch = Watch::start(&["--json", "-p", &nginx.worker.to_string()]);
            nginx.get("/file");
            documents.push_str(&watch.finish_text());
        }
        fs::write(directory.path().join(sendfile), documents).expect("room");
    }
    let output = crate::zc::zc()
        .args(["diff", "--json", "--exit-code", "--fail-if", "copied_per_byte > +5%", "off", "on"])
        .current_dir(&directory)
        .output()
        .expect("zc runs");
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&document["a"]["kind"], &document["a"]["count"]), (&"runs".into(), &3.into()));
    assert_eq!(document["conditions"][0]["met"], "no");
    let figure = |id: &str| {
        let figures = document["figures"].as_array().expect("figures");
        figures.iter().find(|it| it["id"] == id).unwrap_or_else(|| panic!("{id}: {document}"))
    };
    let value = |id: &str, side: &str| figure(id)[side]["value"].as_f64().expect("a number");
    // Headers are copied with and without.
    assert!((1.9..2.1).contains(&value("copied_per_byte", "a")), "{document}");
    assert!(value("copied_per_byte", "b") < 0.001, "{document}");
    for id in [
        "copied_per_byte",
        "by_reference_per_byte",
        "moved_per_byte",
        "path.file_read_per_byte",
        "path.sendfile_to_socket_per_byte",
    ] {
        assert_eq!(figure(id)["verdict"], "changed", "{id}: {document}");
    }
    assert!(figure("copied_per_byte")["change"].as_f64().expect("a number") < -0.999, "{document}");
    Ok(())
}

/// Two workers, four files, three clients.
fn access_log() -> Result<(), Skip> {
    requirement::ebpf()?;
    let nginx = Nginx::with("on", 2)?;
    let log = nginx.directory.path().join("access.log");
    let before = fs::read_to_string(&log).expect("a log").lines().count();
    let watch = Watch::start_by("files", &["--json", "-p", &nginx.master.id().to_string()]);
    let mut clients = [(); 3].map(|()| Client::new(&nginx));
    for round in 0..4 {
        for (at, client) in clients.iter_mut().enumerate() {
            client.get(FILES[(round + at) % 4].0);
            client.get(FILES[at].0);
        }
    }
    let ports = clients.map(|client| client.stream.get_ref().local_addr().expect("a port").port());
    // The log is written after the last byte has been sent.
    let mut lines = Vec::new();
    let began = Instant::now();
    while lines.len() < 24 {
        assert!(began.elapsed() < PATIENCE, "the log has not been written: {lines:?}");
        let text = fs::read_to_string(&log).expect("a log");
        lines = text.lines().skip(before).map(str::to_owned).collect();
    }
    let report = watch.finish();
    report.assert_complete();
    let mut by_file = BTreeMap::new();
    let mut by_client = BTreeMap::new();
    for line in &lines {
        let mut words = line.split(' ');
        let port = words.next().expect("a port").to_owned();
        let file = words.next().expect("a file").trim_start_matches('/').to_owned();
        let mut number = || words.next().and_then(|it| it.parse::<u64>().ok()).expect("a number");
        let (sent, body, received) = (number(), number(), number());
        *by_file.entry(file).or_insert(0) += body;
        let client = by_client.entry(port).or_insert((0, 0));
        *client = (client.0 + received, client.1 + sent);
    }
    assert_eq!(by_client.len(), ports.len());

    let sum = |paths: &Paths| paths.values().map(|count| count.bytes).sum::<u64>();
    let rows = report.objects();
    let place = nginx.directory.path().canonicalize().expect("it is there");
    for (file, bytes) in &by_file {
        let name = place.join(file);
        let of_file = rows.iter().filter(|row| row.name.as_deref() == name.to_str());
        assert_eq!(of_file.map(|row| sum(&row.from)).sum::<u64>(), *bytes, "{file}: {rows:#?}");
    }
    for (port, (received, sent)) in &by_client {
        let remote = format!("127.0.0.1:{port}");
        let of_client: Vec<_> =
            rows.iter().filter(|row| row.socket["remote"] == remote.as_str()).collect();
        let [row] = of_client[..] else { panic!("not one socket of {remote}: {rows:#?}") };
        assert_eq!((sum(&row.from), sum(&row.to)), (*received, *sent), "{row:?}");
    }
    Ok(())
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
