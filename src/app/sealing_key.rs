//! The sealing key: from the configuration, or from a private file in the data folder that is made once.

use std::fs::{DirBuilder, File, OpenOptions, hard_link, remove_file};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use zeroize::Zeroizing;

use super::StartError;
use crate::config::{self, Config};
use crate::id::Id;
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
    read(&config.server.sealing_key_file())
}

fn read(path: &Path) -> Result<Option<RootKey>, StartError> {
    let failed = |error| StartError::File { path: path.to_owned(), error };
    let mut text = Zeroizing::new(String::new());
    match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
        Ok(mut file) => {
            check_private(path)?;
            file.read_to_string(&mut text).map_err(failed)?;
        }
    }
    let key = config::keys::sealing_key(text.trim());
    Ok(Some(key.ok_or(StartError::NotASealingKey { path: path.to_owned() })?))
}

/// A new key, or that of somebody who started at the same moment and was faster.
pub(super) fn make(path: &Path) -> Result<RootKey, StartError> {
    let failed = |error| StartError::File { path: path.to_owned(), error };
    let key = RootKey::new();
    let text = Zeroizing::new(secret::base64url(key.reveal()) + "\n");
    // Nodes that share a folder may start together: the file is whole from the moment in which it has its name.
    let draft = path.with_extension(Id::<RootKey>::new().to_string());
    let written = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| hard_link(&draft, path));
    let _ = remove_file(&draft);
    let written = written.and_then(|()| sync_folder(path));
    match written {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => read(path)?.ok_or_else(|| failed(error)),
        Err(error) => Err(failed(error)),
    }
}

/// What the database has sealed with the key must not outlive the file's name in a power cut.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    #[test]
    fn nodes_that_start_together_have_one_key() {
        let folder = std::env::temp_dir().join(format!("gatepass-{}", Id::<RootKey>::new()));
        make_data_folder(&folder).unwrap();
        for round in 0..50 {
            let path = folder.join(format!("sealing.key-{round}"));
            let together = Barrier::new(8);
            let start = || {
                together.wait();
                let key = match read(&path).unwrap() {
                    Some(key) => key,
                    None => make(&path).unwrap(),
                };
                *key.reveal()
            };
            let keys: Vec<_> = thread::scope(|nodes| {
                let started: Vec<_> = (0..8).map(|_| nodes.spawn(start)).collect();
                started.into_iter().map(|node| node.join().unwrap()).collect()
            });
            assert!(keys.iter().all(|key| *key == keys[0]));
        }
        assert_eq!(folder.read_dir().unwrap().count(), 50, "nothing else is left");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
