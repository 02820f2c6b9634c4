//! The audit trail: rows that are only added, in the transaction of what they tell, and removed by operators only.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    Set,
};
use serde_json::Value;

use super::users::User;
use super::{Error, document, text_of};
use crate::clock::Timestamp;
use crate::id::Id;

#[derive(Clone, Debug)]
pub struct Entry {
    pub id: Id<Entry>,
    pub at: Timestamp,
    pub event: String,
    pub user_id: Option<Id<User>>,
    pub client_id: Option<String>,
    pub detail: Value,
}

mod row {
    use sea_orm::entity::prelude::*;

    use super::Entry;
    use crate::clock::Timestamp;
    use crate::id::Id;
    use crate::store::users::User;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Entry>,
        pub at: Timestamp,
        pub event: String,
        pub user_id: Option<Id<User>>,
        pub client_id: Option<String>,
        pub detail: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use row::{ActiveModel, Column, Entity, Model};

impl TryFrom<Model> for Entry {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        Ok(Entry {
            detail: document(&row.detail, "audit", "detail", row.id)?,
            id: row.id,
            at: row.at,
            event: row.event,
            user_id: row.user_id,
            client_id: row.client_id,
        })
    }
}

pub async fn append(db: &impl ConnectionTrait, entry: &Entry) -> Result<(), Error> {
    let row = ActiveModel {
        id: Set(entry.id),
        at: Set(entry.at),
        event: Set(entry.event.clone()),
        user_id: Set(entry.user_id),
        client_id: Set(entry.client_id.clone()),
        detail: Set(text_of(&entry.detail)),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// The newest entries first, of one user or of all.
pub async fn list(
    db: &impl ConnectionTrait,
    user: Option<Id<User>>,
    limit: u64,
) -> Result<Vec<Entry>, Error> {
    let rows = Entity::find()
        .apply_if(user, |query, user| query.filter(Column::UserId.eq(user)))
        .order_by_desc(Column::At)
        .order_by_desc(Column::Id)
        .limit(limit)
        .all(db)
        .await?;
    rows.into_iter().map(Entry::try_from).collect()
}

/// What was recorded before `end`, the oldest first, from the entry after this one on.
pub async fn list_before(
    db: &impl ConnectionTrait,
    end: Timestamp,
    after: Option<(Timestamp, Id<Entry>)>,
    limit: u64,
) -> Result<Vec<Entry>, Error> {
    let rows = Entity::find()
        .filter(Column::At.lt(end))
        .apply_if(after, |query, (at, id)| {
            let same_moment = Condition::all().add(Column::At.eq(at)).add(Column::Id.gt(id));
            query.filter(Column::At.gte(at)).filter(Condition::any().add(Column::At.gt(at)).add(same_moment))
        })
        .order_by_asc(Column::At)
        .order_by_asc(Column::Id)
        .limit(limit)
        .all(db)
        .await?;
    rows.into_iter().map(Entry::try_from).collect()
}

pub async fn remove_before(db: &impl ConnectionTrait, end: Timestamp, limit: u64) -> Result<u64, Error> {
    let old = Entity::find().select_only().column(Column::Id).filter(Column::At.lt(end)).limit(limit);
    let gone = Entity::delete_many().filter(Column::Id.in_subquery(old.into_query())).exec(db).await?;
    Ok(gone.rows_affected)
}
