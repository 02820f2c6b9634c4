//! Facts of the installation that are decided once, by whichever node comes first.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, EntityTrait, Set};

use super::Error;

mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "installation")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub value: Vec<u8>,
    }

    impl std::fmt::Debug for Model {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.debug_struct("Fact").field("name", &self.name).finish()
        }
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use row::{ActiveModel, Entity};

pub async fn find(db: &impl ConnectionTrait, name: &str) -> Result<Option<Vec<u8>>, Error> {
    Ok(Entity::find_by_id(name.to_owned()).one(db).await?.map(|row| row.value))
}

/// Writes `value` unless somebody was faster, and returns what stands now.
pub async fn decide(db: &impl ConnectionTrait, name: &str, value: &[u8]) -> Result<Vec<u8>, Error> {
    let row = ActiveModel { name: Set(name.to_owned()), value: Set(value.to_owned()) };
    let first_wins = OnConflict::column(row::Column::Name).do_nothing().to_owned();
    Entity::insert(row).on_conflict(first_wins).exec_without_returning(db).await?;
    find(db, name).await?.ok_or_else(|| Error::Corrupt {
        table: "installation",
        column: "value",
        row: name.to_owned(),
    })
}
