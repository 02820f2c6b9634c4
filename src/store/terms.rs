//! What a client was granted. Very many people grant the same to the same client, so it stands once, and grants name it.
//!
//! A row never changes what it says. When the last grant that names it is gone, it is first made unfindable, and removed
//! in a later sweep: whoever found it just before has committed by then.

use sea_orm::sea_query::{Expr, ExprTrait, IntoColumnRef, OnConflict, Query, SelectStatement};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, NotSet, Set};

use super::{Error, text_of};
use crate::secret::Fingerprint;

pub(super) mod row {
    use sea_orm::entity::prelude::*;

    use crate::secret::Fingerprint;
    use crate::store::clients;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "terms")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        /// Of the rest. `None`: nothing more is granted by this row.
        pub fingerprint: Option<Fingerprint>,
        pub client_id: String,
        /// This and the others are words between single spaces.
        pub scope: String,
        pub resources: String,
        pub claims: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(
            belongs_to = "clients::row::Entity",
            from = "Column::ClientId",
            to = "clients::row::Column::Id"
        )]
        Client,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

use row::{ActiveModel, Column, Entity, Model};

pub(super) struct Terms {
    pub client_id: String,
    pub scope: String,
    pub resources: String,
    pub claims: String,
}

impl From<Model> for Terms {
    fn from(row: Model) -> Self {
        Terms { client_id: row.client_id, scope: row.scope, resources: row.resources, claims: row.claims }
    }
}

impl Terms {
    /// Of a client, and what [`words`] has given.
    pub fn of_words(client_id: &str, words: &str) -> Option<Self> {
        let mut words = words.split('\n').map(str::to_owned);
        let (scope, resources, claims) = (words.next()?, words.next()?, words.next()?);
        Some(Terms { client_id: client_id.to_owned(), scope, resources, claims })
    }

    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(text_of(&[&self.client_id, &self.scope, &self.resources, &self.claims]).as_bytes())
    }
}

/// From now on they are found by their fingerprint, if they were not already.
pub(super) async fn insert(db: &impl ConnectionTrait, terms: Terms) -> Result<(), Error> {
    let row = ActiveModel {
        id: NotSet,
        fingerprint: Set(Some(terms.fingerprint())),
        client_id: Set(terms.client_id),
        scope: Set(terms.scope),
        resources: Set(terms.resources),
        claims: Set(terms.claims),
    };
    let first_wins = OnConflict::column(Column::Fingerprint).do_nothing().to_owned();
    Entity::insert(row).on_conflict(first_wins).exec_without_returning(db).await?;
    Ok(())
}

/// Whose the terms are that a row names like this. Only so can a change answer with what another table says.
pub(super) fn client(named: impl IntoColumnRef) -> Expr {
    Expr::SubQuery(None, Box::new(of(named, Expr::col((Entity, Column::ClientId))).into()))
}

/// What they grant: scope, resources and claims, a line each. One look-up instead of three.
pub(super) fn words(named: impl IntoColumnRef) -> Expr {
    let lines = Expr::cust("terms.scope || '\n' || terms.resources || '\n' || terms.claims");
    Expr::SubQuery(None, Box::new(of(named, lines).into()))
}

pub(super) fn are(named: impl IntoColumnRef, such: Expr) -> Expr {
    Expr::exists(of(named, Expr::val(1)).and_where(such).take())
}

fn of(named: impl IntoColumnRef, told: Expr) -> SelectStatement {
    Query::select()
        .expr(told)
        .from(Entity)
        .and_where(Expr::col((Entity, Column::Id)).equals(named))
        .to_owned()
}

/// The identifiers of all terms of a client.
pub(super) fn of_client(client_id: &str) -> SelectStatement {
    Query::select().column(Column::Id).from(Entity).and_where(Column::ClientId.eq(client_id)).to_owned()
}
