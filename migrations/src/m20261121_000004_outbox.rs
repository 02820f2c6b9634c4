//! The outbox: what has to reach somebody else, and how far it got.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const OUTBOX: &str = "outbox";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = |name: &'static str| ColumnDef::new(Alias::new(name));
        let mut create = Table::create();
        create
            .table(Alias::new(OUTBOX))
            .col(column("id").uuid().not_null().primary_key())
            .col(column("client_id").text().not_null())
            .col(column("target").text().not_null())
            .col(column("message").text().not_null())
            .col(column("created_at").big_integer().not_null())
            .col(column("attempts").big_integer().not_null())
            .col(column("next_attempt_at").big_integer().null())
            .col(column("delivered_at").big_integer().null())
            .col(column("given_up_at").big_integer().null())
            .col(column("last_outcome").text().null());
        manager.create_table(create).await?;
        for name in ["next_attempt_at", "created_at"] {
            let mut index = Index::create();
            index.name(format!("{OUTBOX}_{name}")).table(Alias::new(OUTBOX)).col(Alias::new(name));
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Alias::new(OUTBOX)).to_owned()).await
    }
}
