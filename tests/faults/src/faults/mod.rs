//! The faults: one file each, and the list of them.

mod refresh_race;

use clap::ValueEnum;

use crate::bench::Bench;
use crate::report::Verdict;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
pub enum Fault {
    F12,
}

impl Fault {
    pub const ALL: [Fault; 1] = [Fault::F12];

    pub fn name(self) -> &'static str {
        match self {
            Fault::F12 => "F12",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Fault::F12 => "refresh race",
        }
    }

    /// One verdict a profile.
    pub async fn run(self, bench: &Bench) -> anyhow::Result<Vec<Verdict>> {
        match self {
            Fault::F12 => refresh_race::run(bench).await,
        }
    }
}
