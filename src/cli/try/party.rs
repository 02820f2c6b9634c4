//! The relying party: the openidconnect crate over our own way out (OpenID Connect Core §3.1).

use anyhow::{Context, bail, ensure};
use futures_util::future::BoxFuture;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreIdToken, CoreJwsSigningAlgorithm, CoreTokenResponse,
    CoreUserInfoClaims,
};
use openidconnect::{
    AccessToken, AsyncHttpClient, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IssuerUrl, JsonWebKey, LogoutRequest, Nonce,
    OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, PostLogoutRedirectUrl,
    ProviderMetadataWithLogout, RedirectUrl, RefreshToken, Scope, SubjectIdentifier, TokenResponse,
    UserInfoError,
};
use serde_json::Value;
use url::Url;

use crate::clock::{Clock, SystemClock};
use crate::outbound::{Failure, Outbound, Reach};
use crate::secret::from_base64url;

const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

pub(super) struct Party {
    issuer: IssuerUrl,
    client_id: ClientId,
    secret: Option<ClientSecret>,
    scopes: Vec<Scope>,
    redirect_uri: RedirectUrl,
    after_sign_out: PostLogoutRedirectUrl,
    http: Http,
}

/// What has to come back, or be shown, at the end of one sign-in.
pub(super) struct Attempt {
    state: CsrfToken,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
}

/// An authorization response (RFC 6749 §4.1.2, RFC 9207 §2).
#[derive(serde::Deserialize)]
pub(super) struct AuthorizationResponse {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

impl AuthorizationResponse {
    pub(super) fn in_query(query: &str) -> anyhow::Result<Self> {
        let members: serde_json::Map<String, Value> = url::form_urlencoded::parse(query.as_bytes())
            .map(|(name, value)| (name.into_owned(), Value::from(value.into_owned())))
            .collect();
        Ok(serde_json::from_value(members.into())?)
    }
}

pub(super) struct Tokens {
    id_token: CoreIdToken,
    /// Of the ID Token, verified.
    subject: SubjectIdentifier,
    access_token: AccessToken,
    refresh_token: Option<RefreshToken>,
    /// `expires_in`, in seconds.
    pub(super) lifetime: Option<u64>,
    pub(super) scope: String,
}

/// Lends our way out to the crate, which brings its own types.
struct Http(Outbound);

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = Failure;
    type Future = BoxFuture<'c, Result<HttpResponse, Failure>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.0.send(request))
    }
}

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

impl Party {
    pub(super) fn new(
        issuer: String,
        client_id: String,
        secret: Option<String>,
        scope: &str,
        own: String,
    ) -> anyhow::Result<Self> {
        // The crate adds `openid` by itself.
        let scopes = scope.split(' ').filter(|token| !matches!(*token, "" | "openid"));
        Ok(Party {
            issuer: IssuerUrl::new(issuer).context("--issuer")?,
            client_id: ClientId::new(client_id),
            secret: secret.map(ClientSecret::new),
            scopes: scopes.map(|token| Scope::new(token.to_owned())).collect(),
            redirect_uri: RedirectUrl::new(format!("{own}/callback"))?,
            after_sign_out: PostLogoutRedirectUrl::new(format!("{own}/"))?,
            http: Http(Outbound::new(Reach::Anywhere)?),
        })
    }

    pub(super) fn issuer(&self) -> &str {
        self.issuer.as_str()
    }

    pub(super) fn issuer_url(&self) -> &Url {
        self.issuer.url()
    }

    pub(super) fn client_id(&self) -> &str {
        &self.client_id
    }

    pub(super) fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// The page on which people end what they began here.
    pub(super) fn account(&self) -> String {
        format!("{}/account", self.issuer().trim_end_matches('/'))
    }

    /// Read anew each time: the keys may have been rotated.
    pub(super) async fn discover(&self) -> anyhow::Result<ProviderMetadataWithLogout> {
        Ok(ProviderMetadataWithLogout::discover_async(self.issuer.clone(), &self.http).await?)
    }

    async fn client(&self) -> anyhow::Result<Client> {
        let provider = self.discover().await?;
        let client =
            CoreClient::from_provider_metadata(provider, self.client_id.clone(), self.secret.clone());
        Ok(client.set_redirect_uri(self.redirect_uri.clone()))
    }

    /// Where to send the browser, and what to remember meanwhile.
    pub(super) async fn begin(&self) -> anyhow::Result<(Url, Attempt)> {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let client = self.client().await?;
        let request = client
            .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
            .add_scopes(self.scopes.iter().cloned())
            .set_pkce_challenge(challenge);
        let (url, state, nonce) = request.url();
        Ok((url, Attempt { state, nonce, verifier }))
    }

    pub(super) async fn finish(
        &self,
        attempt: Attempt,
        response: AuthorizationResponse,
    ) -> anyhow::Result<Tokens> {
        ensure!(
            response.state.as_ref() == Some(attempt.state.secret()),
            "the state is not the one that was sent"
        );
        // RFC 9207 §2.4: "Clients MUST … compare the result to the issuer identifier of the authorization server".
        ensure!(
            response.iss.as_deref() == Some(self.issuer()),
            "the answer does not come from {}",
            self.issuer()
        );
        if let Some(error) = response.error {
            bail!("{error}: {}", response.error_description.unwrap_or_default());
        }
        let code = response.code.context("there is neither a code nor an error")?;
        let client = self.client().await?;
        let answer = client
            .exchange_code(AuthorizationCode::new(code))?
            .set_pkce_verifier(attempt.verifier)
            .request_async(&self.http)
            .await?;
        let id_token = answer.id_token().context("there is no ID Token")?.clone();
        let claims = id_token.claims(&client.id_token_verifier(), &attempt.nonce)?;
        let subject = claims.subject().clone();
        Ok(tokens(&answer, id_token, subject, None))
    }

    pub(super) async fn refresh(&self, old: &Tokens) -> anyhow::Result<Tokens> {
        let refresh_token = old.refresh_token.as_ref().context("there is no refresh token")?;
        let client = self.client().await?;
        let answer = client.exchange_refresh_token(refresh_token)?.request_async(&self.http).await?;
        let id_token = match answer.id_token() {
            Some(id_token) => {
                // Core §12.2: "it SHOULD NOT have a nonce Claim".
                let claims = id_token.claims(&client.id_token_verifier(), |_: Option<&Nonce>| Ok(()))?;
                ensure!(*claims.subject() == old.subject, "the new ID Token is about somebody else");
                id_token.clone()
            }
            None => old.id_token.clone(),
        };
        Ok(tokens(&answer, id_token, old.subject.clone(), old.refresh_token.clone()))
    }

    pub(super) async fn user_info(&self, tokens: &Tokens) -> anyhow::Result<Value> {
        let client = self.client().await?;
        let request = client.user_info(tokens.access_token.clone(), Some(tokens.subject.clone()))?;
        let claims: Result<CoreUserInfoClaims, _> = request.request_async(&self.http).await;
        match claims {
            Ok(claims) => Ok(serde_json::to_value(claims)?),
            // RFC 6750 §3.1: the body says nothing that the status does not.
            Err(UserInfoError::Response(status, ..)) => {
                bail!("UserInfo answers {status} to this access token")
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The session that a genuine logout token ends (OpenID Connect Back-Channel Logout §2.6).
    pub(super) async fn ended_session(&self, token: &str) -> anyhow::Result<String> {
        let (signed, signature) = token.rsplit_once('.').context("it is no JWT")?;
        let (header, claims) = signed.split_once('.').context("it is no JWT")?;
        let part = |part: &str| -> Option<Value> { serde_json::from_slice(&from_base64url(part)?).ok() };
        let header = part(header).context("its header cannot be read")?;
        ensure!(header["typ"] == "logout+jwt", "it is no logout token");
        let algorithm: CoreJwsSigningAlgorithm = serde_json::from_value(header["alg"].clone())?;
        // The one that this client is registered for.
        ensure!(algorithm == CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256, "its algorithm is not RS256");
        let provider = self.discover().await?;
        let key = provider
            .jwks()
            .keys()
            .iter()
            .find(|key| key.key_id().is_some_and(|id| header["kid"] == id.as_str()));
        let signature = from_base64url(signature).context("its signature cannot be read")?;
        key.context("its key is unknown")?.verify_signature(&algorithm, signed.as_bytes(), &signature)?;
        let claims = part(claims).context("its claims cannot be read")?;
        let now = SystemClock.now().secs();
        ensure!(claims["iss"] == self.issuer(), "it comes from somebody else");
        ensure!(claims["aud"] == self.client_id(), "it is for somebody else");
        ensure!(claims["exp"].as_i64().is_some_and(|end| now < end + 60), "it has expired");
        ensure!(
            claims["events"][LOGOUT_EVENT].is_object() && claims.get("nonce").is_none(),
            "it ends nothing"
        );
        Ok(claims["sid"].as_str().context("it names no session")?.to_owned())
    }

    /// Where to sign out (OpenID Connect RP-Initiated Logout §2).
    pub(super) async fn sign_out(&self, tokens: &Tokens) -> anyhow::Result<Url> {
        let provider = self.discover().await?;
        let endpoint = provider.additional_metadata().end_session_endpoint.clone();
        let request = LogoutRequest::from(endpoint.context("the server names no end_session_endpoint")?)
            .set_id_token_hint(&tokens.id_token)
            .set_post_logout_redirect_uri(self.after_sign_out.clone());
        Ok(request.http_get_url())
    }
}

fn tokens(
    answer: &CoreTokenResponse,
    id_token: CoreIdToken,
    subject: SubjectIdentifier,
    kept: Option<RefreshToken>,
) -> Tokens {
    let scopes = answer.scopes().into_iter().flatten().map(|scope| scope.as_str());
    Tokens {
        id_token,
        subject,
        access_token: answer.access_token().clone(),
        refresh_token: answer.refresh_token().cloned().or(kept),
        lifetime: answer.expires_in().map(|lifetime| lifetime.as_secs()),
        scope: scopes.collect::<Vec<_>>().join(" "),
    }
}

impl Tokens {
    pub(super) fn can_refresh(&self) -> bool {
        self.refresh_token.is_some()
    }

    pub(super) fn id_token_claims(&self) -> Option<Value> {
        payload(&self.id_token.to_string())
    }

    /// The session at the server.
    pub(super) fn session_id(&self) -> Option<String> {
        Some(self.id_token_claims()?.get("sid")?.as_str()?.to_owned())
    }

    pub(super) fn access_token(&self) -> &str {
        self.access_token.secret()
    }

    /// `None`: it is opaque, and only the server knows what it stands for.
    pub(super) fn access_token_claims(&self) -> Option<Value> {
        payload(self.access_token.secret())
    }
}

/// The middle of a JWT (RFC 7519 §3), to look at: nothing relies on it.
fn payload(token: &str) -> Option<Value> {
    let [_, payload, _] = token.split('.').collect::<Vec<_>>().try_into().ok()?;
    serde_json::from_slice(&from_base64url(payload)?).ok()
}
