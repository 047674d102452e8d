//! `garage password`: gives somebody of a data directory a new password, also while `garage up` runs there.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;
use garage::embedded::people_file;
use garage_web::People;

/// Give somebody a new password.
#[derive(Args)]
pub(crate) struct Password {
    /// The name that they sign in with
    login: String,
    /// The data directory of the `garage up`
    #[arg(long, default_value = "./garage-data")]
    data_dir: PathBuf,
}

impl Password {
    #[expect(clippy::print_stdout, reason = "what a command says goes to standard output")]
    pub(crate) async fn run(self) -> Result<()> {
        let file = people_file(&self.data_dir);
        ensure!(
            file.is_file(),
            "{} has no people yet: name the --data-dir of a `garage up`",
            self.data_dir.display()
        );
        let reset = People::open(&file).await?.reset(&self.login).await?;
        println!("{}", reset.with_context(|| format!("nobody signs in as {:?}", self.login))?);
        Ok(())
    }
}
