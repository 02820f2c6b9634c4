//! People who sign in and apps that redeem, refresh and revoke, all of it in the ledger, while something breaks.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::try_join_all;
use gatepass_load::connection::Lost;
use gatepass_load::description::Description;
use gatepass_load::visitor::Asking;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::client::{Client, Reply};
use crate::ledger::{Kind, Ledger};
use crate::seed::Seed;

/// What a request came to.
#[derive(Clone, Debug)]
pub struct Event {
    /// When its answer had come, or it was clear that none would.
    pub at: Instant,
    pub status: Option<u16>,
    retry_after: bool,
    /// Its words, for whoever looks into a failure.
    said: String,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "{status}: {}", self.said),
            None => write!(f, "no answer: {}", self.said),
        }
    }
}

impl Event {
    pub fn is_success(&self) -> bool {
        self.status == Some(200)
    }

    /// The server says that it cannot now, and when to come back.
    pub fn is_outage(&self) -> bool {
        self.status == Some(503) && self.retry_after
    }
}

/// What a worker does when something has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setback {
    /// It is over: the node is gone.
    Stop,
    /// It tries the same again after a moment, as an app does.
    Retry,
}

/// How busy a worker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    Full,
    /// Seven tenths of the time.
    Seventy,
}

pub struct Traffic {
    workers: Vec<JoinHandle<anyhow::Result<()>>>,
    ending: watch::Sender<bool>,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Traffic {
    pub fn start(
        site: &Arc<Description>,
        ledger: &Arc<Ledger>,
        workers: usize,
        seed: &mut Seed,
        (setback, pace): (Setback, Pace),
    ) -> anyhow::Result<Self> {
        let (ending, ended) = watch::channel(false);
        let events = Arc::new(Mutex::new(Vec::new()));
        let mut running = Vec::new();
        for _ in 0..workers {
            let worker = Worker {
                client: Client::new(site)?,
                site: site.clone(),
                ledger: ledger.clone(),
                seed: Seed::new(seed.next()),
                token: None,
                signed_in: false,
                setback,
                events: events.clone(),
            };
            running.push(tokio::spawn(worker.run(pace, ended.clone())));
        }
        Ok(Traffic { workers: running, ending, events })
    }

    /// What has happened so far.
    pub fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until everybody has finished what they are doing.
    pub async fn end(self) -> anyhow::Result<Vec<Event>> {
        self.ending.send_replace(true);
        for done in try_join_all(self.workers).await? {
            done?;
        }
        Ok(std::mem::take(&mut *self.events.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

struct Worker {
    client: Client,
    site: Arc<Description>,
    ledger: Arc<Ledger>,
    seed: Seed,
    token: Option<String>,
    signed_in: bool,
    setback: Setback,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Worker {
    async fn run(mut self, pace: Pace, ended: watch::Receiver<bool>) -> anyhow::Result<()> {
        while !*ended.borrow() {
            let began = Instant::now();
            let went_well = self.act().await?;
            match (went_well, self.setback) {
                (false, Setback::Stop) => return Ok(()),
                (false, Setback::Retry) => sleep(Duration::from_millis(50)).await,
                (true, _) if pace == Pace::Seventy => sleep(began.elapsed().mul_f64(3.0 / 7.0)).await,
                (true, _) => {}
            }
        }
        Ok(())
    }

    /// One thing that a person or an app does; whether it went well.
    async fn act(&mut self) -> anyhow::Result<bool> {
        if !self.signed_in {
            return self.sign_in().await;
        }
        match (self.token.clone(), self.seed.below(10)) {
            (Some(token), 0..=6) => self.refresh(token).await,
            (Some(token), 7) => self.revoke(token).await,
            (_, 9) => {
                self.signed_in = false;
                self.client.visitor.forget_cookies();
                self.sign_in().await
            }
            _ => self.authorize().await,
        }
    }

    async fn sign_in(&mut self) -> anyhow::Result<bool> {
        let sent = self.ledger.sends(Kind::SignIn, "a person").await?;
        let reply = self.client.code(Asking::First).await;
        self.ledger.receives(sent, &reply, None).await?;
        if let Reply::Given(code) = &reply {
            self.signed_in = true;
            let browser = self.client.visitor.another_tab(&self.site, Lost::Told)?;
            let mut page = self.ledger.page();
            page.sessions.push(browser);
            page.codes.push(code.clone());
        } else {
            // What is half done is begun again.
            self.client.visitor.forget_cookies();
        }
        Ok(self.note(&reply))
    }

    async fn authorize(&mut self) -> anyhow::Result<bool> {
        let reply = self.client.code(Asking::Silent).await;
        let went_well = self.note(&reply);
        let Reply::Given(code) = reply else { return Ok(went_well) };
        if self.seed.below(8) == 0 {
            self.ledger.page().codes.push(code);
            return Ok(true);
        }
        let sent = self.ledger.sends(Kind::Redemption, &code).await?;
        let reply = self.client.exchange(&code).await;
        let given = refresh_token(&reply);
        self.ledger.receives(sent, &reply, given.clone()).await?;
        // A token that is left alone must go on to work too.
        self.token = given.or(self.token.take());
        Ok(self.note(&reply))
    }

    async fn refresh(&mut self, token: String) -> anyhow::Result<bool> {
        let sent = self.ledger.sends(Kind::Rotation, &token).await?;
        let reply = self.client.refresh(&token).await;
        let given = refresh_token(&reply);
        self.ledger.receives(sent, &reply, given.clone()).await?;
        if given.is_some() {
            self.token = given;
        }
        Ok(self.note(&reply))
    }

    async fn revoke(&mut self, token: String) -> anyhow::Result<bool> {
        let sent = self.ledger.sends(Kind::Revocation, &token).await?;
        let reply = self.client.revoke(&token).await;
        self.ledger.receives(sent, &reply, None).await?;
        self.token = None;
        Ok(self.note(&reply))
    }

    fn note<T>(&self, reply: &Reply<T>) -> bool {
        let went_well = matches!(reply, Reply::Given(_));
        let retry_after = matches!(reply, Reply::Refused(answer) if answer.retry_after.is_some());
        let said = match reply {
            Reply::Given(_) => String::new(),
            Reply::Refused(answer) => String::from_utf8_lossy(&answer.body).chars().take(300).collect(),
            Reply::Lost(error) => format!("{error:#}"),
        };
        let event = Event { at: Instant::now(), status: reply.status(), retry_after, said };
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        went_well
    }
}

fn refresh_token(reply: &Reply<gatepass_load::app::Tokens>) -> Option<String> {
    match reply {
        Reply::Given(tokens) => tokens.refresh_token.clone(),
        Reply::Refused(_) | Reply::Lost(_) => None,
    }
}
