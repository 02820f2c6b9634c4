//! What users prove themselves with: one row a user and kind.

use sea_orm::sea_query::{Expr, IntoCondition, OnConflict};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, JoinType, QueryFilter, QuerySelect, RelationTrait, Set,
};

use super::Error;
use super::users::{self, User, Username};
use crate::clock::Timestamp;
use crate::id::Id;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The verifier is a PHC string.
    Password,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Kind::Password => "password",
        }
    }
}

mod row {
    use sea_orm::entity::prelude::*;

    use crate::clock::Timestamp;
    use crate::id::Id;
    use crate::store::users::{self, User};

    #[derive(Clone, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "credentials")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Id<User>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub kind: String,
        pub verifier: String,
        pub updated_at: Timestamp,
    }

    impl std::fmt::Debug for Model {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.debug_struct("Credential").field("user_id", &self.user_id).field("kind", &self.kind).finish()
        }
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(belongs_to = "users::row::Entity", from = "Column::UserId", to = "users::row::Column::Id")]
        User,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

use row::{ActiveModel, Column, Entity};

/// Whom a name means, and what proves it.
pub async fn find_named(
    db: &impl ConnectionTrait,
    username: &Username,
    kind: Kind,
) -> Result<Option<(User, Option<String>)>, Error> {
    let proof = row::Relation::User.def().rev();
    let proof = proof.on_condition(move |_, _| Column::Kind.eq(kind.as_str()).into_condition());
    let found = users::row::Entity::find()
        .filter(users::row::Column::Username.eq(username.as_str()))
        .join(JoinType::LeftJoin, proof)
        .select_also(Entity)
        .one(db)
        .await?;
    let Some((user, credential)) = found else { return Ok(None) };
    Ok(Some((User::try_from(user)?, credential.map(|row| row.verifier))))
}

pub async fn find(db: &impl ConnectionTrait, user: Id<User>, kind: Kind) -> Result<Option<String>, Error> {
    let found = Entity::find_by_id((user, kind.as_str().to_owned())).one(db).await?;
    Ok(found.map(|row| row.verifier))
}

pub async fn set(
    db: &impl ConnectionTrait,
    user: Id<User>,
    kind: Kind,
    verifier: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let row = ActiveModel {
        user_id: Set(user),
        kind: Set(kind.as_str().to_owned()),
        verifier: Set(verifier.to_owned()),
        updated_at: Set(now),
    };
    let replace = OnConflict::columns([Column::UserId, Column::Kind])
        .update_columns([Column::Verifier, Column::UpdatedAt])
        .to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(db).await?;
    Ok(())
}

/// Replaces `old` and nothing newer: neither a rehash nor a change may undo a change that came between. `false`: one
/// did.
pub async fn replace(
    db: &impl ConnectionTrait,
    user: Id<User>,
    kind: Kind,
    old: &str,
    new: &str,
    now: Timestamp,
) -> Result<bool, Error> {
    let replaced = Entity::update_many()
        .col_expr(Column::Verifier, Expr::value(new))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::UserId.eq(user))
        .filter(Column::Kind.eq(kind.as_str()))
        .filter(Column::Verifier.eq(old))
        .exec(db)
        .await?;
    Ok(replaced.rows_affected == 1)
}

pub async fn remove_all(db: &impl ConnectionTrait, user: Id<User>) -> Result<(), Error> {
    Entity::delete_many().filter(Column::UserId.eq(user)).exec(db).await?;
    Ok(())
}
