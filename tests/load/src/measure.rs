//! One run is one server with one workload for some seconds; servers take turns, so that what the machine does
//! meanwhile strikes them alike.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::process::Server;
use crate::report::{Figures, Report, Run};
use crate::workload::{Worker, Workload};
use gatepass_load::description::Description;

pub struct Plan {
    pub connections: usize,
    pub length: Duration,
    pub rounds: usize,
    pub core: usize,
}

const WARM_UP: Duration = Duration::from_secs(1);

pub async fn all(servers: &[Description], workloads: &[Workload], plan: &Plan) -> anyhow::Result<Report> {
    let mut report = Report::default();
    for description in servers {
        report.notes.push((description.name.clone(), description.note.clone()));
    }
    for workload in workloads {
        for round in 0..plan.rounds {
            for description in servers {
                if let Err(why) = workload.possible(description) {
                    if round == 0 {
                        report.left_out.push((description.name.clone(), *workload, why));
                    }
                    continue;
                }
                eprintln!("{workload:?} {} ({}/{})", description.name, round + 1, plan.rounds);
                let server = Server::start(description, plan.core).await?;
                let figures = once(&server, *workload, plan).await;
                let ready_after = server.ready_after;
                server.stop().await?;
                let figures = figures?;
                eprintln!(
                    "    {:.0}/s, {:.1} µs, {} errors",
                    figures.per_second, figures.cpu_micros, figures.errors
                );
                let name = description.name.clone();
                report.runs.push(Run { server: name, workload: *workload, ready_after, figures });
            }
        }
    }
    Ok(report)
}

async fn once(server: &Server, workload: Workload, plan: &Plan) -> anyhow::Result<Figures> {
    let idle = server.usage()?;
    let mut workers = Vec::new();
    for _ in 0..plan.connections {
        workers.push(Worker::prepare(workload, &server.description).await?);
    }
    // What revokes has a bounded stock, and nothing to warm up with.
    let warm_up = if workload == Workload::W8 { Duration::ZERO } else { WARM_UP };
    let mut tally = drive(&mut workers, warm_up).await;
    let warm_errors = tally.errors;
    let before = server.usage()?;
    let began = Instant::now();
    tally = drive(&mut workers, plan.length).await;
    let elapsed = began.elapsed();
    let after = server.usage()?;
    tally.latencies.sort_unstable();
    let at = |share: f64| {
        let index = (tally.latencies.len() as f64 * share) as usize;
        tally.latencies.get(index.min(tally.latencies.len().saturating_sub(1))).copied().unwrap_or_default()
    };
    let done = tally.latencies.len().max(1);
    Ok(Figures {
        operations: tally.latencies.len(),
        errors: tally.errors + warm_errors,
        first_error: tally.first_error,
        per_second: tally.latencies.len() as f64 / elapsed.as_secs_f64(),
        cpu_micros: (after.cpu - before.cpu).as_secs_f64() * 1e6 / done as f64,
        p50_micros: at(0.50).as_secs_f64() * 1e6,
        p99_micros: at(0.99).as_secs_f64() * 1e6,
        idle_bytes: idle.resident_bytes,
        loaded_bytes: after.resident_bytes,
    })
}

#[derive(Default)]
struct Tally {
    latencies: Vec<Duration>,
    errors: usize,
    first_error: Option<String>,
}

async fn drive(workers: &mut [Worker<'_>], length: Duration) -> Tally {
    let end = Instant::now() + length;
    let shares = workers.iter_mut().map(|worker| async move {
        let mut share = Tally::default();
        while Instant::now() < end && !worker.is_exhausted() {
            let began = Instant::now();
            match worker.operate().await {
                Ok(()) => share.latencies.push(began.elapsed()),
                Err(error) => {
                    share.errors += 1;
                    share.first_error.get_or_insert_with(|| format!("{error:#}"));
                }
            }
        }
        share
    });
    let mut whole = Tally::default();
    for share in join_all(shares).await {
        whole.latencies.extend(share.latencies);
        whole.errors += share.errors;
        whole.first_error = whole.first_error.or(share.first_error);
    }
    whole
}
