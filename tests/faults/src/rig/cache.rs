//! A redis-server that keeps nothing.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::ensure;
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::{Program, Scratch, Signal, free_port};

pub struct Cache {
    pub server: Program,
    pub port: u16,
}

impl Cache {
    pub async fn start(scratch: &Scratch) -> anyhow::Result<Self> {
        let port = free_port()?;
        let mut redis = Command::new("redis-server");
        redis.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"]);
        redis.current_dir(scratch.path());
        let server = Program::start(redis, &scratch.join("redis.log"), Signal::KILL)?;
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            ensure!(began.elapsed() < Duration::from_secs(10), "redis-server does not accept");
            sleep(Duration::from_millis(5)).await;
        }
        Ok(Cache { server, port })
    }
}
