//! Documents that strangers publish, and how long they may be kept (RFC 9111 §5.2.2).

use std::time::Duration;

use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, Request, Response, StatusCode};

use super::{Failure, Outbound};

/// A document as it came.
pub struct Document {
    pub body: Vec<u8>,
    /// What its server says about keeping it.
    pub fresh_for: Option<Duration>,
}

impl Outbound {
    /// The JSON document at `url`, as it came.
    pub async fn document(&self, url: &str) -> Result<Vec<u8>, Failure> {
        self.dated_document(url).await.map(|document| document.body)
    }

    pub async fn dated_document(&self, url: &str) -> Result<Document, Failure> {
        let answer = self.get(url, "application/json, application/*+json").await?;
        // What only looks like JSON may be anything that somebody could upload to that host.
        let said =
            answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media = said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let is_json =
            media == "application/json" || (media.starts_with("application/") && media.ends_with("+json"));
        if !is_json {
            return Err(Failure::NotJson);
        }
        let fresh_for = fresh_for(answer.headers());
        Ok(Document { body: answer.into_body(), fresh_for })
    }

    /// The JWT at `url`, as it came. Hosts serve them as all kinds of things (OpenID Connect Core §6.2 names none), and
    /// what is no JWT is found out by its reader.
    pub async fn jwt(&self, url: &str) -> Result<Vec<u8>, Failure> {
        let wanted = "application/oauth-authz-req+jwt, application/jwt, */*;q=0.1";
        Ok(self.get(url, wanted).await?.into_body())
    }

    async fn get(&self, url: &str, accept: &'static str) -> Result<Response<Vec<u8>>, Failure> {
        let request = Request::get(url).header(ACCEPT, accept).body(Vec::new());
        let answer = self.send(request.map_err(|_| Failure::Scheme)?).await?;
        if answer.status() == StatusCode::OK { Ok(answer) } else { Err(Failure::Status(answer.status())) }
    }
}

fn fresh_for(headers: &HeaderMap) -> Option<Duration> {
    let said = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let said = said.collect::<Vec<_>>().join(",").to_ascii_lowercase();
    let mut directives = said.split(',').map(str::trim);
    if directives.clone().any(|directive| matches!(directive, "no-store" | "no-cache")) {
        return Some(Duration::ZERO);
    }
    let max_age = directives.find_map(|directive| directive.strip_prefix("max-age="))?;
    max_age.trim_matches('"').parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_about_keeping_is_read() {
        for (said, seconds) in [
            ("max-age=60", Some(60)),
            ("public, Max-Age=31536000, immutable", Some(31_536_000)),
            ("max-age=60, no-cache", Some(0)),
            ("no-store", Some(0)),
            ("public", None),
            ("max-age=-1", None),
            ("max-age=99999999999999999999", None),
        ] {
            let headers = HeaderMap::from_iter([(CACHE_CONTROL, said.parse().unwrap())]);
            assert_eq!(fresh_for(&headers), seconds.map(Duration::from_secs), "{said}");
        }
        assert_eq!(fresh_for(&HeaderMap::new()), None);
    }
}
