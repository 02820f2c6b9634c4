//! Client metadata as it travels (RFC 7591 §2, OpenID Connect Registration §2).

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::Invalid;
use crate::protocol::client_metadata::ClientMetadata;
use crate::protocol::grant_type::GrantType;
use crate::protocol::response_type::ResponseType;

/// What a client says of itself, or is told. Nothing stands in it twice.
pub type Document = Map<String, Value>;

const TEXT: &str = "a text";
const URI: &str = "a text with one URI";
const URIS: &str = "a list of URIs";

/// The members of [`ClientMetadata`] that a client may set, and what belongs there. The others are the operator's.
const MEMBERS: [(&str, &str); 31] = [
    ("client_name", TEXT),
    ("application_type", "web or native"),
    ("contacts", "a list of texts"),
    ("client_uri", URI),
    ("logo_uri", URI),
    ("policy_uri", URI),
    ("tos_uri", URI),
    ("redirect_uris", URIS),
    ("post_logout_redirect_uris", URIS),
    ("backchannel_logout_uri", URI),
    ("backchannel_logout_session_required", "true or false"),
    ("frontchannel_logout_uri", URI),
    ("frontchannel_logout_session_required", "true or false"),
    ("initiate_login_uri", URI),
    ("request_uris", URIS),
    ("request_object_signing_alg", "RS256, PS256, ES256, EdDSA, HS256 or none"),
    ("require_signed_request_object", "true or false"),
    ("grant_types", "a list of authorization_code, refresh_token and implicit"),
    ("response_types", "a list of response types of this server, like code"),
    ("token_endpoint_auth_method", "a method of this server, like client_secret_basic or none"),
    ("token_endpoint_auth_signing_alg", "RS256, PS256, ES256, EdDSA or HS256"),
    ("jwks", "a JWK Set (RFC 7517 section 5)"),
    ("jwks_uri", URI),
    ("scope", "scope names between spaces"),
    ("subject_type", "public or pairwise"),
    ("sector_identifier_uri", URI),
    ("id_token_signed_response_alg", "RS256, ES256 or EdDSA"),
    ("userinfo_signed_response_alg", "RS256, ES256, EdDSA or none"),
    ("default_max_age", "a whole number of seconds"),
    ("require_auth_time", "true or false"),
    ("default_acr_values", "a list of texts"),
];

/// RFC 7591 §2: "The authorization server MUST ignore any client metadata sent by the client that it does not
/// understand". These are understood, and not done: a client that relies on them must hear so.
const UNSUPPORTED: [&str; 12] = [
    "authorization_encrypted_response_alg",
    "authorization_signed_response_alg",
    "dpop_bound_access_tokens",
    "id_token_encrypted_response_alg",
    "id_token_encrypted_response_enc",
    "introspection_signed_response_alg",
    "request_object_encryption_alg",
    "request_object_encryption_enc",
    "require_pushed_authorization_requests",
    "tls_client_certificate_bound_access_tokens",
    "userinfo_encrypted_response_alg",
    "userinfo_encrypted_response_enc",
];

/// Reads `document` over `base`, of which only what is the operator's stays, and says which members cannot be read:
/// they are left out.
pub fn read(document: &Document, base: &ClientMetadata) -> (ClientMetadata, Vec<Invalid>) {
    let mut wrong: Vec<Invalid> = UNSUPPORTED
        .into_iter()
        .filter(|member| said(document, member).is_some_and(|value| *value != json!(false)))
        .map(|member| Invalid::Metadata { member, why: "this server does not support it" })
        .collect();
    if said(document, "software_statement").is_some() {
        wrong.push(Invalid::SoftwareStatement);
    }
    let mut whole = object(base);
    for (member, why) in MEMBERS {
        whole.remove(member);
        let Some(value) = said(document, member) else { continue };
        match serde_json::from_value::<ClientMetadata>(json!({ member: value })) {
            Ok(_) => drop(whole.insert(member.to_owned(), value.clone())),
            Err(_) => wrong.push(Invalid::Metadata { member, why }),
        }
    }
    // Each member was read alone, and what is left of `base` was written by us.
    let metadata = serde_json::from_value(Value::Object(whole)).unwrap_or_default();
    (with_matching_types(metadata, document), wrong)
}

fn object(metadata: &ClientMetadata) -> Document {
    match serde_json::to_value(metadata) {
        Ok(Value::Object(object)) => object,
        _ => Document::new(),
    }
}

/// What `metadata` tells the client.
pub fn write(metadata: &ClientMetadata) -> Document {
    let mut document = object(metadata);
    document.retain(|member, value| {
        let is_empty = value.as_str() == Some("") || value.as_array().is_some_and(Vec::is_empty);
        !is_empty && MEMBERS.iter().any(|(known, _)| known == member)
    });
    document
}

/// RFC 7592 §2.2: "Omitted fields MUST be treated as null or empty values by the server".
fn said<'d>(document: &'d Document, member: &str) -> Option<&'d Value> {
    document.get(member).filter(|value| !value.is_null())
}

/// RFC 7591 §2: without `grant_types` a client uses the authorization code alone, without `response_types` the
/// code alone; §2.1: and the two go together. So whichever was not said follows from the other.
fn with_matching_types(mut metadata: ClientMetadata, document: &Document) -> ClientMetadata {
    let grants_said = said(document, "grant_types").is_some();
    let answers_said = said(document, "response_types").is_some();
    if !answers_said {
        let code = !grants_said || metadata.grant_types.contains(&GrantType::AuthorizationCode);
        metadata.response_types = code.then_some(ResponseType::Code).into_iter().collect();
    }
    if !grants_said {
        let any = |wanted: fn(&ResponseType) -> bool| metadata.response_types.iter().any(wanted);
        let needed = [
            (any(|answer| answer.has_code()), GrantType::AuthorizationCode),
            (any(|answer| answer.has_id_token() || answer.has_access_token()), GrantType::Implicit),
        ];
        metadata.grant_types = needed
            .into_iter()
            .filter_map(|(is_needed, grant_type)| is_needed.then_some(grant_type))
            .collect::<BTreeSet<_>>();
    }
    metadata
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::client_metadata::{ConsentPolicy, Profile};

    fn document(value: Value) -> Document {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn every_member_is_one_of_the_metadata() {
        for (member, why) in MEMBERS {
            let (_, wrong) = read(&document(json!({ member: { "no": "such" } })), &ClientMetadata::default());
            assert_eq!(wrong, [Invalid::Metadata { member, why }]);
            // An unknown member would be refused by that name, and not for its value.
            let unknown = serde_json::from_value::<ClientMetadata>(json!({ member: [] })).map(drop);
            assert!(
                unknown.is_ok() || !unknown.unwrap_err().to_string().contains("unknown field"),
                "{member}"
            );
        }
    }

    #[test]
    fn what_is_the_operators_stays_and_cannot_be_set() {
        let base = ClientMetadata {
            profile: Profile::OidcCompat,
            client_name: Some("before".to_owned()),
            ..ClientMetadata::default()
        };
        let sent = document(
            json!({ "consent": "implied", "audience": ["https://api.example"], "policy_uri": null }),
        );
        let metadata = read(&sent, &base).0;
        assert_eq!(metadata.profile, Profile::OidcCompat);
        assert_eq!(metadata.consent, ConsentPolicy::Asked);
        assert_eq!((metadata.audience.len(), metadata.client_name), (0, None));
        assert!(!write(&base).contains_key("profile"));
    }

    #[test]
    fn grant_types_and_response_types_follow_from_each_other() {
        let types = |sent: Value| {
            let metadata = read(&document(sent), &ClientMetadata::default()).0;
            let grants: Vec<_> = metadata.grant_types.iter().map(|grant_type| grant_type.as_str()).collect();
            let answers: Vec<_> = metadata.response_types.iter().map(|answer| answer.as_str()).collect();
            (grants.join(" "), answers.join(", "))
        };
        let pair = |grants: &str, answers: &str| (grants.to_owned(), answers.to_owned());
        assert_eq!(types(json!({})), pair("authorization_code", "code"));
        assert_eq!(
            types(json!({ "response_types": ["code id_token"] })),
            pair("authorization_code implicit", "code id_token")
        );
        assert_eq!(types(json!({ "response_types": ["id_token"] })), pair("implicit", "id_token"));
        assert_eq!(
            types(json!({ "grant_types": ["refresh_token", "authorization_code"] })),
            pair("authorization_code refresh_token", "code")
        );
    }
}
