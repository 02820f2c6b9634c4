//! Where configuration comes from: a file, the environment, the command line; the later one counts.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Value;
use toml::de::{DeTable, ValueDeserializer};

use super::complaint::{Complaint, Origin};
use super::setting::Setting;

/// The key of a complaint about the file as a whole.
pub(super) const FILE: &str = "the file";
const PREFIX: &str = "GATEPASS_";
/// A secret is a line of text, not a disk image.
const LONGEST_SECRET: u64 = 64 * 1024;

/// What somebody wrote, in the form of its place.
#[derive(Clone, Debug)]
pub(super) enum Written {
    Toml(Value),
    Text(String),
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) written: Written,
    pub(super) origin: Origin,
}

/// The entries that count, by `section.setting`, and what was wrong on the way.
#[derive(Default)]
pub(super) struct Layers {
    pub(super) entries: BTreeMap<String, Entry>,
    pub(super) complaints: Vec<Complaint>,
}

impl Layers {
    fn complain(&mut self, key: &str, origin: Origin, wrong: impl Into<String>, right: impl Into<String>) {
        self.complaints.push(Complaint {
            key: key.to_owned(),
            origin,
            wrong: wrong.into(),
            right: right.into(),
        });
    }

    pub(super) fn add_text(&mut self, key: &str, origin: Origin, text: String) {
        self.entries.insert(key.to_owned(), Entry { written: Written::Text(text), origin });
    }

    /// Adds what counts when nobody wrote anything else.
    pub(super) fn add_default(&mut self, key: &str, text: String) {
        self.entries
            .entry(key.to_owned())
            .or_insert(Entry { written: Written::Text(text), origin: Origin::Default });
    }

    /// Adds a TOML file. A file that is not there is an error only if it was `named`.
    pub(super) fn add_file(&mut self, path: &Path, named: Named, settings: &[&'static Setting]) {
        let origin = |line| Origin::File { path: path.to_owned(), line };
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound && named == Named::ByHabit => return,
            Err(error) => {
                let right = "name a TOML file that this user may read";
                return self.complain(FILE, origin(1), format!("it cannot be read: {error}"), right);
            }
        };
        let (document, errors) = DeTable::parse_recoverable(&text);
        let line = |at: usize| text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        for error in errors {
            let at = error.span().map_or(0, |span| span.start);
            self.complain(FILE, origin(line(at)), error.message().trim(), "write TOML");
        }
        for (section, content) in document.into_inner() {
            let Some(table) = content.get_ref().as_table() else {
                let wrong = "this stands outside of any section";
                self.complain(
                    section.get_ref(),
                    origin(line(section.span().start)),
                    wrong,
                    sections(settings),
                );
                continue;
            };
            if !settings.iter().any(|setting| setting.section == section.get_ref()) {
                let wrong = "there is no such section";
                self.complain(
                    section.get_ref(),
                    origin(line(section.span().start)),
                    wrong,
                    sections(settings),
                );
                continue;
            }
            for (name, value) in table {
                let key = format!("{}.{}", section.get_ref(), name.get_ref());
                let origin = origin(line(name.span().start));
                match settings.iter().find(|setting| setting.key() == key) {
                    None => {
                        self.complain(
                            &key,
                            origin,
                            "there is no such setting",
                            names(settings, section.get_ref()),
                        );
                    }
                    Some(setting) => match Value::deserialize(ValueDeserializer::from(value.clone())) {
                        Ok(value) => {
                            self.entries.insert(key, Entry { written: Written::Toml(value), origin });
                        }
                        Err(_) => self.complain(&key, origin, "this cannot be read", setting.right),
                    },
                }
            }
        }
        let readable = readable_by_everybody(path);
        let secrets: Vec<(String, Origin)> = settings
            .iter()
            .filter_map(|setting| {
                let entry = self.entries.get(&setting.key())?;
                match &entry.written {
                    Written::Toml(Value::String(text)) if (setting.discloses)(text) => {
                        Some((setting.key(), entry.origin.clone()))
                    }
                    _ => None,
                }
            })
            .collect();
        for (key, origin) in secrets.into_iter().filter(|_| readable) {
            self.complain(&key, origin, "this secret stands in a file that everybody may read", chmod(path));
        }
    }

    /// Adds the variables that begin with `GATEPASS_`: `GATEPASS_SECTION__SETTING`, and for a secret also
    /// `GATEPASS_SECTION__SETTING_FILE`, which names a file that holds it.
    pub(super) fn add_environment(
        &mut self,
        variables: &[(OsString, OsString)],
        settings: &[&'static Setting],
    ) {
        let ours: BTreeMap<&str, &OsStr> = variables
            .iter()
            .filter_map(|(name, value)| Some((name.to_str()?, value.as_os_str())))
            .filter(|(name, _)| name.starts_with(PREFIX))
            .collect();
        for (name, value) in &ours {
            let origin = Origin::Variable((*name).to_owned());
            let direct = settings.iter().find(|setting| setting.variable() == *name);
            let by_file = settings.iter().find(|setting| setting.secret && setting.file_variable() == *name);
            match (direct, by_file, value.to_str()) {
                (Some(setting), _, Some(text)) => self.add_text(&setting.key(), origin, text.to_owned()),
                (Some(setting), _, None) => {
                    self.complain(&setting.key(), origin, "this is not UTF-8", setting.right);
                }
                (None, Some(setting), _) if ours.contains_key(setting.variable().as_str()) => {
                    let wrong = format!("{} is set too", setting.variable());
                    self.complain(&setting.key(), origin, wrong, "set one of the two");
                }
                (None, Some(setting), _) => self.add_secret_file(setting, name, Path::new(value)),
                (None, None, _) => {
                    let right = format!(
                        "write {PREFIX}SECTION__SETTING with a setting of `gatepass config example`, and for a \
                         secret also {PREFIX}SECTION__SETTING_FILE"
                    );
                    self.complain(name, origin, "no setting is called so", right);
                }
            }
        }
    }

    fn add_secret_file(&mut self, setting: &Setting, variable: &str, path: &Path) {
        let origin = Origin::SecretFile { variable: variable.to_owned(), path: path.to_owned() };
        let mut text = String::new();
        let read = fs::File::open(path).and_then(|file| file.take(LONGEST_SECRET).read_to_string(&mut text));
        match read {
            Err(error) => {
                let right = "name a file that holds the secret and that this user may read";
                self.complain(&setting.key(), origin, format!("it cannot be read: {error}"), right);
            }
            Ok(_) if readable_by_everybody(path) => {
                let wrong = "this secret stands in a file that everybody may read";
                self.complain(&setting.key(), origin, wrong, chmod(path));
            }
            // Editors and `echo` close a file with a line break.
            Ok(_) => self.add_text(&setting.key(), origin, text.trim_end_matches(['\r', '\n']).to_owned()),
        }
    }
}

/// Whether somebody asked for this file, or it is looked for where it usually lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    Explicitly,
    ByHabit,
}

pub(super) fn readable_by_everybody(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

pub(super) fn chmod(path: &Path) -> String {
    format!("chmod 600 {}", path.display())
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

/// What one start of the program is configured by.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file that was asked for; without one, `gatepass.toml` of the working directory if it is there.
    pub file: Option<PathBuf>,
    pub environment: Vec<(OsString, OsString)>,
    /// A setting (`server.listen`), the flag that sets it (`--listen`) and the value.
    pub command_line: Vec<(&'static str, &'static str, String)>,
}

impl Sources {
    /// The environment of this process and, if there is one, `file`.
    pub fn of_this_process(file: Option<PathBuf>) -> Self {
        Sources { file, environment: std::env::vars_os().collect(), command_line: Vec::new() }
    }

    /// A flag of the command line counts more than everything else.
    pub fn with_flag(mut self, key: &'static str, flag: &'static str, value: Option<String>) -> Self {
        self.command_line.extend(value.map(|value| (key, flag, value)));
        self
    }

    pub(super) fn layers(&self, settings: &[&'static Setting]) -> Layers {
        let mut layers = Layers::default();
        match &self.file {
            Some(path) => layers.add_file(path, Named::Explicitly, settings),
            None => layers.add_file(Path::new("gatepass.toml"), Named::ByHabit, settings),
        }
        layers.add_environment(&self.environment, settings);
        for (key, flag, value) in &self.command_line {
            layers.add_text(key, Origin::CommandLine(flag), value.clone());
        }
        layers
    }
}
