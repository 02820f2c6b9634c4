//! Asking the server about a token while the feed is silent (RFC 7662): bounded in how many ask, how long and how often.

use std::time::Duration;

use http::StatusCode;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use crate::cache::{Cache, Fingerprint};
use crate::json;
use crate::server::Server;

/// How long an answer is believed, and how long a server that gives none is left in peace.
const BELIEVED: Duration = Duration::from_secs(1);
/// For one request of the API, waiting for its turn included.
const PATIENCE: Duration = Duration::from_secs(2);
/// Questions under way.
const AT_A_TIME: usize = 32;
const REMEMBERED: usize = 20_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Active,
    Inactive,
    /// The server gave no answer, or not in time.
    Unknown,
}

pub struct Introspection {
    answers: Cache<(Instant, Answer)>,
    turns: Semaphore,
    /// When the server last gave no answer.
    failed: std::sync::Mutex<Option<Instant>>,
}

impl Introspection {
    pub fn new() -> Self {
        Introspection {
            answers: Cache::new(REMEMBERED),
            turns: Semaphore::new(AT_A_TIME),
            failed: std::sync::Mutex::new(None),
        }
    }

    pub async fn ask(&self, server: &Server, token: &str, fingerprint: Fingerprint) -> Answer {
        if let Some(answer) = self.remembered(&fingerprint) {
            return answer;
        }
        let asked = timeout(PATIENCE, async {
            let turn = self.turns.acquire().await;
            // Whoever asked the same question before us may have the answer now.
            if let Some(answer) = self.remembered(&fingerprint) {
                return answer;
            }
            let answer = read(server.introspect(token).await);
            drop(turn);
            answer
        });
        let answer = asked.await.unwrap_or(Answer::Unknown);
        match answer {
            Answer::Unknown => *self.failed() = Some(Instant::now()),
            Answer::Active | Answer::Inactive => self.answers.keep(fingerprint, (Instant::now(), answer)),
        }
        answer
    }

    fn remembered(&self, fingerprint: &Fingerprint) -> Option<Answer> {
        let fresh = |at: Instant| at.elapsed() < BELIEVED;
        let kept = self.answers.find(fingerprint).filter(|(at, _)| fresh(*at)).map(|(_, answer)| answer);
        kept.or_else(|| self.failed().filter(|at| fresh(*at)).map(|_| Answer::Unknown))
    }

    fn failed(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn read(answer: Result<(StatusCode, Vec<u8>), String>) -> Answer {
    let members = match answer {
        Ok((StatusCode::OK, body)) => json::object(&body),
        Ok(_) | Err(_) => None,
    };
    match members.and_then(|members| members.get("active")?.as_bool()) {
        Some(true) => Answer::Active,
        Some(false) => Answer::Inactive,
        None => Answer::Unknown,
    }
}
