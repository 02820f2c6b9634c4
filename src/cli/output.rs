//! What a command answers: text for people, the same as JSON for programs, and how a refusal is told.

use std::error::Error;

use serde_json::{Value, json};

use crate::app::StartError;
use crate::config::Complaints;
use crate::store;

/// A command's answer on standard output.
pub struct Answer {
    pub text: String,
    pub json: Value,
}

impl Answer {
    pub fn new(text: impl Into<String>, json: Value) -> Self {
        Answer { text: text.into(), json }
    }
}

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

    pub fn json(&self) -> Value {
        json!({ "error": self.code, "message": self.message })
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
