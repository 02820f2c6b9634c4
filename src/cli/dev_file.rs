//! `dev.json` in the data folder: what `serve --dev` has set up, for people and programs that try it out.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The demo's secrets stand in it openly: they open nothing but a server that listens on loopback.
#[derive(Clone, Serialize, Deserialize)]
pub struct DevFile {
    pub issuer: String,
    pub username: String,
    pub password: String,
    pub client_id: String,
    pub client_secret: String,
    pub redirect_uri: String,
    pub api: DevApi,
}

/// The API that the demo client's access tokens are for.
#[derive(Clone, Serialize, Deserialize)]
pub struct DevApi {
    pub resource: String,
    pub client_id: String,
    pub client_secret: String,
}

impl DevFile {
    pub fn path(data_dir: &Path) -> PathBuf {
        data_dir.join("dev.json")
    }

    /// `None` where no `serve --dev` has been.
    pub fn read(data_dir: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(DevFile::path(data_dir)).ok()?).ok()
    }

    /// Writes it for its owner only, in one step: nobody reads half of it.
    pub fn write(&self, data_dir: &Path) -> io::Result<()> {
        let path = DevFile::path(data_dir);
        let draft = path.with_extension("json.new");
        let gone = fs::remove_file(&draft);
        if let Err(error) = gone
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&draft)?;
        file.write_all((serde_json::to_string_pretty(self)? + "\n").as_bytes())?;
        fs::rename(&draft, &path)
    }
}
