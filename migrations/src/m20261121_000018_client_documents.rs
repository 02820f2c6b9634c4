//! Clients whose metadata is found at their identifier: where what we know of a client comes from.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const CLIENTS: &str = "clients";
const ORIGIN: &str = "origin";
const INDEX: &str = "clients_origin_updated_at";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut clients = Table::alter();
        clients
            .table(Alias::new(CLIENTS))
            .add_column(ColumnDef::new(Alias::new(ORIGIN)).text().not_null().default("registration"));
        manager.alter_table(clients).await?;
        let mut index = Index::create();
        index.name(INDEX).table(Alias::new(CLIENTS)).col(Alias::new(ORIGIN)).col(Alias::new("updated_at"));
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name(INDEX).table(Alias::new(CLIENTS)).to_owned()).await?;
        let mut clients = Table::alter();
        clients.table(Alias::new(CLIENTS)).drop_column(Alias::new(ORIGIN));
        manager.alter_table(clients).await
    }
}
