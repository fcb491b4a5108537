//! `outgate backup`

use super::Invocation;
use crate::{
    exit::{CommandError, Status},
    output::{counted, prose, view::BackedUp},
};
use outgate_relay::{Opening, master_key};
use std::path::Path;

pub(crate) async fn run(invocation: &Invocation, file: &Path) -> Result<Status, CommandError> {
    let admin = invocation.open(Opening::Existing).await?;
    // The store refuses too; asked here for the exit status.
    if file.symlink_metadata().is_ok() {
        return Err(CommandError::FileExists(file.to_owned()));
    }
    admin.backup(file).await.map_err(|error| CommandError::Failed(error.to_string()))?;
    let bytes = std::fs::metadata(file)?.len();
    let document = BackedUp { file: file.display().to_string(), bytes };
    invocation.output.tell(&document, || {
        let key = format!(
            "The master key is not part of it. Keep a copy of {} elsewhere: without it the DKIM keys in the backup \
             cannot be used.",
            admin.config().data_dir.join(master_key::FILE).display(),
        );
        format!("Backed up to {} ({}).\n{}", file.display(), counted(bytes, "byte"), prose(&key))
    })?;
    Ok(Status::Done)
}
