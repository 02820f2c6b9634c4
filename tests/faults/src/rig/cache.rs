//! A redis-server that keeps nothing, and can be emptied, killed, and replaced by one that is not ready.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use super::{Program, Scratch, Signal, free_port};

pub struct Cache {
    pub server: Program,
    pub port: u16,
}

impl Cache {
    pub async fn start(scratch: &Scratch) -> anyhow::Result<Self> {
        let port = free_port()?;
        let cache = Cache { server: serve(scratch, port)?, port };
        cache.accepts().await?;
        Ok(cache)
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Starts it at the same port, empty.
    pub async fn again(&mut self, scratch: &Scratch) -> anyhow::Result<()> {
        self.server = serve(scratch, self.port)?;
        self.accepts().await
    }

    /// Forgets everything; how many keys that were.
    pub async fn flush(&self) -> anyhow::Result<usize> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        stream.write_all(b"DBSIZE\r\nFLUSHALL\r\nQUIT\r\n").await?;
        let mut said = String::new();
        stream.read_to_string(&mut said).await?;
        let keys = said.strip_prefix(':').and_then(|said| said.split_once("\r\n+OK\r\n")?.0.parse().ok());
        keys.with_context(|| format!("FLUSHALL answered {said:?}"))
    }

    /// In its place for so long: a Redis that reads its file yet.
    pub async fn is_loading(&self, span: Duration) -> anyhow::Result<()> {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await?;
        let refuse = async {
            loop {
                let (mut stream, _) = listener.accept().await?;
                tokio::spawn(async move {
                    let mut asked = [0; 4096];
                    while stream.read(&mut asked).await.is_ok_and(|read| read > 0) {
                        let not_yet = b"-LOADING Redis is loading the dataset in memory\r\n";
                        if stream.write_all(not_yet).await.is_err() {
                            return;
                        }
                    }
                });
            }
        };
        match timeout(span, refuse).await {
            Ok(error) => error,
            Err(_) => Ok(()),
        }
    }

    async fn accepts(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            ensure!(began.elapsed() < Duration::from_secs(10), "redis-server does not accept");
            sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }
}

fn serve(scratch: &Scratch, port: u16) -> anyhow::Result<Program> {
    let mut redis = Command::new("redis-server");
    redis.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"]);
    redis.current_dir(scratch.path());
    Program::start(redis, &scratch.join("redis.log"), Signal::KILL)
}
