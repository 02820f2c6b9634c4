//! The faults: one file each, and the list of them.

mod code_race;
mod database_restart;
mod expired_rows;
mod full_disk;
mod hang_ups;
mod idle_connections;
mod key_rotation;
mod kill;
mod lost_cache;
mod network;
mod node_kill;
mod overload;
mod power_loss;
mod refresh_race;
mod rolling_restart;
mod single_use;
mod slow_clients;

use clap::ValueEnum;

use crate::bench::Bench;
use crate::report::Verdict;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
pub enum Fault {
    F1,
    #[value(name = "F1b")]
    F1b,
    F2,
    F3,
    F4,
    F6,
    F7,
    F9,
    F10,
    F11,
    F12,
    F13,
    F15,
    F16,
    F19,
    F20,
    F25,
}

impl Fault {
    pub const ALL: &[Fault] = &[
        Fault::F1,
        Fault::F1b,
        Fault::F2,
        Fault::F3,
        Fault::F4,
        Fault::F6,
        Fault::F7,
        Fault::F9,
        Fault::F10,
        Fault::F11,
        Fault::F12,
        Fault::F13,
        Fault::F15,
        Fault::F16,
        Fault::F19,
        Fault::F20,
        Fault::F25,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Fault::F1 => "F1",
            Fault::F1b => "F1b",
            Fault::F2 => "F2",
            Fault::F3 => "F3",
            Fault::F4 => "F4",
            Fault::F6 => "F6",
            Fault::F7 => "F7",
            Fault::F9 => "F9",
            Fault::F10 => "F10",
            Fault::F11 => "F11",
            Fault::F12 => "F12",
            Fault::F13 => "F13",
            Fault::F15 => "F15",
            Fault::F16 => "F16",
            Fault::F19 => "F19",
            Fault::F20 => "F20",
            Fault::F25 => "F25",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Fault::F1 => "kill -9",
            Fault::F1b => "power loss, by strace",
            Fault::F2 => "database restart",
            Fault::F3 => "Redis lost",
            Fault::F4 => "full disk",
            Fault::F6 => "node kill",
            Fault::F7 => "rolling restart",
            Fault::F9 => "slow clients",
            Fault::F10 => "idle connections",
            Fault::F11 => "expired rows",
            Fault::F12 => "refresh race",
            Fault::F13 => "code race",
            Fault::F15 => "other single use",
            Fault::F16 => "key rotation",
            Fault::F19 => "network to the database",
            Fault::F20 => "overload",
            Fault::F25 => "hang-ups",
        }
    }

    /// One verdict a profile.
    pub async fn run(self, bench: &Bench) -> anyhow::Result<Vec<Verdict>> {
        match self {
            Fault::F1 => kill::run(bench).await,
            Fault::F1b => power_loss::run(bench).await,
            Fault::F2 => database_restart::run(bench).await,
            Fault::F3 => lost_cache::run(bench).await,
            Fault::F4 => full_disk::run(bench).await,
            Fault::F6 => node_kill::run(bench).await,
            Fault::F7 => rolling_restart::run(bench).await,
            Fault::F9 => slow_clients::run(bench).await,
            Fault::F10 => idle_connections::run(bench).await,
            Fault::F11 => expired_rows::run(bench).await,
            Fault::F12 => refresh_race::run(bench).await,
            Fault::F13 => code_race::run(bench).await,
            Fault::F15 => single_use::run(bench).await,
            Fault::F16 => key_rotation::run(bench).await,
            Fault::F19 => network::run(bench).await,
            Fault::F20 => overload::run(bench).await,
            Fault::F25 => hang_ups::run(bench).await,
        }
    }
}
