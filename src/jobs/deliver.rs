//! Delivers the outbox: logout tokens (OpenID Connect Back-Channel Logout §2.5), at least once, each with the same
//! `jti` however often it is tried.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{Request, StatusCode};
use tokio::task::{self, JoinSet};
use tokio::time::{MissedTickBehavior, interval};

use crate::clock::{Clock, Timestamp};
use crate::outbound::Outbound;
use crate::store::outbox::{self, Letter, Message, State};
use crate::store::{Error, Store};
use crate::tokens::{Issuer, logout_token};

/// What other processes and other nodes have posted is found within this.
const EVERY: Duration = Duration::from_secs(2);
/// An attempt takes 5 s at most; a node that dies leaves its letters to the others after this.
const LEASE: Duration = Duration::from_secs(30);
/// Deliveries at once on one node, and to one client: the others do not wait for an endpoint that is slow.
const AT_ONCE: usize = 8;
const AT_ONCE_PER_CLIENT: usize = 2;

/// How long to wait after the first failure, the second, and so on; after the last one it is given up.
const PAUSES: [Duration; 8] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(3600),
    Duration::from_secs(3 * 3600),
    Duration::from_secs(8 * 3600),
    Duration::from_secs(12 * 3600),
];

#[derive(Clone)]
pub struct Delivery {
    pub store: Store,
    pub issuer: Arc<Issuer>,
    pub outbound: Outbound,
    pub clock: Arc<dyn Clock>,
}

/// What came of one attempt.
enum Outcome {
    Delivered(StatusCode),
    Failed(String),
    /// Nobody will ever take it.
    Pointless(&'static str),
}

impl Delivery {
    /// Runs until this node is `stopping` and what is under way has ended; what waits is for the other nodes. Dropped before,
    /// it leaves what is under way to them too, but only after [`LEASE`].
    pub async fn run(&self, stopping: impl Future<Output = ()>) {
        let mut stopping = pin!(stopping);
        let mut under_way = JoinSet::new();
        let mut clients: HashMap<task::Id, String> = HashMap::new();
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if let Err(error) = self.begin(&mut under_way, &mut clients).await {
                tracing::warn!(%error, "the outbox could not be read; trying again later");
            }
            let done = tokio::select! {
                biased;
                () = &mut stopping => break,
                Some(done) = under_way.join_next_with_id() => done.map_or_else(|error| error.id(), |(id, ())| id),
                () = self.store.posted().notified() => continue,
                _ = ticks.tick() => continue,
            };
            clients.remove(&done);
        }
        while under_way.join_next().await.is_some() {}
    }

    /// Fills the free places with what is due.
    async fn begin(
        &self,
        under_way: &mut JoinSet<()>,
        clients: &mut HashMap<task::Id, String>,
    ) -> Result<(), Error> {
        while under_way.len() < AT_ONCE {
            let is_busy = |client: &&String| {
                clients.values().filter(|other| other == client).count() >= AT_ONCE_PER_CLIENT
            };
            let busy: Vec<&str> = clients.values().filter(is_busy).map(String::as_str).collect();
            let now = self.clock.now();
            let Some(id) = outbox::find_due(self.store.read(), &busy, now).await? else { break };
            let claiming = (id, now.plus(LEASE), now);
            let claimed = self
                .store
                .write(claiming, |tx, (id, until, now)| Box::pin(outbox::claim(tx, *id, *until, *now)))
                .await?;
            // Another node may have been faster.
            let Some(letter) = claimed else { continue };
            let client = letter.client_id.clone();
            let delivery = self.clone();
            let task = under_way.spawn(async move { delivery.deliver(&letter).await });
            clients.insert(task.id(), client);
        }
        Ok(())
    }

    /// One attempt, and a note of what came of it.
    async fn deliver(&self, letter: &Letter) {
        let outcome = self.attempt(letter).await;
        let now = self.clock.now();
        let (state, said) = match outcome {
            Ok(Outcome::Delivered(status)) => (State::Delivered(now), status.as_str().to_owned()),
            Ok(Outcome::Failed(why)) => (after_failure(letter.attempts, now), why),
            Ok(Outcome::Pointless(why)) => (State::GivenUp(now), why.to_owned()),
            Err(error) => {
                tracing::warn!(%error, letter = %letter.id, "a delivery waits for the database");
                return;
            }
        };
        let result = match state {
            State::Delivered(_) => "delivered",
            State::Waiting(_) => "failed",
            State::GivenUp(_) => "given_up",
        };
        metrics::counter!("gatepass_deliveries_total", "kind" => letter.message.kind(), "result" => result)
            .increment(1);
        tracing::info!(letter = %letter.id, client = letter.client_id, outcome = said, result, "delivery");
        let settling = (letter.clone(), state, said);
        let settled = self
            .store
            .write(settling, |tx, (letter, state, said)| Box::pin(outbox::settle(tx, letter, *state, said)))
            .await;
        if let Err(error) = settled {
            tracing::warn!(%error, letter = %letter.id, "a delivery could not be noted: it will be tried again");
        }
    }

    async fn attempt(&self, letter: &Letter) -> Result<Outcome, Error> {
        let Some(client) = self.store.client(&letter.client_id).await?.filter(|client| client.is_active())
        else {
            return Ok(Outcome::Pointless("the client is gone"));
        };
        let Message::LogoutToken { user, session } = letter.message;
        let now = self.clock.now();
        let Ok(token) = logout_token::mint(&self.issuer, &client, letter.id, user, session, now) else {
            return Ok(Outcome::Failed("no signing key".to_owned()));
        };
        // §2.5: "using the HTTP POST method … with a logout_token parameter … application/x-www-form-urlencoded".
        let request = Request::post(&letter.target)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(format!("logout_token={token}").into_bytes());
        let Ok(request) = request else { return Ok(Outcome::Pointless("not a URL")) };
        Ok(match self.outbound.send(request).await {
            Ok(answer) if matches!(answer.status(), StatusCode::OK | StatusCode::NO_CONTENT) => {
                Outcome::Delivered(answer.status())
            }
            Ok(answer) => Outcome::Failed(answer.status().as_str().to_owned()),
            Err(failure) => Outcome::Failed(failure.to_string()),
        })
    }
}

fn after_failure(attempts: i64, now: Timestamp) -> State {
    let pause = usize::try_from(attempts - 1).ok().and_then(|failures| PAUSES.get(failures));
    pause.map_or(State::GivenUp(now), |pause| State::Waiting(now.plus(*pause)))
}
