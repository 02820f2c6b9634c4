//! The log: one line an event on standard error, as text or as JSON.

use std::io::{self, IsTerminal};

use tracing::Subscriber;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::config::log::{Log, LogFormat};

/// The target of the one line that every request leaves: method, path without query, status, milliseconds.
pub const ACCESS: &str = "gatepass::access";

/// Begins to log to standard error, once in a process. From here on a panic is a line in the log too.
pub fn begin(log: &Log) -> Result<(), TryInitError> {
    subscriber(log, io::stderr).try_init()?;
    std::panic::set_hook(Box::new(|panic| {
        // A literal holds nothing that was sent; a formatted message may.
        let message = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("(not shown)");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, message, "panic");
    }));
    Ok(())
}

/// What writes the lines, wherever they go.
pub fn subscriber<W>(log: &Log, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    // Colours are for people: a file or a collector would keep their codes.
    let line = fmt::layer().with_ansi(io::stderr().is_terminal()).with_writer(writer);
    let line = match log.format {
        LogFormat::Text => line.boxed(),
        LogFormat::Json => line.json().flatten_event(true).with_span_list(false).boxed(),
    };
    tracing_subscriber::registry().with(log.level.filter()).with(line)
}
