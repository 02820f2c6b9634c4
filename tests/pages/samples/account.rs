//! The account page, in every state.

use std::time::Duration;

use gatepass::pages::name::Name;
use gatepass::pages::user_agent::Device;
use gatepass::pages::view::{
    Account, App, Asked, AskedScope, ClaimError, Confirmation, Notice, PasswordRefusal, Place, Profile,
    ProfileClaim, Session, VerifiedClaim,
};

use super::{Gallery, NOW, days};

impl<'a> Gallery<'a> {
    fn profile(&self) -> Profile {
        let verified =
            |is_verified| Some(VerifiedClaim { value: Name::new(self.stranger.email), is_verified });
        let mut profile = Profile::of(|claim| {
            Some(match claim {
                ProfileClaim::Name => self.stranger.user.to_owned(),
                ProfileClaim::Birthdate => "1990-05-21".to_owned(),
                ProfileClaim::Locale => "ko".to_owned(),
                ProfileClaim::Zoneinfo => "Asia/Seoul".to_owned(),
                ProfileClaim::GivenName | ProfileClaim::FamilyName => self.stranger.username.to_owned(),
                _ => return None,
            })
        });
        profile.email = verified(true);
        profile.phone_number = verified(false);
        profile
    }

    fn account(&self) -> Account<'a> {
        let session = |position: usize, place| Session {
            id: format!("s{position}"),
            device: Device::of(self.stranger.user_agents[position]),
            address: Name::new(self.stranger.address),
            since: NOW.minus(days(1 + 12 * position as u64)),
            last_seen: NOW.minus(days(2 * position as u64)),
            place,
        };
        let app = |client_id, scopes: Vec<AskedScope<'a>>| App {
            client_id,
            name: Name::new(self.stranger.client),
            since: NOW.minus(days(40)),
            can: scopes.into_iter().map(Asked::Scope).collect(),
        };
        Account {
            frame: self.frame,
            csrf: self.stranger.text,
            now: NOW,
            user: Name::new(self.stranger.user),
            username: self.stranger.username,
            notice: None,
            confirmation: None,
            profile: self.profile(),
            password_length: 8,
            password_refusal: None,
            sessions: vec![
                session(0, Place::Here),
                session(1, Place::Elsewhere),
                session(2, Place::Elsewhere),
            ],
            apps: vec![app("books", self.scopes()[..3].to_vec()), app("other", self.scopes()[6..].to_vec())],
        }
    }

    pub(super) fn accounts(&mut self) {
        self.hang("account", &self.account());
        let mut alone = self.account();
        alone.sessions.truncate(1);
        alone.apps.clear();
        alone.profile = Profile::of(|_| None);
        self.hang("account_alone", &alone);
        let notices = [
            Notice::ProfileSaved,
            Notice::PasswordChanged,
            Notice::DeviceEnded(Device::of(self.stranger.user_agents[0])),
            Notice::DeviceEnded(Device::of("")),
            Notice::OthersEnded(0),
            Notice::OthersEnded(1),
            Notice::OthersEnded(7),
            Notice::AppRemoved(Name::new(self.stranger.client)),
        ];
        for (position, notice) in notices.into_iter().enumerate() {
            self.hang(
                format!("account_notice_{position}"),
                &Account { notice: Some(notice), ..self.account() },
            );
        }
        for (name, outstanding) in [("confirmed", 0), ("unconfirmed", 2)] {
            let confirmation = Some(Confirmation {
                apis: 3,
                confirmed: 3 - outstanding,
                took: (outstanding == 0).then(|| Duration::from_millis(140)),
                outstanding: vec![Name::new(self.stranger.client); outstanding],
                again: (outstanding > 0).then(|| "/account?done=letter&look=5".to_owned()),
            });
            self.hang(format!("account_{name}"), &Account { confirmation, ..self.account() });
        }
        let refusals = [
            PasswordRefusal::WrongCurrent,
            PasswordRefusal::NotTheSame,
            PasswordRefusal::TooShort,
            PasswordRefusal::TooLong,
            PasswordRefusal::ControlCharacter,
            PasswordRefusal::TooEasy,
            PasswordRefusal::AboutYou,
            PasswordRefusal::Unchanged,
            PasswordRefusal::Throttled { wait: Duration::from_secs(61) },
        ];
        for refusal in refusals {
            let page = Account { password_refusal: Some(refusal), ..self.account() };
            self.hang(format!("account_password_{refusal:?}").replace([' ', '{', '}', ':'], ""), &page);
        }
        for error in [
            ClaimError::NotAUrl,
            ClaimError::NotADate,
            ClaimError::NotAZone,
            ClaimError::NotALanguage,
            ClaimError::TooLong,
        ] {
            let mut profile = Profile::of(|_| Some(self.stranger.text.to_owned()));
            for claim in [ProfileClaim::Birthdate, ProfileClaim::Locale, ProfileClaim::Website] {
                profile.refuse(claim, error);
            }
            self.hang(format!("account_profile_{error:?}"), &Account { profile, ..self.account() });
        }
    }
}
