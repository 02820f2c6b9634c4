//! One line of what `doctor` found.

use serde::Serialize;

#[derive(Clone, Debug, Serialize)]
pub(super) struct Finding {
    #[serde(rename = "check")]
    pub(super) about: &'static str,
    pub(super) verdict: Verdict,
    /// What is so; unless it is right, also what to do.
    #[serde(rename = "message")]
    pub(super) says: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    Ok,
    Warning,
    Failed,
}

impl Verdict {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Warning => "warning",
            Verdict::Failed => "FAILED",
        }
    }
}

impl Finding {
    pub(super) fn ok(about: &'static str, says: impl Into<String>) -> Self {
        Finding { about, verdict: Verdict::Ok, says: says.into() }
    }

    pub(super) fn warning(about: &'static str, says: impl Into<String>) -> Self {
        Finding { about, verdict: Verdict::Warning, says: says.into() }
    }

    pub(super) fn failed(about: &'static str, says: impl Into<String>) -> Self {
        Finding { about, verdict: Verdict::Failed, says: says.into() }
    }
}
