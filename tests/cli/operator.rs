//! Somebody at a terminal, in a folder of their own.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use gatepass::id::Id;
use serde_json::Value;

use crate::support::World;

pub struct Operator {
    /// Where they are; what they make here goes with them.
    pub home: PathBuf,
    pub data_dir: PathBuf,
    environment: Vec<(String, String)>,
}

/// What a command said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Operator {
    pub fn new() -> Self {
        let home = std::env::temp_dir().join(format!("gatepass-operator-{}", Id::<Operator>::new()));
        std::fs::create_dir(&home).unwrap();
        let cheap =
            [("GATEPASS_SIGN_IN__ARGON2_MEMORY_KIB", "8"), ("GATEPASS_SIGN_IN__ARGON2_ITERATIONS", "1")];
        let environment = cheap.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Operator { data_dir: home.join("data"), home, environment }
    }

    /// The operator of a server that runs.
    pub fn beside(world: &World) -> Self {
        let config = &world.app.config;
        let mut operator = Operator::new();
        operator.data_dir.clone_from(&config.server.data_dir);
        operator.knowing("GATEPASS_DATABASE__URL", config.database.url.reveal())
    }

    /// With a migrated database and nothing else.
    pub fn with_database() -> Self {
        let operator = Operator::new();
        operator.does(&["migrate", "up"]);
        operator
    }

    pub fn knowing(mut self, variable: &str, value: &str) -> Self {
        self.environment.push((variable.to_owned(), value.to_owned()));
        self
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatepass"));
        command.current_dir(&self.home).env_clear().envs(self.environment.iter().cloned());
        command.arg("--data-dir").arg(&self.data_dir).args(arguments).stdin(Stdio::null());
        command
    }

    pub fn says(&self, arguments: &[&str]) -> Said {
        self.command(arguments).output().unwrap().into()
    }

    /// What a command does with `input` on its standard input.
    pub fn pipes(&self, input: &str, arguments: &[&str]) -> Said {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that refuses its arguments does not wait for input.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap().into()
    }

    /// The words of a command that works.
    pub fn does(&self, arguments: &[&str]) -> String {
        self.says(arguments).words()
    }

    /// The JSON of a command that works.
    pub fn json(&self, arguments: &[&str]) -> Value {
        self.says(&[arguments, &["--json"]].concat()).json()
    }

    /// The error code and the sentence of a command that is refused.
    pub fn refused(&self, arguments: &[&str]) -> (String, String) {
        self.says(&[arguments, &["--json"]].concat()).refusal()
    }

    pub fn adds_user(&self, name: &str, password: &str) {
        self.pipes(password, &["user", "add", name, "--password-stdin"]).words();
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

impl Said {
    pub fn words(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }

    pub fn json(self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        assert_eq!(self.err, "");
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn refusal(self) -> (String, String) {
        assert_ne!(self.code, 0, "{self:?}");
        assert_eq!(self.out, "");
        let error: Value =
            serde_json::from_str(&self.err).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        let text = |member: &str| error[member].as_str().unwrap().to_owned();
        let (code, message) = (text("error"), text("message"));
        assert_eq!(self.code, if code == "usage" { 2 } else { 1 });
        (code, message)
    }
}
