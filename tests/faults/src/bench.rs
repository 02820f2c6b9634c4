//! What a fault is run with: the program, how often, and the choices.

use std::path::PathBuf;

use anyhow::Context;
use serde::Serialize;

use crate::faults::Fault;
use crate::rig::{Layout, Rig};
use crate::seed::Seed;

/// How much of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// About ten minutes for all faults, on two cores with a debug build.
    Small,
    /// What the figures ask for.
    Full,
}

impl Scale {
    pub fn choose<T>(self, small: T, full: T) -> T {
        match self {
            Scale::Small => small,
            Scale::Full => full,
        }
    }
}

pub struct Bench {
    /// A gatepass with failpoints.
    pub binary: PathBuf,
    pub scale: Scale,
    fault: Fault,
    seed: u64,
}

impl Bench {
    pub fn new(fault: Fault, scale: Scale, seed: u64) -> anyhow::Result<Self> {
        let binary = std::env::var_os("TEST_BINARY").context("TEST_BINARY names no gatepass")?;
        let binary = PathBuf::from(binary).canonicalize().context("TEST_BINARY")?;
        Ok(Bench { binary, scale, fault, seed })
    }

    /// The choices of one part of the fault.
    pub fn seed(&self, part: &str) -> Seed {
        Seed::of_part(self.seed, &format!("{:?} {part}", self.fault))
    }

    pub async fn rig(&self, layout: Layout) -> anyhow::Result<Rig> {
        Rig::set_up(&self.binary, layout, self.seed("rig")).await
    }
}
