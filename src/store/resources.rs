//! Which clients serve an API (RFC 8707 §2), by the identifier of the API.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, Set};
use url::Url;

use super::{Error, Store};
use crate::protocol::resource::{self, Resources};

mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "resources")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub identifier: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub client_id: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use row::{ActiveModel, Column, Entity};

/// An API that is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Api {
    /// As the API itself writes it.
    pub identifier: String,
    /// What people call it.
    pub name: String,
}

impl Api {
    /// Nobody told us what people call it.
    pub fn unnamed(identifier: &str) -> Self {
        let url = Url::parse(identifier).ok();
        let name = url.as_ref().and_then(Url::host_str).unwrap_or(identifier).to_owned();
        Api { identifier: identifier.to_owned(), name }
    }
}

impl Store {
    /// The APIs among `wanted` that an active client serves.
    pub async fn apis(&self, wanted: &Resources) -> Result<Vec<Api>, Error> {
        let keys = wanted.iter().map(resource::key);
        let rows = Entity::find()
            .filter(Column::Identifier.is_in(keys))
            .order_by_asc(Column::Identifier)
            .order_by_asc(Column::ClientId)
            .all(self.read())
            .await?;
        let mut apis: Vec<Api> = Vec::new();
        for row in rows {
            if apis.iter().any(|api| resource::key(&api.identifier) == row.identifier) {
                continue;
            }
            let Some(client) = self.client(&row.client_id).await?.filter(|client| client.is_active()) else {
                continue;
            };
            let own = client.metadata.resources.iter().find(|own| resource::key(own) == row.identifier);
            let name = client.name().to_owned();
            apis.extend(own.map(|own| Api { identifier: own.clone(), name }));
        }
        Ok(apis)
    }
}

/// What a client serves, instead of what it served.
pub(super) async fn replace(
    db: &impl ConnectionTrait,
    client_id: &str,
    identifiers: &[String],
) -> Result<(), Error> {
    remove(db, &[client_id]).await?;
    insert(db, client_id, identifiers).await
}

pub(super) async fn insert(
    db: &impl ConnectionTrait,
    client_id: &str,
    identifiers: &[String],
) -> Result<(), Error> {
    let keys: Resources = identifiers.iter().map(|identifier| resource::key(identifier)).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let rows = keys.iter().map(|identifier| ActiveModel {
        identifier: Set(identifier.to_owned()),
        client_id: Set(client_id.to_owned()),
    });
    Entity::insert_many(rows).exec_without_returning(db).await?;
    Ok(())
}

pub(super) async fn remove(db: &impl ConnectionTrait, client_ids: &[&str]) -> Result<(), Error> {
    Entity::delete_many().filter(Column::ClientId.is_in(client_ids.iter().copied())).exec(db).await?;
    Ok(())
}
