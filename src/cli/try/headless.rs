//! `gatepass try --headless`: the promise, kept or broken, in figures.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use futures_util::future::join_all;
use http::StatusCode;
use serde_json::json;

use super::api::Api;
use super::party::{AuthorizationResponse, Party, Tokens};
use super::visitor::Visitor;
use crate::cli::dev_file::DevFile;
use crate::cli::output::{Answer, Outcome};
use crate::http::shutdown::Shutdown;

const APIS: usize = 3;
/// Between two calls of one caller.
const PAUSE: Duration = Duration::from_millis(2);
/// Calls of one caller after the first that was refused, to see that it stays so.
const AFTERWARDS: usize = 20;
/// An ending that takes longer will not come.
const PATIENCE: Duration = Duration::from_secs(20);
/// A device is signed in again after so long if the server has had enough sign-ins from here for a moment.
const THROTTLED: Duration = Duration::from_secs(5);
const ATTEMPTS: usize = 15;

struct Figures {
    /// From the click until every API had refused: no call was accepted later. One an ending, sorted.
    took: Vec<Duration>,
    accepted_after_receipt: usize,
    calls_to_server: u64,
}

/// Ends `endings` devices of the demo user while three APIs are called with their tokens all the time.
pub(super) async fn run(party: &Party, dev: &DevFile, endings: usize) -> anyhow::Result<Answer> {
    let shutdown = Shutdown::new();
    let mut apis = Vec::new();
    for _ in 0..APIS {
        apis.push(Api::start(dev, shutdown.clone()).await?);
    }
    let mut here = Visitor::new(party.issuer_url())?;
    sign_in(party, dev, &mut here).await?;
    let calls =
        |apis: &[Api]| -> u64 { apis.iter().map(|api| api.guard.calls_to_server().besides_the_feed()).sum() };
    let calls_before = calls(&apis);
    let mut figures = Figures { took: Vec::new(), accepted_after_receipt: 0, calls_to_server: 0 };
    for _ in 0..endings {
        let tokens = sign_in(party, dev, &mut Visitor::new(party.issuer_url())?).await?;
        let (took, late) = end(&apis, &mut here, &tokens).await?;
        figures.took.push(took);
        figures.accepted_after_receipt += late;
    }
    figures.calls_to_server = calls(&apis) - calls_before;
    figures.took.sort();
    Ok(figures.answer())
}

/// On a device of its own, if `visitor` is new.
async fn sign_in(party: &Party, dev: &DevFile, visitor: &mut Visitor) -> anyhow::Result<Tokens> {
    for _ in 0..ATTEMPTS {
        let (request, kept) = party.begin().await?;
        match visitor.sign_in(request, &dev.username, &dev.password, party.redirect_uri()).await? {
            Some(arrived) => {
                let response = AuthorizationResponse::in_query(arrived.query().unwrap_or_default())?;
                return party.finish(kept, response).await;
            }
            None => tokio::time::sleep(THROTTLED).await,
        }
    }
    bail!("the server takes no more sign-ins from here")
}

/// Ends the device on which `tokens` were born, while all APIs are called with them. Returns how long they were still
/// accepted at most, and how many calls were accepted that began after their API had confirmed.
async fn end(apis: &[Api], here: &mut Visitor, tokens: &Tokens) -> anyhow::Result<(Duration, usize)> {
    let sid = tokens.session_id().context("the ID Token names no session")?;
    let number = apis.iter().map(|api| api.guard.status().applied).max().unwrap_or_default() + 1;
    let is_over = Arc::new(AtomicBool::new(false));
    for api in apis {
        let status = api.call(tokens.access_token()).await?;
        ensure!(status == StatusCode::OK, "{} answers {status} before the device is ended", api.url());
    }
    let callers: Vec<_> = apis
        .iter()
        .map(|api| {
            tokio::spawn(calls(api.clone(), tokens.access_token().to_owned(), number, is_over.clone()))
        })
        .collect();
    let account = here.account().await?;
    let click = Instant::now();
    let ended = here.end_device(&account, &sid).await;
    let seen = tokio::time::timeout(PATIENCE, join_all(callers)).await;
    is_over.store(true, Ordering::Relaxed);
    ended?;
    let (mut took, mut late) = (Duration::ZERO, 0);
    for caller in seen.context("the APIs go on accepting a token that was ended")? {
        let caller = caller??;
        let refused_at = caller.refused_at.context("an API never refused a token that was ended")?;
        took = took.max(refused_at.saturating_duration_since(click));
        late += caller.after_receipt;
    }
    Ok((took, late))
}

#[derive(Default)]
struct Caller {
    /// When the answer came after which none was an acceptance any more.
    refused_at: Option<Instant>,
    after_receipt: usize,
}

async fn calls(api: Api, token: String, number: u64, is_over: Arc<AtomicBool>) -> anyhow::Result<Caller> {
    let (mut caller, mut refused) = (Caller::default(), 0);
    while refused < AFTERWARDS && !is_over.load(Ordering::Relaxed) {
        let has_confirmed = api.guard.status().confirmed >= Some(number);
        match api.call(&token).await? {
            StatusCode::OK => {
                (caller.refused_at, refused) = (None, 0);
                caller.after_receipt += usize::from(has_confirmed);
            }
            // The receipt follows the refusal: what comes after it counts too.
            StatusCode::UNAUTHORIZED => {
                caller.refused_at.get_or_insert_with(Instant::now);
                refused += 1;
            }
            other => bail!("{} answers {other}", api.url()),
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(caller)
}

impl Figures {
    /// In milliseconds, by nearest rank.
    fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.took.len() * percent).div_ceil(100).max(1) - 1;
        self.took.get(rank).map_or(0.0, |took| (took.as_secs_f64() * 10_000.0).round() / 10.0)
    }

    fn answer(self) -> Answer {
        let (endings, p50, p99) = (self.took.len(), self.percentile(50), self.percentile(99));
        let (late, calls) = (self.accepted_after_receipt, self.calls_to_server);
        let is_kept = p99 < 1000.0 && late == 0 && calls == 0;
        let verdict = if is_kept { "The promise is kept." } else { "THE PROMISE IS BROKEN." };
        let text = format!(
            "{endings} devices were ended while {APIS} APIs were called with their tokens.\n\
             From the click until every API refused: p50 {p50} ms, p99 {p99} ms (promised: below 1000)\n\
             Calls that were accepted after their API had confirmed the ending: {late} (promised: none)\n\
             Requests from the APIs to the server besides the feed and its receipts: {calls} (promised: none)\n\
             {verdict}"
        );
        let json = json!({
            "endings": endings, "p50_ms": p50, "p99_ms": p99, "accepted_after_receipt": late,
            "calls_to_server": calls,
        });
        let outcome = if is_kept { Outcome::Done } else { Outcome::Unhealthy };
        Answer { outcome, ..Answer::new(text, json) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(slowest: u64, accepted_after_receipt: usize, calls_to_server: u64) -> Outcome {
        let took = [10, 20, slowest].map(Duration::from_millis).to_vec();
        Figures { took, accepted_after_receipt, calls_to_server }.answer().outcome
    }

    #[test]
    fn each_promise_that_is_broken_shows_in_the_exit_code() {
        assert_eq!(outcome(999, 0, 0), Outcome::Done);
        for broken in [outcome(1000, 0, 0), outcome(30, 1, 0), outcome(30, 0, 1)] {
            assert_eq!(broken, Outcome::Unhealthy);
        }
    }

    #[test]
    fn percentiles_are_of_what_was_measured() {
        let took = (1..=100).map(Duration::from_millis).collect();
        let figures = Figures { took, accepted_after_receipt: 0, calls_to_server: 0 };
        assert_eq!((figures.percentile(50), figures.percentile(99)), (50.0, 99.0));
    }
}
