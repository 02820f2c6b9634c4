//! Changing what one says of oneself (OpenID Connect Core §5.1).

use serde_json::Value;

use crate::clock::Timestamp;
use crate::events::{self, Event};
use crate::id::Id;
use crate::store::users::{self, User};
use crate::store::{Error, Store};

/// The name of a claim and what it becomes; without a value it goes. Whoever hands one in has checked it.
pub type Edit = (&'static str, Option<Value>);

/// Writes only what differs: `updated_at` is a claim too.
pub async fn change(store: &Store, user: Id<User>, edits: Vec<Edit>, now: Timestamp) -> Result<(), Error> {
    store
        .write((user, edits, now), |tx, (user, edits, now)| {
            Box::pin(async move {
                let Some(user) = users::find(tx, *user).await? else { return Ok(()) };
                let mut claims = user.claims.clone();
                for (name, value) in edits {
                    match value {
                        Some(value) => claims.insert((*name).to_owned(), value.clone()),
                        None => claims.remove(*name),
                    };
                }
                if claims == user.claims {
                    return Ok(());
                }
                users::set_claims(tx, user.id, &claims, *now).await?;
                events::record(tx, &Event::ProfileChanged { user: user.id }, *now).await
            })
        })
        .await
}
