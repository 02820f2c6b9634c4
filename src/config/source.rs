//! Where configuration comes from: a file, the environment, the command line; the later one counts.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::complaint::Origin;
use super::file::Named;
use super::layers::{Layers, Written};
use super::setting::Setting;
use super::{environment, file};

/// What one start of the program is configured by.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file that was asked for; without one, `gatepass.toml` of the working directory if it is there.
    pub file: Option<PathBuf>,
    pub environment: Vec<(OsString, OsString)>,
    /// A setting (`server.listen`), the flag that sets it (`--listen`) and the value.
    pub command_line: Vec<(&'static str, &'static str, String)>,
}

impl Sources {
    /// The environment of this process and, if there is one, `file`.
    pub fn of_this_process(file: Option<PathBuf>) -> Self {
        Sources { file, environment: std::env::vars_os().collect(), command_line: Vec::new() }
    }

    /// A flag of the command line counts more than everything else.
    pub fn with_flag(mut self, key: &'static str, flag: &'static str, value: Option<String>) -> Self {
        self.command_line.extend(value.map(|value| (key, flag, value)));
        self
    }

    pub(super) fn layers(&self, settings: &[&'static Setting]) -> Layers {
        let mut layers = Layers::default();
        match &self.file {
            Some(path) => file::add(&mut layers, path, Named::Explicitly, settings),
            None => file::add(&mut layers, Path::new("gatepass.toml"), Named::ByHabit, settings),
        }
        environment::add(&mut layers, &self.environment, settings);
        for (key, flag, value) in &self.command_line {
            layers.add(key, Origin::CommandLine(flag), Written::Text(value.clone()));
        }
        layers
    }
}
