//! What a granted request gets: a code, and for those registered for it tokens through the browser (OpenID Connect
//! Core §3.2.2.5 and §3.3.2.5).

use super::response::{Response, Target};
use super::{Failure, SentCode, SentError};
use crate::clock::Timestamp;
use crate::id::Id;
use crate::protocol::authorization_request::AuthorizationRequest;
use crate::protocol::client_metadata::ConsentPolicy;
use crate::sign_in::assurance::Assurance;
use crate::store::births::{self, Birth};
use crate::store::clients::Client;
use crate::store::consents;
use crate::store::grants::{self, Grant};
use crate::store::sessions::{self, Session};
use crate::store::users::User;
use crate::store::{self, Store};
use crate::tokens::authorization_code::AuthorizationCode;
use crate::tokens::{Authentication, Issuer, NoSigningKey, Order, Subject};

pub(super) struct Issuance<'a> {
    pub store: &'a Store,
    pub issuer: &'a Issuer,
    pub client: &'a Client,
    pub request: &'a AuthorizationRequest,
    pub session: &'a Session,
    pub user: &'a User,
    pub now: Timestamp,
}

impl Issuance<'_> {
    pub async fn answer(&self) -> Result<Response, Failure> {
        let wanted = self.request.response_type;
        let code = wanted.has_code().then(|| self.code());
        let mut parameters = Vec::new();
        if wanted.has_access_token() || wanted.has_id_token() {
            let mut grant = self.front_channel_grant();
            if wanted.has_access_token() && self.client.metadata.status_list {
                grant.status_index = Some(self.store.allot_status_index().await?);
            }
            let is_borne = match wanted.has_access_token() {
                true => self.bear(&grant).await?,
                false => !self.is_to_be_told() || self.join().await?,
            };
            if !is_borne {
                let ended = SentError::new(SentCode::LoginRequired, "the session has just ended");
                return Ok(Response::error(self.issuer, Target::of(self.request), ended));
            }
            parameters = self.tokens(&grant, code.clone())?;
        }
        parameters.extend(code.map(|code| ("code", code)));
        Ok(Response::with(self.issuer, Target::of(self.request), parameters))
    }

    /// Mints a code. Nothing is written: its first use is the birth of the grant that it names.
    fn code(&self) -> String {
        let AuthorizationRequest {
            client_id,
            scope,
            resources,
            redirect_uri,
            nonce,
            code_challenge,
            claims,
            ..
        } = self.request;
        let code = AuthorizationCode {
            grant_id: Id::new(),
            client_id: client_id.clone(),
            user_id: self.user.id,
            session_id: self.session.id,
            scope: scope.clone(),
            resources: resources.clone(),
            redirect_uri: redirect_uri.clone(),
            expires_at: self.now.plus(self.issuer.lifetimes.code),
            auth_time: self.session.auth_time,
            nonce: nonce.clone(),
            code_challenge: code_challenge.clone(),
            acr: self.acr(),
            amr: self.session.amr.clone(),
            claims: claims.clone(),
        };
        code.seal(&self.issuer.master)
    }

    fn acr(&self) -> Option<String> {
        // Registration §2: what the request asks for counts more than `default_acr_values`.
        let by_default = self.client.metadata.default_acr_values.iter().map(String::as_str);
        let by_default = by_default.filter(|_| self.request.wanted_acr().next().is_none());
        let met = Assurance::met(self.request.wanted_acr().chain(by_default));
        // Asked for without naming one: what was reached.
        let any =
            self.request.claims.acr.as_ref().filter(|acr| acr.values.is_empty()).map(|_| Assurance::One);
        met.or(any).map(|assurance| assurance.acr().to_owned())
    }

    /// What travels through the browser descends from a grant of its own: a code that comes later has another one,
    /// whose birth is its single use.
    fn front_channel_grant(&self) -> Grant {
        Grant {
            id: Id::new(),
            user_id: self.user.id,
            client_id: self.client.id.clone(),
            session_id: self.session.id,
            scope: self.request.scope.without("offline_access"),
            resources: self.request.resources.clone(),
            claims: self.request.claims.userinfo.clone(),
            generation: 1,
            auth_time: self.session.auth_time,
            rotated_at: self.now,
            expires_at: self.now.plus(self.issuer.lifetimes.access_token),
            ended_at: None,
            status_index: None,
        }
    }

    /// Nothing else makes it a party to the session: no code that it redeems, no access token.
    fn is_to_be_told(&self) -> bool {
        let metadata = &self.client.metadata;
        !self.request.response_type.has_code()
            && (metadata.backchannel_logout_uri.is_some() || metadata.frontchannel_logout_uri.is_some())
    }

    /// Makes a client that gets nothing but an ID Token one of those that hear of the session's end (Back-Channel
    /// Logout §2.1), once for all its answers. `false` as in [`Self::bear`].
    async fn join(&self) -> Result<bool, store::Error> {
        if grants::has_live(self.store.read(), self.user.id, &self.client.id, self.session.id, self.now)
            .await?
        {
            return Ok(true);
        }
        let grant = Grant { expires_at: self.session.expires_at, ..self.front_channel_grant() };
        self.bear(&grant).await
    }

    /// `false`: the session ended, or the agreement was taken back, while this was decided.
    async fn bear(&self, grant: &Grant) -> Result<bool, store::Error> {
        let policy = self.client.metadata.consent_to(&grant.resources);
        let birth = (grant.clone(), self.issuer.lifetimes.session_idle, policy);
        self.store
            .write(birth, |tx, (grant, idle, policy)| {
                Box::pin(async move {
                    let lives = sessions::hold_live(tx, grant.session_id, idle, grant.rotated_at).await?;
                    // An app that is removed at this moment waits, and then ends what is born here.
                    let agreed = *policy == ConsentPolicy::Implied
                        || consents::hold(tx, grant.user_id, &grant.client_id).await?.is_some();
                    Ok(lives && agreed && births::bear(tx, grant).await? == Birth::Born)
                })
            })
            .await
    }

    fn tokens(
        &self,
        grant: &Grant,
        code: Option<String>,
    ) -> Result<Vec<(&'static str, String)>, NoSigningKey> {
        let wanted = self.request.response_type;
        let mut authentication = Authentication {
            nonce: self.request.nonce.clone(),
            acr: self.acr(),
            amr: self.session.amr.clone(),
            code,
            claims: self.issuer.claims.named(self.user, &self.request.claims.id_token),
        };
        if !wanted.has_access_token() {
            // Core §5.4: without an access token to fetch them, the claims of the scopes stand in the ID Token. A
            // code can be redeemed for one.
            if !wanted.has_code() {
                authentication.claims.extend(self.issuer.claims.of_scope(self.user, &grant.scope));
            }
            let id_token = self.issuer.id_token_alone(self.client, grant, &authentication, self.now)?;
            return Ok(vec![("id_token", id_token)]);
        }
        let order = Order {
            client: self.client,
            subject: Subject::User { grant },
            scope: &grant.scope,
            resources: &grant.resources,
            refresh: None,
            id_token: wanted.has_id_token().then_some(authentication),
        };
        let issued = self.issuer.issue(&order, self.now)?;
        let mut parameters = vec![
            ("access_token", issued.access_token),
            ("token_type", issued.token_type.to_owned()),
            ("expires_in", issued.expires_in.to_string()),
            ("scope", issued.scope),
        ];
        parameters.extend(issued.id_token.map(|id_token| ("id_token", id_token)));
        Ok(parameters)
    }
}

impl From<NoSigningKey> for Failure {
    /// The ring is read again every few seconds: the person may try again.
    fn from(error: NoSigningKey) -> Self {
        tracing::error!(%error, "cannot sign");
        Failure::Outage(store::Error::Overloaded)
    }
}
