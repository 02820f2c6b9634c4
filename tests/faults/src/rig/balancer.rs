//! HAProxy before the nodes, by turns, without a cookie or a stick table.

use std::fmt::Write;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::ensure;
use gatepass_load::connection::{Connection, Lost};
use tokio::time::sleep;

use super::{Node, Program, Scratch, Signal};

pub struct Balancer {
    /// It ends with its value.
    _server: Program,
}

/// What `deploy/haproxy/haproxy.cfg` says, but TLS.
const SETTINGS: &str = "\
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

impl Balancer {
    /// Returns when it leads to a node.
    pub async fn start(scratch: &Scratch, port: u16, nodes: &[Node]) -> anyhow::Result<Self> {
        let mut settings = SETTINGS.to_owned();
        let _ = writeln!(settings, "listen issuer\n    bind 127.0.0.1:{port}");
        for node in nodes {
            let _ = writeln!(
                settings,
                "    server node-{} {} port {}",
                node.number, node.address, node.management_port
            );
        }
        let file = scratch.join("haproxy.cfg");
        fs::write(&file, settings)?;
        let mut haproxy = Command::new("haproxy");
        haproxy.arg("-db").arg("-f").arg(&file);
        let server = Program::start(haproxy, &scratch.join("haproxy.log"), Signal::TERM)?;
        let address = format!("127.0.0.1:{port}");
        let probe = format!("GET /jwks HTTP/1.1\r\nHost: {address}\r\n\r\n");
        let began = Instant::now();
        loop {
            let answer = Connection::new(&address, Lost::Told).send(probe.as_bytes()).await;
            if answer.is_ok_and(|answer| answer.status == 200) {
                return Ok(Balancer { _server: server });
            }
            ensure!(began.elapsed() < Duration::from_secs(10), "HAProxy leads nowhere");
            sleep(Duration::from_millis(10)).await;
        }
    }
}
