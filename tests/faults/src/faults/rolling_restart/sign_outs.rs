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
/// A delivery that ends with its node is the others' after 30 s, and they look every 2 s.
const TOLD: Duration = Duration::from_secs(40);
const CLIENT: &str = "told";

pub struct SignOuts(Vec<JoinHandle<Tally>>);

#[derive(Default)]
pub struct Tally {
    /// `sid` of each session whose end was acknowledged.
    ended: Vec<String>,
    failed: usize,
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
        Ok(SignOuts((0..PEOPLE).map(|_| tokio::spawn(come_and_go(site.clone(), over.clone()))).collect()))
    }

    /// Waits until everybody has gone.
    pub async fn end(self) -> anyhow::Result<Tally> {
        let tallies = try_join_all(self.0).await?;
        Ok(tallies.into_iter().fold(Tally::default(), |mut all, one| {
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
        let cut_off = heard.begun - heard.taken.len();
        if expected == 0 {
            return Verdict::not_run(profile, "nobody has signed out");
        }
        if cut_off + lost == 0 {
            return Verdict::not_run(profile, "no node was ended in the middle of a delivery");
        }
        let counted =
            format!("{expected} expected, {cut_off} deliveries cut off, {twice} tokens taken twice");
        Verdict::of(profile, counted)
            .none("sign-ins and sign-outs that failed", self.failed)
            .none("lost logout tokens", lost)
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
