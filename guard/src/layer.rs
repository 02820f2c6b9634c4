//! The tower layer that stands before a route: it lets requests with a good token through, and answers the others.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, Response, Uri};
use tower_layer::Layer;
use tower_service::Service;

use crate::guard::Guard;
use crate::refusal::{InvalidToken, Refusal};
use crate::token::Token;

/// What a route does with a genuine token while the feed has been silent for too long, so that nobody knows whether
/// the token has been ended meanwhile. What was ended before is refused in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenSilent {
    /// Accept it until it expires, as every API does that only verifies signatures.
    TrustUntilExpiry,
    /// Ask the server about it; answer 503 if that gives no answer either.
    Introspect,
    /// Answer 503 with `Retry-After`: the token is not wrong.
    #[default]
    Refuse,
}

/// Asks for a good token, and for the scope and the freshness that a route needs.
#[derive(Clone)]
pub struct GuardLayer {
    guard: Guard,
    rules: Arc<Rules>,
}

#[derive(Clone)]
struct Rules {
    scope: Vec<String>,
    when_silent: WhenSilent,
    silent_after: Duration,
}

impl GuardLayer {
    pub(crate) fn new(guard: Guard) -> Self {
        let rules = Rules {
            scope: Vec::new(),
            when_silent: WhenSilent::default(),
            silent_after: Duration::from_secs(10),
        };
        GuardLayer { guard, rules: Arc::new(rules) }
    }

    /// Scope tokens, between spaces, all of which the token must have. Call it again for more.
    pub fn scope(mut self, tokens: &str) -> Self {
        let added = tokens.split_ascii_whitespace().map(str::to_owned);
        Arc::make_mut(&mut self.rules).scope.extend(added);
        self
    }

    /// [`WhenSilent::Refuse`] unless said otherwise.
    pub fn when_silent(mut self, what: WhenSilent) -> Self {
        Arc::make_mut(&mut self.rules).when_silent = what;
        self
    }

    /// When the feed counts as silent: 10 seconds after its last word unless said otherwise. It says one every 2
    /// seconds. Until it was current for the first time it is silent.
    pub fn silent_after(mut self, age: Duration) -> Self {
        Arc::make_mut(&mut self.rules).silent_after = age;
        self
    }

    /// What the layer decides, for those who have no tower: give it the headers and the URI of a request.
    pub async fn admit(&self, headers: &HeaderMap, uri: &Uri) -> Result<Token, Refusal> {
        let text = bearer(headers, uri)?;
        let token = self.guard.verify(text).await?;
        if self.guard.feed_age().is_none_or(|age| age > self.rules.silent_after) {
            self.decide_in_silence(text).await?;
        }
        match self.rules.scope.iter().all(|wanted| token.has_scope(wanted)) {
            true => Ok(token),
            false => Err(Refusal::InsufficientScope(self.rules.scope.join(" "))),
        }
    }

    async fn decide_in_silence(&self, text: &str) -> Result<(), Refusal> {
        use crate::introspection::Answer;
        const RETRY_AFTER: Duration = Duration::from_secs(2);
        match self.rules.when_silent {
            WhenSilent::TrustUntilExpiry => Ok(()),
            WhenSilent::Refuse => Err(Refusal::Unknown(RETRY_AFTER)),
            WhenSilent::Introspect => match self.guard.introspect(text).await {
                Answer::Active => Ok(()),
                Answer::Inactive => Err(InvalidToken::Ended.into()),
                Answer::Unknown => Err(Refusal::Unknown(RETRY_AFTER)),
            },
        }
    }
}

/// RFC 6750 §2: "Clients MUST NOT use more than one method to transmit the token in each request." Only the header is
/// taken: what stands in a URL stands in logs.
fn bearer<'h>(headers: &'h HeaderMap, uri: &Uri) -> Result<&'h str, Refusal> {
    let in_query = |pair: &str| pair.split('=').next() == Some("access_token");
    if uri.query().is_some_and(|query| query.split('&').any(in_query)) {
        return Err(Refusal::InvalidRequest("the token belongs into the Authorization header only"));
    }
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = all.next() else { return Err(Refusal::NoToken) };
    if all.next().is_some() {
        return Err(Refusal::InvalidRequest("there is more than one Authorization header"));
    }
    let value = value.to_str().map_err(|_| Refusal::InvalidRequest("the Authorization header is no text"))?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Refusal::NoToken);
    }
    let token = token.trim_matches(' ');
    // RFC 6750 §2.1: the b64token of RFC 9110 §11.2.
    let is_token = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
    match !token.is_empty() && token.chars().all(is_token) {
        true => Ok(token),
        false => Err(Refusal::InvalidRequest("the bearer token is malformed")),
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { layer: self.clone(), inner }
    }
}

/// A service behind a [`GuardLayer`]. Requests that reach it have a [`Token`] in their extensions.
#[derive(Clone)]
pub struct Guarded<S> {
    layer: GuardLayer,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for Guarded<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that was asked whether it is ready is the one to call.
        let waiting = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, waiting);
        let layer = self.layer.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            let admitted = layer.admit(&parts.headers, &parts.uri).await;
            match admitted {
                Ok(token) => {
                    parts.extensions.insert(token);
                    inner.call(Request::from_parts(parts, body)).await
                }
                Err(refusal) => Ok(refusal.response(layer.guard.metadata_url())),
            }
        })
    }
}
