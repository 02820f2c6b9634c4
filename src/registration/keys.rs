//! The rules about a client's keys, and about secrets that it signs with (RFC 7591 §2, OIDC Core §9).

use super::{Invalid, MOST, is_web_page};
use crate::keys::client_keys::ClientKeys;
use crate::protocol::algorithm::{ClientAlgorithm, RequestObjectAlgorithm};
use crate::protocol::client_metadata::{AuthMethod, ClientMetadata, Profile};
use crate::secret::{Fingerprint, RootKey, Secret};
use crate::store::clients::{Client, seal_secret};

/// Where a client's keys are, and whether it can sign its assertions and request objects with them (RFC 7591 §2).
pub(super) fn check(metadata: &ClientMetadata, must: &mut impl FnMut(bool, &'static str, &'static str)) {
    let keys = metadata.jwks.as_ref().map(ClientKeys::of);
    must(
        metadata.jwks.is_none() || metadata.jwks_uri.is_none(),
        "jwks",
        "jwks and jwks_uri exclude each other (RFC 7591 section 2)",
    );
    must(
        metadata.jwks_uri.as_deref().is_none_or(is_web_page),
        "jwks_uri",
        "an https URL of at most 2048 bytes",
    );
    if let Some(Err(unusable)) = &keys {
        must(false, "jwks", unusable.why());
    }
    let method = metadata.token_endpoint_auth_method;
    let has_keys =
        metadata.jwks_uri.is_some() || keys.is_some_and(|keys| keys.is_ok_and(|keys| !keys.is_empty()));
    must(
        has_keys || method != AuthMethod::PrivateKeyJwt,
        "jwks",
        "private_key_jwt needs a key that verifies RS256, PS256, ES256 or EdDSA, in jwks or at jwks_uri",
    );
    let possible = method.signing_algorithms();
    must(
        metadata
            .token_endpoint_auth_signing_alg
            .is_none_or(|own| possible.is_empty() || possible.contains(&own)),
        "token_endpoint_auth_signing_alg",
        "RS256, PS256, ES256 or EdDSA for private_key_jwt, HS256 for client_secret_jwt",
    );
    let (why, is_possible) = match metadata.request_object_signing_alg {
        None => ("", true),
        // Whoever can write a query can write such an object: it is no more than a query, and only where that is enough.
        Some(RequestObjectAlgorithm::Unsigned) => (
            "none is for clients of the profile oidc-compat, without require_signed_request_object",
            metadata.profile == Profile::OidcCompat && !metadata.require_signed_request_object,
        ),
        Some(RequestObjectAlgorithm::Signed(ClientAlgorithm::HS256)) => (
            "HS256 is for clients that authenticate with client_secret_jwt",
            method == AuthMethod::ClientSecretJwt,
        ),
        Some(RequestObjectAlgorithm::Signed(_)) => ("it needs a key, in jwks or at jwks_uri", has_keys),
    };
    must(is_possible, "request_object_signing_alg", why);
    must(
        has_keys
            || !metadata.require_signed_request_object
            || metadata.request_object_signing_alg
                == Some(RequestObjectAlgorithm::Signed(ClientAlgorithm::HS256)),
        "require_signed_request_object",
        "it needs a key, in jwks or at jwks_uri",
    );
    let is_sound = |uri: &String| uri.len() <= LONGEST_REQUEST_URI && is_web_page(uri);
    must(
        metadata.request_uris.len() <= MOST && metadata.request_uris.iter().all(is_sound),
        "request_uris",
        "at most 50 https URLs of at most 512 bytes each (OpenID Connect Core section 6.2)",
    );
}

/// Core §6.2: "The entire Request URI MUST NOT exceed 512 ASCII characters."
const LONGEST_REQUEST_URI: usize = 512;

/// A client that signs with its secret cannot be verified from a fingerprint.
pub(super) fn check_sealing(metadata: &ClientMetadata, sealed_secret: Option<&[u8]>) -> Option<Invalid> {
    let is_missing =
        metadata.token_endpoint_auth_method == AuthMethod::ClientSecretJwt && sealed_secret.is_none();
    is_missing.then_some(Invalid::Metadata {
        member: "token_endpoint_auth_method",
        why: "client_secret_jwt needs a secret that is made for it",
    })
}

/// Whether a client that has a secret gets another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    IfMissing,
    Always,
}

/// What is kept of the secret of a client that changes, and the new one if there is one.
pub struct Secrets {
    pub fresh: Option<Secret>,
    pub secret: Option<Fingerprint>,
    pub sealed_secret: Option<Vec<u8>>,
}

impl Secrets {
    /// Makes what the client does not have yet, or not in the form that its new `method` needs.
    pub fn of(client: &Client, method: AuthMethod, renewal: Renewal, master: Option<&RootKey>) -> Self {
        let signs_with_it = method == AuthMethod::ClientSecretJwt;
        let is_missing = client.secret.is_none() || (signs_with_it && client.sealed_secret.is_none());
        let is_made = method.has_secret() && (renewal == Renewal::Always || is_missing);
        let fresh = is_made.then(Secret::new);
        let sealed =
            fresh.as_ref().zip(master).map(|(secret, master)| seal_secret(master, &client.id, secret));
        Secrets {
            secret: fresh.as_ref().map(Secret::fingerprint).or(client.secret).filter(|_| method.has_secret()),
            sealed_secret: sealed.or_else(|| client.sealed_secret.clone()).filter(|_| signs_with_it),
            fresh,
        }
    }
}
