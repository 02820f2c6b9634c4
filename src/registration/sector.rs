//! Whom pairwise subjects are the same for (OpenID Connect Core §8.1, Registration §5).

use super::{Invalid, is_web_page};
use crate::outbound::Outbound;
use crate::protocol::client_metadata::{ClientMetadata, SubjectType};

pub(super) fn check(metadata: &ClientMetadata, must: &mut impl FnMut(bool, &'static str, &'static str)) {
    must(
        metadata.sector_identifier_uri.as_deref().is_none_or(is_web_page),
        "sector_identifier_uri",
        "an https URL of at most 2048 bytes",
    );
    // Core §8.1: "If there are multiple hostnames in the registered redirect_uris, the Client MUST register a
    // sector_identifier_uri."
    must(
        metadata.subject_type == SubjectType::Public || metadata.sector().is_some(),
        "subject_type",
        "pairwise needs redirect URIs at one and the same host, or a sector_identifier_uri",
    );
}

/// Registration §5: the values of `redirect_uris` "MUST be included in the elements of the array, or registration
/// MUST fail". Else anybody could register to be told the subjects of a sector that is not theirs. What was proven
/// `before` is not fetched again.
pub async fn prove(
    outbound: &Outbound,
    before: Option<&ClientMetadata>,
    metadata: &ClientMetadata,
) -> Result<(), Invalid> {
    let Some(uri) = &metadata.sector_identifier_uri else { return Ok(()) };
    let is_known = |before: &ClientMetadata| {
        before.sector_identifier_uri.as_ref() == Some(uri) && before.redirect_uris == metadata.redirect_uris
    };
    if before.is_some_and(is_known) {
        return Ok(());
    }
    let refused = |why| Err(Invalid::Metadata { member: "sector_identifier_uri", why });
    let document = match outbound.document(uri).await {
        Ok(document) => document,
        Err(failure) => {
            // Whoever asked must not learn from us what our network looks like.
            tracing::warn!(uri, %failure, "a sector identifier could not be fetched");
            return refused("it could not be fetched as a JSON document");
        }
    };
    let Ok(listed) = serde_json::from_slice::<Vec<String>>(&document) else {
        return refused("the document is not a JSON array of URIs");
    };
    match metadata.redirect_uris.iter().all(|own| listed.contains(own)) {
        true => Ok(()),
        false => refused("the document does not list every redirect URI"),
    }
}

/// A client that kept what it was given in one sector could learn who its users are in another one, if it could move.
pub(super) fn check_move(before: &ClientMetadata, after: &ClientMetadata) -> Option<Invalid> {
    let is_moved = after.subject_type == SubjectType::Pairwise
        && (before.subject_type != after.subject_type || before.sector() != after.sector());
    is_moved.then_some(Invalid::Metadata {
        member: "subject_type",
        why: "a client does not move to another sector; register another client there",
    })
}
