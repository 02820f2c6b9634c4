//! The world that a test plays in, and its actors.

pub mod app_host;
pub mod balancer;
pub mod browser;
pub mod client_signer;
pub mod database;
pub mod endpoint;
pub mod follower;
pub mod guarded_api;
pub mod published;
pub mod redis;
pub mod registrant;
pub mod relying_party;
pub mod world;

pub use self::redis::Redis;
pub use app_host::AppHost;
pub use balancer::Balancer;
pub use browser::Browser;
pub use client_signer::ClientSigner;
pub use endpoint::Endpoint;
pub use follower::Follower;
pub use guarded_api::GuardedApi;
pub use published::Published;
pub use relying_party::RelyingParty;
pub use world::World;

/// A test that touches the store, once on SQLite and once on PostgreSQL.
///
/// `on_both!(a_code_dies_after_a_minute(world) { … })` makes `a_code_dies_after_a_minute::{on_sqlite, on_postgres}`.
#[macro_export]
macro_rules! on_both {
    ($name:ident($world:ident) $body:block) => {
        $crate::on_both!($name($world, []) $body);
    };
    ($name:ident($world:ident, $settings:expr) $body:block) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn play($world: $crate::support::World) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                let settings: &[(&'static str, &str)] = &$settings;
                play($crate::support::World::on_sqlite(settings).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                let settings: &[(&'static str, &str)] = &$settings;
                if let Some(database) = $crate::support::database::postgres().await {
                    play($crate::support::World::on_database(database.url.clone(), settings).await).await;
                    database.remove().await;
                }
            }
        }
    };
}
