//! The limit of the machine: bare axum that does for each workload the least that is honest. One request, one ES256
//! signature; with `--commit` one durable row too, whose commit is shared by everybody who waits. Or one request, one
//! password hash.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde::Serialize;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::{mpsc, oneshot};

#[derive(clap::Args)]
pub struct Options {
    #[arg(long, default_value = "127.0.0.1:18080")]
    listen: SocketAddr,
    /// A folder for an SQLite database in which every answer is durable before it is given.
    #[arg(long)]
    commit: Option<PathBuf>,
}

struct Limit {
    key: EcdsaKeyPair,
    random: SystemRandom,
    writer: Option<mpsc::Sender<(Vec<u8>, oneshot::Sender<()>)>>,
    hash: Argon2<'static>,
    /// Kept from hash to hash: pages that come fresh from the system take as long as the hash itself.
    memory: Mutex<Vec<Block>>,
}

#[derive(Serialize)]
struct TokenResponse {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
}

pub async fn serve(options: Options) -> anyhow::Result<()> {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
    let writer = match &options.commit {
        Some(folder) => Some(writer(folder).await?),
        None => None,
    };
    let params = Params::new(19_456, 2, 1, Some(HASH))?;
    let hash = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let limit = Arc::new(Limit { key, random: SystemRandom::new(), writer, hash, memory: Mutex::default() });
    let document =
        serde_json::json!({ "issuer": format!("http://{}", options.listen), "padding": "x".repeat(900) });
    let keys = serde_json::json!({ "keys": [{ "kty": "EC", "padding": "x".repeat(900) }] });
    let (document, keys) = (document.to_string(), keys.to_string());
    let json = [("content-type", "application/json")];
    let router = Router::new()
        .route("/token", post(token))
        .route("/password-hash", post(password_hash))
        .route("/document", get(async move || (json, document.clone())))
        .route("/keys", get(async move || (json, keys.clone())))
        .with_state(limit);
    let listener = tokio::net::TcpListener::bind(options.listen).await?;
    axum::serve(listener, router).await?;
    Ok(())
}

async fn token(State(limit): State<Arc<Limit>>, _body: String) -> Json<TokenResponse> {
    #[expect(clippy::disallowed_methods, reason = "the door and the clock are one here")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let mut jti = [0; 16];
    aws_lc_rs::rand::fill(&mut jti).expect("the machine has random numbers");
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","typ":"at+jwt","kid":"limit"}"#);
    let claims = serde_json::json!({
        "iss": "http://limit.example", "sub": "limit", "aud": "http://api.example", "client_id": "limit",
        "iat": now, "exp": now + 600, "jti": URL_SAFE_NO_PAD.encode(jti),
    });
    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let signature = limit.key.sign(&limit.random, message.as_bytes()).expect("the key signs");
    let access_token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature));
    if let Some(writer) = &limit.writer {
        let (done, waiting) = oneshot::channel();
        writer.send((jti.to_vec(), done)).await.expect("the writer lives as long as the server");
        waiting.await.expect("the writer answers everybody");
    }
    Json(TokenResponse { access_token, token_type: "Bearer", expires_in: 600 })
}

/// Bytes of a hash.
const HASH: usize = 32;

async fn password_hash(State(limit): State<Arc<Limit>>, password: String) -> String {
    let hashed = tokio::task::spawn_blocking(move || {
        let (mut salt, mut hash) = ([0; 16], [0; HASH]);
        aws_lc_rs::rand::fill(&mut salt).expect("the machine has random numbers");
        let mut memory = limit.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.resize(limit.hash.params().block_count(), Block::default());
        let done =
            limit.hash.hash_password_into_with_memory(password.as_bytes(), &salt, &mut hash, &mut *memory);
        done.expect("these parameters hash any password");
        format!(
            "$argon2id$v=19$m=19456,t=2,p=1${}${}",
            STANDARD_NO_PAD.encode(salt),
            STANDARD_NO_PAD.encode(hash)
        )
    });
    hashed.await.expect("hashing does not panic")
}

/// One task writes what has gathered while it wrote.
async fn writer(folder: &Path) -> anyhow::Result<mpsc::Sender<(Vec<u8>, oneshot::Sender<()>)>> {
    let options = SqliteConnectOptions::new()
        .filename(folder.join("limit.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut database: SqliteConnection = options.connect().await.context("cannot open the database")?;
    sqlx::query("CREATE TABLE tokens (jti BLOB PRIMARY KEY) WITHOUT ROWID").execute(&mut database).await?;
    let (sender, mut receiver) = mpsc::channel(1024);
    tokio::spawn(async move {
        let mut gathered: Vec<(Vec<u8>, oneshot::Sender<()>)> = Vec::new();
        while receiver.recv_many(&mut gathered, 64).await > 0 {
            let mut transaction = database.begin().await.expect("SQLite begins");
            for (jti, _) in &gathered {
                let insert = sqlx::query("INSERT INTO tokens VALUES (?)").bind(jti);
                insert.execute(&mut *transaction).await.expect("SQLite writes");
            }
            transaction.commit().await.expect("SQLite commits");
            for (_, done) in gathered.drain(..) {
                // A client that hung up needs no answer.
                let _ = done.send(());
            }
        }
    });
    Ok(sender)
}
