//! Well-behaved clients beside a fault: whether they are served, and how long they wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use gatepass_load::description::Description;
use tokio::time::sleep;

use crate::bench::Scale;
use crate::client::{Client, Reply};

const CLIENTS: usize = 4;
/// Between an answer and the next request of a client.
const PAUSE: Duration = Duration::from_millis(10);

#[derive(Default)]
pub struct Waits {
    served: Vec<Duration>,
    pub unserved: usize,
}

impl Waits {
    pub fn served(&self) -> usize {
        self.served.len()
    }

    pub fn p99(&self) -> Duration {
        let mut sorted = self.served.clone();
        sorted.sort();
        sorted.get(sorted.len() * 99 / 100).copied().unwrap_or_default()
    }

    /// How many times as long as `before` one in a hundred waits.
    pub fn times(&self, before: &Waits, scale: Scale) -> f64 {
        // What a busy machine adds by itself: shorter waits are not told apart.
        let noise = Duration::from_millis(scale.choose(60, 25));
        self.p99().max(noise).as_secs_f64() / before.p99().max(noise).as_secs_f64()
    }
}

/// They ask for tokens (client_credentials) for so long, each on its own connection.
pub async fn served(site: &Arc<Description>, time: Duration) -> anyhow::Result<Waits> {
    let clients: Vec<Client> = (0..CLIENTS).map(|_| Client::new(site)).collect::<Result<_, _>>()?;
    let end = Instant::now() + time;
    let all = join_all(clients.into_iter().map(|client| ask(client, end))).await;
    Ok(all.into_iter().fold(Waits::default(), |mut all, one| {
        all.served.extend(one.served);
        all.unserved += one.unserved;
        all
    }))
}

async fn ask(mut client: Client, end: Instant) -> Waits {
    let mut waits = Waits::default();
    while Instant::now() < end {
        let began = Instant::now();
        match client.token("grant_type=client_credentials").await {
            Reply::Given(_) => waits.served.push(began.elapsed()),
            reply => {
                eprintln!("{reply:?}");
                waits.unserved += 1;
            }
        }
        sleep(PAUSE).await;
    }
    waits
}
