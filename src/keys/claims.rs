//! The claims of a token whose signature is verified, and its times (RFC 7519 §4).

use std::time::Duration;

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};

use super::refusal::Refusal;
use crate::clock::Timestamp;
use crate::protocol::strict_json;

/// Whether the end of a token counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// `exp` must be there and lie ahead.
    Enforced,
    /// An `id_token_hint` names a person also after its end (OIDC RP-Initiated Logout §2).
    Ignored,
}

/// The claims and times of a genuine token. `iss` and `aud` are for the reader to compare.
#[derive(Debug)]
pub struct Verified<C> {
    pub claims: C,
    pub issued_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Times {
    #[serde(default, deserialize_with = "numeric_date")]
    exp: Option<Timestamp>,
    #[serde(default, deserialize_with = "numeric_date")]
    nbf: Option<Timestamp>,
    #[serde(default, deserialize_with = "numeric_date")]
    iat: Option<Timestamp>,
}

/// A whole number of seconds ≥ 0. A string, a fraction or `null` is an error and never "absent": a library that
/// took it so let such tokens live for ever (CVE-2026-25537).
fn numeric_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let seconds = i64::deserialize(deserializer)?;
    if seconds < 0 {
        return Err(D::Error::custom("a time before 1970"));
    }
    Ok(Some(Timestamp::from_secs(seconds)))
}

pub(super) fn read<C: DeserializeOwned>(
    payload: &[u8],
    expiry: Expiry,
    now: Timestamp,
) -> Result<Verified<C>, Refusal> {
    let times: Times = strict_json::object(payload).ok_or(Refusal::Malformed)?;
    if times.nbf.is_some_and(|start| now < start) {
        return Err(Refusal::NotYetValid);
    }
    match (expiry, times.exp) {
        (Expiry::Ignored, _) => {}
        (Expiry::Enforced, None) => return Err(Refusal::Malformed),
        // "on or after which the JWT MUST NOT be accepted" (RFC 7519 §4.1.4)
        (Expiry::Enforced, Some(end)) if now >= end => return Err(Refusal::Expired),
        (Expiry::Enforced, Some(_)) => {}
    }
    let claims = serde_json::from_slice(payload).map_err(|_| Refusal::Malformed)?;
    Ok(Verified { claims, issued_at: times.iat, expires_at: times.exp })
}

/// How far the clock of a client may run ahead of ours.
const SKEW: Duration = Duration::from_secs(60);

/// The claims of a JWT that a client has signed. `exp` counts if it is there; whether it must be is the reader's
/// to say.
pub(super) fn read_from_client<C: DeserializeOwned>(
    payload: &[u8],
    now: Timestamp,
) -> Result<Verified<C>, Refusal> {
    let times: Times = strict_json::object(payload).ok_or(Refusal::Malformed)?;
    if times.exp.is_some_and(|end| now >= end) {
        return Err(Refusal::Expired);
    }
    let latest = now.plus(SKEW);
    if [times.nbf, times.iat].into_iter().flatten().any(|start| latest < start) {
        return Err(Refusal::NotYetValid);
    }
    let claims = serde_json::from_slice(payload).map_err(|_| Refusal::Malformed)?;
    Ok(Verified { claims, issued_at: times.iat, expires_at: times.exp })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const NOON: Timestamp = Timestamp::from_secs(43_200);

    fn refusal(payload: &str, expiry: Expiry) -> Option<Refusal> {
        read::<Value>(payload.as_bytes(), expiry, NOON).err()
    }

    fn of_client(payload: &str) -> Option<Refusal> {
        read_from_client::<Value>(payload.as_bytes(), NOON).err()
    }

    #[test]
    fn the_clock_of_a_client_may_run_a_minute_ahead() {
        assert_eq!(of_client(r#"{"exp":43201,"iat":43260,"nbf":43260}"#), None);
        assert_eq!(of_client(r#"{"exp":99999,"iat":43261}"#), Some(Refusal::NotYetValid));
        assert_eq!(of_client(r#"{"exp":99999,"nbf":43261}"#), Some(Refusal::NotYetValid));
        assert_eq!(of_client(r#"{"exp":43200}"#), Some(Refusal::Expired));
    }

    #[test]
    fn a_token_dies_in_the_second_of_its_exp() {
        assert_eq!(refusal(r#"{"exp":43201}"#, Expiry::Enforced), None);
        assert_eq!(refusal(r#"{"exp":43200}"#, Expiry::Enforced), Some(Refusal::Expired));
        assert_eq!(refusal("{}", Expiry::Enforced), Some(Refusal::Malformed));
    }

    #[test]
    fn a_hint_is_read_after_its_end() {
        assert_eq!(refusal(r#"{"exp":1}"#, Expiry::Ignored), None);
        assert_eq!(refusal("{}", Expiry::Ignored), None);
    }

    #[test]
    fn a_token_is_not_read_before_its_nbf() {
        assert_eq!(refusal(r#"{"exp":43201,"nbf":43200}"#, Expiry::Enforced), None);
        assert_eq!(refusal(r#"{"exp":43202,"nbf":43201}"#, Expiry::Ignored), Some(Refusal::NotYetValid));
    }

    #[test]
    fn a_time_that_is_no_number_of_seconds_is_malformed_and_never_absent() {
        for time in [
            "null",
            "\"43201\"",
            "43201.0",
            "43201.5",
            "4e9",
            "-1",
            "-0.0",
            "[43201]",
            "{}",
            "true",
            "9223372036854775808",
            "1e400",
        ] {
            for name in ["exp", "nbf", "iat"] {
                let other = if name == "exp" { "" } else { r#","exp":99999"# };
                let payload = format!(r#"{{"{name}":{time}{other}}}"#);
                for expiry in [Expiry::Enforced, Expiry::Ignored] {
                    assert_eq!(refusal(&payload, expiry), Some(Refusal::Malformed), "{payload}");
                }
                assert_eq!(of_client(&payload), Some(Refusal::Malformed), "{payload}");
            }
        }
        assert_eq!(refusal(r#"{"exp":9223372036854775807}"#, Expiry::Enforced), None);
    }
}
