//! What other nodes have committed, heard of at once where the database can tell (PostgreSQL's LISTEN). It is never
//! more than a reason to look: who hears nothing looks every now and then all the same.

use std::time::Duration;

use sea_orm::sqlx::postgres::PgListener;

use super::database::Address;

/// What a transaction notifies that has ended something.
pub(super) const ENDED: &str = "gatepass_revocations";
/// Between two tries to reach the database.
const BREATH: Duration = Duration::from_secs(2);

pub struct Notices {
    /// `None`: nobody tells us, and nobody else writes but the command line.
    url: Option<String>,
    connection: Option<PgListener>,
}

impl Notices {
    pub(super) fn of(address: &Address) -> Self {
        let url = match address {
            Address::Postgres(url) => Some(url.clone()),
            Address::Sqlite(_) => None,
        };
        Notices { url, connection: None }
    }

    /// Returns when somebody has ended something, or may have while the connection was down.
    pub async fn ended(&mut self) {
        let Some(url) = &self.url else { return std::future::pending().await };
        loop {
            match &mut self.connection {
                // `None`: the connection was lost and is there again, and what was told meanwhile is lost.
                Some(listener) => match listener.try_recv().await {
                    Ok(_) => return,
                    Err(error) => {
                        tracing::warn!(%error, "lost the notices of other nodes; looking for them instead");
                        self.connection = None;
                        tokio::time::sleep(BREATH).await;
                    }
                },
                None => match listen(url).await {
                    Ok(listener) => {
                        self.connection = Some(listener);
                        return;
                    }
                    Err(_) => tokio::time::sleep(BREATH).await,
                },
            }
        }
    }
}

async fn listen(url: &str) -> Result<PgListener, sea_orm::sqlx::Error> {
    let mut listener = PgListener::connect(url).await?;
    listener.listen(ENDED).await?;
    Ok(listener)
}
