//! All words of the pages: a struct that each language fills, so that a missing text does not compile.

mod en;
mod ko;

use std::time::Duration;

use crate::clock::Timestamp;
use crate::pages::language::Language;
use crate::pages::name::{Name, Sentence};

pub struct Text {
    pub terms: &'static str,
    pub privacy: &'static str,
    /// Before the title of a page that reports a mistake, for those who hear it.
    pub mistake: &'static str,
    /// Of a client that registered itself; the name is the brand.
    pub unverified: fn(&Name) -> Sentence,
    pub sign_in: SignInText,
    pub consent: ConsentText,
    pub scope: ScopeText,
    pub logout: LogoutText,
    pub form_post: FormPostText,
    pub leaving: LeavingText,
    pub error: ErrorText,
    pub account: AccountText,
    pub profile: ProfileText,
    pub password: PasswordText,
    pub devices: DevicesText,
    pub confirmation: ConfirmationText,
    pub apps: AppsText,
    pub time: TimeText,
}

pub struct SignInText {
    pub title: &'static str,
    /// For an app; the brand is ours, the client is a stranger's.
    pub lead_client: fn(&Name) -> Sentence,
    pub lead_account: fn(&Name) -> Sentence,
    pub lead_again: &'static str,
    pub username: &'static str,
    pub password: &'static str,
    pub remember: &'static str,
    pub submit: &'static str,
    pub cancel: &'static str,
    pub wrong_credentials: &'static str,
    pub throttled: fn(&str) -> String,
    pub about_client: fn(&Name) -> Sentence,
}

pub struct ConsentText {
    pub title: &'static str,
    pub lead: fn(&Name, &Name) -> Sentence,
    /// The name that an app which nobody has registered gives itself.
    pub calls_itself: fn(&Name) -> Sentence,
    /// Before an app that nobody has registered, and that any program on this device could pretend to be.
    pub unproven: &'static str,
    pub asked: &'static str,
    pub already: &'static str,
    pub signed_in_as: fn(&Name) -> Sentence,
    pub not_you: &'static str,
    pub sent_to: fn(&Name) -> Sentence,
    pub sent_to_this_device: fn(&Name) -> Sentence,
    pub removable: &'static str,
    pub allow: &'static str,
    pub deny: &'static str,
}

/// One sentence for each scope of OIDC Core §5.4 and §11.
pub struct ScopeText {
    pub openid: &'static str,
    pub profile: &'static str,
    pub email: &'static str,
    pub address: &'static str,
    pub phone: &'static str,
    pub offline_access: &'static str,
    /// For a scope that nobody described: its own name.
    pub unknown: fn(&Name) -> Sentence,
    /// For an API that the app will call (RFC 8707): what people call it, and its identifier.
    pub api: fn(&Name, &Name) -> Sentence,
}

pub struct LogoutText {
    pub confirm_title: &'static str,
    pub confirm_user: fn(&Name) -> Sentence,
    pub confirm_client: fn(&Name) -> Sentence,
    pub confirm: &'static str,
    pub stay: &'static str,
    pub done_title: &'static str,
    pub done: fn(&Name) -> Sentence,
    pub done_hint: &'static str,
    pub sign_in_again: &'static str,
    pub telling_title: &'static str,
    pub telling: &'static str,
    pub go_on: &'static str,
}

pub struct FormPostText {
    pub title: &'static str,
    pub explanation: fn(&Name) -> Sentence,
    pub submit: &'static str,
}

/// Before an app that nobody knows and that was refused.
pub struct LeavingText {
    pub title: &'static str,
    pub explanation: fn(&Name, &Name) -> Sentence,
    pub destination: fn(&Name) -> Sentence,
    pub leave: &'static str,
}

pub struct ErrorText {
    pub client: &'static str,
    pub code: &'static str,
    pub detail: &'static str,
    pub request_id: &'static str,
    pub technical: &'static str,
    pub to_account: &'static str,
    pub try_again_in: fn(&str) -> String,
    pub malformed_request: ProblemText,
    pub unknown_client: ProblemText,
    pub unusable_client_document: ProblemText,
    pub unproven_redirect_uri: ProblemText,
    pub unknown_authorization: ProblemText,
    pub expired_authorization: ProblemText,
    pub completed_authorization: ProblemText,
    pub other_browser: ProblemText,
    pub session_changed: ProblemText,
    pub forged_form: ProblemText,
    pub not_found: ProblemText,
    pub method_not_allowed: ProblemText,
    pub too_large: ProblemText,
    pub unsupported_media_type: ProblemText,
    pub unavailable: ProblemText,
    pub internal: ProblemText,
}

/// What went wrong, and what to do about it.
pub struct ProblemText {
    pub title: &'static str,
    pub explanation: &'static str,
}

pub struct AccountText {
    pub title: &'static str,
    pub greeting: fn(&Name) -> Sentence,
    pub lead: &'static str,
    pub sections: &'static str,
    pub sign_out: &'static str,
    pub skip: &'static str,
}

pub struct ProfileText {
    pub title: &'static str,
    pub lead: &'static str,
    pub username: &'static str,
    pub email: &'static str,
    pub phone_number: &'static str,
    pub verified: &'static str,
    pub unverified: &'static str,
    pub missing: &'static str,
    pub fixed: &'static str,
    pub more: &'static str,
    pub save: &'static str,
    pub saved: &'static str,
    pub not_saved: &'static str,
    pub no_choice: &'static str,
    pub name: &'static str,
    pub given_name: &'static str,
    pub family_name: &'static str,
    pub middle_name: &'static str,
    pub nickname: &'static str,
    pub gender: &'static str,
    pub birthdate: &'static str,
    pub zoneinfo: &'static str,
    pub locale: &'static str,
    pub website: &'static str,
    pub profile: &'static str,
    pub picture: &'static str,
    pub street_address: &'static str,
    pub locality: &'static str,
    pub region: &'static str,
    pub postal_code: &'static str,
    pub country: &'static str,
    pub birthdate_hint: &'static str,
    pub zoneinfo_hint: &'static str,
    pub not_a_url: &'static str,
    pub not_a_date: &'static str,
    pub not_a_zone: &'static str,
    pub not_a_language: &'static str,
    pub too_long: &'static str,
}

pub struct PasswordText {
    pub title: &'static str,
    pub lead: &'static str,
    pub current: &'static str,
    pub new: &'static str,
    pub new_again: &'static str,
    /// With the least number of characters.
    pub hint: fn(usize) -> String,
    pub change: &'static str,
    pub changed: &'static str,
    pub wrong_current: &'static str,
    pub not_the_same: &'static str,
    pub too_short: fn(usize) -> String,
    pub too_long: &'static str,
    pub control_character: &'static str,
    pub too_easy: &'static str,
    pub about_you: &'static str,
    pub unchanged: &'static str,
}

pub struct DevicesText {
    pub title: &'static str,
    pub lead: &'static str,
    pub on: fn(&str, &str) -> String,
    pub unknown_browser: &'static str,
    pub unknown_system: &'static str,
    pub this_device: &'static str,
    pub address: &'static str,
    pub since: &'static str,
    pub last_seen: &'static str,
    pub end: &'static str,
    pub end_others: &'static str,
    pub end_others_hint: &'static str,
    pub only_this: &'static str,
    pub ended: fn(&Name) -> Sentence,
    pub others_ended: fn(u64) -> String,
}

pub struct ConfirmationText {
    /// So many of so many APIs, and how long the last of them took.
    pub confirmed: fn(usize, usize, Option<Duration>) -> String,
    /// Before the names of those that have not confirmed it.
    pub outstanding: &'static str,
    pub again: &'static str,
}

pub struct AppsText {
    pub title: &'static str,
    pub lead: &'static str,
    pub none: &'static str,
    pub since: &'static str,
    pub can: &'static str,
    pub remove: &'static str,
    pub removed: fn(&Name) -> Sentence,
}

pub struct TimeText {
    pub ago: fn(Duration) -> String,
    /// A day, in UTC.
    pub date: fn(Timestamp) -> String,
    /// A length of time to wait, rounded up.
    pub wait: fn(Duration) -> String,
}

impl Text {
    pub const fn of(language: Language) -> &'static Text {
        match language {
            Language::English => &en::TEXT,
            Language::Korean => &ko::TEXT,
        }
    }
}

/// A length of time in the one unit that people would say.
enum Span {
    Seconds(u64),
    Minutes(u64),
    Hours(u64),
    Days(u64),
}

impl Span {
    /// Whole units that have passed.
    fn passed(duration: Duration) -> Self {
        match duration.as_secs() {
            seconds @ ..60 => Span::Seconds(seconds),
            seconds @ ..3600 => Span::Minutes(seconds / 60),
            seconds @ ..86_400 => Span::Hours(seconds / 3600),
            seconds => Span::Days(seconds / 86_400),
        }
    }

    /// Units after which it is surely over.
    fn to_come(duration: Duration) -> Self {
        let seconds = duration.as_millis().div_ceil(1000) as u64;
        match seconds {
            ..60 => Span::Seconds(seconds.max(1)),
            60..3600 => Span::Minutes(seconds.div_ceil(60)),
            3600..86_400 => Span::Hours(seconds.div_ceil(3600)),
            _ => Span::Days(seconds.div_ceil(86_400)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_never_too_short() {
        let wait = |seconds| (Text::of(Language::English).time.wait)(Duration::from_secs(seconds));
        assert_eq!(wait(0), "1 second");
        assert_eq!(wait(59), "59 seconds");
        assert_eq!(wait(60), "1 minute");
        assert_eq!(wait(61), "2 minutes");
        assert_eq!(wait(3_601), "2 hours");
    }

    #[test]
    fn what_has_passed_is_never_too_long() {
        for (seconds, english, korean) in [
            (3, "just now", "방금"),
            (119, "1 minute ago", "1분 전"),
            (7_300, "2 hours ago", "2시간 전"),
            (86_400 * 3, "3 days ago", "3일 전"),
        ] {
            let ago = |language| (Text::of(language).time.ago)(Duration::from_secs(seconds));
            assert_eq!((ago(Language::English).as_str(), ago(Language::Korean).as_str()), (english, korean));
        }
    }

    #[test]
    fn a_date_reads_as_people_write_it() {
        let day = Timestamp::from_secs(1_773_500_000);
        assert_eq!((Text::of(Language::English).time.date)(day), "14 March 2026");
        assert_eq!((Text::of(Language::Korean).time.date)(day), "2026년 3월 14일");
    }
}
