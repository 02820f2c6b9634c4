//! A request's body, bounded in size and time whoever reads it.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use hyper::body::{Frame, SizeHint};
use tokio::time::Sleep;

use super::limits::Limits;

/// Why a body could not be read to its end.
#[derive(Debug)]
pub enum Truncated {
    TooLarge,
    TooSlow,
    /// The connection broke, or what came is not HTTP.
    Broken(axum::Error),
}

impl fmt::Display for Truncated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Truncated::TooLarge => "the request body is too large",
            Truncated::TooSlow => "the request body came too slowly",
            Truncated::Broken(_) => "the request body broke off",
        })
    }
}

impl std::error::Error for Truncated {}

/// What the headers say about a body that will not be read for its size.
pub(super) fn announces_too_much(headers: &HeaderMap, limits: &Limits) -> bool {
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    length.is_some_and(|length| length > limits.body_bytes as u64)
}

/// The same body, which fails with [`Truncated`] beyond `limits`.
pub(super) fn bounded(body: Body, limits: &Limits) -> Body {
    if body.is_end_stream() {
        return body;
    }
    Body::new(Bounded {
        inner: body,
        left: limits.body_bytes,
        deadline: Box::pin(tokio::time::sleep(limits.body)),
    })
}

struct Bounded {
    inner: Body,
    left: usize,
    deadline: Pin<Box<Sleep>>,
}

impl HttpBody for Bounded {
    type Data = Bytes;
    type Error = Truncated;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Truncated>>> {
        let frame = match Pin::new(&mut self.inner).poll_frame(context) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                ready!(self.deadline.as_mut().poll(context));
                return Poll::Ready(Some(Err(Truncated::TooSlow)));
            }
        };
        Poll::Ready(frame.map(|frame| {
            let frame = frame.map_err(Truncated::Broken)?;
            let length = frame.data_ref().map_or(0, Bytes::len);
            self.left = self.left.checked_sub(length).ok_or(Truncated::TooLarge)?;
            Ok(frame)
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
