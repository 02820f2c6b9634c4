//! `[keys]`: the key that seals what lies in the database, and the life of signing keys.

use std::time::Duration;

use super::kind::Kind;
use super::section::section;
use crate::secret::{RootKey, from_base64url};

section! {
    /// The key that seals secrets in the database, and the life of signing keys.
    Keys as "keys" {
        /// 32 random bytes in base64url or hex. Without it: the file sealing.key in the data folder, made at the
        /// first start. Whoever loses it loses every signing key.
        sealing_key: Option<RootKey> as in "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        /// A new signing key is published so long before it signs, so that every API has fetched it by then.
        announce_minutes: u64 = 10, within 0..=10080;
        /// A key that no longer signs stays published so long, so that what it signed can be verified.
        retain_hours: u64 = 24, within 2..=8760;
    }
}

impl Keys {
    pub fn announce(&self) -> Duration {
        super::minutes(self.announce_minutes)
    }

    pub fn retain(&self) -> Duration {
        super::hours(self.retain_hours)
    }
}

/// A sealing key from its text: 64 characters of hex or 43 of base64url.
pub fn sealing_key(text: &str) -> Option<RootKey> {
    let bytes = match text.len() {
        64 => from_hex(text)?,
        _ => from_base64url(text)?,
    };
    bytes.try_into().ok().map(RootKey::from_bytes)
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| (digit as char).to_digit(16).and_then(|value| u8::try_from(value).ok());
    text.as_bytes().chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

impl Kind for RootKey {
    const RIGHT: &'static str =
        "write 32 random bytes in base64url or hex, like the answer of `openssl rand -hex 32`";
    const SECRET: bool = true;

    fn from_text(text: &str) -> Option<Self> {
        sealing_key(text)
    }
}
