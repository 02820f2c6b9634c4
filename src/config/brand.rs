//! `[brand]`: how the pages look.

use std::fmt;

use url::Url;

use super::kind::Kind;
use super::section::section;

section! {
    /// How the pages look.
    Brand as "brand" {
        /// The name at the head of every page.
        name: String = "Gatepass";
        /// The colour of buttons and links.
        accent: Colour = "#3b5bdb";
        /// A picture beside the name.
        logo_uri: Option<Url> as in "https://www.example.com/logo.png";
    }
}

/// A colour as `#rrggbb`, safe to write into a stylesheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    pub red: u8,
    pub green: u8,
    pub blue: u8,
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }
}

impl Kind for Colour {
    const RIGHT: &'static str = "write a colour like \"#3b5bdb\"";

    fn from_text(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
        // `from_str_radix` would take a plus sign.
        digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(())?;
        let part = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
        Some(Colour { red: part(0)?, green: part(2)?, blue: part(4)? })
    }
}

impl Kind for Url {
    const RIGHT: &'static str = "write an https URL, like \"https://www.example.com/logo.png\"";

    fn from_text(text: &str) -> Option<Self> {
        Url::parse(text).ok().filter(|url| url.scheme() == "https" && url.username().is_empty())
    }
}
