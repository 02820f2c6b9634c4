//! Medians and ratios of all runs, as a table for people and JSON for programs.

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;

use crate::workload::Workload;

#[derive(Default, Serialize)]
pub struct Report {
    /// Each server and what its figures stand for; the first is what ratios refer to.
    pub notes: Vec<(String, String)>,
    pub runs: Vec<Run>,
    /// What could not be asked of whom, and why.
    pub left_out: Vec<(String, Workload, String)>,
}

#[derive(Serialize)]
pub struct Run {
    pub server: String,
    pub workload: Workload,
    #[serde(serialize_with = "seconds")]
    pub ready_after: Duration,
    pub figures: Figures,
}

#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    pub operations: usize,
    pub errors: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_error: Option<String>,
    pub per_second: f64,
    /// CPU time of the server per operation, from the kernel's accounting.
    pub cpu_micros: f64,
    pub p50_micros: f64,
    pub p99_micros: f64,
    pub idle_bytes: u64,
    pub loaded_bytes: u64,
}

fn seconds<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[count / 2],
        count => (values[count / 2 - 1] + values[count / 2]) / 2.0,
    }
}

impl Report {
    pub fn errors(&self) -> usize {
        self.runs.iter().map(|run| run.figures.errors).sum()
    }

    fn median_of(&self, server: &str, workload: Workload, figure: impl Fn(&Figures) -> f64) -> f64 {
        let runs = self.runs.iter().filter(|run| run.server == server && run.workload == workload);
        median(runs.map(|run| figure(&run.figures)).collect())
    }

    pub fn table(&self) -> String {
        let mut text = String::new();
        for (server, note) in &self.notes {
            let _ = writeln!(text, "{server}: {note}");
        }
        let _ = writeln!(
            text,
            "\n{:<4} {:<18} {:>10} {:>8} {:>7} {:>9} {:>9} {:>8} {:>8} {:>7}",
            "", "server", "per second", "CPU µs", "ratio", "p50 µs", "p99 µs", "idle MB", "load MB", "errors"
        );
        let first = self.notes.first().map(|(server, _)| server.as_str()).unwrap_or_default();
        for workload in Workload::ALL {
            if !self.runs.iter().any(|run| run.workload == workload) {
                continue;
            }
            let _ = writeln!(text, "{workload:?}   {}", workload.title());
            let reference = self.median_of(first, workload, |figures| figures.cpu_micros);
            for (server, _) in &self.notes {
                let of = |figure: fn(&Figures) -> f64| self.median_of(server, workload, figure);
                let cpu = of(|figures| figures.cpu_micros);
                if cpu.is_nan() {
                    let why =
                        self.left_out.iter().find(|(name, left, _)| name == server && *left == workload);
                    let _ = writeln!(text, "     {server:<18} {}", why.map_or("", |(_, _, why)| why));
                    continue;
                }
                let _ = writeln!(
                    text,
                    "     {server:<18} {:>10.0} {cpu:>8.1} {:>7.2} {:>9.0} {:>9.0} {:>8.1} {:>8.1} {:>7.0}",
                    of(|figures| figures.per_second),
                    cpu / reference,
                    of(|figures| figures.p50_micros),
                    of(|figures| figures.p99_micros),
                    of(|figures| figures.idle_bytes as f64) / 1e6,
                    of(|figures| figures.loaded_bytes as f64) / 1e6,
                    of(|figures| figures.errors as f64),
                );
            }
        }
        for run in self.runs.iter().filter(|run| run.figures.errors > 0) {
            let error = run.figures.first_error.as_deref().unwrap_or("");
            let _ = writeln!(
                text,
                "{} {:?}: {} errors, the first: {error}",
                run.server, run.workload, run.figures.errors
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
