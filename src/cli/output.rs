//! What a command answers: text for people, the same as JSON for programs, and how a refusal is told.

use std::error::Error;
use std::fmt;

use serde_json::{Value, json};

use crate::app::StartError;
use crate::config::Complaints;
use crate::store;

/// A command's answer on standard output.
pub struct Answer {
    pub text: String,
    pub json: Value,
    pub outcome: Outcome,
}

/// What the exit code says of a command that was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// Something does not work as it should.
    Unhealthy,
}

impl Answer {
    pub fn new(text: impl Into<String>, json: Value) -> Self {
        Answer { text: text.into(), json, outcome: Outcome::Done }
    }
}

const USAGE: &str = "usage";

/// Why a command was not carried out, on standard error. The sentence says what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// For programs; it does not change with the wording.
    pub code: &'static str,
    pub message: String,
}

impl Refusal {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Refusal { code, message: message.into() }
    }

    /// The command line itself is wrong: exit code 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Refusal::new(USAGE, message)
    }

    pub fn exit_code(&self) -> u8 {
        if self.code == USAGE { 2 } else { 1 }
    }

    pub fn json(&self) -> Value {
        json!({ "error": self.code, "message": self.message })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message.replace('\n', "\n       "))
    }
}

impl From<Complaints> for Refusal {
    fn from(complaints: Complaints) -> Self {
        Refusal::new("configuration", complaints.to_string())
    }
}

impl From<StartError> for Refusal {
    fn from(error: StartError) -> Self {
        let code = match &error {
            StartError::WrongSealingKey
            | StartError::MissingSealingKey
            | StartError::NotASealingKey { .. }
            | StartError::Keys(_) => "sealing_key",
            StartError::Store(_) | StartError::Address(_) => "database",
            StartError::Outbound(_) => "certificates",
            StartError::Folder { .. } | StartError::File { .. } | StartError::Readable { .. } => "file",
        };
        Refusal::new(code, error.to_string())
    }
}

impl From<store::Error> for Refusal {
    fn from(error: store::Error) -> Self {
        Refusal::new("database", with_causes(&error))
    }
}

impl From<anyhow::Error> for Refusal {
    fn from(error: anyhow::Error) -> Self {
        Refusal::new("failed", format!("{error:#}"))
    }
}

/// An error and what it came of, in one line.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Columns for people.
pub fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let rows: Vec<[String; N]> = rows.into_iter().map(|row| row.map(|cell| printable(&cell))).collect();
    let head = head.map(str::to_owned);
    let all = || std::iter::once(&head).chain(&rows);
    let width = |column: usize| all().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned() + "\n"
    };
    all().map(line).collect()
}

/// One fact a line; those without a value are left out.
pub fn facts(facts: &[(&str, String)]) -> String {
    let width = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let said = facts.iter().filter(|(_, value)| !value.is_empty());
    said.map(|(name, value)| format!("{name:width$}  {}\n", printable(value))).collect()
}

/// What strangers wrote (the name of a browser, of a client) must not steer the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_stands_in_them() {
        let rows = [["alice".to_owned(), "1".to_owned()], ["김철수".to_owned(), String::new()]];
        assert_eq!(table(["NAME", "N"], rows), "NAME   N\nalice  1\n김철수\n");
        assert_eq!(facts(&[("a", "1".to_owned()), ("none", String::new())]), "a     1\n");
    }

    #[test]
    fn what_strangers_wrote_does_not_steer_the_terminal() {
        let rows = [["\u{1b}[2J".to_owned()], ["a\nb".to_owned()], ["\u{9b}2J".to_owned()]];
        assert!(!table(["BROWSER"], rows).contains(['\u{1b}', '\u{9b}']));
        assert_eq!(facts(&[("name", "a\nb".to_owned())]).lines().count(), 1);
    }
}
