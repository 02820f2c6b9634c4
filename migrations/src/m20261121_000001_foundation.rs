//! Users, clients, sessions, the grants that descend from them, and what runs the server itself.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Table, columns, primary key.
type Layout = (&'static str, &'static [(&'static str, Kind)], &'static [&'static str]);

#[derive(Clone, Copy)]
enum Kind {
    Id,
    IdOrNull,
    Text,
    TextOrNull,
    Bytes,
    BytesOrNull,
    Integer,
    Time,
    TimeOrNull,
}

use Kind::{Bytes, BytesOrNull, Id, IdOrNull, Integer, Text, TextOrNull, Time, TimeOrNull};

const TABLES: &[Layout] = &[
    (
        "users",
        &[
            ("id", Id),
            ("username", Text),
            ("claims", Text),
            ("disabled_at", TimeOrNull),
            ("created_at", Time),
            ("updated_at", Time),
        ],
        &["id"],
    ),
    (
        "credentials",
        &[("user_id", Id), ("kind", Text), ("verifier", Text), ("updated_at", Time)],
        &["user_id", "kind"],
    ),
    (
        "clients",
        &[
            ("id", Text),
            ("metadata", Text),
            ("secret", BytesOrNull),
            ("disabled_at", TimeOrNull),
            ("created_at", Time),
            ("updated_at", Time),
        ],
        &["id"],
    ),
    (
        "sessions",
        &[
            ("id", Id),
            ("user_id", Id),
            ("secret", Bytes),
            ("browser", Bytes),
            ("persistence", Text),
            ("amr", Text),
            ("user_agent", Text),
            ("address", Text),
            ("auth_time", Time),
            ("last_seen_at", Time),
            ("expires_at", Time),
            ("ended_at", TimeOrNull),
        ],
        &["id"],
    ),
    (
        "authorizations",
        &[
            ("id", Id),
            ("request", Text),
            ("browser", BytesOrNull),
            ("session_id", IdOrNull),
            ("signed_in_at", TimeOrNull),
            ("consented_at", TimeOrNull),
            ("completed_at", TimeOrNull),
            ("expires_at", Time),
        ],
        &["id"],
    ),
    (
        "consents",
        &[("user_id", Id), ("client_id", Text), ("scope", Text), ("created_at", Time), ("updated_at", Time)],
        &["user_id", "client_id"],
    ),
    (
        "grants",
        &[
            ("id", Id),
            ("user_id", Id),
            ("client_id", Text),
            ("session_id", Id),
            ("scope", Text),
            ("claims", Text),
            ("generation", Integer),
            ("auth_time", Time),
            ("created_at", Time),
            ("rotated_at", Time),
            ("expires_at", Time),
            ("ended_at", TimeOrNull),
        ],
        &["id"],
    ),
    ("revoked_tokens", &[("jti", Id), ("expires_at", Time)], &["jti"]),
    ("attempts", &[("key", Bytes), ("window_started_at", Time), ("count", Integer)], &["key"]),
    (
        "keys",
        &[
            ("kid", Text),
            ("algorithm", Text),
            ("sealed", Bytes),
            ("public_jwk", Text),
            ("announced_at", Time),
            ("signing_from", Time),
            ("retired_at", TimeOrNull),
            ("removed_after", TimeOrNull),
        ],
        &["kid"],
    ),
    ("installation", &[("name", Text), ("value", Bytes)], &["name"]),
    ("leases", &[("name", Text), ("holder", Id), ("expires_at", Time)], &["name"]),
    (
        "audit",
        &[
            ("id", Id),
            ("at", Time),
            ("event", Text),
            ("user_id", IdOrNull),
            ("client_id", TextOrNull),
            ("detail", Text),
        ],
        &["id"],
    ),
];

/// Table, columns, and whether they are unique together.
const INDEXES: &[(&str, &[&str], Uniqueness)] = &[
    ("users", &["username"], Uniqueness::Unique),
    ("sessions", &["secret"], Uniqueness::Unique),
    ("sessions", &["user_id"], Uniqueness::Shared),
    ("sessions", &["expires_at"], Uniqueness::Shared),
    ("authorizations", &["expires_at"], Uniqueness::Shared),
    ("grants", &["user_id"], Uniqueness::Shared),
    ("grants", &["expires_at"], Uniqueness::Shared),
    ("revoked_tokens", &["expires_at"], Uniqueness::Shared),
    ("attempts", &["window_started_at"], Uniqueness::Shared),
    ("audit", &["at"], Uniqueness::Shared),
    ("audit", &["user_id"], Uniqueness::Shared),
];

#[derive(Clone, Copy, PartialEq)]
enum Uniqueness {
    Unique,
    Shared,
}

fn column(name: &'static str, kind: Kind) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name));
    match kind {
        Id | IdOrNull => column.uuid(),
        Text | TextOrNull => column.text(),
        Bytes | BytesOrNull => column.binary(),
        Integer | Time | TimeOrNull => column.big_integer(),
    };
    match kind {
        IdOrNull | TextOrNull | BytesOrNull | TimeOrNull => column.null(),
        Id | Text | Bytes | Integer | Time => column.not_null(),
    };
    column
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, columns, primary_key) in TABLES {
            let mut create = Table::create();
            create.table(Alias::new(*table));
            for (name, kind) in *columns {
                create.col(column(name, *kind));
            }
            let mut key = Index::create();
            for name in *primary_key {
                key.col(Alias::new(*name));
            }
            create.primary_key(&mut key);
            manager.create_table(create).await?;
        }
        for (table, columns, uniqueness) in INDEXES {
            let mut index = Index::create();
            index.name(format!("{table}_{}", columns.join("_"))).table(Alias::new(*table));
            for name in *columns {
                index.col(Alias::new(*name));
            }
            if *uniqueness == Uniqueness::Unique {
                index.unique();
            }
            manager.create_index(index).await?;
        }
        // Of several nodes that start together, or rotate together, one writes the next key of an algorithm.
        let newest = "CREATE UNIQUE INDEX keys_newest ON keys (algorithm) WHERE retired_at IS NULL";
        manager.get_connection().execute_unprepared(newest).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, _, _) in TABLES.iter().rev() {
            manager.drop_table(Table::drop().table(Alias::new(*table)).to_owned()).await?;
        }
        Ok(())
    }
}
