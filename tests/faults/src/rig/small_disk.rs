//! A small file system in memory that can be filled to its last byte. Mounting takes root.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use super::output;

pub struct SmallDisk(PathBuf);

impl SmallDisk {
    pub async fn mount(path: PathBuf, megabytes: u32) -> anyhow::Result<Self> {
        ensure!(rustix::process::geteuid().is_root(), "mounting a file system takes root");
        fs::create_dir(&path)?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={megabytes}m,mode=0700"), "tmpfs"]).arg(&path);
        output(mount).await.context("cannot mount a tmpfs")?;
        Ok(SmallDisk(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// Leaves no byte free.
    pub fn fill(&self) -> anyhow::Result<()> {
        let mut filler = File::options().create(true).append(true).open(self.filler())?;
        for piece in [vec![0; 1 << 20], vec![0; 1 << 12], vec![0; 1]] {
            loop {
                match filler.write_all(&piece) {
                    Ok(()) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    pub fn free(&self) -> anyhow::Result<()> {
        Ok(fs::remove_file(self.filler())?)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Also when somebody is still in there.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
