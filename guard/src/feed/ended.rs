//! What has been ended and cannot have expired yet.

use std::collections::HashMap;

use super::entry::Entry;
use crate::clock::Millis;
use crate::token::Token;

/// The identifiers of dead tokens, grants, sessions, people and clients. Bounded by how many are ended during the life
/// of an access token: each is dropped when every token that it concerns has expired.
pub struct Ended {
    tokens: Cuts,
    grants: Cuts,
    sessions: Cuts,
    subjects: Cuts,
    clients: Cuts,
    most: usize,
}

type Cuts = HashMap<Box<str>, Cut>;

/// 16 bytes beside the name.
#[derive(Clone, Copy)]
struct Cut {
    forget_at: Millis,
    /// Tokens issued before it are dead; [`ALWAYS`] for all.
    issued_before: Millis,
}

const ALWAYS: Millis = Millis(u64::MAX);

/// There is no room for another identifier: something is wrong with the server, or with the limit.
#[derive(Debug)]
pub struct TooMany;

impl Ended {
    pub fn new(most: usize) -> Self {
        let empty = Cuts::new;
        Ended {
            tokens: empty(),
            grants: empty(),
            sessions: empty(),
            subjects: empty(),
            clients: empty(),
            most,
        }
    }

    pub fn apply(&mut self, entry: &Entry) -> Result<(), TooMany> {
        if self.len() + entry.identifiers() > self.most {
            return Err(TooMany);
        }
        let forget_at = entry.forget_at;
        let outright = Cut { forget_at, issued_before: ALWAYS };
        let timely = Cut { forget_at, issued_before: entry.issued_before.unwrap_or(ALWAYS) };
        for (cuts, named, cut) in [
            (&mut self.tokens, &entry.jti, outright),
            (&mut self.grants, &entry.grant_id, outright),
            (&mut self.sessions, &entry.sid, outright),
            (&mut self.subjects, &entry.sub, timely),
            (&mut self.clients, &entry.client_id, timely),
        ] {
            for name in named {
                let kept = cuts.entry(name.as_str().into()).or_insert(cut);
                kept.forget_at = kept.forget_at.max(cut.forget_at);
                kept.issued_before = kept.issued_before.max(cut.issued_before);
            }
        }
        Ok(())
    }

    pub fn contains(&self, token: &Token) -> bool {
        let issued_at = Millis::from_secs(token.issued_at());
        let is_cut = |cuts: &Cuts, name: Option<&str>| {
            name.and_then(|name| cuts.get(name)).is_some_and(|cut| issued_at < cut.issued_before)
        };
        is_cut(&self.grants, token.grant_id())
            || is_cut(&self.sessions, token.session_id())
            || is_cut(&self.tokens, Some(token.jti()))
            || is_cut(&self.subjects, Some(token.subject()))
            || is_cut(&self.clients, Some(token.client_id()))
    }

    /// Drops what concerns no live token any more, and gives memory back after a wave.
    pub fn forget(&mut self, now: Millis) {
        for cuts in
            [&mut self.tokens, &mut self.grants, &mut self.sessions, &mut self.subjects, &mut self.clients]
        {
            cuts.retain(|_, cut| now < cut.forget_at);
            if cuts.capacity() > 64 && cuts.len() < cuts.capacity() / 4 {
                cuts.shrink_to_fit();
            }
        }
    }

    pub fn len(&self) -> usize {
        [&self.tokens, &self.grants, &self.sessions, &self.subjects, &self.clients]
            .iter()
            .map(|cuts| cuts.len())
            .sum()
    }
}
