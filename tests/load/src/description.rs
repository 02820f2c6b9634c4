//! What a server is measured by: a TOML file that says how to start it and how to speak to it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;
use url::Url;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    pub name: String,
    /// What the figures stand for: algorithm, store, durability.
    pub note: String,
    /// Started with `sh -c` in the folder of this file, in a fresh scratch folder `$SCRATCH`; `exec` keeps the
    /// accounting to one process tree. Without it a server that runs already is measured.
    #[serde(default)]
    pub start: Option<String>,
    /// Before the server starts, in the same folder; not measured.
    #[serde(default)]
    pub prepare: Option<String>,
    pub issuer: String,
    /// Host and port that requests go to, if not those of the issuer (there is a proxy for them, or nobody).
    #[serde(default)]
    pub reached_at: Option<String>,
    /// Answers 200 as soon as the server takes requests.
    pub ready: String,
    /// A JSON file in the scratch folder whose text members replace `${name}` in this description after the start.
    #[serde(default)]
    pub facts: Option<PathBuf>,
    pub endpoints: Endpoints,
    pub client: Credential,
    /// Who introspects; the client itself without it.
    #[serde(default)]
    pub resource_server: Option<Credential>,
    #[serde(default)]
    pub sign_in: Option<SignIn>,
    /// Resource servers that follow its revocation feed.
    #[serde(default)]
    pub apis: Vec<Api>,
    /// Workloads that it cannot do, with the reason.
    #[serde(default)]
    pub cannot: BTreeMap<String, String>,
    #[serde(skip)]
    pub folder: PathBuf,
}

/// Paths; those that are missing cannot be measured.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoints {
    pub token: String,
    #[serde(default)]
    pub authorization: Option<String>,
    #[serde(default)]
    pub introspection: Option<String>,
    #[serde(default)]
    pub userinfo: Option<String>,
    #[serde(default)]
    pub revocation: Option<String>,
    #[serde(default)]
    pub discovery: Option<String>,
    #[serde(default)]
    pub jwks: Option<String>,
    /// One password hash and nothing else, as a part of W6 that nobody can do without.
    #[serde(default)]
    pub password_hash: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    pub id: String,
    pub secret: String,
    /// More parameters of its client_credentials requests.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// And where the answer must be a JWT.
    #[serde(default)]
    pub jwt_parameters: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    pub id: String,
    pub secret: String,
    /// Its resource identifier (RFC 8707 §2).
    pub resource: String,
}

/// How a person signs in and agrees, and how the client asks for it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    pub redirect_uri: String,
    pub scope: String,
    pub username: String,
    pub password: String,
    /// The names of the fields of the sign-in form.
    #[serde(default = "username_field")]
    pub username_field: String,
    #[serde(default = "password_field")]
    pub password_field: String,
    /// `name=value` of the buttons that are pressed when a form has them.
    #[serde(default)]
    pub buttons: Vec<String>,
    /// A sign-in without forms: JSON requests before the authorization request.
    #[serde(default)]
    pub requests: Vec<JsonRequest>,
    /// More parameters of the authorization request, also of the silent one.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// Whether an ID Token comes with each refresh; with `false` say so in the note.
    #[serde(default = "yes")]
    pub id_token_at_refresh: bool,
    /// More parameters of the silent authorization request alone.
    #[serde(default = "nobody_is_asked")]
    pub silent_parameters: BTreeMap<String, String>,
    /// More parameters of the first authorization request alone (`prompt=consent`, for a refresh token).
    #[serde(default)]
    pub first_parameters: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JsonRequest {
    pub method: String,
    pub path: String,
    pub body: String,
}

fn username_field() -> String {
    "username".to_owned()
}

fn nobody_is_asked() -> BTreeMap<String, String> {
    BTreeMap::from([("prompt".to_owned(), "none".to_owned())])
}

fn yes() -> bool {
    true
}

fn password_field() -> String {
    "password".to_owned()
}

impl Description {
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let said = || path.display().to_string();
        let text = std::fs::read_to_string(path).with_context(said)?;
        let mut description: Description = toml::from_str(&text).with_context(said)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        description.folder = folder.unwrap_or(Path::new(".")).canonicalize()?;
        Ok(description)
    }

    /// Host and port that requests go to.
    pub fn address(&self) -> anyhow::Result<String> {
        self.reached_at.clone().map_or_else(|| self.host(), Ok)
    }

    /// The issuer's host and port, which every request names (RFC 9110 §7.2).
    pub fn host(&self) -> anyhow::Result<String> {
        let issuer = Url::parse(&self.issuer)?;
        let host = issuer.host_str().context("an issuer without a host")?;
        Ok(format!("{host}:{}", issuer.port_or_known_default().context("an issuer without a port")?))
    }

    /// Puts in what the server said about itself when it had started.
    pub fn learn(&mut self, scratch: &Path) -> anyhow::Result<()> {
        let Some(facts) = &self.facts else { return Ok(()) };
        let said: BTreeMap<String, serde_json::Value> =
            serde_json::from_slice(&std::fs::read(scratch.join(facts))?)?;
        let put_in = |text: &mut String| {
            for (name, value) in &said {
                if let Some(value) = value.as_str() {
                    *text = text.replace(&format!("${{{name}}}"), value);
                }
            }
        };
        let api = self.resource_server.as_mut();
        for credential in api.into_iter().chain([&mut self.client]) {
            put_in(&mut credential.id);
            put_in(&mut credential.secret);
        }
        if let Some(sign_in) = &mut self.sign_in {
            put_in(&mut sign_in.redirect_uri);
            put_in(&mut sign_in.username);
            put_in(&mut sign_in.password);
        }
        Ok(())
    }
}
