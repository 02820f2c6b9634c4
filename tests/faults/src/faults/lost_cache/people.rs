//! Who comes while Redis is lost: people who sign in, apps that refresh, and a client that proves itself by assertions.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures_util::future::join_all;
use gatepass_load::connection::Unwanted;
use gatepass_load::description::Description;
use gatepass_load::visitor::{Asking, Place, authorization_request};
use tokio::time::Instant;

use crate::asserting;
use crate::client::{Client, Reply};

const SIGNING_IN: usize = 3;
const REFRESHING: usize = 4;
const ASSERTING: usize = 3;
/// Of what was accepted in one span, so much is tried again at each node.
const TRIED_AGAIN: usize = 40;

pub struct People {
    site: Arc<Description>,
    signing_in: Vec<Client>,
    refreshing: Vec<Chain>,
    asserting: Vec<Client>,
    /// Spans so far: no assertion has the name of another.
    spans: usize,
    used: Vec<Used>,
}

struct Chain {
    client: Client,
    token: String,
}

/// What was accepted once.
enum Used {
    Assertion(String),
    Code(String),
}

/// What came of one span.
#[derive(Default)]
pub struct Tally {
    pub answers: usize,
    /// 5xx.
    pub outages: usize,
    /// Neither what was asked for nor 5xx.
    pub others: usize,
    pub slowest: Duration,
    used: Vec<Used>,
}

impl Tally {
    fn count(&mut self, status: Option<u16>, began: Instant) {
        self.answers += 1;
        self.slowest = self.slowest.max(began.elapsed());
        match status {
            Some(200) => {}
            Some(500..) => self.outages += 1,
            _ => self.others += 1,
        }
    }

    fn add(&mut self, other: Tally) {
        self.answers += other.answers;
        self.outages += other.outages;
        self.others += other.others;
        self.slowest = self.slowest.max(other.slowest);
        self.used.extend(other.used);
    }
}

impl People {
    pub async fn arrive(site: &Description) -> anyhow::Result<Self> {
        let site = Arc::new(site.clone());
        let some = |count: usize| (0..count).map(|_| Client::new(&site)).collect::<Result<Vec<_>, _>>();
        let mut refreshing = Vec::new();
        for mut client in some(REFRESHING)? {
            let token = client.sign_in().await?.refresh_token.context("no refresh token")?;
            refreshing.push(Chain { client, token });
        }
        let (signing_in, asserting) = (some(SIGNING_IN)?, some(ASSERTING)?);
        Ok(People { site, signing_in, refreshing, asserting, spans: 0, used: Vec::new() })
    }

    /// All of them, one request after the other, for so long.
    pub async fn act(&mut self, span: Duration) -> anyhow::Result<Tally> {
        self.spans += 1;
        let until = Instant::now() + span;
        let people = join_all(self.signing_in.iter_mut().map(|person| sign_in(person, until)));
        let apps = join_all(self.refreshing.iter_mut().map(|chain| refresh(chain, until)));
        let spans = self.spans;
        let clients = self.asserting.iter_mut().enumerate();
        let clients = join_all(clients.map(|(who, client)| assert(client, format!("{spans}-{who}"), until)));
        let (people, apps, clients) = tokio::join!(people, apps, clients);
        let mut all = Tally::default();
        for tally in people.into_iter().chain(clients) {
            all.add(tally?);
        }
        for tally in apps {
            all.add(tally);
        }
        self.used.append(&mut all.used);
        Ok(all)
    }

    /// Tries at one node what was accepted before: how much, and how often with success.
    pub async fn replay(&self, at: Description) -> anyhow::Result<(usize, usize)> {
        let mut client = Client::new(&Arc::new(at))?;
        let mut accepted = 0;
        let again = self.used.iter().rev().take(TRIED_AGAIN);
        let tried = again.len();
        for used in again {
            let won = match used {
                Used::Assertion(body) => {
                    let request = asserting::request(&self.site, body)?;
                    client.send(&request).await?.status == 200
                }
                Used::Code(code) => matches!(client.exchange(code).await, Reply::Given(_)),
            };
            accepted += usize::from(won);
        }
        Ok((tried, accepted))
    }

    pub fn forget(&mut self) {
        self.used.clear();
    }

    /// Browsers that are not signed in any more, and grants that do not refresh.
    pub async fn lost(&mut self) -> anyhow::Result<usize> {
        let mut lost = 0;
        for person in &mut self.signing_in {
            lost += usize::from(!matches!(person.code(Asking::Silent).await, Reply::Given(_)));
        }
        for Chain { client, token } in &mut self.refreshing {
            match client.refresh(token).await {
                Reply::Given(tokens) => *token = tokens.refresh_token.context("no refresh token")?,
                _ => lost += 1,
            }
        }
        Ok(lost)
    }
}

/// Whole sign-ins in an empty browser, counted by the page.
async fn sign_in(person: &mut Client, until: Instant) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    let site = person.of.clone();
    while Instant::now() < until {
        person.visitor.forget_cookies();
        let mut place = Place::At(authorization_request(&site, Asking::First)?);
        while let Place::At(page) = &place {
            let began = Instant::now();
            match person.visitor.step(&site, Asking::First, page).await {
                Ok(next) => {
                    tally.count(Some(200), began);
                    place = next;
                }
                Err(error) => {
                    let unwanted = error.downcast::<Unwanted>().ok();
                    tally.count(unwanted.map(|unwanted| unwanted.answer.status), began);
                    break;
                }
            }
        }
        let Place::Back(code) = place else { continue };
        let began = Instant::now();
        let reply = person.exchange(&code).await;
        tally.count(reply.status(), began);
        tally.used.push(Used::Code(code));
    }
    Ok(tally)
}

async fn refresh(chain: &mut Chain, until: Instant) -> Tally {
    let mut tally = Tally::default();
    while Instant::now() < until {
        let began = Instant::now();
        let reply = chain.client.refresh(&chain.token).await;
        tally.count(reply.status(), began);
        if let Reply::Given(tokens) = reply {
            chain.token = tokens.refresh_token.unwrap_or_default();
        }
    }
    tally
}

async fn assert(client: &mut Client, who: String, until: Instant) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    let site = client.of.clone();
    for number in 0.. {
        if Instant::now() >= until {
            break;
        }
        let body = asserting::body(&site.issuer, &format!("{who}-{number}"))?;
        let began = Instant::now();
        let status = client.send(&asserting::request(&site, &body)?).await.ok().map(|answer| answer.status);
        tally.count(status, began);
        if status == Some(200) {
            tally.used.push(Used::Assertion(body));
        }
    }
    Ok(tally)
}
