//! Client ID metadata documents, read (draft-ietf-oauth-client-id-metadata-document-02 §4).

use serde_json::Value;

use super::document::Document;
use super::{Invalid, dynamic};
use crate::protocol::client_metadata::{AuthMethod, ClientMetadata};
use crate::protocol::scope::Scope;
use crate::protocol::strict_json;

/// Bytes that are read of one (§8.7: "The recommended maximum size to read is 5 kilobytes").
pub(super) const LARGEST: usize = 5 * 1024;

/// The metadata that stands at `client_id`, or everything that is wrong with it. No such client gets more than one
/// that registers itself gets in the strict profile.
pub(super) fn read(client_id: &str, body: &[u8], known: &Scope) -> Result<ClientMetadata, Vec<Invalid>> {
    let refused = |member, why| Invalid::Metadata { member, why };
    let Some(mut document) = strict_json::object::<Document>(body) else {
        return Err(vec![refused(
            "the document",
            "it is not one JSON object in which no member stands twice",
        )]);
    };
    let mut wrong = Vec::new();
    // §4: "MUST match the Client Identifier URL … using simple string comparison". Else any host could speak for
    // any other.
    if document.get("client_id").and_then(Value::as_str) != Some(client_id) {
        wrong.push(refused("client_id", "it must be the URL of the document, character by character"));
    }
    // §4.1: what everybody can read is no secret.
    for member in ["client_secret", "client_secret_expires_at"] {
        if document.contains_key(member) {
            wrong.push(refused(member, "a document that everybody can read holds no secret"));
        }
    }
    // §4.3 lets it stand here. Who signed it means nothing to us.
    document.remove("software_statement");
    let unsaid = Value::from(AuthMethod::None.as_str());
    document.entry("token_endpoint_auth_method").or_insert(unsaid);
    let (metadata, more) = dynamic::read(&document, &ClientMetadata::default(), known);
    if metadata.token_endpoint_auth_method.has_secret() {
        wrong.push(refused("token_endpoint_auth_method", "none or private_key_jwt: no secret is shared"));
    }
    wrong.extend(more);
    if wrong.is_empty() { Ok(metadata) } else { Err(wrong) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CLIENT: &str = "https://app.example/client.json";

    fn read_with(change: Value) -> Result<ClientMetadata, Vec<Invalid>> {
        let mut document =
            json!({ "client_id": CLIENT, "client_name": "App", "redirect_uris": ["https://app.example/cb"] });
        for (member, value) in change.as_object().unwrap() {
            document[member] = value.clone();
        }
        read(CLIENT, document.to_string().as_bytes(), &"openid orders".parse().unwrap())
    }

    #[test]
    fn a_document_that_says_little_is_a_public_client_of_the_code_flow() {
        let metadata = read_with(json!({ "software_statement": "x", "scope": "openid other" })).unwrap();
        assert_eq!(metadata.token_endpoint_auth_method, AuthMethod::None);
        assert_eq!(metadata.scope.to_string(), "openid");
        assert_eq!(metadata.redirect_uris, ["https://app.example/cb"]);
    }

    #[test]
    fn whatever_could_make_one_client_another_is_refused() {
        let jwk = json!({ "kty": "EC", "crv": "P-256", "x": "a", "y": "b", "d": "c" });
        for change in [
            json!({ "client_id": "https://app.example/client.json/" }),
            json!({ "client_id": "https://APP.example/client.json" }),
            json!({ "client_id": null }),
            json!({ "client_id": [CLIENT] }),
            json!({ "client_secret": "s" }),
            json!({ "client_secret_expires_at": 0 }),
            json!({ "token_endpoint_auth_method": "client_secret_basic" }),
            json!({ "token_endpoint_auth_method": "client_secret_post" }),
            json!({ "token_endpoint_auth_method": "client_secret_jwt" }),
            json!({ "token_endpoint_auth_method": "private_key_jwt" }),
            json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [jwk] } }),
            json!({ "redirect_uris": [] }),
            json!({ "redirect_uris": ["https://app.example/*"] }),
            json!({ "redirect_uris": ["javascript:alert(1)"] }),
            json!({ "redirect_uris": ["http://app.example/cb"] }),
            json!({ "grant_types": ["client_credentials"] }),
            json!({ "response_types": ["id_token"] }),
            json!({ "logo_uri": "javascript:alert(1)" }),
        ] {
            assert!(read_with(change.clone()).is_err(), "{change}");
        }
        for body in ["", "[]", "null", r#"{"client_id":"a","client_id":"b"}"#, "<html>"] {
            assert!(read(CLIENT, body.as_bytes(), &Scope::default()).is_err(), "{body}");
        }
    }
}
