//! The one folder that all servers write into, removed with all that is in it.

use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// A new folder; dropping it removes it.
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Under the system's folder for temporary files. Others may pass through it but not look: PostgreSQL's own folder
    /// in there belongs to another user when we are root.
    pub(crate) fn create() -> Result<Self> {
        let parent = std::env::temp_dir();
        for attempt in 0..100 {
            let path = parent.join(format!("garage-test-{}-{attempt}", std::process::id()));
            match DirBuilder::new().mode(0o711).create(&path) {
                Ok(()) => return Ok(Self { path }),
                // Left by a run that was killed and had our number.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(error).with_context(|| format!("could not make {}", path.display()));
                }
            }
        }
        bail!("{} is full of folders that killed runs left", parent.display())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            crate::console::say(&format!("could not remove {}: {error}", self.path.display()));
        }
    }
}
