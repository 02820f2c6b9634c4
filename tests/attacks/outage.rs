//! A database that is locked or away: 503 with `Retry-After`, nothing ended, and well again by itself.

use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use reqwest::Method;
use sea_orm::{ConnectOptions, ConnectionTrait, Database};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::support::browser::Answer;
use crate::support::relying_party::Sent;
use crate::support::world::PASSWORD;
use crate::support::{Browser, Follower, RelyingParty, World, database};

fn assert_out(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 503, "{what}: {}", answer.body);
    let wait: u64 = answer.header("retry-after").unwrap_or_else(|| panic!("{what}")).parse().unwrap();
    assert!((1..=60).contains(&wait), "{what}");
    let said = answer.body.to_lowercase();
    for inside in ["sql", "postgres", "pool", "127.0.0.1:5", "relation"] {
        assert!(!said.contains(inside), "{what}: {said}");
    }
    assert!(answer.header("set-cookie").is_none_or(|cookie| !cookie.contains("session")), "{what}");
}

/// Somebody in the middle of everything when the database goes.
struct Midst {
    shop: RelyingParty,
    idle: Browser,
    at_sign_in: (Browser, Answer),
    at_consent: (Browser, Answer, String),
    at_resume: (Browser, String),
    code: (String, Sent),
    access_token: String,
    refresh_token: String,
    revoked: String,
}

impl Midst {
    async fn of(world: &World) -> Midst {
        world.user("alice").await;
        let shop = world.shop().await;
        let mut idle = world.browser();
        let tokens = shop.tokens_in(&mut idle, "alice", "openid").await;
        let revoked =
            shop.tokens_in(&mut idle, "alice", "openid").await["refresh_token"].as_str().unwrap().to_owned();
        let mut signing_in = world.browser();
        let begun = signing_in.get(&shop.ask("openid", &[]).target).await;
        let page = signing_in.get(begun.location()).await;
        let mut consenting = idle.clone();
        let begun = consenting.get(&shop.ask("openid phone", &[]).target).await;
        let path = begun.location().to_owned();
        let consent = consenting.get(&path).await;
        let mut resuming = world.browser();
        let begun = resuming.get(&shop.ask("openid", &[]).target).await;
        let signed_in = resuming.sign_in(begun.location(), "alice", PASSWORD).await;
        Midst {
            code: shop.code(&mut idle, "alice", "openid").await,
            access_token: tokens["access_token"].as_str().unwrap().to_owned(),
            refresh_token: tokens["refresh_token"].as_str().unwrap().to_owned(),
            at_sign_in: (signing_in, page),
            at_consent: (consenting, consent, path),
            at_resume: (resuming, signed_in.location().to_owned()),
            revoked,
            shop,
            idle,
        }
    }

    /// Each door that must write.
    fn writes(&self) -> Vec<(&'static str, BoxFuture<'_, Answer>)> {
        let begin =
            async || self.idle.clone().get(&self.shop.ask("openid", &[("prompt", "login")]).target).await;
        vec![
            ("beginning", Box::pin(begin())),
            (
                "beginning by POST",
                Box::pin(async {
                    let (_, parameters) = self.shop.request("openid");
                    let fields: Vec<_> =
                        parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                    Browser::new(&self.shop.issuer).post("/authorize", &fields).await
                }),
            ),
            ("finishing", Box::pin(async { self.at_resume.0.clone().get(&self.at_resume.1).await })),
            ("signing in", Box::pin(self.sign_in())),
            ("agreeing", Box::pin(self.agree())),
            (
                "denying",
                Box::pin(async {
                    let (browser, page, path) = &self.at_consent;
                    browser.clone().submit(page, path, &[("action", "deny")]).await
                }),
            ),
            ("redeeming", Box::pin(self.shop.redeem(&self.code.0, &self.code.1))),
            ("refreshing", Box::pin(self.shop.refresh(&self.refresh_token))),
            ("revoking a refresh token", Box::pin(self.shop.revoke(&self.revoked))),
            ("revoking an access token", Box::pin(self.shop.revoke(&self.access_token))),
        ]
    }

    /// Each door that must read.
    fn reads(&self) -> Vec<(&'static str, BoxFuture<'_, Answer>)> {
        vec![
            (
                "a silent request",
                Box::pin(async {
                    self.idle.clone().get(&self.shop.ask("openid", &[("prompt", "none")]).target).await
                }),
            ),
            ("the sign-in page", Box::pin(async { self.idle.clone().get("/login").await })),
            ("the consent page", Box::pin(async { self.at_consent.0.clone().get(&self.at_consent.2).await })),
            ("UserInfo", Box::pin(self.shop.userinfo(&self.access_token))),
            ("introspection", Box::pin(self.introspect(&self.access_token))),
            ("introspection of a refresh token", Box::pin(self.introspect(&self.refresh_token))),
            (
                "an unknown client",
                Box::pin(async {
                    Browser::new(&self.shop.issuer)
                        .send(Method::GET, "/authorize?client_id=unknown", None)
                        .await
                }),
            ),
            (
                "an unknown client's tokens",
                Box::pin(self.shop.raw("/token", &[("client_id", "unknown")], None)),
            ),
        ]
    }

    async fn introspect(&self, token: &str) -> Answer {
        self.shop.post("/introspect", &[("token", token)]).await
    }

    async fn sign_in(&self) -> Answer {
        let fields = [("username", "alice"), ("password", PASSWORD), ("action", "sign-in")];
        self.at_sign_in.0.clone().submit(&self.at_sign_in.1, "/login", &fields).await
    }

    async fn agree(&self) -> Answer {
        let (browser, page, path) = &self.at_consent;
        browser.clone().submit(page, path, &[("action", "allow")]).await
    }

    /// All of them go on where they were, as if nothing had been.
    async fn goes_on(&self) {
        let (mut browser, path) = self.at_resume.clone();
        assert!(browser.get(&path).await.parameters().contains_key("code"));
        assert_eq!(self.sign_in().await.status, 303);
        assert_eq!(self.agree().await.status, 303);
        assert_eq!(self.shop.userinfo(&self.access_token).await.status, 200);
        assert_eq!(self.shop.redeem(&self.code.0, &self.code.1).await.status, 200);
        let refreshed = self.shop.refresh(&self.refresh_token).await;
        assert_eq!(refreshed.status, 200, "{}", refreshed.body);
        assert_eq!(
            self.shop.refresh(&self.revoked).await.status,
            200,
            "a revocation that failed did nothing"
        );
        let silent = self.idle.clone().get(&self.shop.ask("openid", &[("prompt", "none")]).target).await;
        assert!(silent.parameters().contains_key("code"));
    }
}

async fn together(doors: Vec<(&'static str, BoxFuture<'_, Answer>)>) -> Vec<(&'static str, Answer)> {
    join_all(doors.into_iter().map(async |(what, answer)| (what, answer.await))).await
}

/// What needs no database goes on without one.
async fn assert_independent(world: &World) {
    for path in ["/jwks", "/.well-known/openid-configuration", "/login"] {
        assert_eq!(world.send("GET", path, &[], "").await.status, 200, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_sqlite_is_an_outage_of_writing_only() {
    let world = World::on_sqlite(&[]).await;
    let midst = Midst::of(&world).await;
    let mut options = ConnectOptions::new(format!("sqlite:{}", world.file("gatepass.db").display()));
    options.max_connections(1).sqlx_logging(false);
    let thief = Database::connect(options).await.unwrap();
    thief.execute_unprepared("BEGIN EXCLUSIVE").await.unwrap();
    for (what, answer) in together(midst.writes()).await {
        assert_out(&answer, what);
    }
    for (what, answer) in together(midst.reads()).await {
        assert!(answer.status < 500, "{what}: {}", answer.status);
    }
    assert_independent(&world).await;
    thief.execute_unprepared("ROLLBACK").await.unwrap();
    midst.goes_on().await;
}

/// A wire to PostgreSQL that can be cut.
struct Wire {
    address: std::net::SocketAddr,
    server: String,
    carrying: Option<JoinHandle<()>>,
}

impl Wire {
    /// Between us and the server of `url`, and the URL that leads through it.
    async fn before(url: String) -> (Wire, String) {
        let mut url: url::Url = url.parse().unwrap();
        let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
        let wire = Wire::lay(server).await;
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(wire.address.port())).unwrap();
        (wire, url.into())
    }

    async fn lay(server: String) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let carrying = Some(tokio::spawn(carry(listener, server.clone())));
        Wire { address, server, carrying }
    }

    async fn cut(&mut self) {
        let carrying = self.carrying.take().unwrap();
        carrying.abort();
        let _ = carrying.await;
    }

    async fn mend(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.carrying = Some(tokio::spawn(carry(listener, self.server.clone())));
    }
}

/// An API must be able to tell "nothing has ended" from "nobody has looked".
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_that_cannot_look_claims_nothing() {
    let Some(database) = database::postgres().await else { return };
    let (mut wire, url) = Wire::before(database.url).await;
    let world = World::on_database(url, &[]).await;
    let api = world.api("orders").await;
    let mut follower = Follower::begin(&api, &world, None).await;
    follower.caught_up().await;
    wire.cut().await;
    let cut_at = world.now().millis() as f64 / 1000.0;
    let heard = async {
        while let Some(told) = follower.next().await {
            assert!(told.data["at"].as_f64().unwrap() <= cut_at, "{told:?}");
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(5), heard).await.is_err(), "the stream is patient");
    wire.mend().await;
    loop {
        let told = follower.next().await.expect("well again before it is given up");
        if told.data["at"].as_f64().unwrap() > cut_at {
            break;
        }
    }
}

/// Its connections end with it.
async fn carry(listener: TcpListener, server: String) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((mut near, _)) = listener.accept().await {
        let server = server.clone();
        connections.spawn(async move {
            let mut far = TcpStream::connect(server).await.unwrap();
            let _ = copy_bidirectional(&mut near, &mut far).await;
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_is_away_is_an_outage_and_no_more() {
    let Some(database) = database::postgres().await else { return };
    let (mut wire, url) = Wire::before(database.url).await;
    let world = World::on_database(url, &[]).await;
    let midst = Midst::of(&world).await;

    wire.cut().await;
    let began = std::time::Instant::now();
    let mut doors = midst.writes();
    doors.extend(midst.reads());
    for (what, answer) in together(doors).await {
        assert_out(&answer, what);
    }
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    assert_independent(&world).await;
    wire.mend().await;
    // F2: well again within seconds, without a restart.
    let mended = std::time::Instant::now();
    while midst.shop.userinfo(&midst.access_token).await.status != 200 {
        assert!(mended.elapsed() < Duration::from_secs(5), "still out");
    }
    midst.goes_on().await;
}
