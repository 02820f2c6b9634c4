//! The pages in English.

use std::time::Duration;

use super::{
    AccountText, AppsText, ConfirmationText, ConsentText, DevicesText, ErrorText, FormPostText, LeavingText,
    LogoutText, PasswordText, ProblemText, ProfileText, ScopeText, SignInText, Span, Text, TimeText,
};
use crate::pages::name::{named, words};

pub(super) static TEXT: Text = Text {
    terms: "Terms of service",
    privacy: "Privacy policy",
    mistake: "Problem",
    unverified: |brand| {
        words("This app registered itself. Nobody at ").named(brand).words(" has checked it.")
    },
    sign_in: SignInText {
        title: "Sign in",
        lead_client: |client| words("to continue to ").named(client),
        lead_account: |brand| words("to manage your ").named(brand).words(" account"),
        lead_again: "Please confirm that it is you.",
        username: "Username",
        password: "Password",
        remember: "Keep me signed in",
        submit: "Sign in",
        cancel: "Cancel",
        wrong_credentials: "That username and password do not match. Check them and try again.",
        throttled: |wait| format!("Too many attempts. Please wait {wait}, then try again."),
        about_client: |client| words("About ").named(client),
    },
    consent: ConsentText {
        title: "Allow access?",
        lead: |client, brand| named(client).words(" would like to use your ").named(brand).words(" account."),
        calls_itself: |name| words("It calls itself “").named(name).words("”."),
        unproven: "Any program on this device could have started this. Allow it only if you have just done so yourself.",
        asked: "It will be able to:",
        already: "You already allowed it to:",
        signed_in_as: |user| words("Signed in as ").named(user),
        not_you: "Not you?",
        sent_to: |host| words("You will continue at ").named(host),
        sent_to_this_device: |place| {
            words("You will return to an app on this device (").named(place).words(")")
        },
        removable: "You can take this back in your account at any time.",
        allow: "Allow",
        deny: "Deny",
    },
    scope: ScopeText {
        openid: "Recognise you when you sign in",
        profile: "See your name, picture and other details of your profile",
        email: "See your email address",
        address: "See your postal address",
        phone: "See your phone number",
        offline_access: "Keep this access while you are away",
        unknown: |scope| words("Use the permission “").named(scope).words("”"),
        api: |name, identifier| words("Act for you at ").named(name).words(" (").named(identifier).words(")"),
    },
    logout: LogoutText {
        confirm_title: "Sign out?",
        confirm_user: |user| words("You are signed in as ").named(user).words("."),
        confirm_client: |client| named(client).words(" asks to sign you out."),
        confirm: "Sign out",
        stay: "Stay signed in",
        done_title: "You are signed out",
        done: |brand| words("Your ").named(brand).words(" session in this browser has ended."),
        done_hint: "On a shared computer, close the browser window too.",
        sign_in_again: "Sign in again",
        telling_title: "Signing you out",
        telling: "Your other apps are told. You go on in a moment.",
        go_on: "Continue",
    },
    form_post: FormPostText {
        title: "One moment",
        explanation: |host| words("You are on your way to ").named(host).words("."),
        submit: "Continue",
    },
    leaving: LeavingText {
        title: "Do you know this app?",
        explanation: |client, brand| {
            named(client)
                .words(" sent you here with a request that was not granted. It registered itself, and nobody at ")
                .named(brand)
                .words(" has checked it. If you did not expect this, do not go on.")
        },
        destination: |place| words("It wants you to go to ").named(place),
        leave: "Continue to the app",
    },
    error: ErrorText {
        client: "App",
        code: "Error code",
        detail: "For its makers",
        request_id: "Request",
        technical: "Details for support",
        to_account: "Go to your account",
        try_again_in: |wait| format!("Please try again in {wait}."),
        malformed_request: ProblemText {
            title: "This link does not work",
            explanation: "The app sent a request that we cannot answer. Go back to the app and start again; if it happens again, tell its makers.",
        },
        unknown_client: ProblemText {
            title: "We do not know this app",
            explanation: "The app that sent you here is not registered with us, so we did not send you back to it. Tell its makers if you trust them.",
        },
        unusable_client_document: ProblemText {
            title: "We cannot tell what this app is",
            explanation: "The app that sent you here describes itself at an address of its own, and we could not use what stands there. Nothing was allowed; its makers have to correct it.",
        },
        unproven_redirect_uri: ProblemText {
            title: "We did not send you on",
            explanation: "The app asked us to send you to a place that it has not registered with us. To keep you safe, this is where it ends.",
        },
        unknown_authorization: ProblemText {
            title: "We do not know this sign-in",
            explanation: "It may have ended long ago, or the link is incomplete. Go back to the app and start again.",
        },
        expired_authorization: ProblemText {
            title: "This took too long",
            explanation: "The sign-in lay open for too long. Go back to the app and start again.",
        },
        completed_authorization: ProblemText {
            title: "This is already done",
            explanation: "This sign-in was completed before, perhaps in another tab. Go back to the app; if you are not signed in there, start again from it.",
        },
        other_browser: ProblemText {
            title: "This began in another browser",
            explanation: "Finish signing in with the browser in which you started, or start again from the app in this one. Nothing was allowed.",
        },
        session_changed: ProblemText {
            title: "Somebody else signed in",
            explanation: "Since you opened this page, another account has signed in with this browser. Nothing was allowed. Go back to the app and start again.",
        },
        forged_form: ProblemText {
            title: "We could not accept this form",
            explanation: "The form did not come from this site, or it lay open for too long, or your browser does not keep our cookies. Nothing was changed. Go back, reload the page and try again.",
        },
        not_found: ProblemText {
            title: "There is nothing here",
            explanation: "The address may be mistyped, or what stood here is gone.",
        },
        method_not_allowed: ProblemText {
            title: "That does not work here",
            explanation: "This address answers, but not to this kind of request.",
        },
        too_large: ProblemText {
            title: "That was too much",
            explanation: "The request was larger than we accept. Nothing was changed.",
        },
        unsupported_media_type: ProblemText {
            title: "We cannot read this",
            explanation: "The request came in a form that we do not read. Nothing was changed.",
        },
        unavailable: ProblemText {
            title: "We will be right back",
            explanation: "We cannot answer for the moment. You are still signed in and nothing was lost.",
        },
        internal: ProblemText {
            title: "Something went wrong on our side",
            explanation: "It was not your fault. Please try again; if it happens again, tell us the request number below.",
        },
    },
    account: AccountText {
        title: "Your account",
        greeting: |user| words("Hello, ").named(user),
        lead: "Who you are, where you are signed in, and which apps may act for you.",
        sections: "Sections",
        sign_out: "Sign out",
        skip: "Skip to the content",
    },
    profile: ProfileText {
        title: "Profile",
        lead: "Apps see this only if you allowed them to.",
        username: "Username",
        email: "Email",
        phone_number: "Phone",
        verified: "Verified",
        unverified: "Not verified",
        missing: "None",
        fixed: "These identify you to apps, so only an administrator can change them.",
        more: "More details",
        save: "Save profile",
        saved: "Your profile was saved.",
        not_saved: "Nothing was saved yet. Please look at the marked fields.",
        no_choice: "No preference",
        name: "Full name",
        given_name: "Given name",
        family_name: "Family name",
        middle_name: "Middle name",
        nickname: "Nickname",
        gender: "Gender",
        birthdate: "Date of birth",
        zoneinfo: "Time zone",
        locale: "Language",
        website: "Website",
        profile: "Profile page",
        picture: "Picture (address of an image)",
        street_address: "Street address",
        locality: "City",
        region: "State or region",
        postal_code: "Postal code",
        country: "Country",
        birthdate_hint: "Year-month-day, for example 1990-05-21",
        zoneinfo_hint: "For example Europe/Paris",
        not_a_url: "Enter an address that begins with https://",
        not_a_date: "Enter a date as year-month-day, for example 1990-05-21.",
        not_a_zone: "Enter a time zone such as Europe/Paris.",
        not_a_language: "Choose one of the languages.",
        too_long: "This is too long.",
    },
    password: PasswordText {
        title: "Password",
        lead: "Changing it signs you out everywhere else.",
        current: "Current password",
        new: "New password",
        new_again: "New password again",
        hint: |least| {
            format!(
                "At least {least} characters. A few unrelated words are easy to remember and hard to guess."
            )
        },
        change: "Change password",
        changed: "Your password was changed. You were signed out everywhere else.",
        wrong_current: "That is not your current password.",
        not_the_same: "The two new passwords differ.",
        too_short: |least| format!("Use at least {least} characters."),
        too_long: "This password is too long.",
        control_character: "This password has a character that cannot be typed everywhere. Leave it out.",
        too_easy: "This password is easy to guess. Make it longer or less usual.",
        about_you: "Leave your own name and address out of your password.",
        unchanged: "The new password is the current one.",
    },
    devices: DevicesText {
        title: "Your devices",
        lead: "Every browser that is signed in to your account. End what you do not recognise, then change your password.",
        on: |browser, system| format!("{browser} on {system}"),
        unknown_browser: "Unknown browser",
        unknown_system: "unknown system",
        this_device: "This device",
        address: "Address",
        since: "Signed in",
        last_seen: "Last seen",
        end: "Sign out",
        end_others: "Sign out everywhere else",
        end_others_hint: "Ends every session but this one, and the access that apps got through them.",
        only_this: "You are signed in nowhere else.",
        ended: |device| words("Signed out of ").named(device).words("."),
        others_ended: |count| match count {
            0 => "You were signed in nowhere else.".to_owned(),
            1 => "Signed out of one other device.".to_owned(),
            _ => format!("Signed out of {count} other devices."),
        },
    },
    confirmation: ConfirmationText {
        confirmed: |confirmed, apis, took| {
            let took = took.map(|took| format!(", after {} ms", took.as_millis())).unwrap_or_default();
            let have = if apis == 1 { "API has" } else { "APIs have" };
            format!("{confirmed} of {apis} {have} confirmed{took}.")
        },
        outstanding: "Still waiting for:",
        again: "Look again",
    },
    apps: AppsText {
        title: "Your apps",
        lead: "Apps that you allowed to use your account.",
        none: "No app uses your account.",
        since: "Allowed",
        can: "It can:",
        remove: "Remove access",
        removed: |app| named(app).words(" can no longer use your account."),
    },
    time: TimeText {
        ago: |passed| match Span::passed(passed) {
            Span::Seconds(_) => "just now".to_owned(),
            Span::Minutes(minutes) => format!("{} ago", count(minutes, "minute")),
            Span::Hours(hours) => format!("{} ago", count(hours, "hour")),
            Span::Days(days) => format!("{} ago", count(days, "day")),
        },
        date: |at| at.to_utc().format("%-d %B %Y").to_string(),
        wait,
    },
};

fn wait(duration: Duration) -> String {
    match Span::to_come(duration) {
        Span::Seconds(seconds) => count(seconds, "second"),
        Span::Minutes(minutes) => count(minutes, "minute"),
        Span::Hours(hours) => count(hours, "hour"),
        Span::Days(days) => count(days, "day"),
    }
}

fn count(number: u64, unit: &str) -> String {
    if number == 1 { format!("1 {unit}") } else { format!("{number} {unit}s") }
}
