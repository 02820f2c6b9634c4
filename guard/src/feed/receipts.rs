//! Receipts: telling the server up to where this process refuses.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::{Connection, Feed};
use crate::server::Server;

const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Sends the newest number only, one request at a time: what is applied meanwhile goes with the next one. Runs for as
/// long as it is not aborted.
pub async fn send_receipts(server: Arc<Server>, feed: Arc<Feed>, instance: String) {
    let mut position = feed.position.subscribe();
    let mut pause = Duration::from_secs(1);
    loop {
        let news = position.wait_for(|position| {
            position.connection == Connection::Current && position.confirmed != Some(position.applied)
        });
        let Ok(applied) = news.await.map(|position| position.applied) else { return };
        match server.confirm(&instance, applied).await {
            Ok(status) if status.is_success() => {
                feed.is_confirmed(applied);
                pause = Duration::from_secs(1);
                continue;
            }
            Ok(status) => tracing::warn!(%status, "the server did not take our receipt"),
            Err(error) => tracing::warn!(error, "the receipt did not reach the server"),
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
