//! A setting is one declaration: its name, type, default, sentence and range. Reading it, complaining about it
//! and `config example` follow from that.

use std::fmt::Display;
use std::ops::RangeInclusive;

use toml::Value;

use super::complaint::{Complaint, Origin};
use super::kind::Kind;
use super::setting::Setting;
use super::source::{Layers, Written};

pub(super) trait Section: Sized {
    const NAME: &'static str;
    const DOC: &'static [&'static str];
    const SETTINGS: &'static [Setting];

    /// `None` if a setting was complained about.
    fn read(layers: &mut Layers) -> Option<Self>;
}

/// The value that counts for `setting`, or a complaint.
pub(super) fn read<T: Kind>(setting: &Setting, layers: &mut Layers) -> Option<T> {
    let key = setting.key();
    let (value, shown, origin) = match layers.entries.get(&key) {
        Some(entry) => match &entry.written {
            Written::Toml(value) => (T::from_toml(value), value.to_string(), entry.origin.clone()),
            Written::Text(text) => (T::from_text(text), format!("\"{text}\""), entry.origin.clone()),
        },
        None if setting.default.is_empty() => (T::absent(), String::new(), Origin::Default),
        None => {
            let default: Option<Value> = setting.default.parse().ok();
            (default.and_then(|value| T::from_toml(&value)), setting.default.to_owned(), Origin::Default)
        }
    };
    if value.is_none() {
        let wrong = match &origin {
            Origin::Default => "this must be set".to_owned(),
            _ if T::SECRET => "this value will not do".to_owned(),
            _ => format!("{} will not do", shown.trim()),
        };
        layers.complaints.push(Complaint { key, origin, wrong, right: T::RIGHT.to_owned() });
    }
    value
}

/// Like [`read`], for a number that must lie in `range`.
pub(super) fn read_within<T: Kind + PartialOrd + Display>(
    setting: &Setting,
    layers: &mut Layers,
    range: &RangeInclusive<T>,
) -> Option<T> {
    let value: T = read(setting, layers)?;
    if range.contains(&value) {
        return Some(value);
    }
    let key = setting.key();
    let origin = layers.entries.get(&key).map_or(Origin::Default, |entry| entry.origin.clone());
    let right = format!("write a whole number from {} to {}", range.start(), range.end());
    layers.complaints.push(Complaint { key, origin, wrong: format!("{value} is out of range"), right });
    None
}

/// A section as `config example` shows it.
pub(super) struct About {
    name: &'static str,
    doc: &'static [&'static str],
    pub(super) settings: &'static [Setting],
}

impl About {
    pub(super) const fn of<S: Section>() -> Self {
        About { name: S::NAME, doc: S::DOC, settings: S::SETTINGS }
    }

    /// As it would stand in `gatepass.toml`, every line that sets something commented out.
    pub(super) fn example(&self) -> String {
        let comment = |doc: &[&str]| doc.iter().map(|line| format!("#{line}\n")).collect::<String>();
        let settings = self.settings.iter().map(|setting| {
            let (remark, value) = match setting.default {
                "" => ("# There is no default; for example:\n", setting.like),
                default => ("", default),
            };
            format!("\n{}{remark}#{} = {value}\n", comment(setting.doc), setting.name)
        });
        format!("{}[{}]\n{}", comment(self.doc), self.name, settings.collect::<String>())
    }
}

/// Declares a section: a struct, and how it is read and explained. A default is written as in TOML; `as in`
/// gives an example where there is no default; `within` bounds a number.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        $section:ident as $table:literal {
            $(
                $(#[doc = $doc:literal])+
                $field:ident: $kind:ty $(= $default:tt)? $(as in $like:literal)? $(, within $range:expr)?;
            )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug)]
        pub struct $section {
            $($(#[doc = $doc])+ pub $field: $kind,)+
        }

        impl crate::config::section::Section for $section {
            const NAME: &'static str = $table;
            const DOC: &'static [&'static str] = &[$($about),+];
            const SETTINGS: &'static [crate::config::setting::Setting] = &[$(
                crate::config::setting::Setting {
                    section: $table,
                    name: stringify!($field),
                    doc: &[$($doc),+],
                    default: concat!($(stringify!($default))?),
                    like: concat!($(stringify!($like))?),
                    right: <$kind as crate::config::kind::Kind>::RIGHT,
                    secret: <$kind as crate::config::kind::Kind>::SECRET,
                    discloses: <$kind as crate::config::kind::Kind>::discloses,
                }
            ),+];

            fn read(layers: &mut crate::config::source::Layers) -> Option<Self> {
                let mut settings = Self::SETTINGS.iter();
                // Every setting is read before one is missed, so that all complaints are made.
                $(let $field = section!(@read settings.next()?, layers $(, $range)?);)+
                Some($section { $($field: $field?),+ })
            }
        }
    };
    (@read $setting:expr, $layers:ident) => { crate::config::section::read($setting, $layers) };
    (@read $setting:expr, $layers:ident, $range:expr) => {
        crate::config::section::read_within($setting, $layers, &$range)
    };
}

pub(super) use section;
