//! The machine's clock: the only place that reads it. Everything else is handed `now`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How far the clocks of the server and of this machine may lie apart: tokens are accepted so long after their `exp`,
/// and so long before their `nbf` and `iat`. The feed keeps its entries as long.
pub const LEEWAY: Duration = Duration::from_secs(60);

/// Milliseconds since 1970 (UTC).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(pub u64);

impl Millis {
    /// A NumericDate of whole seconds (RFC 7519 §2).
    pub fn from_secs(seconds: u64) -> Self {
        Millis(seconds.saturating_mul(1000))
    }

    /// A NumericDate that may have a fraction. `None`: it is no time after 1970.
    pub fn from_fraction(seconds: f64) -> Option<Self> {
        (seconds.is_finite() && seconds >= 0.0).then(|| Millis((seconds * 1000.0).round() as u64))
    }

    pub fn plus(self, by: Duration) -> Self {
        Millis(self.0.saturating_add(by.as_millis() as u64))
    }

    pub fn apart(self, other: Self) -> Duration {
        Duration::from_millis(self.0.abs_diff(other.0))
    }
}

#[allow(clippy::disallowed_methods, reason = "the door through which the time comes in")]
pub fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(since.as_millis() as u64)
}
