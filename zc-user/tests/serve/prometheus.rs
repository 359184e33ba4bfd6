//! The real Prometheus scrapes while the machine is busy: totals are known, counters never fall, a restart is handled.

use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    Test,
    requirement::{self, Skip, program},
    served::{Served, ask, dial, get},
    workload::{Copier, SIZE, unique},
    zc::until,
};

pub(crate) const TESTS: &[(&str, Test)] =
    &[("prometheus::the_real_one_scrapes_a_busy_machine_and_a_restart", busy)];

/// How often a program may be started until it has a port of its own.
const ATTEMPTS: usize = 7;

/// A Prometheus that scrapes one server each second.
struct Prometheus {
    child: Child,
    at: SocketAddr,
    _directory: TempDir,
}

impl Prometheus {
    /// Its port was free a moment ago. If another program was faster, it is started with another port.
    fn start(target: SocketAddr) -> Result<Self, Skip> {
        let prometheus = program("prometheus")?;
        for _ in 0..ATTEMPTS {
            let directory = tempfile::tempdir().unwrap();
            let configuration = format!(
                "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
                 scrape_configs: [{{job_name: zc, static_configs: [{{targets: ['{target}']}}]}}]\n"
            );
            let file = directory.path().join("prometheus.yml");
            fs::write(&file, configuration).unwrap();
            let at = free();
            let child = Command::new(&prometheus)
                .arg(format!("--config.file={}", file.display()))
                .arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()))
                .arg(format!("--web.listen-address={at}"))
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let mut one = Self { child, at, _directory: directory };
            let mut has_ended = false;
            until("Prometheus is ready", || {
                has_ended = one.child.try_wait().unwrap().is_some();
                has_ended || TcpStream::connect(at).is_ok() && get(at, "/-/ready").status == 200
            });
            if !has_ended {
                return Ok(one);
            }
        }
        panic!("Prometheus does not start");
    }

    /// What an expression gives: the labels and numbers of its series.
    fn query(&self, expression: &str) -> Vec<(Value, f64)> {
        let encoded: String = expression.bytes().map(|byte| format!("%{byte:02x}")).collect();
        // Of version 1.0: then it is not cut into chunks.
        let request =
            format!("GET /api/v1/query?query={encoded} HTTP/1.0\r\nHost: localhost\r\n\r\n");
        let text = ask(dial(self.at), &request).text();
        let document: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
        assert_eq!(document["status"], "success", "{expression}: {text}");
        let result = document["data"]["result"].as_array().unwrap().iter();
        let number = |one: &Value| one["value"][1].as_str().unwrap().parse().unwrap();
        result.map(|one| (one["metric"].clone(), number(one))).collect()
    }

    fn no_counter_has_fallen(&self) {
        let families =
            self.query("group by (__name__) ({__name__=~\"zc_.*_total|process_cpu.*\"})");
        assert!(families.len() > 50, "{}", families.len());
        for (labels, _) in families {
            let family = labels["__name__"].as_str().unwrap();
            let fallen = self.query(&format!("resets({family}[10m]) > 0"));
            assert!(fallen.is_empty(), "{family}: {fallen:?}");
        }
    }

    /// The one number that an expression gives, if there is one.
    fn number(&self, expression: &str) -> Option<f64> {
        let all = self.query(expression);
        assert!(all.len() < 2, "{expression}: {all:?}");
        all.first().map(|(_, number)| *number)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    if let Some(pid) = Pid::from_raw(child.id().cast_signed()) {
        let _ = kill_process(pid, Signal::TERM);
    }
    let _ = child.wait();
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A program in the background, ended with the test.
struct Background(Child);

impl Drop for Background {
    fn drop(&mut self) {
        end(&mut self.0);
    }
}

fn background(program: &str, words: &[String]) -> Background {
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Background(command.spawn().unwrap())
}

/// nginx, redis and a storm of short-lived processes, and clients that use them.
struct Storm {
    _servers: [Background; 2],
    _users: [Background; 3],
    _directory: TempDir,
}

impl Storm {
    fn start() -> Result<Self, Skip> {
        let [nginx, redis] = [program("nginx")?, program("redis-server")?];
        let [benchmark, curl] = [program("redis-benchmark")?, program("python3")?];
        let directory = tempfile::tempdir().unwrap();
        let here = directory.path().display().to_string();
        let (web, store) = (free().port(), free().port());
        fs::File::create(directory.path().join("file")).unwrap().set_len(1_000_003).unwrap();
        let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
        fs::write(
            directory.path().join("nginx.conf"),
            format!(
                "daemon off; {user} worker_processes 1; pid {here}/pid; error_log {here}/error.log;
                 events {{ worker_connections 17; }}
                 http {{ access_log off; sendfile on; client_body_temp_path {here}/b; proxy_temp_path {here}/p;
                 fastcgi_temp_path {here}/f; uwsgi_temp_path {here}/u; scgi_temp_path {here}/s;
                 server {{ listen 127.0.0.1:{web}; root {here}; }} }}"
            ),
        )
        .unwrap();
        let words =
            |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let servers = [
            background(
                nginx.to_str().unwrap(),
                &words(&["-p", &here, "-c", &format!("{here}/nginx.conf")]),
            ),
            background(
                redis.to_str().unwrap(),
                &words(&[
                    "--port",
                    &store.to_string(),
                    "--bind",
                    "127.0.0.1",
                    "--save",
                    "",
                    "--dir",
                    &here,
                ]),
            ),
        ];
        for port in [web, store] {
            until("a server listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        }
        let fetch = format!(
            "import urllib.request\nwhile True: urllib.request.urlopen('http://127.0.0.1:{web}/file').read()"
        );
        let users = [
            background(curl.to_str().unwrap(), &words(&["-c", &fetch])),
            background(
                benchmark.to_str().unwrap(),
                &words(&["-p", &store.to_string(), "-l", "-q", "-c", "4", "-d", "4099"]),
            ),
            background("sh", &words(&["-c", "while :; do /bin/true & /bin/true; wait; done"])),
        ];
        Ok(Self { _servers: servers, _users: users, _directory: directory })
    }
}

fn busy() -> Result<(), Skip> {
    requirement::ebpf()?;
    program("prometheus")?;
    let at = free();
    let words = ["--group-by", "command", "--min-age", "1s", "--max-groups", "20"];
    let served = Served::at(&at.to_string(), &words);
    let prometheus = Prometheus::start(at)?;
    // Two names: one to be counted, one to be hostile.
    let comm = unique("zc-m");
    let mut copier = Copier::start(&comm)?;
    let mut hostile = Copier::start("a\"} 1\nzc_up 0")?;
    let moved = format!("zc_command_moved_bytes_total{{command=\"{comm}\",path=\"file_write\"}}");
    until("it has series", || {
        copier.copy(1);
        hostile.copy(1);
        // Often enough for two intervals, and no more than the disk has room for.
        thread::sleep(Duration::from_millis(200));
        prometheus.number(&moved).is_some()
    });
    let settled = |at_least: f64| {
        let mut last = None;
        until("it has scraped all", || {
            last = prometheus.number(&moved);
            last.is_some_and(|bytes| bytes >= at_least)
        });
        last.unwrap()
    };
    // What was written until now is in a scrape two snapshots from now; that of a moment later has it, too.
    let served_now = served.fresh();
    let before = served_now.number(&moved) as f64;
    settled(before);

    let storm = Storm::start()?;
    let pieces = 17;
    for _ in 0..pieces {
        copier.copy(1);
        served.metrics().add_up("command");
    }
    let bytes = (pieces * SIZE) as f64;
    assert_eq!(settled(before + bytes) - before, bytes, "no byte more, no byte less");
    // Through the query, the parts are the total, too: of one scrape.
    let total = "sum by (path) (zc_moved_bytes_total)";
    let parts =
        "sum by (path) ({__name__=~\"zc_(command|other|expired|unattributed)_moved_bytes_total\"})";
    assert!(!prometheus.query(total).is_empty());
    let differ = prometheus.query(&format!("{total} != {parts}"));
    assert!(differ.is_empty(), "{differ:?}");
    until("what nginx sends is scraped", || {
        let sent = "sum(zc_moved_bytes_total{path=\"sendfile_to_socket\"})";
        prometheus.number(sent).is_some_and(|it| it > 0.0)
    });
    prometheus.no_counter_has_fallen();
    assert_eq!(prometheus.number("max(zc_groups) <= 20").map(|it| it <= 20.0), Some(true));
    // The name is a label, and no metric.
    assert_eq!(prometheus.query("zc_up"), []);
    let named = prometheus.query("zc_command_moved_bytes_total{command=\"a\\\"} 1\\nzc_up 0\"}");
    assert!(!named.is_empty());
    assert_eq!(named[0].0["command"], "a\"} 1\nzc_up 0");
    assert_eq!(prometheus.number("up"), Some(1.0));

    // What the documentation asks is understood, if not answered: there is no Kubernetes here.
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/serving.md");
    let page = fs::read_to_string(page).unwrap();
    let questions: Vec<_> = page.split("```promql\n").skip(1).collect();
    assert!(questions.len() >= 5, "the document has lost its queries");
    for question in questions {
        prometheus.query(question.split("```").next().unwrap());
    }

    // And so is the dashboard, most of which has something to show: here are no control groups with series.
    let questions = zc_serve::grafana::expressions();
    let answered = questions.iter().filter(|it| !prometheus.query(it).is_empty()).count();
    assert!(answered * 2 > questions.len(), "{answered} of {}", questions.len());

    // The server starts again: counters begin again, which Prometheus sees as such.
    served.end(Signal::TERM);
    until("it is seen to be away", || prometheus.number("up") == Some(0.0));
    let served = Served::at(&at.to_string(), &words);
    until("it is seen to be back", || prometheus.number("up") == Some(1.0));
    until("a reset is seen", || {
        prometheus.number("resets(zc_snapshots_total[10m])").is_some_and(|resets| resets >= 1.0)
    });
    let again = served.fresh();
    again.add_up("command");
    drop(storm);
    copier.end();
    hostile.end();
    Ok(())
}
