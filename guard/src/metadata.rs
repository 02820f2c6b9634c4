//! OAuth 2.0 Protected Resource Metadata (RFC 9728): how a client that knows only the API finds the server.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde_json::json;
use tower_service::Service;
use url::Url;

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// Answers GET with the document. Put it at [`Guard::metadata_path`](crate::Guard::metadata_path), outside the guard's
/// own layer: everybody may read it.
#[derive(Clone)]
pub struct ResourceMetadata {
    document: Arc<str>,
    url: Option<Arc<str>>,
    path: Arc<str>,
}

impl ResourceMetadata {
    pub(crate) fn new(resource: &str, issuer: &str, scopes: &[String]) -> Self {
        let mut document = json!({
            "resource": resource,
            "authorization_servers": [issuer],
            "bearer_methods_supported": ["header"],
        });
        if !scopes.is_empty() {
            document["scopes_supported"] = json!(scopes);
        }
        // RFC 9728 §3.1: the well-known part goes between the host and the path of the resource.
        let at = Url::parse(resource).ok().filter(Url::has_host).map(|mut url| {
            let path = format!("{WELL_KNOWN}{}", url.path().trim_end_matches('/'));
            url.set_path(&path);
            url.set_fragment(None);
            url
        });
        ResourceMetadata {
            document: document.to_string().into(),
            path: at.as_ref().map_or(WELL_KNOWN, Url::path).into(),
            url: at.map(|url| url.as_str().into()),
        }
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// `None`: the audience is no URL, so that nobody can find the document by it.
    pub(crate) fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }
}

impl<B> Service<Request<B>> for ResourceMetadata {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mut response = Response::new(String::new());
        if request.method() != Method::GET && request.method() != Method::HEAD {
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return ready(Ok(response));
        }
        *response.body_mut() = self.document.to_string();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        ready(Ok(response))
    }
}
