//! `session_state` (OpenID Connect Session Management §3): by which an app notices in the browser that somebody signed
//! in or out.

use url::Url;

use super::response::Response;
use crate::protocol::authorization_request::AuthorizationRequest;
use crate::secret;

/// Adds it to the answer to an OpenID Connect request.
pub(super) fn tell(response: &mut Response, request: &AuthorizationRequest, browser_state: &str) {
    if !request.scope.contains("openid") {
        return;
    }
    let Ok(redirect_uri) = Url::parse(request.redirect_uri.as_str()) else { return };
    // An app with a scheme of its own has no page that could ask.
    if redirect_uri.origin().is_tuple() {
        let origin = redirect_uri.origin().ascii_serialization();
        let salt = secret::base64url(&secret::random::<16>());
        let state = compute(&request.client_id, &origin, browser_state, &salt);
        response.parameters.push(("session_state", state));
    }
}

/// §3.2: a hash over the client, its origin, the browser's state and a salt, and the salt. The script of the check
/// session endpoint computes the same.
fn compute(client_id: &str, origin: &str, browser_state: &str, salt: &str) -> String {
    let hashed = secret::sha256(format!("{client_id} {origin} {browser_state} {salt}").as_bytes());
    let hash: String = hashed.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{hash}.{salt}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_hash_that_the_script_computes() {
        assert_eq!(
            compute("shop", "https://shop.example", "state", "salt"),
            "2bba5817e5790d4c63baa5a44ae67a6898273aeb7ff731aec2b2bb78cd2f24bd.salt"
        );
    }
}
