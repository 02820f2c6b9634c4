//! How a server comes to its end: not ready, draining, over.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// The stages of a server's life, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    Running,
    /// Still serving, but load balancers are told to go elsewhere, and connections are not kept alive.
    NotReady,
    /// No new connections; the requests that are under way finish.
    Draining,
    /// Whatever is left is cut off.
    Over,
}

/// How long the stages last.
#[derive(Clone, Copy, Debug)]
pub struct Drain {
    /// How long load balancers get to notice.
    pub notice: Duration,
    /// How long the end may take altogether.
    pub total: Duration,
}

impl Drain {
    /// Half of the time to be noticed, half to finish.
    pub fn within(total: Duration) -> Self {
        Drain { notice: total / 2, total }
    }

    /// For a server that nobody balances.
    pub fn without_notice(total: Duration) -> Self {
        Drain { notice: Duration::ZERO, total }
    }
}

/// The handle that ends servers, and that they watch. Its copies are one.
#[derive(Clone, Debug)]
pub struct Shutdown(Arc<watch::Sender<Stage>>);

impl Shutdown {
    pub fn new() -> Self {
        Shutdown(Arc::new(watch::Sender::new(Stage::Running)))
    }

    pub fn stage(&self) -> Stage {
        *self.0.borrow()
    }

    pub fn is_ready(&self) -> bool {
        self.stage() == Stage::Running
    }

    /// Walks through the stages; returns when it is over. A second call changes nothing that the first did.
    pub async fn end(&self, drain: Drain) {
        self.enter(Stage::NotReady);
        tokio::time::sleep(drain.notice.min(drain.total)).await;
        self.enter(Stage::Draining);
        tokio::time::sleep(drain.total.saturating_sub(drain.notice)).await;
        self.enter(Stage::Over);
    }

    /// Ends when the process is asked to (SIGTERM, SIGINT). Asked twice, it is over at once.
    pub async fn end_by_signal(&self, drain: Drain) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let mut asked = async || {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        asked().await;
        tracing::info!("stopping within {:?}", drain.total);
        tokio::select! {
            () = self.end(drain) => {}
            () = asked() => self.enter(Stage::Over),
        }
        Ok(())
    }

    /// Waits until this stage or a later one has come.
    pub async fn reached(&self, stage: Stage) {
        // The sender lives in `self`, so that the channel cannot close.
        let _ = self.0.subscribe().wait_for(|now| *now >= stage).await;
    }

    fn enter(&self, stage: Stage) {
        self.0.send_if_modified(|now| {
            let later = *now < stage;
            *now = (*now).max(stage);
            later
        });
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Shutdown::new()
    }
}
