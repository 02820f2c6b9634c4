//! A ring under a walking clock, and rings that somebody tampered with.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::rotation::{Overlap, Rotation, first, retire_at_once, rotate};
use super::*;
use crate::store::keys::KeyState;

const START: Timestamp = Timestamp::from_secs(1_000_000);
const MINUTE: Duration = Duration::from_secs(60);
const OVERLAP: Overlap =
    Overlap { announce: Duration::from_secs(600), longest_token: Duration::from_secs(3600), skew: MINUTE };

/// The store of these tests, with its one rule: a single key of an algorithm is without an end.
#[derive(Clone)]
struct Rows {
    rows: Vec<StoredKey>,
    sealing: RootKey,
}

impl Rows {
    fn new() -> Self {
        let sealing = RootKey::new();
        let rows = first(&[], START, &sealing);
        Rows { rows, sealing }
    }

    fn write(&mut self, rotation: Rotation) {
        if let Some(retire) = rotation.retire {
            let row = self.rows.iter_mut().find(|row| row.kid == retire.kid).unwrap();
            row.retired_at = Some(retire.retired_at);
            row.removed_after = Some(retire.removed_after);
        }
        self.rows.extend(rotation.insert);
        for algorithm in Algorithm::ALL {
            let open = self.rows.iter().filter(|row| row.algorithm == algorithm && row.retired_at.is_none());
            assert!(open.count() <= 1);
        }
    }

    fn rotate(&mut self, now: Timestamp) {
        self.write(rotate(&self.rows, Algorithm::ES256, now, &OVERLAP, &self.sealing));
    }

    fn ring(&self, now: Timestamp) -> KeyRing {
        KeyRing::load(&self.rows, &self.sealing, None, now).unwrap()
    }

    fn signing_kid(&self, now: Timestamp) -> String {
        self.ring(now).signing_key(Algorithm::ES256, now).unwrap().kid().to_owned()
    }
}

fn published(ring: &KeyRing, now: Timestamp) -> HashSet<String> {
    let jwks: Value = serde_json::from_slice(&ring.jwks(now)).unwrap();
    let keys = jwks["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn token(ring: &KeyRing, now: Timestamp) -> String {
    let claims = json!({"exp": now.plus(OVERLAP.longest_token).secs(), "iat": now.secs()});
    ring.signing_key(Algorithm::ES256, now).unwrap().sign(Type::AccessToken, &claims)
}

fn refusal(ring: &KeyRing, token: &str, now: Timestamp) -> Option<Refusal> {
    ring.verify::<Value>(token, Type::AccessToken, Expiry::Enforced, now).err()
}

#[test]
fn a_rotation_leaves_no_moment_without_a_key_that_verifiers_know() {
    let mut store = Rows::new();
    let mut ring = store.ring(START);
    let mut tokens: Vec<(Timestamp, String)> = Vec::new();
    let mut first_published: Vec<(String, Timestamp)> = Vec::new();
    let mut signers = HashSet::new();
    // The second rotation falls into the announcement of the first.
    let rotations = [10, 13, 40, 200, 201, 202].map(|minute| START.plus(MINUTE * minute));
    for minute in 0..400 {
        let now = START.plus(MINUTE * minute);
        if rotations.contains(&now) {
            store.rotate(now);
        }
        ring = KeyRing::load(&store.rows, &store.sealing, Some(&ring), now).unwrap();
        for kid in published(&ring, now) {
            if !first_published.iter().any(|(known, _)| *known == kid) {
                first_published.push((kid, now));
            }
        }
        let signer = ring.signing_key(Algorithm::ES256, now).expect("always a key to sign with");
        let (_, since) = first_published.iter().find(|(kid, _)| kid == signer.kid()).unwrap();
        assert!(*since == START || now.since(*since) >= OVERLAP.announce, "signed after {since}");
        signers.insert(signer.kid().to_owned());
        tokens.push((now, token(&ring, now)));
        tokens.retain(|(issued_at, _)| now.since(*issued_at) < OVERLAP.longest_token);
        for (_, token) in &tokens {
            assert_eq!(refusal(&ring, token, now), None);
        }
    }
    assert_eq!(signers.len(), 7, "each key has signed");
    assert_eq!(published(&ring, START.plus(MINUTE * 400)).len(), 3, "and the old ones are gone");
}

#[test]
fn a_retired_key_verifies_until_its_last_token_is_dead_and_then_no_more() {
    let mut store = Rows::new();
    let old = store.signing_kid(START);
    store.rotate(START);
    let taken_over = START.plus(OVERLAP.announce);
    let last = token(&store.ring(START), Timestamp::from_millis(taken_over.millis() - 1));
    let removed = taken_over.plus(OVERLAP.longest_token).plus(OVERLAP.skew);
    let ring = store.ring(START);
    assert_ne!(ring.signing_key(Algorithm::ES256, taken_over).unwrap().kid(), old);
    let before = Timestamp::from_millis(removed.millis() - 1);
    let refusal = |now| ring.verify::<Value>(&last, Type::AccessToken, Expiry::Ignored, now).err();
    assert_eq!(refusal(before), None);
    assert!(published(&ring, before).contains(&old));
    assert_eq!(refusal(removed), Some(Refusal::Key));
    assert!(!published(&ring, removed).contains(&old), "also from a ring that was read before");
}

#[test]
fn a_key_that_is_retired_at_once_is_gone_at_once_and_another_signs() {
    let mut store = Rows::new();
    let stolen = store.signing_kid(START);
    let forged = token(&store.ring(START), START);
    let now = START.plus(MINUTE);
    store.write(retire_at_once(&store.rows, &stolen, now, &store.sealing).unwrap());
    let ring = store.ring(now);
    assert_eq!(refusal(&ring, &forged, now), Some(Refusal::Key));
    assert!(!published(&ring, now).contains(&stolen));
    assert_ne!(store.signing_kid(now), stolen);
    assert_eq!(refusal(&ring, &token(&ring, now), now), None);
}

#[test]
fn an_emergency_in_the_middle_of_a_rotation_leaves_no_gap() {
    let mut rotating = Rows::new();
    let old = rotating.signing_kid(START);
    rotating.rotate(START);
    let new = rotating.signing_kid(START.plus(OVERLAP.announce));
    for stolen in [&old, &new] {
        let mut store = rotating.clone();
        store.write(retire_at_once(&store.rows, stolen, START.plus(MINUTE), &store.sealing).unwrap());
        for minute in 1..30 {
            let now = START.plus(MINUTE * minute);
            assert_ne!(store.signing_kid(now), *stolen);
        }
        let untouched = if *stolen == old { &new } else { &old };
        let signs = if *stolen == old { 20 } else { 5 };
        assert_eq!(store.signing_kid(START.plus(MINUTE * signs)), *untouched);
    }
    assert!(retire_at_once(&rotating.rows, "stranger", START, &rotating.sealing).is_none());
}

#[test]
fn a_key_that_signs_no_more_is_removed_without_an_heir() {
    let mut store = Rows::new();
    let old = store.signing_kid(START);
    store.rotate(START);
    let now = START.plus(OVERLAP.announce + MINUTE);
    let rotation = retire_at_once(&store.rows, &old, now, &store.sealing).unwrap();
    assert!(rotation.insert.is_none());
    store.write(rotation);
    assert!(!published(&store.ring(now), now).contains(&old));
}

#[test]
fn a_shorter_announcement_does_not_take_a_key_its_turn_before_it_began() {
    let mut store = Rows::new();
    store.rotate(START);
    let planned = store.rows.last().unwrap().clone();
    let hasty = Overlap { announce: Duration::ZERO, ..OVERLAP };
    store.write(rotate(&store.rows, Algorithm::ES256, START.plus(MINUTE), &hasty, &store.sealing));
    let (first, last) = (store.rows[0].kid.clone(), store.rows.last().unwrap());
    assert_eq!(last.signing_from, planned.signing_from);
    for (minute, signer) in [(1, &first), (9, &first), (10, &last.kid)] {
        assert_eq!(store.signing_kid(START.plus(MINUTE * minute)), *signer);
    }
}

#[test]
fn a_retired_key_does_not_sign_even_when_nothing_follows_it() {
    let mut store = Rows::new();
    store.rows[0].retired_at = Some(START.plus(MINUTE));
    let ring = store.ring(START);
    assert!(ring.signing_key(Algorithm::ES256, START).is_some());
    assert!(ring.signing_key(Algorithm::ES256, START.plus(MINUTE)).is_none());
}

#[test]
fn the_states_of_a_key_follow_each_other() {
    let mut store = Rows::new();
    let kid = store.signing_kid(START);
    let state =
        |store: &Rows, kid: &str, now| store.rows.iter().find(|row| row.kid == kid).unwrap().state(now);
    assert_eq!(state(&store, &kid, START), KeyState::Signing);
    store.rotate(START);
    let next = store.rows.last().unwrap().kid.clone();
    let signing_from = START.plus(OVERLAP.announce);
    let removed_after = signing_from.plus(OVERLAP.longest_token).plus(OVERLAP.skew);
    assert_eq!(state(&store, &next, START), KeyState::Announced { signing_from });
    assert_eq!(state(&store, &next, signing_from), KeyState::Signing);
    assert_eq!(state(&store, &kid, signing_from), KeyState::Retired { removed_after });
    assert_eq!(state(&store, &kid, removed_after), KeyState::Removed);
}

#[test]
fn only_missing_algorithms_get_a_first_key() {
    let store = Rows::new();
    assert_eq!(store.rows.len(), Algorithm::ALL.len());
    assert!(first(&store.rows, START, &store.sealing).is_empty());
}

#[test]
fn a_clock_that_was_set_back_before_the_first_key_still_signs() {
    let store = Rows::new();
    let now = START.minus(MINUTE * 60);
    let ring = store.ring(now);
    assert_eq!(refusal(&ring, &token(&ring, now), now), None);
}

#[test]
fn another_sealing_key_opens_nothing_and_the_error_says_what_to_do() {
    let store = Rows::new();
    let error = KeyRing::load(&store.rows, &RootKey::new(), None, START).err().unwrap();
    assert_eq!(error, LoadError::Sealed { kid: store.rows[0].kid.clone() });
    assert!(error.to_string().contains("start with the sealing key"), "{error}");
}

#[test]
fn rows_that_were_swapped_or_added_without_the_sealing_key_are_refused() {
    let store = Rows::new();
    let load = |rows: &[StoredKey]| KeyRing::load(rows, &store.sealing, None, START).err();
    let sealed = |row: &StoredKey| Some(LoadError::Sealed { kid: row.kid.clone() });

    let mut swapped = store.rows.clone();
    swapped[0].sealed_private = store.rows[1].sealed_private.clone();
    assert_eq!(load(&swapped), sealed(&swapped[0]));

    let mut renamed = store.rows.clone();
    renamed[0].kid = "another".to_owned();
    assert_eq!(load(&renamed), sealed(&renamed[0]));

    let mut added = store.rows.clone();
    added.extend(first(&[], START, &RootKey::new()).into_iter().take(1));
    assert_eq!(load(&added), sealed(&added[3]));

    let pkcs8 = jws::generate(Algorithm::ES256);
    let mut misnamed = store.rows.clone();
    misnamed[0].sealed_private = store.sealing.seal(Purpose::SigningKey, misnamed[0].kid.as_bytes(), &pkcs8);
    assert_eq!(load(&misnamed), Some(LoadError::Damaged { kid: misnamed[0].kid.clone() }));

    let mut other_algorithm = store.rows.clone();
    other_algorithm[0].algorithm = Algorithm::RS256;
    assert_eq!(load(&other_algorithm), Some(LoadError::Damaged { kid: other_algorithm[0].kid.clone() }));
}

#[test]
fn the_jwks_says_nothing_private() {
    let store = Rows::new();
    let jwks: Value = serde_json::from_slice(&store.ring(START).jwks(START)).unwrap();
    let keys = jwks["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 3);
    for key in keys {
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(key.get(private).is_none());
        }
    }
}

#[test]
fn a_token_without_a_kid_or_with_a_strange_one_is_not_tried_with_every_key() {
    let store = Rows::new();
    let ring = store.ring(START);
    let genuine = token(&ring, START);
    let (_, rest) = genuine.split_once('.').unwrap();
    for header in [r#"{"alg":"ES256","typ":"at+jwt"}"#, r#"{"alg":"ES256","typ":"at+jwt","kid":"x"}"#] {
        let bent = format!("{}.{rest}", crate::secret::base64url(header.as_bytes()));
        assert_eq!(refusal(&ring, &bent, START), Some(Refusal::Key));
    }
}

#[test]
fn a_new_reading_replaces_the_ring_as_a_whole() {
    let mut store = Rows::new();
    let current = CurrentKeys::new(store.ring(START));
    let before = current.get();
    store.rotate(START);
    current.replace(KeyRing::load(&store.rows, &store.sealing, Some(&before), START).unwrap());
    assert_eq!(published(&before, START).len(), 3);
    assert_eq!(published(&current.get(), START).len(), 4);
}
