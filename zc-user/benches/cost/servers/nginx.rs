//! nginx with one worker, which sends a small file; wrk with eight connections.

use std::{fs, process::Command};

use anyhow::{Context as _, Result};

use super::{
    load::{Load, Server, free_port, rate_of},
    rate,
};

/// Bytes of the file.
const FILE_LEN: usize = 1024;

pub(super) fn load() -> Result<Load> {
    let directory = tempfile::tempdir().context("cannot make a directory")?;
    let path = directory.path().display();
    let port = free_port()?;
    // The worker may read the directory, which is root's alone.
    let configuration = format!(
        "daemon off;\nuser root;\nworker_processes 1;\npid {path}/pid;\nerror_log stderr error;\n\
         events {{ worker_connections 64; }}\n\
         http {{\n  access_log off;\n  sendfile on;\n  tcp_nopush on;\n  keepalive_requests 1000000000;\n  \
         client_body_temp_path {path}/body;\n  proxy_temp_path {path}/proxy;\n  \
         fastcgi_temp_path {path}/fastcgi;\n  uwsgi_temp_path {path}/uwsgi;\n  \
         scgi_temp_path {path}/scgi;\n  \
         server {{ listen 127.0.0.1:{port}; root {path}; }}\n}}\n"
    );
    let file = directory.path().join("nginx.conf");
    fs::write(&file, configuration).context("cannot write the configuration of nginx")?;
    fs::write(directory.path().join("1k"), [b'x'; FILE_LEN]).context("cannot write a file")?;
    let server = Server::start(
        Command::new("nginx")
            .args(["-e", "stderr", "-p"])
            .arg(directory.path())
            .arg("-c")
            .arg(&file),
        port,
    )?;
    let address = format!("http://127.0.0.1:{port}/1k");
    Ok(Load {
        what: "nginx, file of 1 KiB, 1 worker, wrk -c8",
        unit: "requests",
        run: Box::new(move |seconds| {
            let _kept = (&server, &directory);
            let duration = format!("-d{seconds}");
            rate_of(Command::new("wrk").args(["-t1", "-c8", &duration, &address]), rate::wrk)
        }),
    })
}
