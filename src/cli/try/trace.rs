//! What an API answers while it is called ten times a second with one access token.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, interval};

use super::api::Api;
use crate::clock::{Clock, SystemClock, Timestamp};

const EVERY: Duration = Duration::from_millis(100);
/// Nobody watches for so long.
const LONGEST: Duration = Duration::from_secs(600);
/// Calls after the first that was refused, to see that it stays so.
const AFTERWARDS: usize = 10;
/// Calls that are shown.
const SHOWN: usize = 20;

#[derive(Default)]
pub(super) struct Trace(Mutex<Seen>);

#[derive(Clone, Default)]
pub(super) struct Seen {
    pub(super) accepted: usize,
    pub(super) refused: usize,
    /// From when the server ended the token, by its clock, to the first call that was refused.
    pub(super) took: Option<Duration>,
    /// The newest first.
    pub(super) calls: VecDeque<Call>,
    pub(super) is_over: bool,
}

#[derive(Clone)]
pub(super) struct Call {
    /// Since the first.
    pub(super) at: Duration,
    /// The status, or why there is none.
    pub(super) answer: Result<StatusCode, String>,
}

impl Trace {
    pub(super) fn begin(api: Api, access_token: String) -> Arc<Self> {
        let trace = Arc::new(Trace::default());
        let written = trace.clone();
        tokio::spawn(async move {
            let (began, mut every) = (Instant::now(), interval(EVERY));
            while began.elapsed() < LONGEST && written.seen().refused <= AFTERWARDS {
                every.tick().await;
                let at = began.elapsed();
                let answer = api.call(&access_token).await.map_err(|error| error.to_string());
                let ended_at = api.guard.status().newest_entry_at;
                written.write(Call { at, answer }, ended_at, SystemClock.now());
            }
            written.0.lock().unwrap_or_else(PoisonError::into_inner).is_over = true;
        });
        trace
    }

    pub(super) fn seen(&self) -> Seen {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn write(&self, call: Call, ended_at: Option<u64>, now: Timestamp) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &call.answer {
            Ok(status) if status.is_success() => seen.accepted += 1,
            Ok(StatusCode::UNAUTHORIZED) => {
                let ended_at = ended_at.and_then(|at| i64::try_from(at).ok()).map(Timestamp::from_millis);
                if seen.refused == 0 {
                    seen.took = ended_at.map(|ended_at| now.since(ended_at));
                }
                seen.refused += 1;
            }
            Ok(_) | Err(_) => {}
        }
        seen.calls.push_front(call);
        seen.calls.truncate(SHOWN);
    }
}
