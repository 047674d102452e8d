//! `garage backup`: a copy of a data directory, also while `garage up` works in it.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use garage::backup::back_up;

/// Copy a data directory.
#[derive(Args)]
pub(crate) struct Backup {
    /// The folder to write; it must not be there yet. It holds the secrets too, and is its owner's alone
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    /// The data directory of the `garage up`
    #[arg(long, default_value = "./garage-data")]
    data_dir: PathBuf,
}

impl Backup {
    #[expect(clippy::print_stdout, reason = "what a command says goes to standard output")]
    pub(crate) async fn run(self) -> Result<()> {
        let written = back_up(&self.data_dir, &self.to).await?;
        println!(
            "{} is a copy of {} ({} KiB). To restore: stop `garage up`, put the copy in its place, start.",
            self.to.display(),
            self.data_dir.display(),
            written.div_ceil(1024)
        );
        Ok(())
    }
}
