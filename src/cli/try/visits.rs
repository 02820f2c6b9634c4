//! The sessions of the demonstration: in memory, one a browser, known by a cookie.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::party::{Attempt, Tokens};
use crate::secret::Secret;

/// What a browser is at.
pub(super) enum Visit {
    SigningIn(Attempt),
    SignedIn(Arc<SignedIn>),
}

#[derive(Clone)]
pub(super) struct SignedIn {
    pub(super) tokens: Arc<Tokens>,
    pub(super) user_info: Option<Value>,
    pub(super) notice: Notice,
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
            Some(Visit::SigningIn(_)) | None => None,
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
