//! The data of the feed's events, as JSON.

use serde::{Deserialize, Deserializer};

use crate::clock::Millis;

#[derive(Deserialize)]
pub struct Hello {
    pub issuer: String,
}

/// Of `current`, `heartbeat` and `reset`: the server's time.
#[derive(Deserialize)]
pub struct Word {
    #[serde(deserialize_with = "time")]
    pub at: Millis,
}

/// One ending. Members that a later server adds beside these are not for this guard; new kinds of cuts come as events
/// of another name.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// When it was made: only to be shown.
    #[serde(deserialize_with = "perhaps_time")]
    pub at: Option<Millis>,
    #[serde(deserialize_with = "time")]
    pub forget_at: Millis,
    pub jti: Vec<String>,
    pub grant_id: Vec<String>,
    pub sid: Vec<String>,
    pub sub: Vec<String>,
    pub client_id: Vec<String>,
    #[serde(deserialize_with = "perhaps_time")]
    pub issued_before: Option<Millis>,
}

impl Entry {
    /// `None`: it says nothing that could be obeyed, and must not be confirmed.
    pub fn read(data: &str) -> Option<Self> {
        let entry: Entry = serde_json::from_str(data).ok()?;
        (entry.identifiers() > 0 && entry.forget_at > Millis(0)).then_some(entry)
    }

    pub fn identifiers(&self) -> usize {
        [&self.jti, &self.grant_id, &self.sid, &self.sub, &self.client_id].iter().map(|it| it.len()).sum()
    }
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Millis, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    Millis::from_fraction(seconds).ok_or_else(|| serde::de::Error::custom("a time before 1970"))
}

fn perhaps_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Millis>, D::Error> {
    time(deserializer).map(Some)
}
