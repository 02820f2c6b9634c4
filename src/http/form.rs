//! Parameters in queries and form bodies (RFC 6749 §3.1, §3.2 and appendix B).

use std::error::Error;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;

use super::answer::Refusal;
use super::body::Truncated;
use crate::protocol::parameters::Parameters;

/// Nobody needs more.
pub const MAX_PARAMETERS: usize = 100;

/// Why text is not `application/x-www-form-urlencoded` as we take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("a percent sign is not followed by two hexadecimal digits")]
    Escape,
    /// Never replaced by U+FFFD: two different requests would become one.
    #[error("a parameter is not UTF-8")]
    NotUtf8,
    /// No parameter has a use for it, and PostgreSQL cannot store it.
    #[error("a parameter contains a NUL character")]
    Nul,
    #[error("there are more than 100 parameters")]
    TooMany,
}

/// Reads pairs in the order in which they stand. What stands twice is kept twice: [`Parameters`] knows.
pub fn parse(text: &[u8]) -> Result<Parameters, Malformed> {
    let mut pairs = Vec::new();
    for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        if pairs.len() == MAX_PARAMETERS {
            return Err(Malformed::TooMany);
        }
        let equals = pair.iter().position(|byte| *byte == b'=');
        let (name, value) = match equals {
            Some(at) => (&pair[..at], &pair[at + 1..]),
            None => (pair, &pair[pair.len()..]),
        };
        pairs.push((decode(name)?, decode(value)?));
    }
    Ok(pairs.into_iter().collect())
}

/// "+" is a space, "%" begins two hexadecimal digits.
fn decode(text: &[u8]) -> Result<String, Malformed> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || {
                    let digit = char::from(*rest.next()?).to_digit(16)?;
                    u8::try_from(digit).ok()
                };
                let (high, low) = (digit(), digit());
                high.zip(low).map(|(high, low)| high << 4 | low).ok_or(Malformed::Escape)?
            }
            byte => *byte,
        });
    }
    if bytes.contains(&0) {
        return Err(Malformed::Nul);
    }
    String::from_utf8(bytes).map_err(|_| Malformed::NotUtf8)
}

/// Why there are no parameters to read. Each endpoint says it in its own form; if it does not, it is said
/// plainly.
#[derive(Debug)]
pub enum Unreadable {
    Malformed(Malformed),
    MediaType,
    TooLarge,
    TooSlow,
    /// The connection broke: nobody will see the answer.
    Broken,
}

impl Unreadable {
    pub fn status(&self) -> StatusCode {
        match self {
            Unreadable::Malformed(_) | Unreadable::Broken => StatusCode::BAD_REQUEST,
            Unreadable::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Unreadable::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Unreadable::TooSlow => StatusCode::REQUEST_TIMEOUT,
        }
    }

    /// A sentence in the characters of `error_description` (RFC 6749 §5.2).
    pub fn description(&self) -> String {
        match self {
            Unreadable::Malformed(malformed) => malformed.to_string(),
            Unreadable::MediaType => "the request body must be application/x-www-form-urlencoded".to_owned(),
            Unreadable::TooLarge => "the request body is too large".to_owned(),
            Unreadable::TooSlow => "the request body came too slowly".to_owned(),
            Unreadable::Broken => "the request body broke off".to_owned(),
        }
    }
}

impl IntoResponse for Unreadable {
    fn into_response(self) -> Response {
        match self {
            Unreadable::Malformed(_) | Unreadable::Broken => Refusal::Malformed,
            Unreadable::MediaType => Refusal::MediaType,
            Unreadable::TooLarge => Refusal::BodyTooLarge,
            Unreadable::TooSlow => Refusal::BodyTooSlow,
        }
        .into_response()
    }
}

/// The parameters of the query. To answer a malformed one yourself, take `Result<QueryForm, Unreadable>`.
#[derive(Debug)]
pub struct QueryForm(pub Parameters);

impl<S: Sync> FromRequestParts<S> for QueryForm {
    type Rejection = Unreadable;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Unreadable> {
        let query = parts.uri.query().unwrap_or_default();
        parse(query.as_bytes()).map(QueryForm).map_err(Unreadable::Malformed)
    }
}

/// The parameters of a form body. To answer a malformed one yourself, take `Result<BodyForm, Unreadable>`.
#[derive(Debug)]
pub struct BodyForm(pub Parameters);

impl<S: Sync> FromRequest<S> for BodyForm {
    type Rejection = Unreadable;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Unreadable> {
        let (parts, body) = request.into_parts();
        let typed = is_form(&parts.headers);
        if typed == Some(false) {
            return Err(Unreadable::MediaType);
        }
        let bytes = read(body).await?;
        if typed.is_none() && !bytes.is_empty() {
            return Err(Unreadable::MediaType);
        }
        parse(&bytes).map(BodyForm).map_err(Unreadable::Malformed)
    }
}

/// `None` if nothing is said.
fn is_form(headers: &HeaderMap) -> Option<bool> {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let said = types.next()?;
    let only = types.next().is_none();
    let Ok(said) = said.to_str() else { return Some(false) };
    let mut parts = said.split(';').map(str::trim);
    let form =
        parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    // Whatever else is claimed, the text is UTF-8 or it is refused.
    let utf8 = parts.all(|parameter| {
        let charset = parameter.split_once('=').filter(|(name, _)| name.eq_ignore_ascii_case("charset"));
        charset.is_none_or(|(_, value)| value.trim_matches('"').eq_ignore_ascii_case("utf-8"))
    });
    Some(only && form && utf8)
}

/// A frame holds the buffer of 8 KiB that it was read into, so frames are copied: whoever sends byte after byte would
/// occupy a buffer with each.
pub(super) async fn read(mut body: Body) -> Result<Vec<u8>, Unreadable> {
    let mut bytes = Vec::new();
    let error = loop {
        match body.frame().await {
            Some(Ok(frame)) => bytes.extend_from_slice(frame.data_ref().map_or(&[], Bytes::as_ref)),
            Some(Err(error)) => break error,
            None => return Ok(bytes),
        }
    };
    // Every layer that a body passes may wrap its errors.
    let mut causes = std::iter::successors(Some(&error as &dyn Error), |error| (*error).source());
    Err(match causes.find_map(|error| error.downcast_ref()) {
        Some(Truncated::TooLarge) => Unreadable::TooLarge,
        Some(Truncated::TooSlow) => Unreadable::TooSlow,
        Some(Truncated::Broken(_)) | None => Unreadable::Broken,
    })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context, Poll};

    use axum::body::HttpBody;
    use hyper::body::Frame;

    use super::*;

    /// Frames of one byte, each in the buffer that it was read into.
    struct Drips {
        left: usize,
        buffers: Arc<()>,
    }

    struct Buffer {
        _occupied: Arc<()>,
    }

    impl AsRef<[u8]> for Buffer {
        fn as_ref(&self) -> &[u8] {
            b"a"
        }
    }

    impl HttpBody for Drips {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            assert_eq!(Arc::strong_count(&self.buffers), 1, "a buffer is still occupied");
            self.left = match self.left.checked_sub(1) {
                Some(left) => left,
                None => return Poll::Ready(None),
            };
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_owner(Buffer { _occupied: self.buffers.clone() })))))
        }
    }

    #[tokio::test]
    async fn a_body_that_drips_occupies_one_buffer() {
        let drips = Drips { left: 100, buffers: Arc::default() };
        assert_eq!(read(Body::new(drips)).await.unwrap(), [b'a'; 100]);
    }

    #[test]
    fn what_the_url_standard_writes_is_read_back() {
        for round in 0..2_000_u64 {
            // Text of all kinds, from a hash of the round.
            let bytes = crate::secret::sha256(&round.to_be_bytes());
            let text: String =
                bytes.iter().filter_map(|byte| char::from_u32(u32::from(*byte) * 53)).collect();
            let text = text.replace('\0', "");
            let middle = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
            let (name, value) = text.split_at(middle);
            let written =
                url::form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
            let read = parse(written.as_bytes()).unwrap();
            assert_eq!(read.get(name), Some(value), "{written}");
        }
    }

    #[test]
    fn strange_but_valid_forms_are_read_as_the_url_standard_reads_them() {
        for form in ["", "&", "a", "=", "a=", "=a", "a=b=c", "a&&b", "%61=+%2B", "a=%C3%A9", "é=ü", "a=1;b=2"]
        {
            let standard: Parameters = url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
            let names: Vec<_> = url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
            let read = parse(form.as_bytes()).unwrap();
            assert_eq!(format!("{read:?}"), format!("{standard:?}"));
            for (name, _) in names {
                assert_eq!(read.get(&name), standard.get(&name), "{form}");
            }
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_not_read() {
        for (form, malformed) in [
            ("a=%", Malformed::Escape),
            ("a=%2", Malformed::Escape),
            ("a=%2x", Malformed::Escape),
            ("a=%+1", Malformed::Escape),
            ("%zz=a", Malformed::Escape),
            ("a=%00", Malformed::Nul),
            ("a%00b=c", Malformed::Nul),
            ("a=\0", Malformed::Nul),
            ("a=%ff", Malformed::NotUtf8),
            ("a=%C3", Malformed::NotUtf8),
            ("a=%ED%A0%80", Malformed::NotUtf8),
            ("a=%C0%80", Malformed::NotUtf8),
        ] {
            assert_eq!(parse(form.as_bytes()).unwrap_err(), malformed, "{form}");
        }
        assert_eq!(parse(b"a=\xff").unwrap_err(), Malformed::NotUtf8);
    }

    #[test]
    fn a_hundred_parameters_are_enough() {
        let form = |count: usize| (0..count).map(|at| format!("p{at}={at}&")).collect::<String>();
        assert_eq!(parse(form(100).as_bytes()).unwrap().get("p99"), Some("99"));
        assert_eq!(parse(form(101).as_bytes()).unwrap_err(), Malformed::TooMany);
    }
}
