//! nginx: one directive decides whether every byte is copied twice or not at all.

use anyhow::Result;
use rustix::process::geteuid;
use zc_common::path::CopyPath;

use super::{Launch, PAYLOAD, Port, Program, Protocol, Site};
use crate::{
    sink::Sink,
    workload::{
        need::NGINX,
        scenario::{Cache, Calls, Expected, Scenario, ScenarioGroup, Theory, Work},
    },
};

pub(crate) const SENDFILE: Scenario = Scenario {
    id: "nginx_sendfile",
    title: "nginx, sendfile on",
    group: ScenarioGroup::Program,
    lesson: "Debian configures 'sendfile on'. Only the header of the response is copied; the file \
             goes to the socket as references to the page cache.",
    theory: Theory {
        cpu_copies: Some(0.0),
        storage_dma: 1,
        network_dma: 1,
        mode_switches: Some(2),
        claim: "as sendfile",
    },
    sinks: &[Sink::Tcp],
    cache: Cache::Any,
    needs: &[&NGINX],
    work: Work::Program(&Program { launch: |site| launch(site, "on"), ..NGINX_SERVER }),
    expect: |setting| Expected {
        moved: vec![(CopyPath::SendfileToSocket, setting.size)],
        copied_bytes: 0,
        syscalls: Calls::AtLeast(setting.transfers()),
        copies_because: None,
        switches_because: Some(EVENT_LOOP),
    },
};

pub(crate) const READ_WRITE: Scenario = Scenario {
    id: "nginx_read_write",
    title: "nginx, sendfile off",
    group: ScenarioGroup::Program,
    lesson: "The default of nginx is 'sendfile off', and some filters, such as compression, have \
             the same effect: each byte is read into a buffer of the worker and written from it.",
    theory: Theory {
        cpu_copies: Some(2.0),
        storage_dma: 1,
        network_dma: 1,
        mode_switches: Some(4),
        claim: "as read + write",
    },
    sinks: &[Sink::Tcp],
    cache: Cache::Any,
    needs: &[&NGINX],
    work: Work::Program(&Program { launch: |site| launch(site, "off"), ..NGINX_SERVER }),
    expect: |setting| Expected {
        moved: vec![(CopyPath::FileRead, setting.size), (CopyPath::SocketSend, setting.size)],
        copied_bytes: 2 * setting.size,
        syscalls: Calls::AtLeast(2 * setting.transfers()),
        copies_because: None,
        switches_because: None,
    },
};

const EVENT_LOOP: &str = "nginx checks for other connections after each transfer (epoll_wait)";

const NGINX_SERVER: Program =
    Program { protocol: Protocol::Http, launch: |site| launch(site, "on") };

fn launch(site: &Site<'_>, sendfile: &str) -> Result<Launch> {
    let config = config(site.chunk, site.port, sendfile);
    let config = site.scratch.write("nginx.conf", &config)?;
    let prefix = site.scratch.path().join("");
    let server = vec![
        NGINX.require()?.into(),
        "-p".into(),
        prefix.into(),
        "-c".into(),
        config.into(),
        // Until nginx has read the configuration, errors would go to a log file of the system.
        "-e".into(),
        "stderr".into(),
    ];
    Ok(Launch { first: None, server, port: Port::Given })
}

/// One process, no files outside the prefix, the payload and nothing else.
fn config(chunk: u64, port: u16, sendfile: &str) -> String {
    // As root, nginx would change the owner of the directory, even for this one process.
    let user = if geteuid().is_root() { "user root;\n" } else { "" };
    format!(
        "{user}daemon off;
master_process off;
pid nginx.pid;
error_log stderr error;
events {{ worker_connections 64; }}
http {{
    access_log off;
    default_type application/octet-stream;
    client_body_temp_path temporary;
    proxy_temp_path temporary;
    fastcgi_temp_path temporary;
    uwsgi_temp_path temporary;
    scgi_temp_path temporary;

    sendfile {sendfile};
    sendfile_max_chunk {chunk};
    output_buffers 1 {chunk};

    server {{
        listen 127.0.0.1:{port};
        location = /payload {{ alias {PAYLOAD}; }}
    }}
}}
"
    )
}
