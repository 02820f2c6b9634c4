//! What other nodes have committed, heard of at once where the database can tell (PostgreSQL's LISTEN). It is never
//! more than a reason to look: who hears nothing looks every now and then all the same.

use std::time::Duration;

use sea_orm::sqlx::postgres::PgListener;

use super::Store;
use super::database::Address;
use super::transaction::NEWS;

/// Between two tries to reach the database.
const BREATH: Duration = Duration::from_secs(2);

pub struct Notices {
    store: Store,
    connection: Option<PgListener>,
}

impl Notices {
    pub(super) fn of(store: Store) -> Self {
        Notices { store, connection: None }
    }

    /// Returns when somebody has committed what others should know, or may have while the connection was down.
    pub async fn news(&mut self) {
        // On SQLite nobody tells us, and nobody else writes but the command line.
        let Address::Postgres(url) = self.store.address() else { return std::future::pending().await };
        loop {
            match &mut self.connection {
                // `None`: the connection was lost and is there again, and what was told meanwhile is lost.
                Some(listener) => match listener.try_recv().await {
                    Ok(_) => return,
                    Err(error) => {
                        tracing::warn!(%error, "lost the notices of other nodes; looking for them instead");
                        self.connection = None;
                        self.store.endings().listen(false);
                        tokio::time::sleep(BREATH).await;
                    }
                },
                None => match listen(url).await {
                    Ok(listener) => {
                        self.connection = Some(listener);
                        self.store.endings().listen(true);
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
    listener.listen(NEWS).await?;
    Ok(listener)
}
