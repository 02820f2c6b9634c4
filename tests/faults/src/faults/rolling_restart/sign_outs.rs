//! People who sign in and out all the time, and an app that has to hear of each sign-out: nodes deliver logout tokens by
//! themselves, at least once (OpenID Connect Back-Channel Logout §2.5).

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures_util::future::try_join_all;
use gatepass_load::description::{Credential, Description};
use serde::Deserialize;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::client::Client;
use crate::jwt;
use crate::report::Verdict;
use crate::rig::{Receiver, Rig};

const PEOPLE: usize = 3;
/// Between two visits of a person.
const AWAY: Duration = Duration::from_millis(100);
/// A node that stops ends what it has begun, and leaves the rest to the others at once. They look every 2 s.
const TOLD: Duration = Duration::from_secs(10);
const CLIENT: &str = "told";

pub struct SignOuts {
    people: Vec<JoinHandle<Tally>>,
    interrupted: usize,
}

#[derive(Default)]
pub struct Tally {
    /// `sid` of each session whose end was acknowledged.
    ended: Vec<String>,
    failed: usize,
    /// Deliveries that were under way when a node was asked to stop, by whichever node.
    interrupted: usize,
}

/// Of an ID Token (OpenID Connect Back-Channel Logout §2.1).
#[derive(Deserialize)]
struct Session {
    sid: String,
}

impl SignOuts {
    /// They go on until it is over.
    pub fn begin(rig: &Rig, app: &Receiver, over: &watch::Receiver<bool>) -> anyhow::Result<Self> {
        let of = &rig.site;
        let redirect_uri = &of.sign_in.as_ref().context("no [sign_in]")?.redirect_uri;
        let (uris, told) = (["--redirect-uri", redirect_uri], ["--backchannel-logout-uri", &app.uri()]);
        rig.add_client(CLIENT, &of.client.secret, &[&uris[..], &told, &["--trusted"]].concat())?;
        let client = Credential { id: CLIENT.to_owned(), ..of.client.clone() };
        let site = Arc::new(Description { client, ..of.clone() });
        let people = (0..PEOPLE).map(|_| tokio::spawn(come_and_go(site.clone(), over.clone()))).collect();
        Ok(SignOuts { people, interrupted: 0 })
    }

    /// A node is asked to stop now.
    pub fn interrupt(&mut self, app: &Receiver) {
        self.interrupted += app.heard().under_way();
    }

    /// Waits until everybody has gone.
    pub async fn end(self) -> anyhow::Result<Tally> {
        let tallies = try_join_all(self.people).await?;
        let none = Tally { interrupted: self.interrupted, ..Tally::default() };
        Ok(tallies.into_iter().fold(none, |mut all, one| {
            all.ended.extend(one.ended);
            all.failed += one.failed;
            all
        }))
    }
}

impl Tally {
    /// Gives the nodes the time to tell the app of what it has not heard of yet.
    pub async fn compared(self, app: &Receiver) -> Verdict {
        let (began, profile) = (Instant::now(), "logout tokens");
        let (heard, lost) = loop {
            let heard = app.heard();
            let told: HashSet<&str> = heard.taken.iter().map(|token| token.sid.as_str()).collect();
            let lost = self.ended.iter().filter(|sid| !told.contains(sid.as_str())).count();
            if lost == 0 || began.elapsed() > TOLD {
                break (heard, lost);
            }
            sleep(Duration::from_millis(50)).await;
        };
        let took = began.elapsed();
        let letters: HashSet<&str> = heard.taken.iter().map(|token| token.jti.as_str()).collect();
        let (expected, twice) = (self.ended.len(), heard.taken.len() - letters.len());
        if expected == 0 {
            return Verdict::not_run(profile, "nobody has signed out");
        }
        if self.interrupted == 0 {
            return Verdict::not_run(
                profile,
                "no node was in the middle of a delivery when it was asked to stop",
            );
        }
        let counted =
            format!("{expected} expected, {} under way at a SIGTERM, {twice} taken twice", self.interrupted);
        Verdict::of(profile, counted)
            .none("sign-ins and sign-outs that failed", self.failed)
            .none("lost logout tokens", lost)
            .none("deliveries that were cut off", heard.under_way())
            .within("after the last restart until the last was told", took, TOLD)
    }
}

async fn come_and_go(site: Arc<Description>, over: watch::Receiver<bool>) -> Tally {
    let mut tally = Tally::default();
    while !*over.borrow() {
        match visit(&site).await {
            Ok(sid) => tally.ended.push(sid),
            Err(error) => {
                eprintln!("{error:#}");
                tally.failed += 1;
            }
        }
        sleep(AWAY).await;
    }
    tally
}

/// Somebody signs in and out; the session that they had.
async fn visit(site: &Arc<Description>) -> anyhow::Result<String> {
    let mut person = Client::new(site)?;
    let tokens = person.sign_in().await?;
    let Session { sid } = jwt::claims(&tokens.id_token.context("no ID Token")?)?;
    let page = person.visitor.page("/account").await?;
    person.visitor.submit(&page, "/logout/confirm").await?;
    Ok(sid)
}
