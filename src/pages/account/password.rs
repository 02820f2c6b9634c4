//! Changing one's password.

use axum::extract::State;
use axum::response::Response;

use super::notice::Done;
use super::{Said, page};
use crate::app::App;
use crate::http::form::{BodyForm, Unreadable};
use crate::http::problem::Problem;
use crate::http::session::outage;
use crate::pages::LOGIN;
use crate::pages::caller::Caller;
use crate::pages::view::PasswordRefusal;
use crate::protocol::error::ShownError;
use crate::secret::Secret;
use crate::sign_in::attempt::Unproven;
use crate::sign_in::new_password::{Change, Changed};
use crate::sign_in::password::Unacceptable;

pub(super) async fn change(
    State(app): State<App>,
    caller: Caller,
    form: Result<BodyForm, Unreadable>,
) -> Result<Response, Problem> {
    let Some((session, user, form)) = caller.accept_of_member(form)? else {
        return Ok(caller.to(LOGIN));
    };
    let typed = |name| Secret::claimed(form.get(name).unwrap_or_default());
    let refuse = |refusal| Said { password_refusal: Some(refusal), ..Said::default() };
    if form.get("new_password") != form.get("new_password_again") {
        return page(&app, &caller, session, user, refuse(PasswordRefusal::NotTheSame)).await;
    }
    let change = Change {
        user: user.clone(),
        session: session.clone(),
        current: typed("current_password"),
        new: typed("new_password"),
        place: caller.place(),
    };
    let refusal = match app.sign_in.change_password(change, caller.now).await.map_err(outage)? {
        Changed::Done { secret, session } => {
            let onward = Done::PasswordChanged.tell(&caller, &app.issuer.master, &session);
            return Ok(caller.visit.signed_in(onward, &secret, &session));
        }
        Changed::SignedOut => return Ok(caller.to(LOGIN)),
        Changed::Unproven(Unproven::Busy) => {
            return Err(ShownError::Unavailable.into());
        }
        Changed::Unproven(Unproven::Wrong) => PasswordRefusal::WrongCurrent,
        Changed::Unproven(Unproven::Wait(wait)) => PasswordRefusal::Throttled { wait },
        Changed::Same => PasswordRefusal::Unchanged,
        Changed::Unacceptable(unacceptable) => match unacceptable {
            Unacceptable::TooShort { .. } => PasswordRefusal::TooShort,
            Unacceptable::TooLong(_) => PasswordRefusal::TooLong,
            Unacceptable::ControlCharacter => PasswordRefusal::ControlCharacter,
            Unacceptable::AboutYou => PasswordRefusal::AboutYou,
            Unacceptable::Guessable => PasswordRefusal::TooEasy,
        },
    };
    page(&app, &caller, session, user, refuse(refusal)).await
}
