//! Clients: the apps and APIs that were registered.

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};

use super::{Error, document, resources, text_of};
use crate::clock::Timestamp;
use crate::protocol::client_id_url;
use crate::protocol::client_metadata::{ClientMetadata, Profile};
use crate::protocol::grant_type::GrantType;
use crate::secret::{Fingerprint, Purpose, RootKey, Secret};

#[derive(Clone, Debug)]
pub struct Client {
    pub id: String,
    pub metadata: ClientMetadata,
    /// `None` for a client without a secret.
    pub secret: Option<Fingerprint>,
    /// The secret itself, sealed, of a client that signs with it (client_secret_jwt). An HMAC is verified with the
    /// very key that made it, so that here, and only here, a fingerprint is not enough.
    pub sealed_secret: Option<Vec<u8>>,
    pub status: Status,
    pub standing: Standing,
    pub origin: Origin,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Who told us of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The operator, or the client by registering.
    Registration,
    /// The document at the URL that its identifier is: it stays what it says about the client.
    Document,
}

impl Origin {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Origin::Registration => "registration",
            Origin::Document => "document",
        }
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        [Origin::Registration, Origin::Document].into_iter().find(|origin| origin.as_str() == text)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Active,
    Disabled(Timestamp),
}

/// Whether anybody here knows what a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The operator registered it, or has looked at it.
    Verified,
    /// It registered itself.
    Unverified,
}

impl Client {
    pub fn is_active(&self) -> bool {
        self.status == Status::Active
    }

    pub fn may_use(&self, grant_type: GrantType) -> bool {
        self.metadata.grant_types.contains(&grant_type)
    }

    /// The secret that it signs with, if it is of such a method and `master` opens it.
    pub fn open_secret(&self, master: &RootKey) -> Option<Secret> {
        let secret = master.open(Purpose::ClientSecret, self.id.as_bytes(), self.sealed_secret.as_ref()?)?;
        String::from_utf8(secret).ok().map(Secret::claimed)
    }

    /// Whether it is treated as one that somebody here knows. The profile oidc-compat promises every client what OpenID
    /// Connect does: an answer that no page delays (Core §3.1.2.6), its picture on ours (Registration §2).
    pub fn is_treated_as_known(&self) -> bool {
        self.standing == Standing::Verified || self.metadata.profile == Profile::OidcCompat
    }

    /// What people call it. A document can claim any name, so that of it only the host counts, which is proven by the
    /// fetch.
    pub fn name(&self) -> &str {
        match self.origin {
            Origin::Registration => self.metadata.client_name.as_deref().unwrap_or(&self.id),
            Origin::Document => client_id_url::authority(&self.id),
        }
    }
}

/// For [`Client::sealed_secret`].
pub fn seal_secret(master: &RootKey, client_id: &str, secret: &Secret) -> Vec<u8> {
    master.seal(Purpose::ClientSecret, client_id.as_bytes(), secret.reveal().as_bytes())
}

pub(super) mod row {
    use sea_orm::entity::prelude::*;

    use crate::clock::Timestamp;
    use crate::secret::Fingerprint;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "clients")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub metadata: String,
        pub secret: Option<Fingerprint>,
        pub sealed_secret: Option<Vec<u8>>,
        pub disabled_at: Option<Timestamp>,
        pub unverified: bool,
        pub origin: String,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use row::{ActiveModel, Column, Entity, Model};

impl TryFrom<Model> for Client {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        let corrupt = || Error::Corrupt { table: "clients", column: "origin", row: row.id.clone() };
        Ok(Client {
            origin: Origin::read(&row.origin).ok_or_else(corrupt)?,
            metadata: document(&row.metadata, "clients", "metadata", &row.id)?,
            id: row.id,
            secret: row.secret,
            sealed_secret: row.sealed_secret,
            status: row.disabled_at.map_or(Status::Active, Status::Disabled),
            standing: if row.unverified { Standing::Unverified } else { Standing::Verified },
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

pub async fn insert(db: &impl ConnectionTrait, client: &Client) -> Result<(), Error> {
    Entity::insert(row_of(client)).exec_without_returning(db).await?;
    resources::insert(db, &client.id, &client.metadata.resources).await
}

/// Keeps a client that was found by its document. `false`: it is there already, perhaps since this moment.
pub async fn keep(db: &impl ConnectionTrait, client: &Client) -> Result<bool, Error> {
    let first_wins = OnConflict::column(Column::Id).do_nothing().to_owned();
    let kept = Entity::insert(row_of(client)).on_conflict(first_wins).exec_without_returning(db).await?;
    Ok(kept == 1)
}

fn row_of(client: &Client) -> ActiveModel {
    ActiveModel {
        id: Set(client.id.clone()),
        metadata: Set(text_of(&client.metadata)),
        secret: Set(client.secret),
        sealed_secret: Set(client.sealed_secret.clone()),
        disabled_at: Set(None),
        unverified: Set(client.standing == Standing::Unverified),
        origin: Set(client.origin.as_str().to_owned()),
        created_at: Set(client.created_at),
        updated_at: Set(client.updated_at),
    }
}

pub async fn find(db: &impl ConnectionTrait, id: &str) -> Result<Option<Client>, Error> {
    Entity::find_by_id(id.to_owned()).one(db).await?.map(Client::try_from).transpose()
}

pub async fn find_many(db: &impl ConnectionTrait, ids: &[&str]) -> Result<Vec<Client>, Error> {
    let found = Entity::find().filter(Column::Id.is_in(ids.iter().copied())).all(db).await?;
    found.into_iter().map(Client::try_from).collect()
}

/// At most `limit` clients whose identifiers come after `after`, in their order.
pub async fn list(db: &impl ConnectionTrait, after: Option<&str>, limit: u64) -> Result<Vec<Client>, Error> {
    let mut query = Entity::find().order_by_asc(Column::Id).limit(limit);
    if let Some(after) = after {
        query = query.filter(Column::Id.gt(after));
    }
    query.all(db).await?.into_iter().map(Client::try_from).collect()
}

pub async fn update(db: &impl ConnectionTrait, client: &Client) -> Result<(), Error> {
    let disabled_at = match client.status {
        Status::Active => None,
        Status::Disabled(at) => Some(at),
    };
    Entity::update_many()
        .col_expr(Column::Metadata, Expr::value(text_of(&client.metadata)))
        .col_expr(Column::Secret, Expr::value(client.secret))
        .col_expr(Column::SealedSecret, Expr::value(client.sealed_secret.clone()))
        .col_expr(Column::DisabledAt, Expr::value(disabled_at))
        .col_expr(Column::Unverified, Expr::value(client.standing == Standing::Unverified))
        .col_expr(Column::UpdatedAt, Expr::value(client.updated_at))
        .filter(Column::Id.eq(client.id.as_str()))
        .exec(db)
        .await?;
    resources::replace(db, &client.id, &client.metadata.resources).await
}

/// What the document of a client says now. Whatever else was written about the client stays.
pub async fn follow(
    db: &impl ConnectionTrait,
    id: &str,
    metadata: &ClientMetadata,
    now: Timestamp,
) -> Result<(), Error> {
    Entity::update_many()
        .col_expr(Column::Metadata, Expr::value(text_of(metadata)))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(Column::Origin.eq(Origin::Document.as_str()))
        .exec(db)
        .await?;
    Ok(())
}

pub async fn remove(db: &impl ConnectionTrait, id: &str) -> Result<(), Error> {
    Entity::delete_by_id(id.to_owned()).exec(db).await?;
    resources::remove(db, &[id]).await
}

pub(super) async fn remove_many(db: &impl ConnectionTrait, ids: &[String]) -> Result<(), Error> {
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    Entity::delete_many().filter(Column::Id.is_in(ids.iter().copied())).exec(db).await?;
    resources::remove(db, &ids).await
}
