//! The clients that took part in a session: those to which anything was granted there, whether it lives or not
//! (OpenID Connect Back-Channel Logout §2.1, "logged-in RPs").

use std::collections::HashSet;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, JoinType, QueryFilter, QuerySelect, RelationTrait};

use super::clients::row::{Column as ClientColumn, Entity as Clients};
use super::grants::Ended;
use super::grants::row::{Column, Entity, Relation};
use super::sessions::Session;
use super::terms;
use super::users::User;
use super::{Error, document};
use crate::id::Id;
use crate::protocol::client_metadata::ClientMetadata;

/// How a client wants to hear of an ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Back,
    Front,
}

impl Channel {
    /// Stands in the metadata of clients that registered for it, and few others: the database leaves these out.
    const fn mark(self) -> &'static str {
        match self {
            Channel::Back => "\"backchannel_logout_uri\":",
            Channel::Front => "\"frontchannel_logout_uri\":",
        }
    }

    fn uri(self, metadata: ClientMetadata) -> Option<String> {
        match self {
            Channel::Back => metadata.backchannel_logout_uri,
            Channel::Front => metadata.frontchannel_logout_uri,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Participant {
    pub client_id: String,
    pub session_id: Id<Session>,
    /// Where it wants to hear of the session's end.
    pub logout_uri: String,
}

/// Who took part in these sessions and is to hear of their end. One statement.
pub async fn of_sessions(
    db: &impl ConnectionTrait,
    user: Id<User>,
    sessions: &[Id<Session>],
    channel: Channel,
) -> Result<Vec<Participant>, Error> {
    let found = Entity::find()
        .select_only()
        .column(Column::SessionId)
        .column(ClientColumn::Id)
        .column(ClientColumn::Metadata)
        .distinct()
        .join(JoinType::InnerJoin, Relation::Terms.def())
        .join(JoinType::InnerJoin, terms::row::Relation::Client.def())
        .filter(Column::UserId.eq(user))
        .filter(Column::SessionId.is_in(sessions.iter().copied()))
        .filter(ClientColumn::DisabledAt.is_null())
        .filter(ClientColumn::Metadata.contains(channel.mark()))
        .into_tuple::<(Id<Session>, String, String)>()
        .all(db)
        .await?;
    let read = found.into_iter().map(|(session_id, client_id, metadata)| {
        let metadata = document(&metadata, "clients", "metadata", &client_id)?;
        let uri = channel.uri(metadata);
        Ok(uri.map(|logout_uri| Participant { client_id, session_id, logout_uri }))
    });
    read.filter_map(Result::transpose).collect()
}

/// Whose grants were just ended, and in which sessions those were born. One statement.
pub async fn of_ended(
    db: &impl ConnectionTrait,
    ended: &[Ended],
    channel: Channel,
) -> Result<Vec<Participant>, Error> {
    let joined: HashSet<(&str, Id<Session>)> =
        ended.iter().map(|grant| (grant.client_id.as_str(), grant.session_id)).collect();
    let clients: HashSet<&str> = joined.iter().map(|(client, _)| *client).collect();
    if clients.is_empty() {
        return Ok(Vec::new());
    }
    let found = Clients::find()
        .select_only()
        .column(ClientColumn::Id)
        .column(ClientColumn::Metadata)
        .filter(ClientColumn::Id.is_in(clients))
        .filter(ClientColumn::DisabledAt.is_null())
        .filter(ClientColumn::Metadata.contains(channel.mark()))
        .into_tuple::<(String, String)>()
        .all(db)
        .await?;
    let mut participants = Vec::new();
    for (client_id, metadata) in found {
        let Some(uri) = channel.uri(document(&metadata, "clients", "metadata", &client_id)?) else {
            continue;
        };
        participants.extend(joined.iter().filter(|(client, _)| *client == client_id).map(|(_, session)| {
            Participant { client_id: client_id.clone(), session_id: *session, logout_uri: uri.clone() }
        }));
    }
    Ok(participants)
}
