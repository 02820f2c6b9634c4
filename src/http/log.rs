//! The log: one line an event on standard error, as text or as JSON.

use std::io;

use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::config::log::{Log, LogFormat};

/// The target of the one line that every request leaves: method, path without query, status, milliseconds.
pub const ACCESS: &str = "gatepass::access";

/// Begins to log, once in a process. From here on a panic is a line in the log too.
pub fn begin(log: &Log) -> Result<(), TryInitError> {
    let line = fmt::layer().with_writer(io::stderr);
    let line = match log.format {
        LogFormat::Text => line.boxed(),
        LogFormat::Json => line.json().flatten_event(true).with_span_list(false).boxed(),
    };
    tracing_subscriber::registry().with(log.level.filter()).with(line).try_init()?;
    std::panic::set_hook(Box::new(|panic| {
        // A literal holds nothing that was sent; a formatted message may.
        let message = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("(not shown)");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, message, "panic");
    }));
    Ok(())
}
