//! The schema of Gatepass, step by step. One set of migrations for SQLite and PostgreSQL.
//!
//! Identifiers are 16 bytes, times are milliseconds since 1970 (integers: small, ordered, the same on both
//! databases), documents are JSON text that the server reads through its own types.

pub use sea_orm_migration::prelude::*;

mod m20261121_000001_foundation;
mod m20261121_000002_registration;
mod m20261121_000003_assertions;
mod m20261121_000004_outbox;
mod m20261121_000006_standing;
mod m20261121_000008_resources;
mod m20261121_000010_revocations;
mod m20261121_000011_status_lists;
mod m20261121_000018_client_documents;
mod m20261121_000020_what_nodes_look_at;
mod m20261121_000022_terms;

pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261121_000001_foundation::Migration),
            Box::new(m20261121_000002_registration::Migration),
            Box::new(m20261121_000003_assertions::Migration),
            Box::new(m20261121_000004_outbox::Migration),
            Box::new(m20261121_000006_standing::Migration),
            Box::new(m20261121_000008_resources::Migration),
            Box::new(m20261121_000010_revocations::Migration),
            Box::new(m20261121_000011_status_lists::Migration),
            Box::new(m20261121_000018_client_documents::Migration),
            Box::new(m20261121_000020_what_nodes_look_at::Migration),
            Box::new(m20261121_000022_terms::Migration),
        ]
    }
}
