//! `[log]`: what is written to standard error.

use tracing_subscriber::filter::Targets;

use super::kind::Kind;
use super::section::section;

section! {
    /// What is written to standard error. Queries, headers, bodies and secrets never are.
    Log as "log" {
        /// "text" for people, "json" for machines: one object a line.
        format: LogFormat = "text";
        /// error, warn, info, debug or trace; also for a part, as in "info,gatepass::store=debug".
        level: LogLevel = "info,sea_orm_migration=warn";
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

impl Kind for LogFormat {
    const RIGHT: &'static str = "write \"text\" or \"json\"";

    fn from_text(text: &str) -> Option<Self> {
        match text {
            "text" => Some(LogFormat::Text),
            "json" => Some(LogFormat::Json),
            _ => None,
        }
    }
}

/// The directives of a filter, known to be well formed.
#[derive(Clone, Debug)]
pub struct LogLevel(String);

impl LogLevel {
    pub fn filter(&self) -> Targets {
        self.0.parse().unwrap_or_default()
    }
}

impl Kind for LogLevel {
    const RIGHT: &'static str =
        "write error, warn, info, debug or trace, or a filter like \"info,gatepass=debug\"";

    fn from_text(text: &str) -> Option<Self> {
        let known = text.parse::<Targets>().is_ok() && !text.trim().is_empty();
        known.then(|| LogLevel(text.to_owned()))
    }
}
