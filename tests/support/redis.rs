//! A Redis of a test's own, which can hang, die, forget and remember too well.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Once;
use std::time::Duration;

use gatepass::id::Id;
use redis::{FromRedisValue, Value};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use super::World;

/// The program, if it is not the `redis-server` in the path; `./tests/all` sets it, and then it must be there.
const PROGRAM: &str = "TEST_REDIS";

pub struct Redis {
    program: PathBuf,
    folder: PathBuf,
    port: u16,
    arguments: Vec<String>,
    process: Option<Child>,
}

impl Redis {
    /// `None`: this run has no Redis, and says so.
    pub async fn start() -> Option<Redis> {
        Redis::start_with(&[]).await
    }

    pub async fn start_with(arguments: &[&str]) -> Option<Redis> {
        let program = program()?;
        let folder = std::env::temp_dir().join(format!("gatepass-redis-{}", Id::<Redis>::new()));
        std::fs::create_dir(&folder).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut redis = Redis { program, folder, port, arguments, process: None };
        redis.rises().await;
        Some(redis)
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A further node of `world` that shares this cache, once it does.
    pub async fn node_of(&self, world: &World) -> World {
        let node = world.another_node_with(&[("database.cache", &self.url())]).await;
        comes_to(&node, Line::Up).await;
        node
    }

    pub async fn rises(&mut self) {
        let process = Command::new(&self.program)
            .args([
                "--bind",
                "127.0.0.1",
                "--port",
                &self.port.to_string(),
                "--save",
                "",
                "--appendonly",
                "no",
            ])
            .arg("--dir")
            .arg(&self.folder)
            .args(&self.arguments)
            .stdout(Stdio::null())
            .spawn();
        self.process = Some(process.unwrap_or_else(|error| panic!("{}: {error}", self.program.display())));
        let began = Instant::now();
        while tokio::net::TcpStream::connect(self.address()).await.is_err() {
            assert!(began.elapsed() < Duration::from_secs(10), "redis-server does not come up");
            sleep(Duration::from_millis(20)).await;
        }
    }

    pub fn dies(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// It answers nothing and closes nothing.
    pub fn hangs(&self) {
        self.signal("-STOP");
    }

    pub fn wakes(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.process.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    pub async fn says<T: FromRedisValue>(&self, words: &[&[u8]]) -> T {
        let client = redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let mut command = redis::Cmd::new();
        for word in words {
            command.arg(*word);
        }
        command.query_async(&mut connection).await.unwrap()
    }

    pub async fn is_flushed(&self) {
        let _: Value = self.says(&[b"FLUSHALL"]).await;
    }

    /// All that lies there, as it would come back from a backup.
    pub async fn copy(&self) -> Vec<(String, Vec<u8>)> {
        let keys: Vec<String> = self.says(&[b"KEYS", b"*"]).await;
        let mut copy = Vec::new();
        // A node that tries Redis out leaves a word that is gone a second later.
        for key in keys.into_iter().filter(|key| !key.starts_with("gatepass:probe:")) {
            if let Some(value) = self.says::<Option<Vec<u8>>>(&[b"GET", key.as_bytes()]).await {
                copy.push((key, value));
            }
        }
        copy
    }

    /// It goes back to `copy`, and forgets when any of it was to be dropped.
    pub async fn goes_back_to(&self, copy: &[(String, Vec<u8>)]) {
        for (key, value) in copy {
            let _: Value = self.says(&[b"SET", key.as_bytes(), value]).await;
        }
    }

    /// Waits until something lies there: nodes put it down after they have answered.
    pub async fn holds(&self, letters: usize) {
        let began = Instant::now();
        while self.copy().await.len() < letters {
            assert!(began.elapsed() < Duration::from_secs(5), "nothing was put down");
            sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.dies();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// How a node stands to its Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    Up,
    Down,
}

pub fn line(node: &World) -> Line {
    if node.app.store.shared().unwrap().is_away() { Line::Down } else { Line::Up }
}

pub async fn comes_to(node: &World, wanted: Line) {
    let began = Instant::now();
    while line(node) != wanted {
        assert!(began.elapsed() < Duration::from_secs(10), "not {wanted:?}");
        sleep(Duration::from_millis(10)).await;
    }
}

fn program() -> Option<PathBuf> {
    if let Some(program) = std::env::var_os(PROGRAM) {
        return Some(program.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).map(|folder| folder.join("redis-server")).find(|file| file.is_file());
    if found.is_none() {
        static SAID: Once = Once::new();
        SAID.call_once(|| {
            // Straight to the terminal: the harness would keep it to itself.
            let left_out = "\nleft out: everything with Redis, because there is no redis-server in the path; \
                            ./tests/all runs it\n";
            let _ = std::io::stderr().write_all(left_out.as_bytes());
        });
    }
    found
}
