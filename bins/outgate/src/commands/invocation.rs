//! What every command starts from: where the configuration and the store are, and who reads the output.

use crate::{args::Globals, exit::CommandError, output::Output};
use outgate_relay::{Admin, Config, Loaded, Opening};
use std::path::PathBuf;

/// How the command was called.
#[derive(Debug)]
pub(crate) struct Invocation {
    config: Option<PathBuf>,
    data: Option<PathBuf>,
    /// Who reads.
    pub(crate) output: Output,
}

impl Invocation {
    pub(crate) fn new(globals: Globals) -> Self {
        Self { config: globals.config, data: globals.data, output: Output::new(globals.json) }
    }

    /// The configuration in force: the file's, with what the command line says on top. Read anew at every call.
    pub(crate) fn load(&self) -> Result<Loaded, CommandError> {
        let mut loaded = Config::load(self.config.as_deref())?;
        if let Some(data) = &self.data {
            loaded.config.data_dir.clone_from(data);
        }
        Ok(loaded)
    }

    /// The store, for administration.
    pub(crate) async fn open(&self, opening: Opening) -> Result<Admin, CommandError> {
        Ok(Admin::open(self.load()?.config, opening).await?)
    }
}
