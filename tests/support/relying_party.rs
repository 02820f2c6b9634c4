//! A client: what it asks of a browser, and what it asks of the server itself.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use gatepass::protocol::client_metadata::AuthMethod;
use gatepass::registration::Registered;
use gatepass::secret::{self, Secret};
use gatepass::store::clients::Client;
use reqwest::redirect::Policy;
use serde_json::{Value, json};

use super::browser::Answer;
use super::world::{PASSWORD, World};
use super::{Browser, ClientSigner};

/// RFC 7523 §2.2
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

#[derive(Clone)]
pub struct RelyingParty {
    pub client: Client,
    pub secret: Option<Secret>,
    pub issuer: String,
    /// The node that answers for the issuer.
    address: String,
    http: reqwest::Client,
}

/// An authorization request that was sent: what the client keeps until the answer comes.
#[derive(Clone, Debug)]
pub struct Sent {
    pub target: String,
    pub verifier: String,
    pub state: String,
    pub nonce: String,
}

impl RelyingParty {
    pub fn new(issuer: &str, registered: Registered) -> Self {
        RelyingParty {
            client: registered.client,
            secret: registered.secret,
            issuer: issuer.to_owned(),
            address: issuer.to_owned(),
            http: reqwest::Client::builder().redirect(Policy::none()).no_proxy().build().unwrap(),
        }
    }

    /// The same client, whose load balancer leads it to `node`.
    pub fn at(&self, node: &World) -> Self {
        RelyingParty { address: node.address.clone(), ..self.clone() }
    }

    pub fn id(&self) -> &str {
        &self.client.id
    }

    /// The parameters of a sound authorization request.
    pub fn request(&self, scope: &str) -> (Sent, BTreeMap<String, String>) {
        let sent = Sent {
            target: String::new(),
            verifier: Secret::new().reveal().to_owned(),
            state: Secret::new().reveal().to_owned(),
            nonce: Secret::new().reveal().to_owned(),
        };
        let challenge = secret::base64url(&secret::sha256(sent.verifier.as_bytes()));
        let parameters = [
            ("response_type", "code"),
            ("client_id", self.id()),
            ("redirect_uri", self.client.metadata.redirect_uris.first().map_or("", String::as_str)),
            ("scope", scope),
            ("state", &sent.state),
            ("nonce", &sent.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
        (sent, parameters.into())
    }

    /// An authorization request with some parameters set otherwise; an empty value takes one away.
    pub fn ask(&self, scope: &str, change: &[(&str, &str)]) -> Sent {
        let (mut sent, mut parameters) = self.request(scope);
        for (name, value) in change {
            match value.is_empty() {
                true => parameters.remove(*name),
                false => parameters.insert((*name).to_owned(), (*value).to_owned()),
            };
        }
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        sent.target = format!("/authorize?{query}");
        sent
    }

    /// The whole walk of `username` in `browser`: the code, and what was kept for it.
    pub async fn code(&self, browser: &mut Browser, username: &str, scope: &str) -> (String, Sent) {
        let sent = self.ask(scope, &[]);
        let answer = browser.walk(&sent.target, username, PASSWORD).await;
        let parameters = answer.parameters();
        let code = parameters.get("code").unwrap_or_else(|| panic!("no code in {parameters:?}"));
        assert_eq!(parameters["state"], sent.state);
        assert_eq!(parameters["iss"], self.issuer);
        (code.clone(), sent)
    }

    /// Redeems a code as a sound client does.
    pub async fn redeem(&self, code: &str, sent: &Sent) -> Answer {
        self.redeem_changed(code, sent, &[]).await
    }

    /// A redemption with some parameters set otherwise; an empty value takes one away.
    pub async fn redeem_changed(&self, code: &str, sent: &Sent, change: &[(&str, &str)]) -> Answer {
        let sound = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.client.metadata.redirect_uris[0]),
            ("code_verifier", &sent.verifier),
        ];
        let mut fields = BTreeMap::from(sound);
        fields.extend(change.iter().copied());
        fields.retain(|_, value| !value.is_empty());
        self.token(&Vec::from_iter(fields)).await
    }

    /// Tokens for `username`, who signs in and agrees in a browser of their own.
    pub async fn tokens(&self, username: &str, scope: &str) -> Value {
        self.tokens_in(&mut Browser::new(&self.issuer), username, scope).await
    }

    pub async fn tokens_in(&self, browser: &mut Browser, username: &str, scope: &str) -> Value {
        let (code, sent) = self.code(browser, username, scope).await;
        let answer = self.redeem(&code, &sent).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    pub async fn refresh(&self, token: &str) -> Answer {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// A token request, authenticated as registered.
    pub async fn token(&self, fields: &[(&str, &str)]) -> Answer {
        self.post("/token", fields).await
    }

    pub async fn introspect(&self, token: &str) -> Value {
        self.post("/introspect", &[("token", token)]).await.json()
    }

    pub async fn revoke(&self, token: &str) -> Answer {
        self.post("/revoke", &[("token", token)]).await
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut fields = fields.to_vec();
        let secret = self.secret.as_ref().map(Secret::reveal).unwrap_or_default();
        let mut authorization = None;
        let mut assertion = String::new();
        match self.client.metadata.token_endpoint_auth_method {
            AuthMethod::None => fields.push(("client_id", self.id())),
            AuthMethod::ClientSecretPost => {
                fields.extend([("client_id", self.id()), ("client_secret", secret)]);
            }
            AuthMethod::ClientSecretBasic => authorization = Some(basic(self.id(), secret)),
            AuthMethod::PrivateKeyJwt => assertion = ClientSigner::shared().sign(&self.claims()),
            AuthMethod::ClientSecretJwt => {
                assertion = ClientSigner::of_secret(secret.as_bytes()).sign(&self.claims());
            }
        }
        if !assertion.is_empty() {
            fields.extend([("client_assertion_type", JWT_BEARER), ("client_assertion", assertion.as_str())]);
        }
        self.raw(path, &fields, authorization.as_deref()).await
    }

    /// What a sound assertion says, until a few minutes after the registration.
    fn claims(&self) -> Value {
        let expires_at = self.client.created_at.secs() + 300;
        json!({
            "iss": self.id(), "sub": self.id(), "aud": self.issuer,
            "exp": expires_at, "jti": Secret::new().reveal(),
        })
    }

    /// A request exactly as given.
    pub async fn raw(&self, path: &str, fields: &[(&str, &str)], authorization: Option<&str>) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let mut request = self
            .http
            .post(format!("{}{path}", self.address))
            .header("host", self.host())
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        answer_of(request).await
    }

    pub async fn userinfo(&self, access_token: &str) -> Answer {
        let request = self.http.get(format!("{}/userinfo", self.address)).header("host", self.host());
        answer_of(request.bearer_auth(access_token)).await
    }

    fn host(&self) -> String {
        url::Url::parse(&self.issuer).unwrap().authority().to_owned()
    }
}

pub async fn answer_of(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, body: response.text().await.unwrap() }
}

pub fn basic(id: &str, secret: &str) -> String {
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(id), encode(secret))))
}

/// The claims of a JWT, unverified: for looking at what stands in it.
pub fn claims(token: &str) -> Value {
    part(token, 1)
}

pub fn header(token: &str) -> Value {
    part(token, 0)
}

fn part(token: &str, number: usize) -> Value {
    let part = token.split('.').nth(number).unwrap_or_else(|| panic!("no JWT: {token}"));
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}
