//! One server with its store, its clock and its port.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gatepass::app::App;
use gatepass::clock::{Clock, ShiftedClock, Timestamp};
use gatepass::config::{Config, Mode, Sources};
use gatepass::events::Reason;
use gatepass::http::limits::Limits;
use gatepass::http::metrics::Metrics;
use gatepass::http::server;
use gatepass::http::shutdown::{Drain, Shutdown, Stage};
use gatepass::id::Id;
use gatepass::protocol::client_metadata::{AuthMethod, ClientMetadata};
use gatepass::protocol::grant_type::GrantType;
use gatepass::registration::{self, Identity};
use gatepass::router;
use gatepass::sign_in::password::Password;
use gatepass::store::credentials::{self, Kind};
use gatepass::store::users::{self, Status, User, Username};
use gatepass::{revocation, store};
use reqwest::Method;
use reqwest::redirect::Policy;
use serde_json::json;
use tokio::net::TcpListener;

use super::browser::Answer;
use super::relying_party::answer_of;
use super::{Browser, RelyingParty, database};

pub const PASSWORD: &str = "correct horse battery staple";
pub const REDIRECT_URI: &str = "https://shop.example/callback";

/// Stands in a setting for the address of the listener, which is known only when the world begins.
pub const LISTENER: &str = "LISTENER";

pub struct World {
    pub app: App,
    pub clock: Arc<ShiftedClock>,
    pub issuer: String,
    /// Where this node listens; the issuer unless it is a further node.
    pub address: String,
    shutdown: Shutdown,
    folder: Arc<Folder>,
    database: Option<String>,
    http: reqwest::Client,
}

/// The data folder, which goes with the last node that uses it.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that stays behind lies in the system's temporary place.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Hashing is not what is tested: as cheap as Argon2id goes.
const CHEAP_HASHES: [(&str, &str); 2] =
    [("sign_in.argon2_memory_kib", "8"), ("sign_in.argon2_iterations", "1")];

impl World {
    pub async fn on_sqlite(settings: &[(&'static str, &str)]) -> World {
        World::start(None, settings).await
    }

    /// `None`: this run has no PostgreSQL, and says so.
    pub async fn on_postgres(settings: &[(&'static str, &str)]) -> Option<World> {
        let database = database::postgres().await?;
        Some(World::on_database(database.url, settings).await)
    }

    /// On a database that somebody else has made.
    pub async fn on_database(url: String, settings: &[(&'static str, &str)]) -> World {
        World::start(Some(url), settings).await
    }

    async fn start(database: Option<String>, settings: &[(&'static str, &str)]) -> World {
        let folder = std::env::temp_dir().join(format!("gatepass-test-{}", Id::<World>::new()));
        World::start_in(Arc::new(Folder(folder)), database, Arc::default(), settings).await
    }

    /// A further node of the same installation, behind the same name: what a load balancer would choose between,
    /// or the same server after a restart.
    pub async fn another_node(&self) -> World {
        self.another_node_with(&[]).await
    }

    pub async fn another_node_with(&self, settings: &[(&'static str, &str)]) -> World {
        let settings = [&[("issuer.url", self.issuer.as_str())], settings].concat();
        World::start_in(self.folder.clone(), self.database.clone(), self.clock.clone(), &settings).await
    }

    /// The node stops, as a process that is asked to.
    pub async fn stops(&self) {
        self.shutdown.end(Drain::without_notice(Duration::ZERO)).await;
    }

    async fn start_in(
        folder: Arc<Folder>,
        database: Option<String>,
        clock: Arc<ShiftedClock>,
        settings: &[(&'static str, &str)],
    ) -> World {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut sources = Sources { file: None, environment: Vec::new(), command_line: Vec::new() };
        let flag =
            |sources: Sources, key, value: &str| sources.with_flag(key, "a test", Some(value.to_owned()));
        for (key, value) in CHEAP_HASHES.iter().chain(settings) {
            sources = flag(sources, key, &value.replace(LISTENER, &address.to_string()));
        }
        sources = flag(sources, "server.data_dir", folder.0.to_str().unwrap());
        if let Some(url) = &database {
            sources = flag(sources, "database.url", url);
        }
        let mut config = Config::load(&sources, Mode::Development).unwrap();
        config.follow_listener(address);
        let issuer = config.issuer.url.base().to_owned();
        let app = App::open(config, clock.clone()).await.unwrap();
        let shutdown = Shutdown::new();
        let doors = router::public(&app, Metrics::install(), Limits::default());
        tokio::spawn(server::serve(listener, doors, None, Limits::default(), shutdown.clone()));
        let (feed, end) = (app.feed.clone(), shutdown.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = feed.run() => {}
                () = end.reached(Stage::Over) => {}
            }
        });
        let http = reqwest::Client::builder().redirect(Policy::none()).no_proxy().build().unwrap();
        World { app, clock, issuer, address: format!("http://{address}"), shutdown, folder, database, http }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn time_passes(&self, by: Duration) {
        self.clock.advance(by);
    }

    pub fn browser(&self) -> Browser {
        Browser::new(&self.issuer)
    }

    /// A user with [`PASSWORD`] and every standard claim.
    pub async fn user(&self, name: &str) -> User {
        let now = self.now();
        let claims = json!({
            "name": format!("{name} Example"),
            "given_name": name,
            "family_name": "Example",
            "email": format!("{name}@example.com"),
            "email_verified": true,
            "phone_number": "+1 555 0100",
            "phone_number_verified": false,
            "address": { "locality": "Springfield" },
        });
        let user = User {
            id: Id::new(),
            username: Username::parse(name).unwrap(),
            claims: claims.as_object().unwrap().clone(),
            status: Status::Active,
            created_at: now,
            updated_at: now,
        };
        let verifier = self.app.sign_in.hashing.hash(Password::typed(PASSWORD).unwrap()).await.unwrap();
        self.app
            .store
            .write((user.clone(), verifier, now), |tx, (user, verifier, now)| {
                Box::pin(async move {
                    users::insert(tx, user).await?;
                    credentials::set(tx, user.id, Kind::Password, verifier, *now).await
                })
            })
            .await
            .unwrap();
        user
    }

    /// A confidential client that may use every grant, as changed by `change`.
    pub async fn client(&self, id: &str, change: impl FnOnce(&mut ClientMetadata)) -> RelyingParty {
        let mut metadata = ClientMetadata {
            client_name: Some(format!("The {id}")),
            redirect_uris: vec![REDIRECT_URI.to_owned()],
            post_logout_redirect_uris: vec!["https://shop.example/bye".to_owned()],
            grant_types: [
                GrantType::AuthorizationCode,
                GrantType::RefreshToken,
                GrantType::ClientCredentials,
            ]
            .into(),
            scope: format!("{} orders:read orders:write", registration::default_scope()).parse().unwrap(),
            ..ClientMetadata::default()
        };
        change(&mut metadata);
        let master = Some(self.app.installation.master.clone());
        let identity = Identity { client_id: Some(id.to_owned()), secret: None, master };
        let registered =
            registration::register(&self.app.store, identity, metadata, self.now()).await.unwrap();
        RelyingParty::new(&self.issuer, registered)
    }

    pub async fn shop(&self) -> RelyingParty {
        self.client("shop", |_| {}).await
    }

    /// An API that is served under `https://NAME.example`.
    pub async fn api(&self, name: &str) -> RelyingParty {
        self.client(name, |metadata| {
            metadata.resources = vec![format!("https://{name}.example")];
            metadata.grant_types = [GrantType::ClientCredentials].into();
            metadata.redirect_uris = Vec::new();
            metadata.response_types = Vec::new();
        })
        .await
    }

    /// A public client on a claimed https redirect URI: a single-page app.
    pub async fn public_client(&self, id: &str) -> RelyingParty {
        self.client(id, |metadata| {
            metadata.token_endpoint_auth_method = AuthMethod::None;
            metadata.grant_types = [GrantType::AuthorizationCode, GrantType::RefreshToken].into();
        })
        .await
    }

    /// A new browser in which `username` has signed in.
    pub async fn signed_in(&self, username: &str) -> Browser {
        let mut browser = self.browser();
        let answer = browser.sign_in("/login", username, PASSWORD).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        browser
    }

    /// A request exactly as given, from nobody in particular. Headers may hold any bytes.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &[u8])], body: &str) -> Answer {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, format!("{}{path}", self.issuer)).body(body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer_of(request).await
    }

    /// As the command line does it: nothing tells this server but the row.
    pub async fn disable_client(&self, client: &RelyingParty) {
        let mut client = client.client.clone();
        client.status = store::clients::Status::Disabled(self.now());
        let update = self.app.store.write(client, |tx, client| Box::pin(store::clients::update(tx, client)));
        update.await.unwrap();
    }

    pub async fn disable_user(&self, user: &User) {
        let disabling = self.app.store.write((user.id, self.now()), |tx, (user, now)| {
            Box::pin(async move {
                users::set_status(tx, *user, Status::Disabled(*now)).await?;
                revocation::end_user(tx, *user, Reason::UserDisabled, *now).await
            })
        });
        disabling.await.unwrap();
    }

    /// A file of the data folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.0.join(name)
    }

    /// Statements since the start: (reads, writes).
    pub fn statements(&self) -> (u64, u64) {
        self.app.store.statements()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let shutdown = self.shutdown.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { shutdown.end(Drain::without_notice(Duration::ZERO)).await });
        }
    }
}
