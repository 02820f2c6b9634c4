//! `[server]`: where Gatepass listens and what it keeps.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::kind::Kind;
use super::section::section;

section! {
    /// Where Gatepass listens and where it keeps its data.
    Server as "server" {
        /// The public listener: apps and browsers come here.
        listen: SocketAddr = "127.0.0.1:8080";
        /// The management listener (/health/live, /health/ready, /metrics). Loopback or a private address.
        management_listen: SocketAddr = "127.0.0.1:9090";
        /// The folder for the SQLite database and the sealing key.
        data_dir: PathBuf = "./gatepass-data";
        /// The proxies in front of the public listener. Only they are believed about the client's address, and only
        /// the request ids that they send are kept.
        trusted_proxies: Vec<IpNet> = [];
        /// The header in which they do: "x-forwarded-for", or "forwarded" (RFC 7239). Only this one is read.
        proxy_header: ProxyHeader = "x-forwarded-for";
        /// The certificate chain of the public listener (PEM). It is read again when it changes.
        tls_certificate_file: Option<PathBuf> as in "/etc/gatepass/tls.crt";
        /// Its private key (PEM), not readable by everybody.
        tls_key_file: Option<PathBuf> as in "/etc/gatepass/tls.key";
        /// Connections served at once, as far as the limit of file descriptors goes; more take the place of idle ones, or
        /// wait in the queue of the operating system.
        max_connections: usize = 10000, within 1..=1_000_000;
        /// How long a stopping server gives the requests that are under way.
        drain_seconds: u64 = 8, within 1..=9;
    }
}

impl Server {
    pub fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }

    /// Where the sealing key lies when none is configured.
    pub fn sealing_key_file(&self) -> PathBuf {
        self.data_dir.join("sealing.key")
    }

    /// Where the SQLite database lies when no database is configured.
    pub fn database_file(&self) -> PathBuf {
        self.data_dir.join("gatepass.db")
    }
}

/// Where a proxy writes the address of the client. It passes the other header on as the client wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyHeader {
    XForwardedFor,
    Forwarded,
}

impl Kind for ProxyHeader {
    const RIGHT: &'static str = "write \"x-forwarded-for\" or \"forwarded\", whichever your proxy sets";

    fn from_text(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "x-forwarded-for" => Some(ProxyHeader::XForwardedFor),
            "forwarded" => Some(ProxyHeader::Forwarded),
            _ => None,
        }
    }
}
