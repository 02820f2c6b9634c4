//! What lies around the database: who may read the files, and whether apps find the issuer.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::finding::Finding;
use crate::cache;
use crate::cli::dev_file::DevFile;
use crate::config::Config;
use crate::config::database::CacheUrl;
use crate::outbound::{Failure, Outbound, Reach};
use crate::store::Address;

const FILES: &str = "files";
const ISSUER: &str = "issuer";
const CACHE: &str = "cache";

/// Everything that holds secrets is its owner's alone.
pub(super) fn permissions(config: &Config) -> Vec<Finding> {
    let folder = &config.server.data_dir;
    let mut files = vec![config.server.sealing_key_file(), DevFile::path(folder)];
    if let Ok(Address::Sqlite(database)) = config.database.url.reveal().parse() {
        let beside = |suffix: &str| PathBuf::from(format!("{}{suffix}", database.display()));
        files.extend([beside("-wal"), beside("-shm"), database]);
    }
    let mut findings: Vec<Finding> = files
        .iter()
        .filter(|file| is_open(file))
        .map(|file| Finding::failed(FILES, format!("others may read {0}: run chmod 600 {0}", file.display())))
        .collect();
    if is_open(folder) {
        let says = format!("others may look into the data folder: run chmod 700 {}", folder.display());
        findings.push(Finding::warning(FILES, says));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(FILES, "nobody else may read them"));
    }
    findings
}

/// What is not there is nobody's to read.
fn is_open(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

/// Nothing breaks without it, so that whatever is wrong with it is a warning.
pub(super) async fn cache(config: &Config) -> Vec<Finding> {
    let Some(address) = config.database.cache.as_ref().map(CacheUrl::address) else { return Vec::new() };
    let mut findings = vec![match cache::try_out(address).await {
        Ok(()) => Finding::ok(CACHE, "Redis answers"),
        Err(fault) => {
            let says = format!(
                "Redis cannot be used ({fault}): correct database.cache; the server goes on without it"
            );
            Finding::warning(CACHE, says)
        }
    }];
    if address.tells_its_password() {
        let says =
            "the password of Redis goes over the network in the clear: write rediss:// in database.cache";
        findings.push(Finding::warning(CACHE, says));
    }
    findings
}

/// Asks the issuer for its discovery document (OpenID Connect Discovery §4), as an app would.
pub(super) async fn issuer(issuer: &str) -> Finding {
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let (answer, place) = match fetch(&url, Reach::Public).await {
        Err(Failure::NotPublic | Failure::Port | Failure::Scheme) => {
            (fetch(&url, Reach::Anywhere).await, ", on an address or a port that is not public")
        }
        answer => (answer, ""),
    };
    let document = match answer {
        Ok(document) => document,
        Err(failure) => {
            let says =
                format!("{url} is not reached ({failure}): is the server running, and reachable from here?");
            return Finding::warning(ISSUER, says);
        }
    };
    match document["issuer"].as_str() {
        Some(named) if named == issuer => Finding::ok(ISSUER, format!("{issuer} answers{place}")),
        Some(named) => {
            let says =
                format!("{url} answers for another issuer, {named}: apps will refuse it; correct issuer.url");
            Finding::failed(ISSUER, says)
        }
        None => Finding::failed(ISSUER, format!("something else than Gatepass answers at {url}")),
    }
}

/// `Null` for whatever is no JSON.
async fn fetch(url: &str, reach: Reach) -> Result<Value, Failure> {
    let request = http::Request::get(url).body(Vec::new()).map_err(|_| Failure::Scheme)?;
    let answer = Outbound::new(reach)?.send(request).await?;
    Ok(serde_json::from_slice(answer.body()).unwrap_or_default())
}
