//! Everything that is worth telling. No event holds a secret, and none holds what a stranger typed.

use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::id::Id;
use crate::protocol::algorithm::Algorithm;
use crate::protocol::grant_type::GrantType;
use crate::store::grants::Grant;
use crate::store::sessions::Session;
use crate::store::users::User;

#[derive(Clone, Debug)]
pub enum Event {
    SignedIn {
        user: Id<User>,
        session: Id<Session>,
        address: String,
    },
    /// The account is named only where it exists: a mistyped name may be a password.
    SignInFailed {
        user: Option<Id<User>>,
        address: String,
    },
    SignInThrottled {
        user: Option<Id<User>>,
        address: String,
    },
    PasswordChanged {
        user: Id<User>,
    },
    ProfileChanged {
        user: Id<User>,
    },
    SessionsEnded {
        user: Id<User>,
        sessions: Vec<Id<Session>>,
        grants: usize,
        reason: Reason,
    },
    GrantsEnded {
        user: Id<User>,
        client: Option<String>,
        grants: Vec<Id<Grant>>,
        reason: Reason,
    },
    TokenRevoked {
        client: String,
    },
    CodeReplayed {
        user: Id<User>,
        client: String,
        grant: Id<Grant>,
    },
    RefreshReused {
        user: Id<User>,
        client: String,
        grant: Id<Grant>,
        generation: i64,
    },
    ConsentGiven {
        user: Id<User>,
        client: String,
        scope: String,
    },
    AppRemoved {
        user: Id<User>,
        client: String,
    },
    TokensIssued {
        user: Option<Id<User>>,
        client: String,
        grant_type: GrantType,
    },
    UserAdded {
        user: Id<User>,
    },
    UserDisabled {
        user: Id<User>,
    },
    UserEnabled {
        user: Id<User>,
    },
    UserRemoved {
        user: Id<User>,
    },
    ClientAdded {
        client: String,
    },
    ClientChanged {
        client: String,
    },
    ClientRemoved {
        client: String,
    },
    InitialAccessTokenMade {
        uses: u32,
        expires_at: Timestamp,
    },
    KeyRotated {
        algorithm: Algorithm,
        kid: String,
    },
    KeyRetired {
        algorithm: Algorithm,
        kid: String,
    },
}

/// Why something ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    SignedOut,
    DeviceEnded,
    OtherDevicesEnded,
    /// Somebody else signed in in the same browser.
    Replaced,
    PasswordChanged,
    AppRemoved,
    UserDisabled,
    CodeReplayed,
    RefreshReused,
    RevokedByClient,
    Operator,
}

impl Reason {
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::SignedOut => "signed_out",
            Reason::DeviceEnded => "device_ended",
            Reason::OtherDevicesEnded => "other_devices_ended",
            Reason::Replaced => "replaced",
            Reason::PasswordChanged => "password_changed",
            Reason::AppRemoved => "app_removed",
            Reason::UserDisabled => "user_disabled",
            Reason::CodeReplayed => "code_replayed",
            Reason::RefreshReused => "refresh_reused",
            Reason::RevokedByClient => "revoked_by_client",
            Reason::Operator => "operator",
        }
    }
}

impl Event {
    pub const fn name(&self) -> &'static str {
        match self {
            Event::SignedIn { .. } => "signed_in",
            Event::SignInFailed { .. } => "sign_in_failed",
            Event::SignInThrottled { .. } => "sign_in_throttled",
            Event::PasswordChanged { .. } => "password_changed",
            Event::ProfileChanged { .. } => "profile_changed",
            Event::SessionsEnded { .. } => "sessions_ended",
            Event::GrantsEnded { .. } => "grants_ended",
            Event::TokenRevoked { .. } => "token_revoked",
            Event::CodeReplayed { .. } => "code_replayed",
            Event::RefreshReused { .. } => "refresh_reuse",
            Event::ConsentGiven { .. } => "consent_given",
            Event::AppRemoved { .. } => "app_removed",
            Event::TokensIssued { .. } => "tokens_issued",
            Event::UserAdded { .. } => "user_added",
            Event::UserDisabled { .. } => "user_disabled",
            Event::UserEnabled { .. } => "user_enabled",
            Event::UserRemoved { .. } => "user_removed",
            Event::ClientAdded { .. } => "client_added",
            Event::ClientChanged { .. } => "client_changed",
            Event::ClientRemoved { .. } => "client_removed",
            Event::InitialAccessTokenMade { .. } => "initial_access_token_made",
            Event::KeyRotated { .. } => "key_rotated",
            Event::KeyRetired { .. } => "key_retired",
        }
    }

    pub fn user(&self) -> Option<Id<User>> {
        match self {
            Event::SignedIn { user, .. }
            | Event::PasswordChanged { user }
            | Event::ProfileChanged { user }
            | Event::SessionsEnded { user, .. }
            | Event::GrantsEnded { user, .. }
            | Event::CodeReplayed { user, .. }
            | Event::RefreshReused { user, .. }
            | Event::ConsentGiven { user, .. }
            | Event::AppRemoved { user, .. }
            | Event::UserAdded { user }
            | Event::UserDisabled { user }
            | Event::UserEnabled { user }
            | Event::UserRemoved { user } => Some(*user),
            Event::SignInFailed { user, .. }
            | Event::SignInThrottled { user, .. }
            | Event::TokensIssued { user, .. } => *user,
            Event::TokenRevoked { .. }
            | Event::ClientAdded { .. }
            | Event::ClientChanged { .. }
            | Event::ClientRemoved { .. }
            | Event::InitialAccessTokenMade { .. }
            | Event::KeyRotated { .. }
            | Event::KeyRetired { .. } => None,
        }
    }

    pub fn client(&self) -> Option<&str> {
        match self {
            Event::TokenRevoked { client }
            | Event::CodeReplayed { client, .. }
            | Event::RefreshReused { client, .. }
            | Event::ConsentGiven { client, .. }
            | Event::AppRemoved { client, .. }
            | Event::TokensIssued { client, .. }
            | Event::ClientAdded { client }
            | Event::ClientChanged { client }
            | Event::ClientRemoved { client } => Some(client),
            Event::GrantsEnded { client, .. } => client.as_deref(),
            _ => None,
        }
    }

    /// What else there is to say, as JSON.
    pub fn detail(&self) -> Value {
        match self {
            Event::SignedIn { session, address, .. } => json!({ "session": session, "address": address }),
            Event::SignInFailed { address, .. } | Event::SignInThrottled { address, .. } => {
                json!({ "address": address })
            }
            Event::SessionsEnded { sessions, grants, reason, .. } => {
                json!({ "sessions": sessions, "grants": grants, "reason": reason.as_str() })
            }
            Event::GrantsEnded { grants, reason, .. } => {
                json!({ "grants": grants, "reason": reason.as_str() })
            }
            Event::CodeReplayed { grant, .. } => json!({ "grant": grant }),
            Event::RefreshReused { grant, generation, .. } => {
                json!({ "grant": grant, "generation": generation })
            }
            Event::ConsentGiven { scope, .. } => json!({ "scope": scope }),
            Event::TokensIssued { grant_type, .. } => json!({ "grant_type": grant_type }),
            Event::InitialAccessTokenMade { uses, expires_at } => {
                json!({ "uses": uses, "expires_at": expires_at.to_string() })
            }
            Event::KeyRotated { algorithm, kid } | Event::KeyRetired { algorithm, kid } => {
                json!({ "algorithm": algorithm, "kid": kid })
            }
            _ => json!({}),
        }
    }
}
