//! Token Status Lists: each grant of a client that wants it has a place in one.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const GRANTS: &str = "grants";
const COLUMN: &str = "status_index";
const HEAD: &str = "status_index_head";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = |name: &'static str| ColumnDef::new(Alias::new(name));
        let mut grants = Table::alter();
        grants.table(Alias::new(GRANTS)).add_column(column(COLUMN).big_integer().null());
        manager.alter_table(grants).await?;
        let mut head = Table::create();
        head.table(Alias::new(HEAD))
            .col(column("id").big_integer().not_null().primary_key())
            .col(column("next").big_integer().not_null());
        manager.create_table(head).await?;
        let connection = manager.get_connection();
        let index =
            "CREATE UNIQUE INDEX grants_status_index ON grants (status_index) WHERE status_index IS NOT NULL";
        connection.execute_unprepared(index).await?;
        connection.execute_unprepared("INSERT INTO status_index_head (id, next) VALUES (1, 0)").await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Alias::new(HEAD)).to_owned()).await?;
        manager
            .drop_index(Index::drop().name("grants_status_index").table(Alias::new(GRANTS)).to_owned())
            .await?;
        let mut grants = Table::alter();
        grants.table(Alias::new(GRANTS)).drop_column(Alias::new(COLUMN));
        manager.alter_table(grants).await
    }
}
