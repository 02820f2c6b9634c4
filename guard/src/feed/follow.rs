//! Following the feed: one connection after the other, each from where the last one ended.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use reqwest::Response;
use tokio::time::{Instant, sleep, timeout};

use super::entry::{Entry, Hello, Word};
use super::sse::{Event, Parser};
use super::{Connection, Feed};
use crate::clock;
use crate::server::{Server, innermost};

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// How often expired entries are dropped.
const SWEEP: Duration = Duration::from_secs(10);

/// The number that follows can only be told again from here: something between was not told.
const GAP: &str = "an entry is missing";

/// One connection and what it has said so far.
struct Stream<'f> {
    server: &'f Server,
    feed: &'f Feed,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing is believed before the feed has said whose it is.
    Nameless,
    CatchingUp,
    /// From here on no number may be missing.
    Current,
}

/// Runs for as long as it is not aborted. `silence`: a connection that says nothing for so long is given up.
pub async fn follow(server: Arc<Server>, feed: Arc<Feed>, instance: String, silence: Duration) {
    let mut pause = Pause { next: Duration::from_secs(1) };
    loop {
        let after = feed.position.borrow().resume_after;
        feed.stands(Connection::Connecting);
        let end = match server.feed(&instance, after).await {
            Ok(response) => read(&server, &feed, response, silence, &mut pause).await,
            Err(why) => Connection::Lost(why),
        };
        match &end {
            Connection::CredentialRefused => tracing::error!("the revocation feed refuses our credential"),
            Connection::OtherIssuer => tracing::error!("the revocation feed is another issuer's"),
            other => tracing::warn!(?other, "the revocation feed was left"),
        }
        feed.stands(end);
        feed.ended_mut().forget(clock::now());
        sleep(pause.jittered()).await;
    }
}

/// Reads one connection to its end, and says what that was.
async fn read(
    server: &Server,
    feed: &Feed,
    mut response: Response,
    silence: Duration,
    pause: &mut Pause,
) -> Connection {
    match response.status() {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Connection::CredentialRefused,
        // Also a redirect: the credential goes nowhere else.
        other => return Connection::Lost(other.to_string()),
    }
    let media =
        response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !media.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/event-stream") {
        return Connection::Lost("the answer is no event stream".to_owned());
    }
    let mut stream = Stream { server, feed, stage: Stage::Nameless };
    let (mut parser, mut events) = (Parser::default(), Vec::new());
    let mut swept = Instant::now();
    loop {
        let chunk = match timeout(silence, response.chunk()).await {
            Ok(Ok(Some(chunk))) => chunk,
            Ok(Ok(None)) => return Connection::Lost("the server ended the stream".to_owned()),
            Ok(Err(error)) => return Connection::Lost(innermost(&error)),
            Err(_) => return Connection::Lost("the server fell silent".to_owned()),
        };
        if parser.read(&chunk, &mut events).is_err() {
            return Connection::Lost("the stream cannot be read".to_owned());
        }
        for event in events.drain(..) {
            if let Err(end) = stream.hear(&event) {
                return end;
            }
        }
        if stream.stage == Stage::Current {
            pause.begin_with(parser.retry);
        }
        if swept.elapsed() >= SWEEP {
            feed.ended_mut().forget(clock::now());
            swept = Instant::now();
        }
    }
}

impl Stream<'_> {
    fn hear(&mut self, event: &Event) -> Result<(), Connection> {
        match (event.name.as_str(), self.stage) {
            ("hello", _) => self.hello(event),
            ("revocation" | "current" | "heartbeat" | "reset", Stage::Nameless) => {
                Err(lost("the feed does not say whose it is"))
            }
            ("revocation", _) => self.revocation(event),
            ("current" | "heartbeat", _) => self.word(event),
            ("reset", _) => {
                self.stage = Stage::CatchingUp;
                self.feed.begins_anew();
                Ok(())
            }
            // What a later server says beside these.
            _ => Ok(()),
        }
    }

    fn hello(&mut self, event: &Event) -> Result<(), Connection> {
        let hello: Hello =
            serde_json::from_str(&event.data).map_err(|_| lost("its first event cannot be read"))?;
        if hello.issuer != self.server.issuer {
            return Err(Connection::OtherIssuer);
        }
        self.stage = Stage::CatchingUp;
        self.feed.stands(Connection::CatchingUp);
        Ok(())
    }

    fn revocation(&mut self, event: &Event) -> Result<(), Connection> {
        let number = number(event).ok_or_else(|| lost("an entry has no number"))?;
        let applied = self.feed.position.borrow().applied;
        // Told again, or replayed by somebody: it is refused already.
        if number <= applied {
            return Ok(());
        }
        if self.stage == Stage::Current && number != applied + 1 {
            return Err(lost(GAP));
        }
        // What cannot be obeyed is not confirmed: the position stays before it.
        let entry = Entry::read(&event.data).ok_or_else(|| lost("an entry cannot be read"))?;
        if clock::now() < entry.forget_at {
            self.feed.ended_mut().apply(&entry).map_err(|_| lost("there are too many entries"))?;
        }
        self.feed.entry_is_applied(number, entry.at);
        Ok(())
    }

    /// `current`, or a heartbeat after it: everything up to its number has been told on this connection.
    fn word(&mut self, event: &Event) -> Result<(), Connection> {
        let word: Word = serde_json::from_str(&event.data).map_err(|_| lost("its time cannot be read"))?;
        let number = number(event).ok_or_else(|| lost("a heartbeat has no number"))?;
        let (applied, is_newcomer) = {
            let position = self.feed.position.borrow();
            (position.applied, position.resume_after.is_none())
        };
        match (self.stage, event.name.as_str()) {
            // Between the last entry and this number there are only entries that nobody needs any more.
            (Stage::CatchingUp, "current") => {
                if number > applied || is_newcomer {
                    self.feed.is_applied(number.max(applied));
                }
                self.stage = Stage::Current;
                self.feed.is_told(word.at);
            }
            (Stage::Current, _) if number > applied => return Err(lost(GAP)),
            (Stage::Current, _) => self.feed.is_told(word.at),
            (Stage::CatchingUp | Stage::Nameless, _) => {}
        }
        Ok(())
    }
}

fn number(event: &Event) -> Option<u64> {
    event.id.as_deref()?.parse().ok()
}

fn lost(why: &str) -> Connection {
    Connection::Lost(why.to_owned())
}

/// Grows from what the server asks for to [`LONGEST_PAUSE`], so that many APIs do not come back at once.
struct Pause {
    next: Duration,
}

impl Pause {
    fn begin_with(&mut self, retry: Option<u64>) {
        self.next = Duration::from_millis(retry.unwrap_or(1000)).min(LONGEST_PAUSE);
    }

    /// Between a quarter of the pause and all of it.
    fn jittered(&mut self) -> Duration {
        let pause = self.next;
        self.next = (self.next * 2).clamp(Duration::from_millis(100), LONGEST_PAUSE);
        let mut random = [0; 4];
        // Without random bytes everybody waits as long as they may.
        let part =
            rand::fill(&mut random).map_or(1.0, |()| u32::from_le_bytes(random) as f64 / u32::MAX as f64);
        pause.mul_f64(0.25 + 0.75 * part)
    }
}
