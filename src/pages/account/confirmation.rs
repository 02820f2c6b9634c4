//! Who has heard of what was just ended: the page looks again by itself for a few seconds.

use axum::http::HeaderValue;

use crate::clock::Timestamp;
use crate::pages::name::Name;
use crate::pages::view::Confirmation;
use crate::revocation::receipts;
use crate::store::revocations::Number;
use crate::store::{Error, Store, clients};

/// How often the page looks by itself, a second apart. Then the person may.
const LOOKS: u32 = 5;

pub(super) struct Progress {
    pub number: Number,
    /// How often it has looked before.
    pub looks: u32,
    /// Where it looks again.
    pub again: String,
}

impl Progress {
    /// `None`: no API follows, so there is nothing to say.
    pub async fn see(&self, store: &Store, now: Timestamp) -> Result<Option<Confirmation>, Error> {
        let Some(found) = receipts::confirmation(store, self.number, now).await? else { return Ok(None) };
        let ids: Vec<&str> = found.outstanding.iter().map(String::as_str).collect();
        let late = match ids.is_empty() {
            true => Vec::new(),
            false => clients::find_many(store.read(), &ids).await?,
        };
        Ok(Some(Confirmation {
            apis: found.apis,
            confirmed: found.apis - found.outstanding.len(),
            took: found.took,
            outstanding: late.iter().map(|client| Name::new(client.name())).collect(),
            again: (!ids.is_empty()).then(|| self.look(LOOKS)),
        }))
    }

    /// A header, because a page that loads itself again from within takes that decision from its reader
    /// (WCAG 2.2.1): this one stops after a few seconds.
    pub fn refresh(&self, confirmation: &Confirmation) -> Option<HeaderValue> {
        let goes_on = confirmation.again.is_some() && self.looks < LOOKS;
        goes_on.then(|| HeaderValue::try_from(format!("1; url={}", self.look(self.looks + 1))).ok()).flatten()
    }

    fn look(&self, looks: u32) -> String {
        format!("{}&look={looks}", self.again)
    }
}
