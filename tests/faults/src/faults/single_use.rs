//! F15: whatever else is good for once is good for one of fifty that come at the same moment. Here that is the `jti` of
//! a client assertion, an initial access token, and an authorization request that waits for its end; there are no DPoP
//! proofs, TOTP codes, pushed requests, device codes, recovery codes, reset or one-time tokens, registration access
//! tokens do not rotate, and there is no first administrator.

use std::sync::Arc;

use anyhow::Context;
use futures_util::future::join_all;
use gatepass_load::connection::Lost;
use gatepass_load::visitor::{Asking, Place, authorization_request};
use serde_json::json;

use crate::asserting;
use crate::bench::Bench;
use crate::client::Client;
use crate::report::{Pass, Verdict};
use crate::rig::{Layout, Rig};

const PARALLEL: usize = 50;

pub async fn run(bench: &Bench) -> anyhow::Result<Vec<Verdict>> {
    let mut verdicts = Vec::new();
    for layout in [Layout::sqlite(), Layout::postgres(3)] {
        verdicts.push(race(bench, layout.with("GATEPASS_REGISTRATION__MODE", "token")).await?);
    }
    Ok(verdicts)
}

/// Rounds in which exactly one of fifty won, and answers that were neither a success nor a refusal.
#[derive(Default)]
struct Tally {
    with_one: usize,
    undecided: usize,
}

impl Tally {
    /// `won`: whether each has won; `None` where the answer decides nothing.
    fn count(&mut self, answers: impl IntoIterator<Item = Option<bool>>) {
        let answers: Vec<_> = answers.into_iter().collect();
        self.with_one += usize::from(answers.iter().filter(|won| **won == Some(true)).count() == 1);
        self.undecided += answers.iter().filter(|won| won.is_none()).count();
    }
}

async fn race(bench: &Bench, layout: Layout) -> anyhow::Result<Verdict> {
    let rounds = bench.scale.choose(10, 200);
    let profile = layout.profile();
    let rig = bench.rig(layout).await?;
    let site = Arc::new(rig.site.clone());
    let mut clients: Vec<Client> = (0..PARALLEL).map(|_| Client::new(&site)).collect::<Result<_, _>>()?;
    let assertions = assertions(&rig, &mut clients, rounds).await?;
    let tokens = initial_access_tokens(&rig, &mut clients, rounds).await?;
    let requests = authorization_requests(&mut clients, rounds).await?;
    let undecided = assertions.undecided + tokens.undecided + requests.undecided;
    let all = Pass::Exactly(rounds as f64);
    Verdict::of(profile, format!("3 × {rounds} rounds of {PARALLEL}"))
        .mark("assertions (jti) that won exactly once", assertions.with_one as f64, all)
        .mark("initial access tokens that won exactly once", tokens.with_one as f64, all)
        .mark("authorization requests that ended in exactly one code", requests.with_one as f64, all)
        .none("answers that decide nothing", undecided)
        .examined(&rig)
        .await
}

async fn assertions(rig: &Rig, clients: &mut [Client], rounds: usize) -> anyhow::Result<Tally> {
    asserting::register(rig)?;
    let mut tally = Tally::default();
    for round in 0..rounds {
        let body = asserting::body(&rig.site.issuer, &format!("of round {round}"))?;
        let request = asserting::request(&rig.site, &body)?;
        tally.count(statuses(clients, &request).await.into_iter().map(|status| match status {
            Some(200) => Some(true),
            Some(401) => Some(false),
            _ => None,
        }));
    }
    Ok(tally)
}

async fn initial_access_tokens(rig: &Rig, clients: &mut [Client], rounds: usize) -> anyhow::Result<Tally> {
    let document = json!({ "redirect_uris": ["https://stranger.example/callback"] }).to_string();
    let mut tally = Tally::default();
    for _ in 0..rounds {
        let said = rig.gatepass(&["client", "token", "--json"]).await?;
        let said: serde_json::Value = serde_json::from_slice(&said.stdout)?;
        let token = said["token"].as_str().context("no initial access token")?;
        let request = format!(
            "POST /register HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{document}",
            rig.site.host()?,
            document.len()
        );
        tally.count(statuses(clients, request.as_bytes()).await.into_iter().map(|status| match status {
            Some(201) => Some(true),
            Some(401) => Some(false),
            _ => None,
        }));
    }
    Ok(tally)
}

/// One request of everybody at once; the status of each answer.
async fn statuses(clients: &mut [Client], request: &[u8]) -> Vec<Option<u16>> {
    let answers = join_all(clients.iter_mut().map(|client| client.send(request))).await;
    answers.into_iter().map(|answer| answer.ok().map(|answer| answer.status)).collect()
}

/// A browser that reloads its last redirect in fifty tabs gets one code (RFC 6749 §4.1.2).
async fn authorization_requests(clients: &mut [Client], rounds: usize) -> anyhow::Result<Tally> {
    let person = clients.first_mut().context("nobody")?;
    let site = person.of.clone();
    // From now on the app is agreed to.
    person.sign_in().await?;
    let mut tally = Tally::default();
    for _ in 0..rounds {
        person.visitor.forget_cookies();
        let mut page = authorization_request(&site, Asking::First)?;
        while !page.starts_with("/authorize/") {
            match person.visitor.step(&site, Asking::First, &page).await? {
                Place::At(next) => page = next,
                Place::Back(_) => anyhow::bail!("the request ended before its end"),
            }
        }
        let mut tabs = Vec::new();
        for _ in 0..PARALLEL {
            tabs.push(person.visitor.another_tab(&site, Lost::Told)?);
        }
        let ends = join_all(tabs.iter_mut().map(|tab| tab.step(&site, Asking::Silent, &page))).await;
        tally.count(ends.into_iter().map(|end| {
            match end {
                Ok(Place::Back(_)) => Some(true),
                Ok(Place::At(_)) => Some(false),
                Err(error) => error
                    .downcast::<gatepass_load::connection::Unwanted>()
                    .ok()
                    .and_then(|unwanted| (unwanted.answer.status < 500).then_some(false)),
            }
        }));
    }
    Ok(tally)
}
