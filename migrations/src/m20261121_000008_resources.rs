//! Resource indicators: which client serves an API, and for which APIs something was agreed and granted.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, Statement};

#[derive(DeriveMigrationName)]
pub struct Migration;

const RESOURCES: &str = "resources";
/// What a person agreed to, and what came of it, name the APIs between spaces.
const NAMING: [&str; 2] = ["consents", "grants"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = |name: &'static str| ColumnDef::new(Alias::new(name));
        let mut create = Table::create();
        create
            .table(Alias::new(RESOURCES))
            .col(column("identifier").text().not_null())
            .col(column("client_id").text().not_null())
            .primary_key(Index::create().col(Alias::new("identifier")).col(Alias::new("client_id")));
        manager.create_table(create).await?;
        let mut index = Index::create();
        index.name("resources_client_id").table(Alias::new(RESOURCES)).col(Alias::new("client_id"));
        manager.create_index(index).await?;
        for table in NAMING {
            let mut alter = Table::alter();
            alter.table(Alias::new(table)).add_column(column(RESOURCES).text().not_null().default(""));
            manager.alter_table(alter).await?;
        }
        serve(manager.get_connection()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in NAMING {
            let mut alter = Table::alter();
            alter.table(Alias::new(table)).drop_column(Alias::new(RESOURCES));
            manager.alter_table(alter).await?;
        }
        manager.drop_table(Table::drop().table(Alias::new(RESOURCES)).to_owned()).await
    }
}

/// What the clients that are there already serve.
async fn serve(db: &SchemaManagerConnection<'_>) -> Result<(), DbErr> {
    let backend = db.get_database_backend();
    let clients =
        db.query_all_raw(Statement::from_string(backend, "SELECT id, metadata FROM clients")).await?;
    for client in clients {
        let (id, metadata): (String, String) = (client.try_get_by_index(0)?, client.try_get_by_index(1)?);
        let metadata: serde_json::Value =
            serde_json::from_str(&metadata).map_err(|error| DbErr::Custom(error.to_string()))?;
        let served = metadata["resources"].as_array().into_iter().flatten();
        for identifier in served.filter_map(serde_json::Value::as_str) {
            let mut insert = Query::insert();
            insert
                .into_table(Alias::new(RESOURCES))
                .columns([Alias::new("identifier"), Alias::new("client_id")])
                .values([bare(identifier).into(), id.as_str().into()])
                .map_err(|error| DbErr::Custom(error.to_string()))?
                .on_conflict(OnConflict::new().do_nothing().to_owned());
            db.execute(&insert).await?;
        }
    }
    Ok(())
}

/// An origin has no slash at its end: both ways of writing it are one URI.
fn bare(identifier: &str) -> &str {
    let bare = identifier.strip_suffix('/').unwrap_or(identifier);
    match bare.split_once("://") {
        Some((_, host)) if !host.contains('/') => bare,
        _ => identifier,
    }
}
