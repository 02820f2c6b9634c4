//! The sealing key: from the configuration, or from a private file in the data folder that is made once.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use zeroize::Zeroizing;

use super::StartError;
use crate::config::{self, Config};
use crate::secret::{self, RootKey};

/// Makes the data folder, readable by its owner only.
pub(super) fn make_data_folder(folder: &Path) -> Result<(), StartError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| StartError::Folder { path: folder.to_owned(), error })
}

/// A file that only its owner reads, empty if it is new.
pub(super) fn make_private(path: &Path) -> Result<(), StartError> {
    let made = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path);
    match made {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => check_private(path),
        Err(error) => Err(StartError::File { path: path.to_owned(), error }),
    }
}

fn check_private(path: &Path) -> Result<(), StartError> {
    let metadata = path.metadata().map_err(|error| StartError::File { path: path.to_owned(), error })?;
    match metadata.permissions().mode() & 0o077 {
        0 => Ok(()),
        _ => Err(StartError::Readable { path: path.to_owned() }),
    }
}

pub(super) fn find(config: &Config) -> Result<Option<RootKey>, StartError> {
    if let Some(key) = &config.keys.sealing_key {
        return Ok(Some(key.clone()));
    }
    let path = config.server.sealing_key_file();
    let mut text = Zeroizing::new(String::new());
    match File::open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StartError::File { path, error }),
        Ok(mut file) => {
            check_private(&path)?;
            file.read_to_string(&mut text).map_err(|error| StartError::File { path: path.clone(), error })?;
        }
    }
    let key = config::keys::sealing_key(text.trim());
    Ok(Some(key.ok_or(StartError::NotASealingKey { path })?))
}

pub(super) fn make(config: &Config) -> Result<RootKey, StartError> {
    let path = config.server.sealing_key_file();
    let key = RootKey::new();
    let text = Zeroizing::new(secret::base64url(key.reveal()) + "\n");
    let written = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    match written {
        Ok(()) => Ok(key),
        // Somebody who started at the same moment was faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            find(config)?.ok_or(StartError::File { path, error })
        }
        Err(error) => Err(StartError::File { path, error }),
    }
}
