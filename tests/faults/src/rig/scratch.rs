//! A folder that is gone with its value, except after a panic.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> anyhow::Result<Self> {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("gatepass-faults-{}-{number}", std::process::id()));
        fs::create_dir(&path)?;
        // PostgreSQL runs as somebody else and looks below.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o711))?;
        Ok(Scratch(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        match std::env::var_os("KEEP_SCRATCH") {
            Some(_) => eprintln!("kept: {}", self.0.display()),
            None => drop(fs::remove_dir_all(&self.0)),
        }
    }
}
