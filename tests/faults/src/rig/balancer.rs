//! HAProxy or nginx before the nodes, by turns, without a cookie or a stick table.

use std::fmt::Write;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::ensure;
use gatepass_load::connection::{Connection, Lost};
use tokio::time::sleep;

use super::{Node, Program, Scratch, Signal};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Software {
    Haproxy,
    Nginx,
}

pub struct Balancer {
    /// It ends with its value.
    _server: Program,
}

/// What `deploy/haproxy/haproxy.cfg` says, but TLS.
const HAPROXY: &str = "\
global
    maxconn 4000
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 30s
    timeout http-request 10s
    timeout http-keep-alive 60s
    option http-no-delay
    option forwardfor
    option redispatch
    retries 3
    retry-on conn-failure empty-response
    balance roundrobin
    option httpchk GET /health/ready
    default-server check inter 1s fall 1 rise 2
";

/// What `deploy/nginx/nginx.conf` says, but TLS. It hears of a node's end only by requests that fail, which go to the
/// next one unless they may have been done.
const NGINX: &str = "\
daemon off;
worker_processes 1;
error_log stderr;
events { worker_connections 4000; }
http {
    access_log off;
    proxy_http_version 1.1;
    proxy_set_header Connection '';
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_connect_timeout 2s;
    proxy_read_timeout 30s;
";

impl Software {
    fn command(self, scratch: &Scratch, port: u16, nodes: &[Node]) -> anyhow::Result<Command> {
        let (mut command, settings) = match self {
            Software::Haproxy => {
                let mut settings = format!("{HAPROXY}listen issuer\n    bind 127.0.0.1:{port}\n");
                for Node { number, address, management_port, .. } in nodes {
                    let _ = writeln!(settings, "    server node-{number} {address} port {management_port}");
                }
                let mut haproxy = Command::new("haproxy");
                haproxy.args(["-db", "-f"]);
                (haproxy, settings)
            }
            Software::Nginx => {
                let folder = scratch.path().display();
                let mut settings = format!("pid {folder}/nginx.pid;\n{NGINX}");
                for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
                    let _ = writeln!(settings, "    {kind}_temp_path {folder}/nginx-{kind};");
                }
                settings.push_str("    upstream nodes {\n        keepalive 64;\n");
                for Node { address, .. } in nodes {
                    let _ = writeln!(settings, "        server {address} max_fails=1 fail_timeout=2s;");
                }
                let _ = writeln!(settings, "    }}\n    server {{\n        listen 127.0.0.1:{port};");
                settings.push_str("        location / { proxy_pass http://nodes; }\n    }\n}\n");
                let mut nginx = Command::new("nginx");
                nginx.args(["-e", "stderr", "-c"]);
                (nginx, settings)
            }
        };
        let file = scratch.join("balancer.conf");
        fs::write(&file, settings)?;
        command.arg(&file);
        Ok(command)
    }
}

impl Balancer {
    /// Returns when it leads to a node.
    pub async fn start(
        software: Software,
        scratch: &Scratch,
        port: u16,
        nodes: &[Node],
    ) -> anyhow::Result<Self> {
        let command = software.command(scratch, port, nodes)?;
        let server = Program::start(command, &scratch.join("balancer.log"), Signal::TERM)?;
        let address = format!("127.0.0.1:{port}");
        let probe = format!("GET /jwks HTTP/1.1\r\nHost: {address}\r\n\r\n");
        let began = Instant::now();
        loop {
            let answer = Connection::new(&address, Lost::Told).send(probe.as_bytes()).await;
            if answer.is_ok_and(|answer| answer.status == 200) {
                return Ok(Balancer { _server: server });
            }
            ensure!(began.elapsed() < Duration::from_secs(10), "{software:?} leads nowhere");
            sleep(Duration::from_millis(10)).await;
        }
    }
}
