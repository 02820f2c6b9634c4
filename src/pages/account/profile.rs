//! Saying who one is: the claims of the form, read, checked and stored (OpenID Connect Core §5.1).

use axum::extract::State;
use axum::response::Response;
use serde_json::{Map, Value};

use super::notice::Done;
use super::{Said, page};
use crate::app::App;
use crate::http::form::{BodyForm, Unreadable};
use crate::http::problem::Problem;
use crate::http::session::outage;
use crate::pages::LOGIN;
use crate::pages::caller::Caller;
use crate::pages::name::Name;
use crate::pages::view::{ClaimError, Profile, ProfileClaim, VerifiedClaim};
use crate::protocol::parameters::Parameters;
use crate::sign_in::profile::{self, Edit};
use crate::store::users::User;
use crate::tokens::claims;

pub(super) async fn save(
    State(app): State<App>,
    caller: Caller,
    form: Result<BodyForm, Unreadable>,
) -> Result<Response, Problem> {
    let Some((session, user, form)) = caller.accept_of_member(form)? else {
        return Ok(caller.to(LOGIN));
    };
    let typed = typed(&form, user);
    if typed.has_errors() {
        return page(&app, &caller, session, user, Said { profile: Some(typed), ..Said::default() }).await;
    }
    profile::change(&app.store, user.id, edits(&form, user), caller.now).await.map_err(outage)?;
    Ok(Done::ProfileSaved.tell(&caller, &app.issuer.master, session))
}

/// The form as it is stored.
pub(super) fn stored(user: &User) -> Profile {
    with_verified(Profile::of(|claim| value_of(user, claim).map(str::to_owned)), user)
}

/// The form as it was typed, with what is wrong about it.
fn typed(form: &Parameters, user: &User) -> Profile {
    let mut profile = with_verified(Profile::of(|claim| entered(form, claim)), user);
    for &claim in ProfileClaim::ALL {
        if let Some(error) = entered(form, claim).and_then(|text| complaint(claim, text)) {
            profile.refuse(claim, error);
        }
    }
    profile
}

fn with_verified(mut profile: Profile, user: &User) -> Profile {
    let verified = |name: &str, verified: &str| {
        let value = Name::new(user.claims.get(name)?.as_str()?);
        Some(VerifiedClaim { value, is_verified: user.claims.get(verified) == Some(&Value::Bool(true)) })
    };
    profile.email = verified("email", "email_verified");
    profile.phone_number = verified("phone_number", "phone_number_verified");
    profile
}

fn value_of(user: &User, claim: ProfileClaim) -> Option<&str> {
    let holder = if claim.is_in_address() { user.claims.get("address")?.as_object()? } else { &user.claims };
    holder.get(claim.name())?.as_str()
}

/// What was typed, as one line; `None` for nothing.
fn entered(form: &Parameters, claim: ProfileClaim) -> Option<String> {
    let lines = form.get(claim.name())?.replace("\r\n", "\n");
    let is_kept = |c: &char| !c.is_control() || (*c == '\n' && claim.has_lines());
    let text: String = lines.chars().filter(is_kept).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn complaint(claim: ProfileClaim, text: String) -> Option<ClaimError> {
    let (name, value) = match claim.is_in_address() {
        true => ("address", Value::from(Map::from_iter([(claim.name().to_owned(), Value::from(text))]))),
        false => (claim.name(), Value::from(text)),
    };
    claims::check(name, &value).is_err().then_some(match claim {
        ProfileClaim::Website | ProfileClaim::Profile | ProfileClaim::Picture => ClaimError::NotAUrl,
        ProfileClaim::Birthdate => ClaimError::NotADate,
        ProfileClaim::Zoneinfo => ClaimError::NotAZone,
        ProfileClaim::Locale => ClaimError::NotALanguage,
        _ => ClaimError::TooLong,
    })
}

fn edits(form: &Parameters, user: &User) -> Vec<Edit> {
    let own = ProfileClaim::ALL.iter().filter(|claim| !claim.is_in_address());
    let mut edits: Vec<Edit> =
        own.map(|&claim| (claim.name(), entered(form, claim).map(Value::from))).collect();
    edits.extend(address(form, user).map(|address| ("address", address)));
    edits
}

/// The `address` claim (§5.1.1) when a member of it changes. `formatted` spells the old one, so it goes.
fn address(form: &Parameters, user: &User) -> Option<Option<Value>> {
    let members = || ProfileClaim::ALL.iter().copied().filter(|claim| claim.is_in_address());
    if members().all(|claim| entered(form, claim).as_deref() == value_of(user, claim)) {
        return None;
    }
    let entered = members().filter_map(|claim| Some((claim.name().to_owned(), entered(form, claim)?.into())));
    let address: Map<String, Value> = entered.collect();
    Some((!address.is_empty()).then_some(Value::from(address)))
}
