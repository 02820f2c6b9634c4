//! How many statements ran: known per operation, asserted in tests, shown as a metric.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sea_orm::DatabaseConnection;

#[derive(Clone, Default)]
pub(super) struct Statements(Arc<Counters>);

#[derive(Default)]
struct Counters {
    reads: AtomicU64,
    writes: AtomicU64,
}

impl Statements {
    pub fn watch(&self, connection: &mut DatabaseConnection) {
        let counters = self.0.clone();
        connection.set_metric_callback(move |info| {
            let is_read = info.statement.sql.trim_start().starts_with("SELECT");
            let counter = if is_read { &counters.reads } else { &counters.writes };
            counter.fetch_add(1, Ordering::Relaxed);
            metrics::histogram!("gatepass_store_statement_seconds", "kind" => if is_read { "read" } else { "write" })
                .record(info.elapsed.as_secs_f64());
        });
    }

    /// Reads and writes since the start, transaction control not counted.
    pub fn counted(&self) -> (u64, u64) {
        (self.0.reads.load(Ordering::Relaxed), self.0.writes.load(Ordering::Relaxed))
    }
}
