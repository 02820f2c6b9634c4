//! HTTP Basic as OAuth uses it (RFC 7617, RFC 6749 §2.3.1).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

use crate::secret::Secret;

/// Client identifier and secret. Both were "encoded using the application/x-www-form-urlencoded encoding
/// algorithm" before they were joined.
pub(super) fn read(authorization: &str) -> Option<(String, Secret)> {
    let (scheme, credentials) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let joined = String::from_utf8(STANDARD.decode(credentials.trim_start_matches(' ')).ok()?).ok()?;
    let (client_id, secret) = joined.split_once(':')?;
    let client_id = decode(client_id)?;
    (!client_id.is_empty()).then_some((client_id, Secret::claimed(decode(secret)?)))
}

fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().ok()?;
    (!decoded.contains('\0')).then(|| decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(scheme: &str, credentials: &str) -> String {
        format!("{scheme} {}", STANDARD.encode(credentials))
    }

    #[test]
    fn both_halves_are_form_decoded() {
        for scheme in ["Basic", "basic", "BASIC"] {
            let (id, secret) = read(&header(scheme, "my%3Aapp:a+b%25c")).unwrap();
            assert_eq!((id.as_str(), secret.reveal()), ("my:app", "a b%c"));
        }
    }

    #[test]
    fn what_is_not_basic_is_nobody() {
        let strange = [
            "Basic".to_owned(),
            "Basic ".to_owned(),
            "Basic !!!".to_owned(),
            header("Basic", "no colon"),
            header("Basic", ":secret only"),
            header("Basic", "%ff:secret"),
            header("Basic", "a%00b:secret"),
            header("Bearer", "id:secret"),
        ];
        for authorization in strange {
            assert!(read(&authorization).is_none(), "{authorization}");
        }
    }
}
