//! Refresh tokens: a counter with a seal (RFC 6749 §6, RFC 9700 §4.14). One row a grant, none a token.
//!
//! `rt_<grant id>.<generation>.<HMAC-SHA-256 over both, keyed for the grant>`. A true seal proves that we handed
//! this generation out; whether it is current, its grant's row says.

use crate::id::Id;
use crate::secret::{self, Purpose, RootKey};
use crate::store::grants::Grant;

const PREFIX: &str = "rt_";

/// What a genuine refresh token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presented {
    pub grant_id: Id<Grant>,
    pub generation: i64,
}

pub(super) fn mint(master: &RootKey, grant: Id<Grant>, generation: i64) -> String {
    let body = format!("{PREFIX}{grant}.{generation}");
    let seal = seal(master, grant, &body);
    format!("{body}.{seal}")
}

fn seal(master: &RootKey, grant: Id<Grant>, body: &str) -> String {
    secret::base64url(&master.mac(Purpose::RefreshToken, grant.uuid().as_bytes(), body.as_bytes()))
}

/// Reads a token whose seal is true. `None` for a stranger's: nothing that only shares a grant's public id may do
/// anything to it.
pub fn read(master: &RootKey, token: &str) -> Option<Presented> {
    let (body, claimed) = token.rsplit_once('.')?;
    let (grant, generation) = body.strip_prefix(PREFIX)?.split_once('.')?;
    let grant_id: Id<Grant> = grant.parse().ok()?;
    if !secret::equal(seal(master, grant_id, body).as_bytes(), claimed.as_bytes()) {
        return None;
    }
    Some(Presented { grant_id, generation: generation.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sealed_is_read() {
        let master = RootKey::new();
        let grant = Id::new();
        let token = mint(&master, grant, 7);
        assert_eq!(read(&master, &token), Some(Presented { grant_id: grant, generation: 7 }));
        assert_eq!(read(&RootKey::new(), &token), None);
        let other = mint(&master, Id::new(), 7);
        let (body, _) = token.rsplit_once('.').unwrap();
        let (_, foreign) = other.rsplit_once('.').unwrap();
        let forged = [
            format!("{body}.{foreign}"),
            token.replace(".7.", ".8."),
            token.replace(".7.", ".07."),
            format!("{token}A"),
            token[..token.len() - 1].to_owned(),
            body.to_owned(),
            "rt_".to_owned(),
            String::new(),
        ];
        for text in forged {
            assert_eq!(read(&master, &text), None, "{text}");
        }
    }
}
