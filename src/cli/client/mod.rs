//! `gatepass client`: the apps that sign people in, and the APIs that ask about tokens.

mod flags;
mod token;

use serde_json::{Value, json};

use self::flags::Flags;
use super::Everywhere;
use super::input;
use super::open;
use super::output::{Answer, Refusal, facts, table};
use crate::app::Installation;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::protocol::client_metadata::{AuthMethod, ClientMetadata};
use crate::protocol::grant_type::GrantType;
use crate::registration::{self, Identity, Invalid, Registered, Renewal, Secrets, sector};
use crate::secret::{RootKey, Secret};
use crate::store::Store;
use crate::store::clients::{self, Client, Origin, Standing, Status};

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Register a client and show its secret, once
    Add {
        #[command(flatten)]
        flags: Box<Flags>,
        /// The client_id, instead of one that is made
        #[arg(long)]
        id: Option<String>,
        /// Read its secret (32 characters or more) from standard input, instead of having one made
        #[arg(long)]
        secret_stdin: bool,
    },
    /// List clients in the order of their identifiers
    List {
        /// Only those whose identifiers come after this one
        #[arg(long, value_name = "CLIENT_ID")]
        after: Option<String>,
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=10_000))]
        limit: u64,
    },
    /// Show what is registered of a client
    Show {
        #[arg(value_name = "CLIENT_ID")]
        id: String,
    },
    /// Change what is registered of a client; what no flag names stays
    Update {
        #[arg(value_name = "CLIENT_ID")]
        id: String,
        #[command(flatten)]
        flags: Box<Flags>,
        /// Make a new secret and show it, once; the old one is worth nothing from then on
        #[arg(long)]
        new_secret: bool,
        /// Answer it no more, and nobody on its behalf
        #[arg(long, conflicts_with = "enable")]
        disable: bool,
        /// Answer it again
        #[arg(long)]
        enable: bool,
        /// You have looked at this client, which registered itself: people are no longer warned of it
        #[arg(long)]
        verified: bool,
    },
    /// End everything of a client and forget it
    Remove {
        #[arg(value_name = "CLIENT_ID")]
        id: String,
    },
    /// Make a token with which clients register themselves, and show it, once
    Token(token::Options),
}

pub(super) async fn run(
    command: Command,
    everywhere: &Everywhere,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let config = open::config(everywhere)?;
    let store = open::store(&config).await?;
    let answer = match command {
        Command::Token(options) => token::make(&options, &store, &config, now).await,
        Command::Add { flags, id, secret_stdin } => add(&config, &store, &flags, id, secret_stdin, now).await,
        Command::List { after, limit } => list(&store, after.as_deref(), limit).await,
        Command::Show { id } => Ok(shown(&find(&store, &id).await?, None)),
        Command::Update { id, flags, new_secret, disable, enable, verified } => {
            let client = find(&store, &id).await?;
            let status = match (disable, enable) {
                (true, _) => Status::Disabled(now),
                (_, true) => Status::Active,
                _ => client.status,
            };
            let standing = if verified { Standing::Verified } else { client.standing };
            let client = Client { status, standing, ..client };
            update(&config, &store, client, &flags, new_secret, now).await
        }
        Command::Remove { id } => remove(&store, find(&store, &id).await?, now).await,
    };
    open::reach_servers(&store).await;
    answer
}

async fn find(store: &Store, id: &str) -> Result<Client, Refusal> {
    clients::find(store.read(), id).await?.ok_or_else(|| {
        Refusal::new("not_found", format!("there is no client {id:?}: `gatepass client list` shows all"))
    })
}

/// What seals the secret of a client that signs with it. No other client needs the sealing key to be at hand.
async fn master(
    config: &Config,
    store: &Store,
    metadata: &ClientMetadata,
) -> Result<Option<RootKey>, Refusal> {
    if metadata.token_endpoint_auth_method != AuthMethod::ClientSecretJwt {
        return Ok(None);
    }
    Ok(Some(Installation::unseal(config, store.clone()).await?.master))
}

async fn add(
    config: &Config,
    store: &Store,
    flags: &Flags,
    client_id: Option<String>,
    secret_stdin: bool,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    if secret_stdin && flags.metadata.as_ref().is_some_and(input::Source::is_standard_input) {
        return Err(Refusal::usage(
            "standard input holds either the secret or the metadata: name a file for the other",
        ));
    }
    let metadata = flags.describe()?;
    if secret_stdin && !metadata.token_endpoint_auth_method.has_secret() {
        return Err(Refusal::usage("this client has no secret: another --auth-method would have one"));
    }
    sector::prove(&open::outbound(config)?, None, &metadata).await.map_err(invalid)?;
    let secret = match secret_stdin {
        true => Some(Secret::claimed(input::secret_line()?.as_str())),
        false => None,
    };
    let identity = Identity { client_id, secret, master: master(config, store, &metadata).await? };
    let Registered { client, secret } = registration::register(store, identity, metadata, now).await?;
    // Who brought a secret along knows it.
    Ok(shown(&client, secret.as_ref().filter(|_| !secret_stdin)))
}

async fn list(store: &Store, after: Option<&str>, limit: u64) -> Result<Answer, Refusal> {
    let found = clients::list(store.read(), after, limit).await?;
    let rows = found.iter().map(|client| {
        [client.id.clone(), client.name().to_owned(), status(client).to_owned(), grant_types(client)]
    });
    let text = table(["CLIENT ID", "NAME", "STATUS", "GRANT TYPES"], rows);
    Ok(Answer::new(text, found.iter().map(|client| document(client, None)).collect()))
}

async fn update(
    config: &Config,
    store: &Store,
    client: Client,
    flags: &Flags,
    new_secret: bool,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let metadata = flags.change(client.metadata.clone())?;
    if client.origin == Origin::Document && metadata != client.metadata {
        return Err(Refusal::usage(
            "what is registered of this client stands at its client_id: here it can only be disabled or removed",
        ));
    }
    let method = metadata.token_endpoint_auth_method;
    if new_secret && !method.has_secret() {
        return Err(Refusal::usage("this client has no secret: name another --auth-method for it"));
    }
    let before = Some(&client.metadata);
    sector::prove(&open::outbound(config)?, before, &metadata).await.map_err(invalid)?;
    let master = master(config, store, &metadata).await?;
    let renewal = if new_secret { Renewal::Always } else { Renewal::IfMissing };
    let Secrets { fresh, secret, sealed_secret } = Secrets::of(&client, method, renewal, master.as_ref());
    let changed = Client { metadata, secret, sealed_secret, ..client };
    let changed = registration::change(store, changed, now).await?;
    Ok(shown(&changed, fresh.as_ref()))
}

fn invalid(wrong: Invalid) -> Refusal {
    registration::Refusal::Invalid(vec![wrong]).into()
}

async fn remove(store: &Store, client: Client, now: Timestamp) -> Result<Answer, Refusal> {
    store
        .write((client.id.clone(), now), |tx, (id, now)| Box::pin(registration::remove(tx, id, *now)))
        .await?;
    let text = format!("The client {} is removed, and everything of it was ended.", client.id);
    Ok(Answer::new(text, json!({ "client_id": client.id, "removed": true })))
}

impl From<registration::Refusal> for Refusal {
    fn from(refusal: registration::Refusal) -> Self {
        match refusal {
            registration::Refusal::Invalid(wrong) => {
                let code = wrong.first().map_or("invalid_client_metadata", registration::Invalid::error);
                let lines: Vec<String> = wrong.iter().map(ToString::to_string).collect();
                Refusal::new(code, lines.join("\n"))
            }
            registration::Refusal::Exists => {
                Refusal::new("exists", "a client with this client_id exists already")
            }
            registration::Refusal::Store(error) => error.into(),
        }
    }
}

fn shown(client: &Client, secret: Option<&Secret>) -> Answer {
    let mut lines = vec![
        ("client_id", client.id.clone()),
        ("client_secret", secret.map(|secret| secret.reveal().to_owned()).unwrap_or_default()),
        ("status", status(client).to_owned()),
        ("standing", standing(client).to_owned()),
    ];
    let metadata = json!(client.metadata);
    let members = metadata.as_object().into_iter().flatten();
    lines.extend(members.map(|(name, value)| (name.as_str(), in_words(value))));
    let mut text = facts(&lines);
    if secret.is_some() {
        text += "\nThe secret is shown this once: give it to the client now.\n";
    }
    Answer::new(text, document(client, secret))
}

fn in_words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(in_words).collect::<Vec<_>>().join(" "),
        value => value.to_string(),
    }
}

fn grant_types(client: &Client) -> String {
    let types: Vec<&str> = client.metadata.grant_types.iter().copied().map(GrantType::as_str).collect();
    types.join(" ")
}

fn status(client: &Client) -> &'static str {
    if client.is_active() { "active" } else { "disabled" }
}

fn standing(client: &Client) -> &'static str {
    match client.standing {
        Standing::Verified => "verified",
        Standing::Unverified => "unverified",
    }
}

fn document(client: &Client, secret: Option<&Secret>) -> Value {
    let mut document = json!(client.metadata);
    document["client_id"] = json!(client.id);
    if let Some(secret) = secret {
        document["client_secret"] = json!(secret.reveal());
    }
    document["status"] = json!(status(client));
    document["standing"] = json!(standing(client));
    document["created_at"] = json!(client.created_at.to_string());
    document["updated_at"] = json!(client.updated_at.to_string());
    document
}
