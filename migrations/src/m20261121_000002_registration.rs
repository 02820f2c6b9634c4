//! Clients that register themselves: what manages their registration, and what lets them in.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const REGISTRATIONS: &str = "registrations";
const INITIAL_ACCESS_TOKENS: &str = "initial_access_tokens";

/// Registrations are removed by their age. Whatever hangs on a client is found by the client's name: strangers may
/// remove their own clients, and must not make the database read every grant for it.
const INDEXES: &[(&str, &str)] = &[
    (REGISTRATIONS, "registered_at"),
    (INITIAL_ACCESS_TOKENS, "expires_at"),
    ("grants", "client_id"),
    ("consents", "client_id"),
];

fn index(table: &str, column: &str) -> String {
    format!("{table}_{column}")
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = |name: &'static str| ColumnDef::new(name);
        manager
            .create_table(
                Table::create()
                    .table(REGISTRATIONS)
                    .col(column("client_id").text().not_null().primary_key())
                    .col(column("access_token").binary().not_null())
                    .col(column("registered_at").big_integer().not_null())
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(INITIAL_ACCESS_TOKENS)
                    .col(column("token").binary().not_null().primary_key())
                    .col(column("uses_left").big_integer().not_null())
                    .col(column("expires_at").big_integer().not_null())
                    .to_owned(),
            )
            .await?;
        for (table, column) in INDEXES {
            manager
                .create_index(
                    Index::create().name(index(table, column)).table(*table).col(*column).to_owned(),
                )
                .await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in INDEXES.iter().rev() {
            manager.drop_index(Index::drop().name(index(table, column)).table(*table).to_owned()).await?;
        }
        for table in [INITIAL_ACCESS_TOKENS, REGISTRATIONS] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
