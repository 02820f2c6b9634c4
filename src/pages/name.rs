//! What strangers call themselves, made fit to be shown, and the sentences it stands in.

use std::borrow::Cow;

/// Longer names are cut, so that none pushes the rest of a page out of sight.
const LONGEST: usize = 100;

/// A name or another string that we did not write: bounded, and without characters that act on the text around
/// them. Templates show it inside `<bdi>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    pub fn new(text: &str) -> Self {
        let mut shown = String::new();
        for (position, c) in text.chars().filter(|&c| !acts_unseen(c)).enumerate() {
            if position == LONGEST {
                shown.push('…');
                break;
            }
            shown.push(c);
        }
        Name(shown.trim().to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The letter for a picture that is not there.
    pub fn initial(&self) -> String {
        let letter = self.0.chars().find(|c| c.is_alphanumeric());
        letter.map_or_else(|| "•".to_owned(), |c| c.to_uppercase().collect())
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Name::new(text)
    }
}

/// Controls, and what Unicode hides: marks that turn the direction of writing (a name could show another
/// client's name), separators, and letters without width. Joiners stay, scripts and emoji need them.
fn acts_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}'
            | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E007F}')
}

/// Our words with names among them. It stays in parts until a template shows it, so that every name is escaped
/// and isolated on its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sentence(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Words(Cow<'static, str>),
    Name(Name),
}

pub fn words(words: impl Into<Cow<'static, str>>) -> Sentence {
    Sentence::default().words(words)
}

pub fn named(name: &Name) -> Sentence {
    Sentence::default().named(name)
}

impl Sentence {
    pub fn words(mut self, words: impl Into<Cow<'static, str>>) -> Self {
        self.0.push(Part::Words(words.into()));
        self
    }

    pub fn named(mut self, name: &Name) -> Self {
        self.0.push(Part::Name(name.clone()));
        self
    }

    pub fn parts(&self) -> &[Part] {
        &self.0
    }
}

impl From<&'static str> for Sentence {
    fn from(text: &'static str) -> Self {
        words(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_bounded_and_holds_nothing_that_acts_unseen() {
        assert_eq!(Name::new("a\0b\r\n\u{202E}c\u{2066}\u{200B}\u{FEFF}d").as_str(), "abcd");
        assert_eq!(Name::new(&"가".repeat(10_000)).as_str().chars().count(), LONGEST + 1);
        assert_eq!(Name::new(&"x".repeat(LONGEST)).as_str().len(), LONGEST);
        assert_eq!(Name::new("👩\u{200D}🚀 O'Neil").as_str(), "👩\u{200D}🚀 O'Neil");
    }

    #[test]
    fn an_initial_is_a_letter() {
        assert_eq!(Name::new("  shop").initial(), "S");
        assert_eq!(Name::new("“달빛”").initial(), "달");
        assert_eq!(Name::new("\"><").initial(), "•");
    }
}
