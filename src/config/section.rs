//! A setting is one declaration: its name, type, default, sentence and range. Reading it, complaining about it
//! and `config example` follow from that.

use std::fmt::Display;
use std::ops::RangeInclusive;

use toml::Value;

use super::kind::Kind;
use super::layers::{Layers, Written};
use super::setting::Setting;

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
    let (value, wrong): (Option<T>, String) = match layers.entries.get(&key).map(|entry| &entry.written) {
        Some(Written::Toml(value)) => (T::from_toml(value), format!("{value} will not do")),
        Some(Written::Text(text)) => (T::from_text(text), format!("\"{text}\" will not do")),
        None if setting.default.is_empty() => (T::absent(), "this must be set".to_owned()),
        None => {
            let default: Option<Value> = setting.default.parse().ok();
            (default.and_then(|value| T::from_toml(&value)), "the default will not do".to_owned())
        }
    };
    if value.is_none() {
        let written = layers.entries.contains_key(&key);
        let wrong = if T::SECRET && written { "this value will not do".to_owned() } else { wrong };
        layers.refuse(&key, wrong, T::RIGHT);
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
    let right = format!("write a whole number from {} to {}", range.start(), range.end());
    layers.refuse(&setting.key(), format!("{value} is out of range"), right);
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

            fn read(layers: &mut crate::config::layers::Layers) -> Option<Self> {
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
