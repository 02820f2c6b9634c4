//! `gatepass doctor`: whether everything that a server needs is there and right. It changes nothing.

mod database;
mod finding;
mod surroundings;

use serde_json::json;

use self::finding::{Finding, Verdict};
use super::Everywhere;
use super::dev_file::DevFile;
use super::open;
use super::output::{Answer, Outcome, table};
use crate::clock::Timestamp;
use crate::config::{Complaints, Config, Mode};

#[derive(clap::Args)]
pub(super) struct Options {
    /// Also look for rows that contradict each other and for damage in the database's files
    #[arg(long)]
    check: bool,
}

pub(super) async fn run(options: Options, everywhere: &Everywhere, now: Timestamp) -> Answer {
    let mut findings = Vec::new();
    examine(&options, everywhere, now, &mut findings).await;
    report(&findings)
}

async fn examine(options: &Options, everywhere: &Everywhere, now: Timestamp, findings: &mut Vec<Finding>) {
    let config = match open::config(everywhere) {
        Ok(config) => config,
        Err(refusal) => return findings.push(Finding::failed("configuration", refusal.message)),
    };
    let dev = DevFile::read(&config.server.data_dir);
    let served = match served(everywhere, dev.is_some()) {
        Ok(served) => {
            let how = match served.mode {
                Mode::Development => "it is right for `serve --dev`",
                Mode::Production | Mode::Command => "it is right",
            };
            findings.push(Finding::ok("configuration", how));
            Some(served)
        }
        Err(complaints) => {
            findings.push(Finding::failed("configuration", complaints.to_string()));
            None
        }
    };
    findings.extend(surroundings::permissions(&config));
    database::examine(&config, options.check, now, findings).await;
    findings.extend(surroundings::cache(&config).await);
    let issuer = match (&served, dev) {
        (Some(served), Some(dev)) if !served.sets("issuer.url") => Some(dev.issuer),
        (Some(served), _) => Some(served.issuer.url.as_str().to_owned()),
        (None, _) => None,
    };
    if let Some(issuer) = issuer {
        findings.push(surroundings::issuer(&issuer).await);
    }
}

/// The configuration as the server reads it that works on this data folder.
fn served(everywhere: &Everywhere, is_dev: bool) -> Result<Config, Complaints> {
    let sources = everywhere.sources();
    match Config::load(&sources, Mode::Production) {
        Err(_) if is_dev => Config::load(&sources, Mode::Development),
        loaded => loaded,
    }
}

fn report(findings: &[Finding]) -> Answer {
    let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let (failed, warnings) = (count(Verdict::Failed), count(Verdict::Warning));
    let rows = findings.iter().map(|finding| {
        let says: Vec<&str> = finding.says.split_whitespace().collect();
        [finding.verdict.as_str().to_owned(), finding.about.to_owned(), says.join(" ")]
    });
    let text = table(["", "", ""], rows);
    let end = match (failed, warnings) {
        (0, 0) => "Everything is right.".to_owned(),
        (0, warnings) => format!("Nothing is broken; warnings: {warnings}."),
        (failed, warnings) => format!("Failed: {failed}; warnings: {warnings}."),
    };
    let outcome = if failed == 0 { Outcome::Done } else { Outcome::Unhealthy };
    let json = json!({ "healthy": failed == 0, "findings": findings });
    Answer { outcome, ..Answer::new(format!("{}\n{end}", text.trim_start()), json) }
}
