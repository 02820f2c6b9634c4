//! JSON that means one thing to every reader (RFC 7493; RFC 7519 §4, RFC 8725 §2.4 and §3.7).

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// One object and nothing after it: UTF-8, no member twice at any depth, no NUL, no lone surrogate, at most 128
/// levels. `None` for anything else and for what is no `T`.
pub fn object<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let text = std::str::from_utf8(bytes).ok()?;
    serde_json::Deserializer::from_str(text).deserialize_map(Strict).ok()?;
    // Which also refuses whatever stands after the object.
    serde_json::from_str(text).ok()
}

/// Walks a value and keeps nothing. serde_json itself refuses lone surrogates and the 129th level.
struct Strict;

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Strict)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Strict;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unambiguous JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Strict, E> {
        // PostgreSQL refuses NUL in text, and what ends a string elsewhere must not continue one here.
        if text.contains('\0') { Err(E::custom("NUL")) } else { Ok(Strict) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Strict, A::Error> {
        while items.next_element::<Strict>()?.is_some() {}
        Ok(Strict)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Strict, A::Error> {
        let mut names = BTreeSet::new();
        while let Some((name, Strict)) = members.next_entry::<String, Strict>()? {
            if name.contains('\0') || !names.insert(name) {
                return Err(A::Error::custom("a member twice"));
            }
        }
        Ok(Strict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_read(text: &[u8]) -> bool {
        object::<serde_json::Value>(text).is_some()
    }

    #[test]
    fn an_object_is_read() {
        assert!(is_read(br#" {"a":[1,-1,1.5,null,true,"\ud83d\ude00"],"b":{"a":{}}} "#));
    }

    #[test]
    fn only_one_object_is_read() {
        for text in [r#""a""#, "[]", "1", "null", "", "{} {}", "{}x", r#"{"a":1,}"#] {
            assert!(!is_read(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn a_member_may_not_stand_twice_at_any_depth() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"{"x":[{"a":1,"b":2,"a":3}]}"#] {
            assert!(!is_read(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn text_that_two_readers_read_differently_is_refused() {
        for text in [
            &br#"{"a":"\u0000"}"#[..],
            br#"{"\u0000":1}"#,
            br#"{"a":"\ud800"}"#,
            br#"{"a":"\udc00\ud800"}"#,
            b"{\"a\":\"\xff\"}",
            b"{\"a\":\"\xc0\x80\"}",
            b"\xef\xbb\xbf{}",
        ] {
            assert!(!is_read(text), "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn ten_thousand_levels_do_not_overflow_the_stack() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(!is_read(deep.as_bytes()));
    }
}
