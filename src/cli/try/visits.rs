//! The sessions of the demonstration: in memory, one a browser, known by a cookie.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::party::{Attempt, Tokens};
use super::trace::Trace;
use crate::secret::Secret;

/// What a browser is at.
pub(super) enum Visit {
    SigningIn(Attempt),
    SignedIn(Arc<SignedIn>),
    /// The server said that the session behind it has ended, and the basket went with it.
    Ended(Option<Arc<Trace>>),
}

#[derive(Clone)]
pub(super) struct SignedIn {
    pub(super) tokens: Arc<Tokens>,
    pub(super) user_info: Option<Value>,
    pub(super) notice: Notice,
    pub(super) basket: Vec<&'static str>,
    pub(super) trace: Option<Arc<Trace>>,
}

/// How the last thing went that somebody did.
#[derive(Clone)]
pub(super) enum Notice {
    Good(String),
    Bad(String),
}

/// More browsers than one person has. Beyond that everybody begins anew.
const MOST: usize = 1000;

#[derive(Default)]
pub(super) struct Visits(Mutex<HashMap<String, Visit>>);

impl Visits {
    /// Keeps `visit` and returns the cookie's new value.
    pub(super) fn begin(&self, visit: Visit) -> String {
        let cookie = Secret::new().reveal().to_owned();
        let mut visits = self.lock();
        if visits.len() >= MOST {
            visits.clear();
        }
        visits.insert(cookie.clone(), visit);
        cookie
    }

    pub(super) fn signed_in(&self, cookie: &str) -> Option<Arc<SignedIn>> {
        match self.lock().get(cookie) {
            Some(Visit::SignedIn(signed_in)) => Some(signed_in.clone()),
            Some(Visit::SigningIn(_) | Visit::Ended(_)) | None => None,
        }
    }

    pub(super) fn was_ended(&self, cookie: &str) -> bool {
        matches!(self.lock().get(cookie), Some(Visit::Ended(_)))
    }

    pub(super) fn trace(&self, cookie: &str) -> Option<Arc<Trace>> {
        match self.lock().get(cookie)? {
            Visit::SignedIn(signed_in) => signed_in.trace.clone(),
            Visit::Ended(trace) => trace.clone(),
            Visit::SigningIn(_) => None,
        }
    }

    /// Ends the sessions here that were born of `session` at the server.
    pub(super) fn end_all_of(&self, session: &str) {
        for visit in self.lock().values_mut() {
            if let Visit::SignedIn(signed_in) = visit
                && signed_in.tokens.session_id().as_deref() == Some(session)
            {
                *visit = Visit::Ended(signed_in.trace.clone());
            }
        }
    }

    pub(super) fn change(&self, cookie: &str, signed_in: SignedIn) {
        if let Some(visit) = self.lock().get_mut(cookie) {
            *visit = Visit::SignedIn(Arc::new(signed_in));
        }
    }

    pub(super) fn end(&self, cookie: &str) -> Option<Visit> {
        self.lock().remove(cookie)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Visit>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
