//! What `serve --dev` sets up to try things out with: a user and a client of this data folder.

use std::collections::BTreeSet;

use serde_json::json;

use super::dev_file::{DevApi, DevFile};
use crate::app::App;
use crate::clock::Timestamp;
use crate::events::{self, Event};
use crate::id::Id;
use crate::protocol::client_metadata::ClientMetadata;
use crate::protocol::grant_type::GrantType;
use crate::registration::{self, Identity};
use crate::secret::{self, Purpose, Secret};
use crate::sign_in::hashing::{self, StoredHash};
use crate::sign_in::password::Password;
use crate::store::clients::{self, Client};
use crate::store::credentials::{self, Kind};
use crate::store::users::{self, Status, User, Username};

const NAME: &str = "demo";
const REDIRECT_URI: &str = "http://127.0.0.1:8081/callback";
const API_NAME: &str = "demo-api";
/// What the demo API answers for. Nothing is looked up under it.
const RESOURCE: &str = "https://orders.demo.example";

/// Makes the demo user and client where they are missing, and says what opens them. Their secrets follow from the
/// master secret of the data folder: the same at every start, and no constant.
pub async fn set_up(app: &App) -> anyhow::Result<DevFile> {
    let derived = |what: &[u8]| secret::base64url(&app.installation.master.mac(Purpose::Demo, what, b""));
    let password =
        derived(b"password").chars().filter(char::is_ascii_alphanumeric).take(16).collect::<String>();
    let client_secret = derived(b"client secret");
    // Whoever changes the password changes the salt: a look at it tells what else would take a hash at every start.
    let mut salt = [0; hashing::SALT];
    salt.copy_from_slice(
        &app.installation.master.mac(Purpose::Demo, b"salt", password.as_bytes())[..hashing::SALT],
    );
    let now = app.clock.now();
    let user = find_or_add_user(app, now).await?;
    let kept = credentials::find(app.store.read(), user, Kind::Password).await?;
    let kept = kept.map(|kept| kept.parse::<StoredHash>()).transpose()?;
    if kept.is_none_or(|kept| kept.salt() != salt) {
        let verifier = app.sign_in.hashing.hash_salted(Password::typed(&password)?, &salt).await?;
        app.store
            .write((user, verifier, now), |tx, (user, verifier, now)| {
                Box::pin(credentials::set(tx, *user, Kind::Password, verifier, *now))
            })
            .await?;
        // Nobody is at the door yet: half of what an idle server occupies would lie there for the next sign-in.
        app.sign_in.hashing.release_memory();
    }
    let api_secret = derived(b"api client secret");
    for (client_id, client_secret, metadata) in
        [(NAME, &client_secret, metadata()), (API_NAME, &api_secret, api_metadata())]
    {
        match clients::find(app.store.read(), client_id).await? {
            None => {
                let secret = Some(Secret::claimed(client_secret.clone()));
                let identity = Identity { client_id: Some(client_id.to_owned()), secret, master: None };
                registration::register(&app.store, identity, metadata, now).await?;
            }
            // Of a data folder that an earlier release has set up.
            Some(client) if client.metadata.audience != metadata.audience => {
                registration::change(&app.store, Client { metadata, ..client }, now).await?;
            }
            Some(_) => {}
        }
    }
    Ok(DevFile {
        issuer: app.issuer.url.clone(),
        username: NAME.to_owned(),
        password,
        client_id: NAME.to_owned(),
        client_secret,
        redirect_uri: REDIRECT_URI.to_owned(),
        api: DevApi {
            resource: RESOURCE.to_owned(),
            client_id: API_NAME.to_owned(),
            client_secret: api_secret,
        },
    })
}

fn metadata() -> ClientMetadata {
    ClientMetadata {
        client_name: Some("Demo app".to_owned()),
        redirect_uris: vec![REDIRECT_URI.to_owned(), "http://127.0.0.1/callback".to_owned()],
        post_logout_redirect_uris: vec!["http://127.0.0.1:8081/".to_owned(), "http://127.0.0.1/".to_owned()],
        grant_types: BTreeSet::from([
            GrantType::AuthorizationCode,
            GrantType::RefreshToken,
            GrantType::ClientCredentials,
        ]),
        scope: registration::default_scope(),
        audience: vec![RESOURCE.to_owned()],
        backchannel_logout_uri: Some("http://127.0.0.1:8081/backchannel-logout".to_owned()),
        backchannel_logout_session_required: true,
        ..ClientMetadata::default()
    }
}

fn api_metadata() -> ClientMetadata {
    ClientMetadata {
        client_name: Some("Demo API".to_owned()),
        grant_types: BTreeSet::from([GrantType::ClientCredentials]),
        response_types: Vec::new(),
        resources: vec![RESOURCE.to_owned()],
        ..ClientMetadata::default()
    }
}

async fn find_or_add_user(app: &App, now: Timestamp) -> anyhow::Result<Id<User>> {
    let username = Username::parse(NAME)?;
    if let Some(user) = users::find_by_username(app.store.read(), &username).await? {
        return Ok(user.id);
    }
    let claims = json!({
        "name": "Demo User",
        "given_name": "Demo",
        "family_name": "User",
        "email": "demo@example.com",
        "email_verified": true,
        "locale": "en",
        "zoneinfo": "Etc/UTC",
    });
    let user = User {
        id: Id::new(),
        username,
        claims: claims.as_object().cloned().unwrap_or_default(),
        status: Status::Active,
        created_at: now,
        updated_at: now,
    };
    let id = user.id;
    app.store
        .write((user, now), |tx, (user, now)| {
            Box::pin(async move {
                users::insert(tx, user).await?;
                events::record(tx, &Event::UserAdded { user: user.id }, *now).await
            })
        })
        .await?;
    Ok(id)
}
