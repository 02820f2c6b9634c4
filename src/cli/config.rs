//! `gatepass config`: every setting there is, and whether those that are set are right.

use serde_json::json;

use super::Everywhere;
use super::output::{Answer, Refusal};
use crate::config::{self, Config, Mode, Sources};

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Print a gatepass.toml with every setting, its default and what it is for
    Example,
    /// Say everything that is wrong with the configuration that `serve` would start with
    Check {
        /// Judge it as `serve --dev` does
        #[arg(long)]
        dev: bool,
    },
}

pub(super) fn run(command: Command, everywhere: &Everywhere) -> Result<Answer, Refusal> {
    match command {
        Command::Example => {
            let example = config::example();
            let json = json!({ "toml": example });
            Ok(Answer::new(example, json))
        }
        Command::Check { dev } => {
            let mode = if dev { Mode::Development } else { Mode::Production };
            let config = Config::load(&everywhere.sources(), mode)?;
            let set: Vec<String> =
                config::settings().map(|s| s.key()).filter(|key| config.sets(key)).collect();
            let text = format!(
                "The configuration is right. Set: {}.",
                match set.as_slice() {
                    [] => "nothing, all defaults".to_owned(),
                    keys => keys.join(", "),
                }
            );
            Ok(Answer::new(text, json!({ "issuer": config.issuer.url.as_str(), "set": set })))
        }
    }
}

impl Everywhere {
    /// Where the settings of this command line come from.
    pub(super) fn sources(&self) -> Sources {
        Sources::of_this_process(self.config.clone()).with_flag(
            "server.data_dir",
            "--data-dir",
            self.data_dir.clone(),
        )
    }
}
