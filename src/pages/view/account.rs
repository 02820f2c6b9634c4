//! The account page: profile, password, devices, apps.

mod profile;

use std::time::Duration;

use askama::Template;
use axum::http::StatusCode;

pub use self::profile::{ClaimError, Profile, ProfileClaim, VerifiedClaim};
use super::{Asked, Frame};
use crate::clock::Timestamp;
use crate::http::page::{Page, Policy};
use crate::pages::name::{Name, Part, Sentence, words};
use crate::pages::text::DevicesText;
use crate::pages::user_agent::{Device, Form};

#[derive(Template)]
#[template(path = "account.html")]
pub struct Account<'a> {
    pub frame: Frame<'a>,
    pub csrf: &'a str,
    pub now: Timestamp,
    /// What the user likes to be called, and what they sign in with.
    pub user: Name,
    pub username: &'a str,
    pub notice: Option<Notice>,
    /// Who has heard of what was just ended.
    pub confirmation: Option<Confirmation>,
    pub profile: Profile,
    /// How many characters a password has at least.
    pub password_length: usize,
    pub password_refusal: Option<PasswordRefusal>,
    /// The current one first, then by when it was last seen.
    pub sessions: Vec<Session>,
    pub apps: Vec<App<'a>>,
}

/// What just happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    ProfileSaved,
    PasswordChanged,
    DeviceEnded(Device),
    OthersEnded(u64),
    AppRemoved(Name),
}

/// How many of the APIs that follow refuse what was just ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    pub apis: usize,
    pub confirmed: usize,
    /// Until the last one did.
    pub took: Option<Duration>,
    /// Those that have not said so yet.
    pub outstanding: Vec<Name>,
    /// Where to look again, while some have not.
    pub again: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordRefusal {
    WrongCurrent,
    NotTheSame,
    TooShort,
    TooLong,
    ControlCharacter,
    TooEasy,
    AboutYou,
    Unchanged,
    Throttled { wait: Duration },
}

/// One row of the devices: a session.
#[derive(Clone, Debug)]
pub struct Session {
    pub id: String,
    pub device: Device,
    pub address: Name,
    pub since: Timestamp,
    pub last_seen: Timestamp,
    pub place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Here,
    Elsewhere,
}

#[derive(Clone, Debug)]
pub struct App<'a> {
    pub client_id: &'a str,
    pub name: Name,
    pub since: Timestamp,
    pub can: Vec<Asked<'a>>,
}

impl Account<'_> {
    fn greeting(&self) -> Sentence {
        (self.frame.text.account.greeting)(&self.user)
    }

    fn signs_in_as(&self) -> Name {
        Name::new(self.username)
    }

    fn notice(&self) -> Option<Sentence> {
        let text = self.frame.text;
        Some(match self.notice.as_ref()? {
            Notice::ProfileSaved => text.profile.saved.into(),
            Notice::PasswordChanged => text.password.changed.into(),
            Notice::DeviceEnded(device) => (text.devices.ended)(&device_name(&text.devices, device)),
            Notice::OthersEnded(count) => words((text.devices.others_ended)(*count)),
            Notice::AppRemoved(name) => (text.apps.removed)(name),
        })
    }

    fn confirmed(&self, confirmation: &Confirmation) -> String {
        let text = &self.frame.text.confirmation;
        (text.confirmed)(confirmation.confirmed, confirmation.apis, confirmation.took)
    }

    fn outstanding(&self, confirmation: &Confirmation) -> Sentence {
        let mut sentence = words(self.frame.text.confirmation.outstanding);
        for (position, name) in confirmation.outstanding.iter().enumerate() {
            sentence = sentence.words(if position == 0 { " " } else { ", " }).named(name);
        }
        sentence
    }

    fn password_complaint(&self) -> Option<String> {
        let text = &self.frame.text.password;
        let complaint = match self.password_refusal? {
            PasswordRefusal::WrongCurrent => text.wrong_current,
            PasswordRefusal::NotTheSame => text.not_the_same,
            PasswordRefusal::TooShort => return Some((text.too_short)(self.password_length)),
            PasswordRefusal::TooLong => text.too_long,
            PasswordRefusal::ControlCharacter => text.control_character,
            PasswordRefusal::TooEasy => text.too_easy,
            PasswordRefusal::AboutYou => text.about_you,
            PasswordRefusal::Unchanged => text.unchanged,
            PasswordRefusal::Throttled { wait } => {
                let wait = (self.frame.text.time.wait)(wait);
                return Some((self.frame.text.sign_in.throttled)(&wait));
            }
        };
        Some(complaint.to_owned())
    }

    fn password_hint(&self) -> String {
        (self.frame.text.password.hint)(self.password_length)
    }

    /// Which of the three fields the complaint is about.
    fn is_about_current(&self) -> bool {
        matches!(
            self.password_refusal,
            Some(PasswordRefusal::WrongCurrent | PasswordRefusal::Throttled { .. })
        )
    }

    fn has_mistake(&self) -> bool {
        self.password_refusal.is_some() || self.profile.has_errors()
    }

    fn device(&self, session: &Session) -> Name {
        device_name(&self.frame.text.devices, &session.device)
    }

    fn has_others(&self) -> bool {
        self.sessions.iter().any(|session| session.place == Place::Elsewhere)
    }

    fn ago(&self, at: Timestamp) -> String {
        (self.frame.text.time.ago)(self.now.since(at))
    }

    fn date(&self, at: Timestamp) -> String {
        (self.frame.text.time.date)(at)
    }
}

fn device_name(text: &DevicesText, device: &Device) -> Name {
    let part = |name: &Option<Name>, unknown: &str| match name {
        Some(name) => name.as_str().to_owned(),
        None => unknown.to_owned(),
    };
    let browser = part(&device.browser, text.unknown_browser);
    match &device.system {
        None if device.browser.is_none() => Name::new(&browser),
        system => Name::new(&(text.on)(&browser, &part(system, text.unknown_system))),
    }
}

impl Session {
    fn is_here(&self) -> bool {
        self.place == Place::Here
    }

    /// The class of its picture.
    fn picture(&self) -> &'static str {
        match self.device.form {
            Form::Computer => "computer",
            Form::Phone => "phone",
            Form::Tablet => "tablet",
            Form::Unknown => "unknown",
        }
    }
}

impl Page for Account<'_> {
    fn status(&self) -> StatusCode {
        match self.password_refusal {
            Some(PasswordRefusal::Throttled { .. }) => StatusCode::TOO_MANY_REQUESTS,
            _ if self.has_mistake() => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::OK,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self.password_refusal {
            Some(PasswordRefusal::Throttled { wait }) => Some(wait),
            _ => None,
        }
    }

    fn policy(&self) -> Policy {
        self.frame.policy()
    }
}
