//! Client assertions: which were shown already, and the sealed secrets of clients that sign with them.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut replay = Table::create();
        replay
            .table(Alias::new("replay"))
            .col(ColumnDef::new(Alias::new("key")).binary().not_null().primary_key())
            .col(ColumnDef::new(Alias::new("expires_at")).big_integer().not_null());
        manager.create_table(replay).await?;
        let mut expiry = Index::create();
        expiry.name("replay_expires_at").table(Alias::new("replay")).col(Alias::new("expires_at"));
        manager.create_index(expiry).await?;
        let mut clients = Table::alter();
        clients
            .table(Alias::new("clients"))
            .add_column(ColumnDef::new(Alias::new("sealed_secret")).binary().null());
        manager.alter_table(clients).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut clients = Table::alter();
        clients.table(Alias::new("clients")).drop_column(Alias::new("sealed_secret"));
        manager.alter_table(clients).await?;
        manager.drop_table(Table::drop().table(Alias::new("replay")).to_owned()).await
    }
}
