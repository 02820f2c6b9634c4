//! What nodes look at to know whether what they remember is out of date: besides the newest revocation, the number of
//! changes of users. On SQLite a revocation moves its counter by itself, so that one statement writes both, as one does
//! on PostgreSQL.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DatabaseBackend;

#[derive(DeriveMigrationName)]
pub struct Migration;

const CHANGES: &str = "user_changes";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut changes = Table::create();
        changes
            .table(Alias::new(CHANGES))
            .col(ColumnDef::new(Alias::new("id")).big_integer().not_null().primary_key())
            .col(ColumnDef::new(Alias::new("number")).big_integer().not_null());
        manager.create_table(changes).await?;
        let first = "INSERT INTO user_changes (id, number) VALUES (1, 0)";
        manager.get_connection().execute_unprepared(first).await?;
        on_sqlite(
            manager,
            "CREATE TRIGGER revocations_number AFTER INSERT ON revocations \
             BEGIN UPDATE revocation_head SET number = NEW.number; END",
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        on_sqlite(manager, "DROP TRIGGER revocations_number").await?;
        manager.drop_table(Table::drop().table(Alias::new(CHANGES)).to_owned()).await
    }
}

async fn on_sqlite(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    if manager.get_database_backend() == DatabaseBackend::Sqlite {
        manager.get_connection().execute_unprepared(sql).await?;
    }
    Ok(())
}
