//! Which clients registered themselves and were not looked at by the operator since.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut clients = Table::alter();
        let mut unverified = ColumnDef::new(Alias::new("unverified"));
        clients.table(Alias::new("clients")).add_column(unverified.boolean().not_null().default(false));
        manager.alter_table(clients).await?;
        let themselves =
            Query::select().column(Alias::new("client_id")).from(Alias::new("registrations")).to_owned();
        let mut marked = Query::update();
        marked
            .table(Alias::new("clients"))
            .value(Alias::new("unverified"), true)
            .and_where(Expr::col(Alias::new("id")).in_subquery(themselves));
        manager.execute(marked).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut clients = Table::alter();
        clients.table(Alias::new("clients")).drop_column(Alias::new("unverified"));
        manager.alter_table(clients).await
    }
}
