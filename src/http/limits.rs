//! How much and how long a stranger may occupy us (RFC 9110 §15.5, RFC 6585 §5).

use std::time::Duration;

use crate::config::server::Server;

/// The limits of one listener. The defaults are the ones that we run with; tests shorten them.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections served at once.
    pub connections: usize,
    /// From a connection to its first byte.
    pub first_byte: Duration,
    pub tls_handshake: Duration,
    /// From the first byte of a request to the end of its headers.
    pub head: Duration,
    /// From the end of the headers to the end of the body.
    pub body: Duration,
    /// From the end of the headers to the answer.
    pub request: Duration,
    /// Between two requests of one connection.
    pub idle: Duration,
    /// Between two requests, until the connection's buffers are given back.
    pub doze: Duration,
    /// For a reader of an endless answer to take something of what it is sent.
    pub stall: Duration,
    /// Path and query, in bytes.
    pub target_bytes: usize,
    pub headers: usize,
    /// Names and values of all headers together.
    pub header_bytes: usize,
    pub body_bytes: usize,
}

impl Limits {
    pub fn of(server: &Server) -> Self {
        Limits { connections: server.max_connections, ..Limits::default() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 10_000,
            first_byte: Duration::from_secs(5),
            tls_handshake: Duration::from_secs(5),
            head: Duration::from_secs(5),
            body: Duration::from_secs(10),
            request: Duration::from_secs(15),
            idle: Duration::from_secs(60),
            doze: Duration::from_millis(250),
            stall: Duration::from_secs(10),
            target_bytes: 8 * 1024,
            headers: 100,
            header_bytes: 32 * 1024,
            body_bytes: 64 * 1024,
        }
    }
}
