//! One's devices: every session of the user, whoever opened it.

use axum::extract::{Path, State};
use axum::response::Response;

use super::notice::Done;
use crate::app::App;
use crate::clock::Timestamp;
use crate::http::form::{BodyForm, Unreadable};
use crate::http::problem::Problem;
use crate::http::session::outage;
use crate::logout;
use crate::pages::caller::Caller;
use crate::pages::name::Name;
use crate::pages::user_agent::Device;
use crate::pages::view::{self, Place};
use crate::pages::{LOGIN, LOGOUT};
use crate::protocol::error::ShownError;
use crate::store::Error;
use crate::store::sessions::{self, Session};

/// The current one first, then by when each was last seen.
pub(super) async fn list(app: &App, here: &Session, now: Timestamp) -> Result<Vec<view::Session>, Error> {
    let mut live = sessions::list_live(app.store.read(), here.user_id, &app.sign_in.idle, now).await?;
    live.sort_by_key(|session| session.id != here.id);
    Ok(live.iter().map(|session| row(session, here)).collect())
}

fn row(session: &Session, here: &Session) -> view::Session {
    view::Session {
        id: session.id.to_string(),
        device: Device::of(&session.user_agent),
        address: Name::new(&session.address),
        since: session.auth_time,
        last_seen: session.last_seen_at,
        place: if session.id == here.id { Place::Here } else { Place::Elsewhere },
    }
}

pub(super) async fn end(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    form: Result<BodyForm, Unreadable>,
) -> Result<Response, Problem> {
    let Some((session, user, _)) = caller.accept_of_member(form)? else {
        return Ok(caller.to(LOGIN));
    };
    // Somebody else's session is as unknown as one that never was (SE-22).
    let id = id.parse().map_err(|_| ShownError::NotFound)?;
    let ending = logout::end_device(&app.store, user.id, id, caller.now).await.map_err(outage)?;
    if ending.is_nothing() {
        return Err(ShownError::NotFound.into());
    }
    if id == session.id {
        return Ok(caller.visit.signed_out(caller.to(LOGOUT)));
    }
    Ok(Done::DeviceEnded(id).tell_with(ending, &caller, &app.issuer.master, session))
}

pub(super) async fn end_others(
    State(app): State<App>,
    caller: Caller,
    form: Result<BodyForm, Unreadable>,
) -> Result<Response, Problem> {
    let Some((session, ..)) = caller.accept_of_member(form)? else {
        return Ok(caller.to(LOGIN));
    };
    let live = list(&app, session, caller.now).await.map_err(outage)?;
    let others = live.iter().filter(|session| session.place == Place::Elsewhere).count();
    let ending = logout::end_other_devices(&app.store, session, caller.now).await.map_err(outage)?;
    Ok(Done::OthersEnded(others as u64).tell_with(ending, &caller, &app.issuer.master, session))
}
