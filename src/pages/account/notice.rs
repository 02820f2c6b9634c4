//! What just happened, told once after the redirect. The address bar carries it under a seal: a link that somebody
//! made up must not tell a person that their password was changed.

use std::time::Duration;

use axum::response::Response;

use crate::clock::Timestamp;
use crate::id::Id;
use crate::pages::ACCOUNT;
use crate::pages::caller::Caller;
use crate::pages::name::Name;
use crate::pages::user_agent::Device;
use crate::pages::view::Notice;
use crate::revocation::Ending;
use crate::secret::{self, Purpose, RootKey};
use crate::store::revocations::Number;
use crate::store::sessions::{self, Session};
use crate::store::users::User;
use crate::store::{Error, Store};

/// For so long the page may be loaded again and still tell it.
const FRESH: Duration = Duration::from_secs(60);

pub(super) enum Done {
    ProfileSaved,
    PasswordChanged,
    DeviceEnded(Id<Session>),
    OthersEnded(u64),
    AppRemoved(String),
}

impl Done {
    /// Back to the page, which tells `session` of it.
    pub(super) fn tell(self, caller: &Caller, root: &RootKey, session: &Session) -> Response {
        self.tell_with(Ending::Nothing, caller, root, session)
    }

    /// The same, and how far the APIs are that have to hear of it.
    pub(super) fn tell_with(
        self,
        ending: Ending,
        caller: &Caller,
        root: &RootKey,
        session: &Session,
    ) -> Response {
        let number = ending.number().map(|number| number.to_string()).unwrap_or_default();
        let text = format!("{}.{number}.{}", caller.now.secs(), self.text());
        let letter = format!("{text}.{}", seal(root, session, &text));
        caller.to(&place(&letter))
    }

    pub(super) fn read(
        letter: &str,
        root: &RootKey,
        session: &Session,
        now: Timestamp,
    ) -> Option<(Self, Option<Number>)> {
        let (text, sealed) = letter.rsplit_once('.')?;
        if !secret::equal(seal(root, session, text).as_bytes(), sealed.as_bytes()) {
            return None;
        }
        let (at, text) = text.split_once('.')?;
        if now.since(Timestamp::from_secs(at.parse().ok()?)) > FRESH {
            return None;
        }
        let (number, text) = text.split_once('.')?;
        let (kind, subject) = text.split_once('.').unwrap_or((text, ""));
        let done = match kind {
            "profile-saved" => Done::ProfileSaved,
            "password-changed" => Done::PasswordChanged,
            "device-ended" => Done::DeviceEnded(subject.parse().ok()?),
            "others-ended" => Done::OthersEnded(subject.parse().ok()?),
            "app-removed" => Done::AppRemoved(subject.to_owned()),
            _ => return None,
        };
        Some((done, number.parse().ok()))
    }

    fn text(&self) -> String {
        match self {
            Done::ProfileSaved => "profile-saved".to_owned(),
            Done::PasswordChanged => "password-changed".to_owned(),
            Done::DeviceEnded(session) => format!("device-ended.{session}"),
            Done::OthersEnded(count) => format!("others-ended.{count}"),
            Done::AppRemoved(client_id) => format!("app-removed.{client_id}"),
        }
    }

    pub(super) async fn notice(self, store: &Store, user: Id<User>) -> Result<Notice, Error> {
        Ok(match self {
            Done::ProfileSaved => Notice::ProfileSaved,
            Done::PasswordChanged => Notice::PasswordChanged,
            Done::DeviceEnded(id) => {
                let session = sessions::find_of(store.read(), user, id).await?;
                Notice::DeviceEnded(Device::of(session.as_ref().map_or("", |session| &session.user_agent)))
            }
            Done::OthersEnded(count) => Notice::OthersEnded(count),
            Done::AppRemoved(client_id) => {
                let client = store.client(&client_id).await?;
                Notice::AppRemoved(Name::new(
                    client.as_ref().map_or(client_id.as_str(), |client| client.name()),
                ))
            }
        })
    }
}

/// Where the page tells what stands in `letter`.
pub(super) fn place(letter: &str) -> String {
    let letter: String = url::form_urlencoded::byte_serialize(letter.as_bytes()).collect();
    format!("{ACCOUNT}?done={letter}")
}

fn seal(root: &RootKey, session: &Session, text: &str) -> String {
    secret::base64url(&root.mac(Purpose::Notice, session.id.uuid().as_bytes(), text.as_bytes()))
}
