//! What a thief finds who reads the database or the log: no secret of anybody, in no spelling.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gatepass::clock::Timestamp;
use gatepass::protocol::client_metadata::{AccessTokenFormat, ClientMetadata};
use gatepass::registration::Registered;
use gatepass::secret::{Secret, from_base64url};
use gatepass::store::clients::{Client, Origin, Standing, Status};
use sea_orm::{ConnectionTrait, DatabaseBackend, Statement};
use serde_json::Value;

use crate::on_both;
use crate::support::world::{PASSWORD, World};
use crate::support::{Browser, RelyingParty};

/// Everything secret that was seen on the way, by its name.
#[derive(Default)]
struct Canaries(Vec<(String, Vec<u8>)>);

impl Canaries {
    fn add(&mut self, what: &str, secret: &str) {
        assert!(secret.len() >= 16, "{what} is too short to be looked for");
        self.0.push((what.to_owned(), secret.as_bytes().to_vec()));
        // Prefixes and public parts aside, its parts and what they decode to.
        for part in secret.split(['.', '_']).filter(|part| part.len() >= 40) {
            self.0.extend(from_base64url(part).map(|bytes| (format!("{what}, decoded"), bytes)));
        }
        if let Some((_, part)) = secret.rsplit_once('.') {
            self.0.push((format!("the end of {what}"), part.as_bytes().to_vec()));
        }
    }

    fn add_tokens(&mut self, tokens: &Value) {
        for kind in ["access_token", "refresh_token", "id_token"] {
            tokens[kind].as_str().into_iter().for_each(|token| self.add(kind, token));
        }
    }

    fn add_browser(&mut self, browser: &Browser) {
        browser.cookies.iter().for_each(|(name, value)| self.add(name, value));
    }

    /// Raw, as hexadecimal digits, as base64, and as a URL would carry it.
    fn assert_none_in(&self, text: &[u8]) {
        // One character a byte: the standard library searches text faster than bytes.
        let characters = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect::<String>();
        let text = characters(text);
        for (what, secret) in &self.0 {
            let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
            let urlencoded: String = url::form_urlencoded::byte_serialize(secret).collect();
            let base64 = STANDARD.encode(secret);
            let base64 = base64.trim_end_matches('=').to_owned();
            for spelling in [characters(secret), hex.to_uppercase(), hex, urlencoded, base64] {
                assert!(!text.contains(&spelling), "{what} is written down");
            }
        }
    }
}

/// Everything that a database keeps: the file itself, or every row as text.
async fn dump(world: &World) -> Vec<u8> {
    let db = world.app.store.read();
    if db.get_database_backend() == DatabaseBackend::Sqlite {
        let files = ["gatepass.db", "gatepass.db-wal"].map(|name| std::fs::read(world.file(name)));
        return files.into_iter().flatten().flatten().collect();
    }
    let ask = async |sql: String| {
        let rows = db.query_all_raw(Statement::from_string(DatabaseBackend::Postgres, sql)).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index::<String>(0).unwrap()).collect::<Vec<_>>()
    };
    let tables = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'";
    let mut text = String::new();
    for table in ask(tables.to_owned()).await {
        text += &ask(format!("SELECT t::text FROM {table} t")).await.join("\n");
    }
    text.into_bytes()
}

/// A whole day: every kind of secret is made, used, and some used wrongly.
async fn live(shop: &RelyingParty, username: &str, password: &str) -> Canaries {
    let mut canaries = Canaries::default();
    canaries.add("the password", password);
    canaries.add("the client's secret", shop.secret.as_ref().unwrap().reveal());
    let mut browser = Browser::new(&shop.issuer);
    let page = browser.get("/login").await;
    canaries.add("a form's token", &page.hidden_fields("/login")[0].1);
    canaries.add("a mistyped password", "correct horse battery stapel");
    let wrong = browser.sign_in("/login", username, "correct horse battery stapel").await;
    assert_eq!(wrong.status, 422);
    let typed_as_name = Secret::new().reveal().to_owned();
    canaries.add("a password where the name belongs", &typed_as_name);
    browser.sign_in("/login", &typed_as_name, "x").await;

    let sent = shop.ask("openid email offline_access", &[]);
    let answer = browser.walk(&sent.target, username, password).await;
    canaries.add_browser(&browser);
    let code = answer.parameters()["code"].clone();
    canaries.add("a code", &code);
    canaries.add("a verifier", &sent.verifier);
    shop.redeem_changed(&code, &sent, &[("code_verifier", "")]).await;
    let tokens = shop.redeem(&code, &sent).await.json();
    canaries.add_tokens(&tokens);
    let refreshed = shop.refresh(tokens["refresh_token"].as_str().unwrap()).await.json();
    canaries.add_tokens(&refreshed);
    let access_token = refreshed["access_token"].as_str().unwrap();
    assert_eq!(shop.userinfo(access_token).await.status, 200);
    assert_eq!(shop.introspect(access_token).await["active"], true);
    assert_eq!(shop.introspect(tokens["id_token"].as_str().unwrap()).await["active"], false);
    let hint = [("id_token_hint", tokens["id_token"].as_str().unwrap())];
    browser.get(&shop.ask("openid", &hint).target).await;
    let machine = shop.token(&[("grant_type", "client_credentials")]).await.json();
    canaries.add_tokens(&machine);
    assert_eq!(shop.revoke(access_token).await.status, 200);
    let again = shop.ask("openid", &[("prompt", "login")]);
    let answer = browser.walk(&again.target, username, password).await;
    canaries.add("another code", &answer.parameters()["code"]);
    canaries.add_browser(&browser);
    // Replays and strangers are written about, too.
    assert_eq!(shop.redeem(&code, &sent).await.status, 400);
    let guess = Secret::new().reveal().to_owned();
    canaries.add("a wrong client secret", &guess);
    let basic = crate::support::relying_party::basic(shop.id(), &guess);
    assert_eq!(shop.raw("/token", &[("grant_type", "client_credentials")], Some(&basic)).await.status, 401);
    canaries
}

on_both!(the_database_holds_no_secret(world) {
    world.user("alice").await;
    let mut canaries = Canaries::default();
    for format in [AccessTokenFormat::Jwt, AccessTokenFormat::Opaque] {
        let shop = world.client(&format!("{format:?}"), |metadata| metadata.access_token_format = format).await;
        canaries.0.extend(live(&shop, "alice", PASSWORD).await.0);
    }
    canaries.0.push(("the master secret".to_owned(), world.app.installation.master.reveal().to_vec()));
    canaries.0.push(("the sealing key".to_owned(), world.app.installation.sealing.reveal().to_vec()));
    let dump = dump(&world).await;
    assert!(dump.windows(5).any(|window| window == b"alice"), "the dump is one");
    assert!(canaries.0.len() > 60);
    canaries.assert_none_in(&dump);
});

/// A server of its own, which dies with its test.
struct Process(std::process::Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_holds_no_secret_even_at_trace() {
    let folder = std::env::temp_dir().join(format!("gatepass-test-{}", Secret::new().reveal()));
    let mut server = Command::new(env!("CARGO_BIN_EXE_gatepass"));
    server.args([
        "serve",
        "--dev",
        "--listen",
        "127.0.0.1:0",
        "--management-listen",
        "127.0.0.1:0",
        "--data-dir",
    ]);
    server.arg(&folder).env("GATEPASS_LOG__LEVEL", "trace").env("GATEPASS_SIGN_IN__ARGON2_MEMORY_KIB", "8");
    let mut server = Process(server.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
    let mut log = server.0.stderr.take().unwrap();
    let reading = std::thread::spawn(move || {
        let mut text = Vec::new();
        log.read_to_end(&mut text).unwrap();
        text
    });
    let started = Instant::now();
    let demo: Value = loop {
        match std::fs::read(folder.join("dev.json")).map(|text| serde_json::from_slice(&text)) {
            Ok(Ok(demo)) => break demo,
            _ if started.elapsed() > Duration::from_secs(20) => panic!("the server did not start"),
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    let fact = |name: &str| demo[name].as_str().unwrap().to_owned();
    let metadata = ClientMetadata { redirect_uris: vec![fact("redirect_uri")], ..ClientMetadata::default() };
    let never = Timestamp::from_secs(0);
    let client = Client {
        id: fact("client_id"),
        metadata,
        secret: None,
        sealed_secret: None,
        status: Status::Active,
        standing: Standing::Verified,
        origin: Origin::Registration,
        created_at: never,
        updated_at: never,
    };
    let secret = Some(Secret::claimed(fact("client_secret")));
    let shop = RelyingParty::new(&fact("issuer"), Registered { client, secret });

    let canaries = live(&shop, &fact("username"), &fact("password")).await;
    drop(server);
    let log = reading.join().unwrap();
    let _ = std::fs::remove_dir_all(&folder);
    let lines = String::from_utf8_lossy(&log);
    assert!(lines.contains("path=\"/token\" status=401"), "the log is one: {lines}");
    canaries.assert_none_in(&log);
}
