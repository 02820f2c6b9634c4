//! Clients that registered themselves, each with the token that manages it (RFC 7592 §1.2).

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set};

use super::Error;
use crate::clock::Timestamp;
use crate::secret::Fingerprint;

#[derive(Clone, Debug)]
pub struct Registration {
    pub client_id: String,
    pub access_token: Fingerprint,
    pub registered_at: Timestamp,
}

pub(super) mod row {
    use sea_orm::entity::prelude::*;

    use crate::clock::Timestamp;
    use crate::secret::Fingerprint;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "registrations")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub client_id: String,
        pub access_token: Fingerprint,
        pub registered_at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use row::{ActiveModel, Column, Entity, Model};

impl From<Model> for Registration {
    fn from(row: Model) -> Self {
        let Model { client_id, access_token, registered_at } = row;
        Registration { client_id, access_token, registered_at }
    }
}

pub async fn insert(db: &impl ConnectionTrait, registration: &Registration) -> Result<(), Error> {
    let row = ActiveModel {
        client_id: Set(registration.client_id.clone()),
        access_token: Set(registration.access_token),
        registered_at: Set(registration.registered_at),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

pub async fn find(db: &impl ConnectionTrait, client_id: &str) -> Result<Option<Registration>, Error> {
    Ok(Entity::find_by_id(client_id.to_owned()).one(db).await?.map(Registration::from))
}

/// Puts `next` in the place of `current`. `false`: `current` was no longer the token.
pub async fn rotate(
    db: &impl ConnectionTrait,
    client_id: &str,
    current: Fingerprint,
    next: Fingerprint,
) -> Result<bool, Error> {
    let rotated = Entity::update_many()
        .col_expr(Column::AccessToken, Expr::value(next))
        .filter(Column::ClientId.eq(client_id))
        .filter(Column::AccessToken.eq(current))
        .exec(db)
        .await?;
    Ok(rotated.rows_affected == 1)
}

/// Removes the registration, if `current` is its token.
pub async fn give_up(
    db: &impl ConnectionTrait,
    client_id: &str,
    current: Fingerprint,
) -> Result<bool, Error> {
    let removed = Entity::delete_many()
        .filter(Column::ClientId.eq(client_id))
        .filter(Column::AccessToken.eq(current))
        .exec(db)
        .await?;
    Ok(removed.rows_affected == 1)
}

pub async fn remove(db: &impl ConnectionTrait, client_id: &str) -> Result<(), Error> {
    Entity::delete_by_id(client_id.to_owned()).exec(db).await?;
    Ok(())
}
