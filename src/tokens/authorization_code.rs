//! Authorization codes (RFC 6749 §4.1.2): a sealed letter from the authorization endpoint to the token endpoint.
//!
//! Nothing is stored when one is minted. What makes it single use is the birth of the grant that it names: the
//! second birth is the replay. A letter that was opened with our key is genuine whatever its age, so that a
//! replay is known as one as long as the grant's row is there.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::Id;
use crate::protocol::authorization_request::RedirectUri;
use crate::protocol::claims_request::ClaimsRequest;
use crate::protocol::pkce::CodeChallenge;
use crate::protocol::resource::Resources;
use crate::protocol::scope::Scope;
use crate::secret::{self, Purpose, RootKey};
use crate::store::grants::Grant;
use crate::store::sessions::Session;
use crate::store::users::User;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuthorizationCode {
    pub grant_id: Id<Grant>,
    pub client_id: String,
    pub user_id: Id<User>,
    pub session_id: Id<Session>,
    pub scope: Scope,
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub resources: Resources,
    pub redirect_uri: RedirectUri,
    pub expires_at: Timestamp,
    pub auth_time: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_challenge: Option<CodeChallenge>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    #[serde(default, skip_serializing_if = "ClaimsRequest::is_empty")]
    pub claims: ClaimsRequest,
}

const PREFIX: &str = "ac_";

impl AuthorizationCode {
    pub fn seal(&self, master: &RootKey) -> String {
        let letter = serde_json::to_vec(self).expect("a code is a JSON object with text as names");
        let sealed = master.seal(Purpose::AuthorizationCode, b"", &letter);
        format!("{PREFIX}{}", secret::base64url(&sealed))
    }

    /// `None` for whatever this server did not mint as a code. Its expiry is the reader's to judge.
    pub fn open(master: &RootKey, code: &str) -> Option<Self> {
        let sealed = secret::from_base64url(code.strip_prefix(PREFIX)?)?;
        let letter = master.open(Purpose::AuthorizationCode, b"", &sealed)?;
        serde_json::from_slice(&letter).ok()
    }
}
