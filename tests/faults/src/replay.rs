//! After a fault: every object of the ledger is used again, and must be what was acknowledged.

use std::collections::HashSet;
use std::sync::Arc;

use gatepass_load::connection::Lost;
use gatepass_load::description::Description;
use gatepass_load::visitor::Asking;

use crate::client::Client;
use crate::ledger::{Fate, Kind, Page};
use crate::report::Verdict;

/// What the ledger promised and the server has not kept.
#[derive(Debug, Default)]
pub struct Losses {
    /// Acknowledged deeds and what came of them that were looked at.
    pub acked: usize,
    pub unknown: usize,
    sessions: usize,
    tokens: usize,
    codes: usize,
    /// Revoked tokens that work.
    revived: usize,
    /// Codes that were redeemed again after an acknowledged redemption.
    twice: usize,
    /// Codes of unknown fate with more than one success.
    unknown_twice: usize,
}

impl Losses {
    pub fn add(&mut self, more: Losses) {
        self.acked += more.acked;
        self.unknown += more.unknown;
        self.sessions += more.sessions;
        self.tokens += more.tokens;
        self.codes += more.codes;
        self.revived += more.revived;
        self.twice += more.twice;
        self.unknown_twice += more.unknown_twice;
    }

    pub fn marks(&self, verdict: Verdict) -> Verdict {
        verdict
            .none("acknowledged sessions lost", self.sessions)
            .none("acknowledged refresh tokens lost", self.tokens)
            .none("acknowledged codes lost", self.codes)
            .none("acknowledged revocations lost", self.revived)
            .none("codes redeemed twice", self.twice)
            .none("codes of unknown fate with more than one success", self.unknown_twice)
    }
}

/// Looks at everything; what it uses up is not to be used afterwards.
pub async fn replay(site: &Arc<Description>, page: Page) -> anyhow::Result<Losses> {
    let mut client = Client::new(site)?;
    let of = |kind: Kind, fate: Fate| {
        let deeds = page.deeds.iter().filter(move |deed| deed.kind == kind && deed.fate == fate);
        deeds.map(|deed| deed.object.as_str()).collect::<HashSet<_>>()
    };
    let mut losses = Losses {
        acked: page.deeds.iter().filter(|deed| deed.fate == Fate::Acked).count() + page.codes.len(),
        unknown: page.deeds.iter().filter(|deed| deed.fate == Fate::Unknown).count(),
        ..Losses::default()
    };
    for session in &page.sessions {
        let mut browser = session.another_tab(site, Lost::Told)?;
        if let Err(error) = browser.authorize(site, Asking::Silent).await {
            eprintln!("a session is lost: {error:#}");
            losses.sessions += 1;
        }
    }
    // What was rotated or revoked, or may have been revoked, has no promise left. What may have been rotated has: a
    // retry within the grace gets the successor.
    let (rotated, revoked) = (of(Kind::Rotation, Fate::Acked), of(Kind::Revocation, Fate::Acked));
    let perhaps_revoked = of(Kind::Revocation, Fate::Unknown);
    for token in page.deeds.iter().filter_map(|deed| deed.given.as_deref()) {
        if rotated.contains(token) || revoked.contains(token) || perhaps_revoked.contains(token) {
            continue;
        }
        let reply = client.refresh(token).await;
        if reply.fate() != Fate::Acked {
            eprintln!("a refresh token is lost: {:?} {:?}", reply.status(), reply.error());
            losses.tokens += 1;
        }
    }
    for token in &revoked {
        losses.revived += usize::from(client.refresh(token).await.fate() != Fate::Refused);
    }
    for code in &page.codes {
        let reply = client.exchange(code).await;
        if reply.fate() != Fate::Acked {
            eprintln!("a code is lost: {:?} {:?}", reply.status(), reply.error());
            losses.codes += 1;
        }
    }
    for code in &of(Kind::Redemption, Fate::Unknown) {
        let (first, second) = (client.exchange(code).await.fate(), client.exchange(code).await.fate());
        losses.unknown_twice += usize::from(first == Fate::Acked && second == Fate::Acked);
    }
    // Last of all, because a replay ends what came of the code.
    for code in &of(Kind::Redemption, Fate::Acked) {
        losses.twice += usize::from(client.exchange(code).await.fate() != Fate::Refused);
    }
    Ok(losses)
}
