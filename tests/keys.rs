//! Several nodes and one set of signing keys (first boot, rotation).

use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::join_all;
use gatepass::clock::Timestamp;
use gatepass::keys::KeyRing;
use gatepass::keys::rotation::{Overlap, Rotation, first, retire_at_once, rotate};
use gatepass::protocol::algorithm::Algorithm;
use gatepass::secret::{RootKey, base64url, random};
use gatepass::store::keys::{insert, list};
use gatepass::store::{Address, Store};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const OVERLAP: Overlap = Overlap {
    announce: Duration::from_secs(600),
    longest_token: Duration::from_secs(3600),
    skew: Duration::from_secs(60),
};

/// Three nodes on one SQLite file, which ends with them.
struct Nodes {
    file: PathBuf,
    nodes: Vec<Store>,
    sealing: RootKey,
}

impl Nodes {
    async fn new() -> Self {
        let file = std::env::temp_dir().join(format!("gatepass-{}.db", base64url(&random::<12>())));
        let mut nodes = Vec::new();
        for _ in 0..3 {
            nodes.push(Store::open(&Address::Sqlite(file.clone()), 2).await.unwrap());
        }
        nodes[0].migrate().await.unwrap();
        Nodes { file, nodes, sealing: RootKey::new() }
    }

    async fn boot(&self, node: &Store) {
        let rows = list(node.read()).await.unwrap();
        for key in first(&rows, NOW, &self.sealing) {
            node.write(key, |transaction, key| Box::pin(insert(transaction, key))).await.unwrap();
        }
    }

    async fn ring(&self, node: &Store) -> KeyRing {
        KeyRing::load(&list(node.read()).await.unwrap(), &self.sealing, None, NOW).unwrap()
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for ending in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{ending}", self.file.display()));
        }
    }
}

async fn write(node: &Store, rotation: Rotation) -> bool {
    node.write(rotation, |transaction, rotation| Box::pin(rotation.write(transaction))).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn three_nodes_that_start_together_have_one_key_an_algorithm() {
    let world = Nodes::new().await;
    join_all(world.nodes.iter().map(|node| world.boot(node))).await;
    let rows = list(world.nodes[0].read()).await.unwrap();
    assert_eq!(rows.len(), Algorithm::ALL.len());
    for algorithm in Algorithm::ALL {
        let mut kids = Vec::new();
        for node in &world.nodes {
            kids.push(world.ring(node).await.signing_key(algorithm, NOW).unwrap().kid().to_owned());
        }
        kids.dedup();
        assert_eq!(kids.len(), 1, "{algorithm}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn of_nodes_that_rotate_together_one_does() {
    let world = Nodes::new().await;
    world.boot(&world.nodes[0]).await;
    let rows = list(world.nodes[0].read()).await.unwrap();
    let writes = (0..12).map(|at| {
        let rotation = rotate(&rows, Algorithm::EdDSA, NOW, &OVERLAP, &world.sealing);
        write(&world.nodes[at % 3], rotation)
    });
    let winners = join_all(writes).await.into_iter().filter(|won| *won).count();
    assert_eq!(winners, 1);
    let rows = list(world.nodes[1].read()).await.unwrap();
    let keys: Vec<_> = rows.iter().filter(|row| row.algorithm == Algorithm::EdDSA).collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0].retired_at.or(keys[1].retired_at), Some(NOW.plus(OVERLAP.announce)));
}

#[tokio::test]
async fn a_rotation_of_rows_that_have_changed_writes_nothing() {
    let world = Nodes::new().await;
    let node = &world.nodes[0];
    world.boot(node).await;
    let rows = list(node.read()).await.unwrap();
    let stale = rotate(&rows, Algorithm::ES256, NOW, &OVERLAP, &world.sealing);
    let retired = Rotation { insert: None, ..rotate(&rows, Algorithm::ES256, NOW, &OVERLAP, &world.sealing) };
    assert!(write(node, retired).await);
    assert!(!write(node, stale).await);
    assert_eq!(list(node.read()).await.unwrap().len(), rows.len());
}

#[tokio::test]
async fn an_emergency_takes_back_a_rotation_that_is_under_way() {
    let world = Nodes::new().await;
    let node = &world.nodes[0];
    world.boot(node).await;
    let stolen = world.ring(node).await.signing_key(Algorithm::ES256, NOW).unwrap().kid().to_owned();
    let rows = list(node.read()).await.unwrap();
    assert!(write(node, rotate(&rows, Algorithm::ES256, NOW, &OVERLAP, &world.sealing)).await);
    let rows = list(node.read()).await.unwrap();
    assert!(write(node, retire_at_once(&rows, &stolen, NOW, &world.sealing).unwrap()).await);
    let ring = world.ring(&world.nodes[2]).await;
    assert!(ring.verification_key(&stolen, NOW).is_none());
    assert_ne!(ring.signing_key(Algorithm::ES256, NOW).unwrap().kid(), stolen);
    let rows = list(node.read()).await.unwrap();
    assert!(first(&rows, NOW, &world.sealing).is_empty(), "and nothing is missing");
}
