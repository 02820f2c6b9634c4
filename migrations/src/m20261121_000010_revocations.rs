//! Revocations: what has ended, numbered in the order of commits, and how far the APIs that are told of it are.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const REVOCATIONS: &str = "revocations";
const HEAD: &str = "revocation_head";
const FOLLOWERS: &str = "followers";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = |name: &'static str| ColumnDef::new(Alias::new(name));
        let mut revocations = Table::create();
        revocations
            .table(Alias::new(REVOCATIONS))
            .col(column("number").big_integer().not_null().primary_key())
            .col(column("at").big_integer().not_null())
            .col(column("forget_at").big_integer().not_null())
            .col(column("dead").text().not_null())
            .col(column("confirmed_at").big_integer().null());
        manager.create_table(revocations).await?;

        let mut head = Table::create();
        head.table(Alias::new(HEAD))
            .col(column("id").big_integer().not_null().primary_key())
            .col(column("number").big_integer().not_null())
            .col(column("token_life").big_integer().not_null());
        manager.create_table(head).await?;

        let mut followers = Table::create();
        followers
            .table(Alias::new(FOLLOWERS))
            .col(column("client_id").text().not_null())
            .col(column("instance").text().not_null())
            .col(column("applied").big_integer().not_null())
            .col(column("seen_at").big_integer().not_null())
            .col(column("since").big_integer().not_null())
            .primary_key(Index::create().col(Alias::new("client_id")).col(Alias::new("instance")));
        manager.create_table(followers).await?;

        let mut forgotten = Index::create();
        forgotten
            .name(format!("{REVOCATIONS}_forget_at"))
            .table(Alias::new(REVOCATIONS))
            .col(Alias::new("forget_at"));
        manager.create_index(forgotten).await?;
        let connection = manager.get_connection();
        // Few at a time, and asked for at each receipt.
        let outstanding =
            "CREATE INDEX revocations_outstanding ON revocations (number) WHERE confirmed_at IS NULL";
        connection.execute_unprepared(outstanding).await?;
        let first = "INSERT INTO revocation_head (id, number, token_life) VALUES (1, 0, 0)";
        connection.execute_unprepared(first).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [FOLLOWERS, HEAD, REVOCATIONS] {
            manager.drop_table(Table::drop().table(Alias::new(table)).to_owned()).await?;
        }
        Ok(())
    }
}
