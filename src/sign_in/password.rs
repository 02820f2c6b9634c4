//! Passwords as people type them: one spelling, and the rules for choosing one (NIST SP 800-63B §3.1.1).

use std::fmt;

use serde_json::{Map, Value};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::store::users::Username;

/// In bytes, after normalization. Nothing is cut off: a longer one is refused before it is hashed.
pub const LONGEST: usize = 1024;

/// Normalization can shrink text to a third; nothing longer is worth the look.
const LONGEST_TYPED: usize = 4 * LONGEST;

/// How many characters are rated for strength: the time grows faster than the text.
const RATED: usize = 48;

/// A password in Unicode's NFKC form, so that the same keys give the same bytes on every system. Spaces count,
/// also at the ends. A hash that another system made of an unnormalized password does not match it.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this password is too long: use at most {LONGEST} bytes")]
pub struct TooLong;

impl Password {
    /// What somebody typed to sign in. The rules for new passwords do not apply: an imported one may break them.
    pub fn typed(text: &str) -> Result<Self, TooLong> {
        if text.len() > LONGEST_TYPED {
            return Err(TooLong);
        }
        let normalized = Zeroizing::new(text.nfkc().collect::<String>());
        if normalized.len() > LONGEST { Err(TooLong) } else { Ok(Password(normalized)) }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// What a new password must be.
#[derive(Clone, Copy, Debug)]
pub struct PasswordPolicy {
    /// Counted in characters (Unicode code points), as people count.
    pub minimum_characters: usize,
    /// zxcvbn's score: 0 is guessed within 10³ tries, 1 within 10⁶, 2 within 10⁸, 3 within 10¹⁰, 4 is better.
    pub minimum_score: u8,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        PasswordPolicy { minimum_characters: 8, minimum_score: 2 }
    }
}

/// Why a new password is not taken. The text says what to do instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unacceptable {
    #[error("this password is too short: use at least {minimum} characters")]
    TooShort { minimum: usize },
    #[error(transparent)]
    TooLong(#[from] TooLong),
    #[error("this password contains a control character, which cannot be typed everywhere: leave it out")]
    ControlCharacter,
    #[error("this password is your user name or another fact about you: choose something that nobody knows")]
    AboutYou,
    #[error(
        "this password is easy to guess: use several unrelated words, or let a password manager make one"
    )]
    Guessable,
}

/// What a guesser tries first: all that can be known of a user.
pub fn facts(username: &Username, claims: &Map<String, Value>) -> Vec<String> {
    let claimed = claims.values().filter_map(Value::as_str);
    let mail = claimed.clone().filter_map(|claim| Some(claim.split_once('@')?.0));
    claimed.chain(mail).chain([username.as_str()]).map(str::to_owned).collect()
}

impl PasswordPolicy {
    /// Judges a new password. `about` are facts that a guesser tries first: user name, mail address, names.
    ///
    /// Takes 10 ms of CPU, and ten times that for text made to be slow: not for the threads of the runtime.
    pub(super) fn judge<S: AsRef<str>>(&self, chosen: &Password, about: &[S]) -> Result<(), Unacceptable> {
        let text = chosen.0.as_str();
        // Not every keyboard gives it again, and to some systems a NUL is the end of the text.
        if text.chars().any(char::is_control) {
            return Err(Unacceptable::ControlCharacter);
        }
        if text.chars().count() < self.minimum_characters {
            return Err(Unacceptable::TooShort { minimum: self.minimum_characters });
        }
        let folded = |text: &str| text.nfkc().collect::<String>().to_lowercase();
        let about: Vec<&str> = about.iter().map(AsRef::as_ref).collect();
        let chosen = Zeroizing::new(folded(text));
        if about.iter().any(|fact| folded(fact.trim()) == chosen.trim()) {
            return Err(Unacceptable::AboutYou);
        }
        let rated: Zeroizing<String> = Zeroizing::new(text.chars().take(RATED).collect());
        if u8::from(zxcvbn::zxcvbn(&rated, &about).score()) < self.minimum_score {
            return Err(Unacceptable::Guessable);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOUT: &[&str] = &["Alice.Example", "alice@example.com", "Alice Liddell"];

    fn accept(chosen: &str) -> Result<(), Unacceptable> {
        PasswordPolicy::default().judge(&Password::typed(chosen)?, ABOUT)
    }

    #[test]
    fn the_same_keys_give_the_same_bytes_on_every_system() {
        let bytes = |text: &str| Password::typed(text).unwrap().as_bytes().to_vec();
        assert_eq!(bytes("caf\u{e9}"), bytes("cafe\u{301}"));
        assert_eq!(bytes("한글"), bytes("\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}"));
        assert_eq!(bytes("ｐａｓｓ"), bytes("pass"));
        assert_ne!(bytes("pass"), bytes(" pass "), "spaces count");
        assert_ne!(bytes("pass\0word"), bytes("pass"), "nothing ends at a NUL");
        assert_ne!(bytes("Pass"), bytes("pass"));
    }

    #[test]
    fn a_password_is_refused_and_not_cut_when_it_is_too_long() {
        assert!(Password::typed(&"a".repeat(LONGEST)).is_ok());
        assert_eq!(Password::typed(&"a".repeat(LONGEST + 1)).unwrap_err(), TooLong);
        assert_eq!(Password::typed(&"a".repeat(10_000_000)).unwrap_err(), TooLong);
        // One character that normalizes to eighteen.
        assert_eq!(Password::typed(&"\u{fdfa}".repeat(100)).unwrap_err(), TooLong);
        // 3069 bytes as typed on some systems, 1023 normalized.
        assert!(Password::typed(&"\u{1112}\u{1161}\u{11ab}".repeat(341)).is_ok());
    }

    #[test]
    fn a_new_password_is_long_enough_in_characters() {
        assert_eq!(accept("x7!Kq2"), Err(Unacceptable::TooShort { minimum: 8 }));
        assert_eq!(accept("비밀번호"), Err(Unacceptable::TooShort { minimum: 8 }));
        assert_eq!(accept("x7!Kq2vZ"), Ok(()));
        assert_eq!(accept("  spaces at both ends  "), Ok(()));
        assert_eq!(accept("보라색 고래가 춤춘다"), Ok(()));
        assert_eq!(accept("🐳🌵🎻🧊🪁🥨🛶🎲"), Ok(()));
    }

    #[test]
    fn a_new_password_has_no_control_character() {
        for bad in ["correct horse\0battery", "correct horse\nbattery", "correct horse\u{85}battery"] {
            assert_eq!(accept(bad), Err(Unacceptable::ControlCharacter));
        }
    }

    #[test]
    fn a_new_password_is_not_what_a_guesser_tries_first() {
        for about_you in ["alice.example", "ALICE@example.com", " alice liddell ", "ａｌｉｃｅ.example"]
        {
            assert_eq!(accept(about_you), Err(Unacceptable::AboutYou), "{about_you}");
        }
        for guessable in ["password", "Password1", "12345678", "qwertyuiop", "iloveyou", "alice.example1"] {
            assert_eq!(accept(guessable), Err(Unacceptable::Guessable), "{guessable}");
        }
    }

    #[test]
    fn a_password_is_not_printed() {
        assert_eq!(format!("{:?}", Password::typed("secret").unwrap()), "Password(…)");
    }
}
