//! What is wrong with a configuration, and what would be right.

use std::fmt;
use std::path::PathBuf;

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody wrote it.
    Default,
    File {
        path: PathBuf,
        line: usize,
    },
    Variable(String),
    /// A variable that names the file which holds the secret.
    SecretFile {
        variable: String,
        path: PathBuf,
    },
    CommandLine(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("not set"),
            Origin::File { path, line } => write!(f, "{} line {line}", path.display()),
            Origin::Variable(name) => f.write_str(name),
            Origin::SecretFile { variable, path } => write!(f, "{variable}, {}", path.display()),
            Origin::CommandLine(flag) => f.write_str(flag),
        }
    }
}

/// One thing that is wrong. It never carries the value of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The setting with its section: `server.listen`.
    pub key: String,
    pub origin: Origin,
    pub wrong: String,
    pub right: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}; {}", self.key, self.origin, self.wrong, self.right)
    }
}

/// Everything that is wrong, so that an operator corrects it in one go. Never empty.
#[derive(Clone, Debug, thiserror::Error)]
pub struct Complaints(pub Vec<Complaint>);

impl fmt::Display for Complaints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration is refused:")?;
        self.0.iter().try_for_each(|complaint| write!(f, "\n  {complaint}"))
    }
}
