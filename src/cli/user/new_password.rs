//! A new password for a user: typed, piped in, or taken over as a hash.

use serde_json::{Map, Value};

use crate::app;
use crate::cli::input;
use crate::cli::output::Refusal;
use crate::config::Config;
use crate::sign_in::hashing::StoredHash;
use crate::sign_in::password::facts;
use crate::store::users::Username;

/// Where a new password comes from. Never from the command line itself, which other people on the machine can read.
#[derive(clap::Args)]
pub(in crate::cli) struct NewPassword {
    /// Read the password from standard input
    #[arg(long, conflicts_with = "password_hash")]
    password_stdin: bool,
    /// Take a password over from another system, as an Argon2 hash in PHC string format; - reads it from standard
    /// input
    #[arg(long, value_name = "PHC|-")]
    password_hash: Option<String>,
}

impl NewPassword {
    pub(super) fn reads_standard_input(&self) -> bool {
        self.password_stdin || self.password_hash.as_deref() == Some("-")
    }

    /// The PHC string to keep.
    pub(super) async fn verifier(
        &self,
        config: &Config,
        username: &Username,
        claims: &Map<String, Value>,
    ) -> Result<String, Refusal> {
        if let Some(written) = &self.password_hash {
            let phc = match written.as_str() {
                "-" => input::secret_line()?.to_string(),
                phc => phc.to_owned(),
            };
            let checked = phc.parse::<StoredHash>();
            checked.map_err(|error| Refusal::new("invalid_password_hash", error.to_string()))?;
            return Ok(phc);
        }
        let password = match self.password_stdin {
            true => input::secret_line()?,
            false => input::new_password(username.as_str())?,
        };
        let about = facts(username, claims);
        let hashed = app::hashing(config).hash_new(app::password_policy(config), &password, about).await;
        hashed
            .map_err(|error| Refusal::new("failed", error.to_string()))?
            .map_err(|error| Refusal::new("unacceptable_password", error.to_string()))
    }
}
