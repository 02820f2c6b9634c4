//! What was sent and what came back. One line is on disk before a request leaves and one after its whole answer has
//! come, so that afterwards nobody has to believe the memory of a program.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use aws_lc_rs::digest::{SHA256, digest};
use gatepass_load::visitor::Visitor;
use tokio::sync::oneshot;

use crate::client::Reply;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    SignIn,
    /// The object is a code.
    Redemption,
    /// The object is a refresh token.
    Rotation,
    /// The object is a refresh token.
    Revocation,
}

/// What is known of a deed when the fault is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It must have lasted.
    Acked,
    /// It may have happened, once.
    Unknown,
    /// It must not have happened.
    Refused,
}

pub struct Deed {
    pub kind: Kind,
    /// What was sent.
    pub object: String,
    /// What came of it: a refresh token.
    pub given: Option<String>,
    pub fate: Fate,
}

/// What is to be looked at after a fault.
#[derive(Default)]
pub struct Page {
    pub deeds: Vec<Deed>,
    /// Browsers in which somebody is signed in.
    pub sessions: Vec<Visitor>,
    /// Codes that have come and were never sent.
    pub codes: Vec<String>,
}

struct Line {
    text: String,
    written: oneshot::Sender<()>,
}

pub struct Ledger {
    lines: Sender<Line>,
    page: Mutex<Page>,
}

/// A deed that is under way.
pub struct Sent {
    kind: Kind,
    object: String,
}

impl Ledger {
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::options().create(true).append(true).open(path)?;
        let (lines, waiting) = channel();
        std::thread::spawn(move || keep(file, &waiting));
        Ok(Ledger { lines, page: Mutex::default() })
    }

    pub async fn sends(&self, kind: Kind, object: &str) -> anyhow::Result<Sent> {
        self.write(format!("send {kind:?} {}", fingerprint(object))).await?;
        Ok(Sent { kind, object: object.to_owned() })
    }

    /// `given`: what came of it, if it was done.
    pub async fn receives<T>(
        &self,
        sent: Sent,
        reply: &Reply<T>,
        given: Option<String>,
    ) -> anyhow::Result<()> {
        let Sent { kind, object } = sent;
        let status = reply.status().map_or("lost".to_owned(), |status| status.to_string());
        self.write(format!("answer {kind:?} {} {status}", fingerprint(&object))).await?;
        let fate = reply.fate();
        self.page().deeds.push(Deed { kind, object, given, fate });
        Ok(())
    }

    pub fn page(&self) -> MutexGuard<'_, Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything since the last time.
    pub fn turn_page(&self) -> Page {
        std::mem::take(&mut *self.page())
    }

    async fn write(&self, text: String) -> anyhow::Result<()> {
        let (written, done) = oneshot::channel();
        self.lines.send(Line { text, written }).ok().context("the ledger is closed")?;
        done.await.context("the ledger cannot be written")
    }
}

/// Lines that arrive together share one fsync.
fn keep(mut file: File, waiting: &Receiver<Line>) {
    while let Ok(first) = waiting.recv() {
        let lines: Vec<Line> = std::iter::once(first).chain(waiting.try_iter()).collect();
        let text: String = lines.iter().map(|line| format!("{}\n", line.text)).collect();
        if file.write_all(text.as_bytes()).and_then(|()| file.sync_data()).is_err() {
            return;
        }
        for line in lines {
            // Whoever waited may have been dropped with the fault.
            let _ = line.written.send(());
        }
    }
}

fn fingerprint(object: &str) -> String {
    let hash = digest(&SHA256, object.as_bytes());
    hash.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
