//! How sure we are of a person: authentication methods (RFC 8176) and the level that they add up to
//! (OpenID Connect Core §2, `acr`).

/// What a person proved themselves with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Factor {
    Password,
}

impl Factor {
    /// RFC 8176 §2
    pub const fn amr(self) -> &'static str {
        match self {
            Factor::Password => "pwd",
        }
    }
}

/// Authentication context classes, named as levels of assurance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Assurance {
    /// One factor.
    One,
}

impl Assurance {
    pub const ALL: [Assurance; 1] = [Assurance::One];

    pub const fn acr(self) -> &'static str {
        match self {
            Assurance::One => "1",
        }
    }

    /// The first of the wanted classes that was reached. `None` says nothing rather than something untrue.
    pub fn met<'a>(mut wanted: impl Iterator<Item = &'a str>) -> Option<Assurance> {
        wanted.find_map(|acr| Assurance::ALL.into_iter().find(|assurance| assurance.acr() == acr))
    }
}
