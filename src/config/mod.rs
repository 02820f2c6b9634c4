//! The configuration: defaults < `gatepass.toml` < environment < command line. What is wrong is said at once.

mod complaint;
mod environment;
mod file;
mod kind;
mod layers;
mod rules;
mod section;
mod setting;
mod source;

pub mod brand;
pub mod database;
pub mod issuer;
pub mod keys;
pub mod log;
pub mod outbound;
pub mod registration;
pub mod scopes;
pub mod server;
pub mod sign_in;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use self::complaint::{Complaint, Complaints, Origin};
use self::layers::Layers;
use self::registration::Admission;
use self::section::{About, Section};
pub use self::setting::Setting;
pub use self::source::Sources;

/// What the configuration is for, and so what it must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Production,
    /// Plain http and the demo are allowed (`serve --dev`), on loopback only.
    Development,
    /// A command that works on the database beside the server: it serves nobody, so it needs no issuer and no TLS.
    Command,
}

/// The configuration of one server, checked.
#[derive(Clone, Debug)]
pub struct Config {
    pub mode: Mode,
    pub server: server::Server,
    pub issuer: issuer::Issuer,
    pub sign_in: sign_in::SignIn,
    pub registration: registration::Registration,
    pub database: database::Database,
    pub keys: keys::Keys,
    pub outbound: outbound::Exceptions,
    pub log: log::Log,
    pub brand: brand::Brand,
    written: BTreeSet<String>,
}

const SECTIONS: [About; 9] = [
    About::of::<server::Server>(),
    About::of::<issuer::Issuer>(),
    About::of::<sign_in::SignIn>(),
    About::of::<registration::Registration>(),
    About::of::<database::Database>(),
    About::of::<keys::Keys>(),
    About::of::<outbound::Exceptions>(),
    About::of::<log::Log>(),
    About::of::<brand::Brand>(),
];

/// Every setting that there is, in the order of `config example`.
pub fn settings() -> impl Iterator<Item = &'static Setting> {
    SECTIONS.iter().flat_map(|section| section.settings)
}

/// A `gatepass.toml` with every setting, its default and what it is for. All of it is commented out.
pub fn example() -> String {
    let sections: Vec<String> = SECTIONS.iter().map(About::example).collect();
    let head = "# Gatepass reads this file, then GATEPASS_SECTION__SETTING from the environment. A secret may also lie\n\
                # in a file of its own that GATEPASS_SECTION__SETTING_FILE names.\n";
    format!("{head}\n{}", sections.join("\n"))
}

impl Config {
    /// Reads everything, and either all of it is right or every complaint is made.
    pub fn load(sources: &Sources, mode: Mode) -> Result<Config, Complaints> {
        let known: Vec<&'static Setting> = settings().collect();
        let mut layers = sources.layers(&known);
        let written = layers.entries.keys().cloned().collect();

        let server = server::Server::read(&mut layers);
        derive_defaults(&mut layers, server.as_ref(), mode);
        let issuer = issuer::Issuer::read(&mut layers);
        let sign_in = sign_in::SignIn::read(&mut layers);
        let registration = registration::Registration::read(&mut layers);
        let database = database::Database::read(&mut layers);
        let keys = keys::Keys::read(&mut layers);
        let outbound = outbound::Exceptions::read(&mut layers);
        let log = log::Log::read(&mut layers);
        let brand = brand::Brand::read(&mut layers);

        if let Some(server) = &server {
            rules::of_listeners(server, &mut layers);
            if mode != Mode::Command {
                rules::of_tls_files(server, &mut layers);
            }
            if let Some(issuer) = &issuer {
                rules::of_transport(server, issuer, mode, &mut layers);
            }
        }
        if let (Some(issuer), Some(sign_in), Some(keys)) = (&issuer, &sign_in, &keys) {
            rules::of_lifetimes(issuer, sign_in, keys, &mut layers);
            rules::of_hashing(sign_in, &mut layers);
        }
        let complaints = layers.into_complaints();
        match (server, issuer, sign_in, registration, database, keys, outbound, log, brand) {
            (
                Some(server),
                Some(issuer),
                Some(sign_in),
                Some(registration),
                Some(database),
                Some(keys),
                Some(outbound),
                Some(log),
                Some(brand),
            ) if complaints.is_empty() => Ok(Config {
                mode,
                server,
                issuer,
                sign_in,
                registration,
                database,
                keys,
                outbound,
                log,
                brand,
                written,
            }),
            _ => Err(Complaints(complaints)),
        }
    }

    /// Whether somebody set `key` (`server.listen`), rather than left it to its default.
    pub fn sets(&self, key: &str) -> bool {
        self.written.contains(key)
    }

    /// In development an issuer that nobody set is where the listener is (port 0 has become a real one).
    pub fn follow_listener(&mut self, bound: SocketAddr) {
        if self.mode == Mode::Development
            && !self.sets("issuer.url")
            && let Some(url) = issuer::IssuerUrl::parse(&format!("http://{bound}"))
        {
            self.issuer.url = url;
        }
    }
}

/// Defaults that depend on other settings.
fn derive_defaults(layers: &mut Layers, server: Option<&server::Server>, mode: Mode) {
    // Without a [server] that can be read the answer is a refusal; these only keep it from naming more than is wrong.
    let (database, listen) = server.map_or_else(
        || (PathBuf::from("gatepass.db"), SocketAddr::from(([127, 0, 0, 1], 8080))),
        |server| (server.database_file(), server.listen),
    );
    layers.add_default("database.url", format!("sqlite:{}", database.display()));
    if mode != Mode::Production {
        layers.add_default("issuer.url", format!("http://{listen}"));
    }
    let admission = match mode {
        Mode::Development => Admission::Open,
        Mode::Production | Mode::Command => Admission::Off,
    };
    layers.add_default("registration.mode", admission.as_str().to_owned());
    let documents = mode == Mode::Development;
    layers.add_default("registration.client_id_metadata_documents", documents.to_string());
}

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

fn hours(count: u64) -> Duration {
    minutes(60 * count)
}

fn days(count: u64) -> Duration {
    hours(24 * count)
}
