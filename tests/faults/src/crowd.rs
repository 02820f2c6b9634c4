//! Many connections at once, and what they cost the node.

use std::time::Duration;

use anyhow::Context;
use futures_util::stream::{FuturesUnordered, StreamExt};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::time::sleep;

use crate::rig::Node;

/// Opened at a time: a whole crowd at once would measure the queue of the kernel.
const AT_ONCE: usize = 64;

/// Lets this process open so many more files.
pub fn make_room(connections: usize) -> anyhow::Result<()> {
    let needed = connections as u64 + 256;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < needed) {
        let maximum = limit.maximum.map(|maximum| maximum.max(needed));
        let raised = Rlimit { current: Some(needed), maximum };
        setrlimit(Resource::Nofile, raised).context("the limit of file descriptors is too low")?;
    }
    Ok(())
}

/// Runs `open` so many times, a few at a time.
pub async fn gather<T, F: Future<Output = anyhow::Result<T>>>(
    count: usize,
    open: impl Fn(usize) -> F,
) -> anyhow::Result<Vec<T>> {
    let mut all = Vec::with_capacity(count);
    let mut opening = FuturesUnordered::new();
    let mut next = 0;
    while all.len() < count {
        while next < count && opening.len() < AT_ONCE {
            opening.push(open(next));
            next += 1;
        }
        all.extend(opening.next().await.transpose()?);
    }
    Ok(all)
}

/// Megabytes that a node has resident.
pub fn resident(node: &Node) -> anyhow::Result<f64> {
    Ok(node.usage()?.resident_bytes as f64 / (1 << 20) as f64)
}

/// The most that it has while `work` goes on, and what comes of the work.
pub async fn peak<T>(node: &Node, work: impl Future<Output = T>) -> anyhow::Result<(f64, T)> {
    let mut work = std::pin::pin!(work);
    let mut most = resident(node)?;
    loop {
        tokio::select! {
            done = &mut work => return Ok((most.max(resident(node)?), done)),
            () = sleep(Duration::from_millis(100)) => most = most.max(resident(node)?),
        }
    }
}
