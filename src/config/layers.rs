//! What was written in all places together: for each setting the entry that counts.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use toml::Value;

use super::complaint::{Complaint, Origin};

/// The key of a complaint about the file as a whole.
pub(super) const FILE: &str = "the file";

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
    pub(super) fn complain(
        &mut self,
        key: &str,
        origin: Origin,
        wrong: impl Into<String>,
        right: impl Into<String>,
    ) {
        let (wrong, right) = (wrong.into(), right.into());
        self.complaints.push(Complaint { key: key.to_owned(), origin, wrong, right });
    }

    /// Complains about the entry of `key` that counts.
    pub(super) fn refuse(&mut self, key: &str, wrong: impl Into<String>, right: impl Into<String>) {
        let origin = self.entries.get(key).map_or(Origin::Default, |entry| entry.origin.clone());
        self.complain(key, origin, wrong, right);
    }

    /// A later layer takes the place of an earlier one.
    pub(super) fn add(&mut self, key: &str, origin: Origin, written: Written) {
        self.entries.insert(key.to_owned(), Entry { written, origin });
    }

    /// Adds what counts when nobody wrote anything.
    pub(super) fn add_default(&mut self, key: &str, text: String) {
        let entry = Entry { written: Written::Text(text), origin: Origin::Default };
        self.entries.entry(key.to_owned()).or_insert(entry);
    }

    /// Every complaint. A line that is not TOML has that one alone.
    pub(super) fn into_complaints(self) -> Vec<Complaint> {
        let unreadable = |complaint: &&Complaint| complaint.key == FILE;
        let lines: Vec<Origin> =
            self.complaints.iter().filter(unreadable).map(|c| c.origin.clone()).collect();
        let mut complaints = self.complaints;
        complaints.retain(|complaint| unreadable(&complaint) || !lines.contains(&complaint.origin));
        complaints
    }
}

pub(super) fn readable_by_everybody(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

pub(super) fn chmod(path: &Path) -> String {
    format!("chmod 600 {}", path.display())
}
