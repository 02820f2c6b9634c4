//! Few things are granted to very many people: what was granted to whom stands once, in `terms`, and a grant names it by
//! four bytes. The other numbers of a grant are as short as what they count, and its columns stand in the order in which
//! PostgreSQL leaves no gap between them.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DatabaseBackend;

#[derive(DeriveMigrationName)]
pub struct Migration;

const TERMS: &str = "terms";
const GRANTS: &str = "grants";
/// Until it has taken the place of the other.
const NEXT: &str = "grants_next";

/// In the year 2088: from there seconds in four bytes reach back to 2020 and on to 2156.
const EPOCH: i64 = 3_725_320_448;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = |name: &'static str| ColumnDef::new(name);
        let mut terms = Table::create();
        terms
            .table(TERMS)
            .col(column("id").integer().not_null().auto_increment().primary_key())
            .col(column("fingerprint").binary().null())
            .col(column("client_id").text().not_null())
            .col(column("scope").text().not_null())
            .col(column("resources").text().not_null())
            .col(column("claims").text().not_null());
        manager.create_table(terms).await?;
        let mut grants = Table::create();
        grants
            .table(NEXT)
            .col(column("id").uuid().not_null().primary_key())
            .col(column("user_id").uuid().not_null())
            .col(column("session_id").uuid().not_null())
            .col(column("terms_id").integer().not_null())
            .col(column("generation").integer().not_null())
            .col(column("auth_time").integer().not_null())
            .col(column("expires_at").integer().not_null())
            .col(column("rotated_at").big_integer().not_null())
            .col(column("ended_at").big_integer().null())
            .col(column("status_index").big_integer().null());
        manager.create_table(grants).await?;
        let connection = manager.get_connection();
        for sql in [
            "INSERT INTO terms (client_id, scope, resources, claims) \
             SELECT DISTINCT client_id, scope, resources, claims FROM grants",
            &format!(
                "INSERT INTO grants_next (id, user_id, session_id, terms_id, generation, auth_time, expires_at, \
                 rotated_at, ended_at, status_index) \
                 SELECT g.id, user_id, session_id, t.id, generation, auth_time / 1000 - {EPOCH}, \
                 expires_at / 1000 - {EPOCH}, rotated_at, ended_at, status_index \
                 FROM grants g JOIN terms t ON t.client_id = g.client_id AND t.scope = g.scope \
                 AND t.resources = g.resources AND t.claims = g.claims"
            ),
        ] {
            connection.execute_unprepared(sql).await?;
        }
        replace(manager).await?;
        let mut fingerprint = index(TERMS, "fingerprint");
        manager.create_index(fingerprint.unique().take()).await?;
        for (table, column) in [(TERMS, "client_id"), (GRANTS, "user_id"), (GRANTS, "terms_id")] {
            manager.create_index(index(table, column)).await?;
        }
        index_status(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = |name: &'static str| ColumnDef::new(name);
        let mut grants = Table::create();
        grants
            .table(NEXT)
            .col(column("id").uuid().not_null().primary_key())
            .col(column("user_id").uuid().not_null())
            .col(column("client_id").text().not_null())
            .col(column("session_id").uuid().not_null())
            .col(column("scope").text().not_null())
            .col(column("claims").text().not_null())
            .col(column("generation").big_integer().not_null())
            .col(column("auth_time").big_integer().not_null())
            .col(column("created_at").big_integer().not_null())
            .col(column("rotated_at").big_integer().not_null())
            .col(column("expires_at").big_integer().not_null())
            .col(column("ended_at").big_integer().null())
            .col(column("resources").text().not_null().default(""))
            .col(column("status_index").big_integer().null());
        manager.create_table(grants).await?;
        let seconds = |name: &str| format!("({EPOCH} + CAST({name} AS bigint)) * 1000");
        let (auth_time, expires_at) = (seconds("auth_time"), seconds("expires_at"));
        // When a grant was born is in its identifier alone; it was not before the sign-in.
        let copy = format!(
            "INSERT INTO grants_next (id, user_id, client_id, session_id, scope, claims, generation, auth_time, \
             created_at, rotated_at, expires_at, ended_at, resources, status_index) \
             SELECT g.id, user_id, client_id, session_id, scope, claims, generation, {auth_time}, \
             {auth_time}, rotated_at, {expires_at}, ended_at, resources, status_index \
             FROM grants g JOIN terms t ON t.id = g.terms_id"
        );
        manager.get_connection().execute_unprepared(&copy).await?;
        replace(manager).await?;
        manager.drop_table(Table::drop().table(TERMS).to_owned()).await?;
        for column in ["user_id", "expires_at", "client_id"] {
            manager.create_index(index(GRANTS, column)).await?;
        }
        index_status(manager).await
    }
}

async fn replace(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager.drop_table(Table::drop().table(GRANTS).to_owned()).await?;
    manager.rename_table(Table::rename().table(NEXT, GRANTS).to_owned()).await?;
    if manager.get_database_backend() == DatabaseBackend::Postgres {
        let rename = "ALTER INDEX grants_next_pkey RENAME TO grants_pkey";
        manager.get_connection().execute_unprepared(rename).await?;
    }
    Ok(())
}

fn index(table: &'static str, column: &'static str) -> IndexCreateStatement {
    Index::create().name(format!("{table}_{column}")).table(table).col(column).to_owned()
}

async fn index_status(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let index =
        "CREATE UNIQUE INDEX grants_status_index ON grants (status_index) WHERE status_index IS NOT NULL";
    manager.get_connection().execute_unprepared(index).await?;
    Ok(())
}
