//! What a command reads: passwords from a terminal, everything from standard input, documents from files.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::str::FromStr;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::output::Refusal;

/// More than any password, hash, claim or client needs.
const LONGEST: u64 = 1024 * 1024;

/// A file, or standard input written as `-`.
#[derive(Clone, Debug)]
pub(super) enum Source {
    StandardInput,
    File(String),
}

impl FromStr for Source {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "-" => Source::StandardInput,
            path => Source::File(path.to_owned()),
        })
    }
}

impl Source {
    pub(super) fn is_standard_input(&self) -> bool {
        matches!(self, Source::StandardInput)
    }

    /// A JSON object.
    pub(super) fn object(&self) -> Result<Map<String, Value>, Refusal> {
        let (text, place) = match self {
            Source::StandardInput => (read(io::stdin()), "standard input"),
            Source::File(path) => (File::open(path).and_then(read), path.as_str()),
        };
        let text = text.map_err(|error| Refusal::new("input", format!("{place} cannot be read: {error}")))?;
        serde_json::from_str(&text)
            .map_err(|error| Refusal::new("input", format!("{place} holds no JSON object: {error}")))
    }
}

fn read(from: impl Read) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    from.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

/// A secret from standard input: the whole of it but for one line break at its end.
pub(super) fn secret_line() -> Result<Zeroizing<String>, Refusal> {
    let mut text = read(io::stdin())
        .map_err(|error| Refusal::new("input", format!("standard input cannot be read: {error}")))?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    if text.is_empty() {
        return Err(Refusal::new("input", "standard input is empty: the secret is expected there"));
    }
    Ok(text)
}

/// Asks twice at the terminal, without showing what is typed.
pub(super) fn new_password(of: &str) -> Result<Zeroizing<String>, Refusal> {
    let nobody = || {
        let message = "there is no terminal to ask for a password: pipe it in with --password-stdin";
        Refusal::new("input", message)
    };
    if !io::stdin().is_terminal() {
        return Err(nobody());
    }
    let ask =
        |question: String| rpassword::prompt_password(question).map(Zeroizing::new).map_err(|_| nobody());
    let first = ask(format!("New password of {of}: "))?;
    if first != ask("The same again: ".to_owned())? {
        return Err(Refusal::new("input", "the two passwords differ: nothing was changed"));
    }
    Ok(first)
}
