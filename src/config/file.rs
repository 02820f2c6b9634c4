//! Settings in a TOML file.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::Deserialize;
use toml::Value;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::complaint::Origin;
use super::layers::{FILE, Layers, Written, chmod, readable_by_everybody};
use super::setting::Setting;

/// Whether somebody asked for this file, or it is looked for where it usually lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    Explicitly,
    ByHabit,
}

/// A file that is not there is an error only if it was named explicitly.
pub(super) fn add(layers: &mut Layers, path: &Path, named: Named, settings: &[&'static Setting]) {
    let origin = |line| Origin::File { path: path.to_owned(), line };
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound && named == Named::ByHabit => return,
        Err(error) => {
            let right = "name a TOML file that this user may read";
            return layers.complain(FILE, origin(1), format!("it cannot be read: {error}"), right);
        }
    };
    let origin_at = |at: usize| origin(text.as_bytes()[..at].iter().filter(|b| **b == b'\n').count() + 1);

    let (document, errors) = DeTable::parse_recoverable(&text);
    for error in errors {
        let at = error.span().map_or(0, |span| span.start);
        layers.complain(FILE, origin_at(at), error.message().trim(), "write TOML");
    }
    for (section, content) in document.get_ref() {
        let known = settings.iter().any(|setting| setting.section == section.get_ref());
        let (table, wrong) = match content.get_ref() {
            DeValue::Table(table) if known => (Some(table), ""),
            DeValue::Table(_) => (None, "there is no such section"),
            _ => (None, "this stands outside of any section"),
        };
        let Some(table) = table else {
            let origin = origin_at(section.span().start);
            layers.complain(section.get_ref(), origin, wrong, sections(settings));
            continue;
        };
        for (name, value) in table {
            let key = format!("{}.{}", section.get_ref(), name.get_ref());
            let origin = origin_at(name.span().start);
            match settings.iter().find(|setting| setting.key() == key) {
                Some(setting) => match Value::deserialize(ValueDeserializer::from(value.clone())) {
                    Ok(value) => layers.add(&key, origin, Written::Toml(value)),
                    Err(_) => layers.complain(&key, origin, "this cannot be read", setting.right),
                },
                None => {
                    let right = names(settings, section.get_ref());
                    layers.complain(&key, origin, "there is no such setting", right);
                }
            }
        }
    }
    if readable_by_everybody(path) {
        refuse_secrets(layers, path, settings);
    }
}

fn refuse_secrets(layers: &mut Layers, path: &Path, settings: &[&'static Setting]) {
    for setting in settings {
        let key = setting.key();
        let written = layers.entries.get(&key).map(|entry| &entry.written);
        if matches!(written, Some(Written::Toml(Value::String(text))) if (setting.discloses)(text)) {
            let wrong = "this secret stands in a file that everybody may read";
            layers.refuse(&key, wrong, chmod(path));
        }
    }
}

fn sections(settings: &[&'static Setting]) -> String {
    let mut sections: Vec<String> = settings.iter().map(|setting| format!("[{}]", setting.section)).collect();
    sections.dedup();
    format!("the sections are {}", sections.join(", "))
}

fn names(settings: &[&'static Setting], section: &str) -> String {
    let of_section = settings.iter().filter(|setting| setting.section == section);
    format!("[{section}] knows {}", of_section.map(|setting| setting.name).collect::<Vec<_>>().join(", "))
}
