//! What a user has allowed an app, once and for later.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};

use super::users::User;
use super::{Error, Transaction};
use crate::clock::Timestamp;
use crate::id::Id;
use crate::protocol::resource::Resources;
use crate::protocol::scope::Scope;

#[derive(Clone, Debug)]
pub struct Consent {
    pub user_id: Id<User>,
    pub client_id: String,
    pub scope: Scope,
    /// The APIs that the client may call (RFC 8707).
    pub resources: Resources,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

pub(super) mod row {
    use sea_orm::entity::prelude::*;

    use crate::clock::Timestamp;
    use crate::id::Id;
    use crate::store::users::User;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "consents")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Id<User>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub client_id: String,
        pub scope: String,
        pub resources: String,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use row::{ActiveModel, Column, Entity, Model};

impl TryFrom<Model> for Consent {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        let scope = row.scope.parse().map_err(|_| Error::Corrupt {
            table: "consents",
            column: "scope",
            row: format!("{} {}", row.user_id, row.client_id),
        })?;
        Ok(Consent {
            user_id: row.user_id,
            client_id: row.client_id,
            scope,
            resources: row.resources.split_whitespace().collect(),
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

pub async fn find(
    db: &impl ConnectionTrait,
    user: Id<User>,
    client_id: &str,
) -> Result<Option<Consent>, Error> {
    let found = Entity::find_by_id((user, client_id.to_owned())).one(db).await?;
    found.map(Consent::try_from).transpose()
}

/// What was agreed, which stays so until the transaction ends: taking it back at the same time waits, and then sees
/// what was born meanwhile.
pub async fn hold(tx: &Transaction, user: Id<User>, client_id: &str) -> Result<Option<Consent>, Error> {
    let held = Entity::find_by_id((user, client_id.to_owned())).lock_shared().one(tx).await?;
    held.map(Consent::try_from).transpose()
}

pub async fn list(db: &impl ConnectionTrait, user: Id<User>) -> Result<Vec<Consent>, Error> {
    let found =
        Entity::find().filter(Column::UserId.eq(user)).order_by_desc(Column::UpdatedAt).all(db).await?;
    found.into_iter().map(Consent::try_from).collect()
}

pub async fn give(db: &impl ConnectionTrait, consent: &Consent) -> Result<(), Error> {
    let row = ActiveModel {
        user_id: Set(consent.user_id),
        client_id: Set(consent.client_id.clone()),
        scope: Set(consent.scope.to_string()),
        resources: Set(consent.resources.to_string()),
        created_at: Set(consent.created_at),
        updated_at: Set(consent.updated_at),
    };
    let widen = OnConflict::columns([Column::UserId, Column::ClientId])
        .update_columns([Column::Scope, Column::Resources, Column::UpdatedAt])
        .to_owned();
    Entity::insert(row).on_conflict(widen).exec_without_returning(db).await?;
    Ok(())
}

/// Takes one consent back. `false`: there was none.
pub async fn remove(db: &impl ConnectionTrait, user: Id<User>, client_id: &str) -> Result<bool, Error> {
    let removed = Entity::delete_by_id((user, client_id.to_owned())).exec(db).await?;
    Ok(removed.rows_affected == 1)
}

pub async fn remove_all_of(db: &impl ConnectionTrait, user: Id<User>) -> Result<(), Error> {
    Entity::delete_many().filter(Column::UserId.eq(user)).exec(db).await?;
    Ok(())
}

pub async fn remove_all_for(db: &impl ConnectionTrait, client_id: &str) -> Result<(), Error> {
    Entity::delete_many().filter(Column::ClientId.eq(client_id)).exec(db).await?;
    Ok(())
}
