//! The way to a database, which can be made slow, lossy, or a dead end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use crate::seed::Seed;

/// What becomes of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    Clear,
    /// They take so long; of a hundred pieces so many are lost and come again after TCP's shortest time to repeat
    /// (200 ms on Linux).
    Poor {
        least: Duration,
        most: Duration,
        lost_percent: u64,
    },
    /// They are kept, and nobody is told.
    Blackhole,
}

const REPEATED_AFTER: Duration = Duration::from_millis(200);

pub struct Link {
    pub port: u16,
    weather: watch::Sender<Weather>,
    accepting: AbortHandle,
    opened: Arc<AtomicUsize>,
}

impl Link {
    pub async fn to(port: u16, seed: Seed) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let own = listener.local_addr()?.port();
        let (weather, _) = watch::channel(Weather::Clear);
        let (outlook, opened) = (weather.clone(), Arc::new(AtomicUsize::new(0)));
        let count = opened.clone();
        let accepting = tokio::spawn(async move {
            let mut seed = seed;
            while let Ok((near, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(carry(near, port, outlook.subscribe(), Seed::new(seed.next())));
            }
        });
        Ok(Link { port: own, weather, accepting: accepting.abort_handle(), opened })
    }

    pub fn turns(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// Connections since the start.
    pub fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn carry(near: TcpStream, port: u16, weather: watch::Receiver<Weather>, mut seed: Seed) {
    let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let (near_reads, near_writes) = near.into_split();
    let (far_reads, far_writes) = far.into_split();
    let (there, back) = (Seed::new(seed.next()), Seed::new(seed.next()));
    // Whichever side ends, ends both.
    tokio::select! {
        () = pump(near_reads, far_writes, weather.clone(), there) => {}
        () = pump(far_reads, near_writes, weather, back) => {}
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut weather: watch::Receiver<Weather>,
    mut seed: Seed,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let now = *weather.borrow();
        match now {
            Weather::Clear => {}
            Weather::Poor { least, most, lost_percent } => {
                sleep(seed.between(least, most)).await;
                if seed.below(100) < lost_percent {
                    sleep(REPEATED_AFTER).await;
                }
            }
            Weather::Blackhole => {
                let _ = weather.wait_for(|weather| *weather != Weather::Blackhole).await;
            }
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
