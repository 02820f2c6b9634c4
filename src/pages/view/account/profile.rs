//! The profile form: the standard claims that people may state about themselves (OIDC Core §5.1).

use crate::pages::name::Name;
use crate::pages::text::ProfileText;

/// A claim in the form. Claims that apps identify people by are not among them: `preferred_username`, and those
/// that come with a `…_verified`; whoever could write these could be anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProfileClaim {
    Name,
    GivenName,
    FamilyName,
    Nickname,
    Birthdate,
    Gender,
    Locale,
    Zoneinfo,
    MiddleName,
    Website,
    Profile,
    Picture,
    StreetAddress,
    Locality,
    Region,
    PostalCode,
    Country,
}

impl ProfileClaim {
    /// In the order of the form.
    pub const ALL: &[ProfileClaim] = &[
        ProfileClaim::Name,
        ProfileClaim::GivenName,
        ProfileClaim::FamilyName,
        ProfileClaim::Nickname,
        ProfileClaim::Birthdate,
        ProfileClaim::Gender,
        ProfileClaim::Locale,
        ProfileClaim::Zoneinfo,
        ProfileClaim::MiddleName,
        ProfileClaim::Website,
        ProfileClaim::Profile,
        ProfileClaim::Picture,
        ProfileClaim::StreetAddress,
        ProfileClaim::Locality,
        ProfileClaim::Region,
        ProfileClaim::PostalCode,
        ProfileClaim::Country,
    ];

    /// The name of the claim, or of the member of the `address` claim (§5.1.1). Also the name of its field.
    pub const fn name(self) -> &'static str {
        match self {
            ProfileClaim::Name => "name",
            ProfileClaim::GivenName => "given_name",
            ProfileClaim::FamilyName => "family_name",
            ProfileClaim::Nickname => "nickname",
            ProfileClaim::Birthdate => "birthdate",
            ProfileClaim::Gender => "gender",
            ProfileClaim::Locale => "locale",
            ProfileClaim::Zoneinfo => "zoneinfo",
            ProfileClaim::MiddleName => "middle_name",
            ProfileClaim::Website => "website",
            ProfileClaim::Profile => "profile",
            ProfileClaim::Picture => "picture",
            ProfileClaim::StreetAddress => "street_address",
            ProfileClaim::Locality => "locality",
            ProfileClaim::Region => "region",
            ProfileClaim::PostalCode => "postal_code",
            ProfileClaim::Country => "country",
        }
    }

    /// Whether it is a member of the `address` claim.
    pub const fn is_in_address(self) -> bool {
        matches!(
            self,
            ProfileClaim::StreetAddress
                | ProfileClaim::Locality
                | ProfileClaim::Region
                | ProfileClaim::PostalCode
                | ProfileClaim::Country
        )
    }

    /// Whether its text may have several lines (§5.1.1).
    pub const fn has_lines(self) -> bool {
        matches!(self, ProfileClaim::StreetAddress)
    }

    /// Whether it waits behind "More details".
    const fn is_more(self) -> bool {
        matches!(
            self,
            ProfileClaim::MiddleName | ProfileClaim::Website | ProfileClaim::Profile | ProfileClaim::Picture
        ) || self.is_in_address()
    }

    const fn label(self, text: &ProfileText) -> &'static str {
        match self {
            ProfileClaim::Name => text.name,
            ProfileClaim::GivenName => text.given_name,
            ProfileClaim::FamilyName => text.family_name,
            ProfileClaim::Nickname => text.nickname,
            ProfileClaim::Birthdate => text.birthdate,
            ProfileClaim::Gender => text.gender,
            ProfileClaim::Locale => text.locale,
            ProfileClaim::Zoneinfo => text.zoneinfo,
            ProfileClaim::MiddleName => text.middle_name,
            ProfileClaim::Website => text.website,
            ProfileClaim::Profile => text.profile,
            ProfileClaim::Picture => text.picture,
            ProfileClaim::StreetAddress => text.street_address,
            ProfileClaim::Locality => text.locality,
            ProfileClaim::Region => text.region,
            ProfileClaim::PostalCode => text.postal_code,
            ProfileClaim::Country => text.country,
        }
    }

    /// HTML §4.10.18.7 (autofill).
    const fn autocomplete(self) -> &'static str {
        match self {
            ProfileClaim::Name => "name",
            ProfileClaim::GivenName => "given-name",
            ProfileClaim::FamilyName => "family-name",
            ProfileClaim::Nickname => "nickname",
            ProfileClaim::Birthdate => "bday",
            ProfileClaim::Gender => "sex",
            ProfileClaim::Locale => "language",
            ProfileClaim::Zoneinfo | ProfileClaim::Profile => "off",
            ProfileClaim::MiddleName => "additional-name",
            ProfileClaim::Website => "url",
            ProfileClaim::Picture => "photo",
            ProfileClaim::StreetAddress => "street-address",
            ProfileClaim::Locality => "address-level2",
            ProfileClaim::Region => "address-level1",
            ProfileClaim::PostalCode => "postal-code",
            ProfileClaim::Country => "country-name",
        }
    }
}

/// Why a value was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimError {
    NotAUrl,
    NotADate,
    NotAZone,
    NotALanguage,
    TooLong,
}

/// A claim that only an administrator changes.
#[derive(Clone, Debug)]
pub struct VerifiedClaim {
    pub value: Name,
    pub is_verified: bool,
}

/// What the form holds: the stored claims, or what was just typed with what is wrong about it.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    pub email: Option<VerifiedClaim>,
    pub phone_number: Option<VerifiedClaim>,
    fields: Vec<Field>,
}

#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) claim: ProfileClaim,
    pub(super) value: String,
    error: Option<ClaimError>,
}

impl Profile {
    /// `value` gives the text of a claim, or nothing.
    pub fn of(value: impl Fn(ProfileClaim) -> Option<String>) -> Self {
        let field = |&claim| Field { claim, value: value(claim).unwrap_or_default(), error: None };
        Profile { fields: ProfileClaim::ALL.iter().map(field).collect(), ..Profile::default() }
    }

    pub fn refuse(&mut self, claim: ProfileClaim, error: ClaimError) {
        for field in self.fields.iter_mut().filter(|field| field.claim == claim) {
            field.error = Some(error);
        }
    }

    pub fn has_errors(&self) -> bool {
        self.fields.iter().any(|field| field.error.is_some())
    }

    pub(super) fn first(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| !field.claim.is_more())
    }

    pub(super) fn more(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| field.claim.is_more())
    }

    /// A mistake must not hide behind a closed door.
    pub(super) fn is_more_open(&self) -> bool {
        self.more().any(|field| field.error.is_some())
    }
}

impl Field {
    pub(super) fn name(&self) -> &'static str {
        self.claim.name()
    }

    pub(super) fn label(&self, text: &ProfileText) -> &'static str {
        self.claim.label(text)
    }

    pub(super) fn autocomplete(&self) -> &'static str {
        self.claim.autocomplete()
    }

    pub(super) fn has_lines(&self) -> bool {
        self.claim.has_lines()
    }

    pub(super) fn is_choice(&self) -> bool {
        self.claim == ProfileClaim::Locale
    }

    /// A date field shows nothing for a year alone or a birthday without a year (`0000-05-21`), both of which
    /// §5.1 allows, and would lose them at the next save.
    pub(super) fn kind(&self) -> &'static str {
        let is_date = self.value.is_empty() || (self.value.len() == 10 && !self.value.starts_with("0000"));
        match self.claim {
            ProfileClaim::Birthdate if is_date && self.error.is_none() => "date",
            ProfileClaim::Website | ProfileClaim::Profile | ProfileClaim::Picture => "url",
            _ => "text",
        }
    }

    pub(super) fn is_wide(&self) -> bool {
        matches!(
            self.claim,
            ProfileClaim::Name | ProfileClaim::Picture | ProfileClaim::StreetAddress | ProfileClaim::Profile
        )
    }

    pub(super) fn hint(&self, text: &ProfileText) -> Option<&'static str> {
        match self.claim {
            ProfileClaim::Birthdate if self.kind() == "text" => Some(text.birthdate_hint),
            ProfileClaim::Zoneinfo => Some(text.zoneinfo_hint),
            _ => None,
        }
    }

    pub(super) fn error(&self, text: &ProfileText) -> Option<&'static str> {
        Some(match self.error? {
            ClaimError::NotAUrl => text.not_a_url,
            ClaimError::NotADate => text.not_a_date,
            ClaimError::NotAZone => text.not_a_zone,
            ClaimError::NotALanguage => text.not_a_language,
            ClaimError::TooLong => text.too_long,
        })
    }

    /// The languages that can be chosen, as tag and own name; a stored one that is not ours stays choosable.
    pub(super) fn choices(&self) -> Vec<(&str, Name)> {
        let mut choices = vec![("en", Name::new("English")), ("ko", Name::new("한국어"))];
        if !self.value.is_empty() && choices.iter().all(|(tag, _)| *tag != self.value) {
            choices.push((&self.value, Name::new(&self.value)));
        }
        choices
    }
}
