//! What happened, told to the audit trail, the log and the metrics: once, here.

mod event;

pub use event::{Event, Reason};

use crate::clock::Timestamp;
use crate::id::Id;
use crate::store::{self, Transaction, audit};

/// Adds `event` to the audit trail, in the transaction of what it tells: either both are there or neither. The log and
/// the metrics hear of it after the commit.
pub async fn record(tx: &Transaction, event: &Event, now: Timestamp) -> Result<(), store::Error> {
    audit::append(tx, &entry(event, now)).await?;
    tell_afterwards(tx, event.clone());
    Ok(())
}

/// What the audit trail says of it, for a statement that writes it beside other things.
pub fn entry(event: &Event, now: Timestamp) -> audit::Entry {
    audit::Entry {
        id: Id::new(),
        at: now,
        event: event.name().to_owned(),
        user_id: event.user(),
        client_id: event.client().map(str::to_owned),
        detail: event.detail(),
    }
}

/// See [`tell`].
pub fn tell_afterwards(tx: &Transaction, event: Event) {
    tx.tell_afterwards(move || tell(&event));
}

/// Only to the log and the metrics: for what happens too often to write a row for it.
pub fn tell(event: &Event) {
    metrics::counter!("gatepass_events_total", "event" => event.name()).increment(1);
    tracing::info!(
        target: "audit",
        event = event.name(),
        user = event.user().map(tracing::field::display),
        client = event.client(),
        detail = %event.detail(),
    );
}
