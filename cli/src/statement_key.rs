//! The key that signs statements: a file that the user names, or one of our own beside the KEK.

use std::path::Path;
use std::{fs, io};

use chancery_process::{StatementKeyFileError, create_statement_key_file, read_statement_key_file};
use chancery_statement::StatementKey;

use crate::error::CliError;

/// The default file, in the data folder, and that of its public key.
const PRIVATE: &str = "statement.key";
const PUBLIC: &str = "statement.pub";

/// Reads the key. The default one is made if it does not exist, with its public key beside it; one that is given must
/// be there.
pub(crate) fn find(given: Option<&Path>, data_dir: &Path) -> Result<StatementKey, CliError> {
    let default = data_dir.join(PRIVATE);
    let path = given.unwrap_or(&default);
    match read_statement_key_file(path) {
        Err(StatementKeyFileError::Unreadable { reason, .. })
            if given.is_none() && reason.kind() == io::ErrorKind::NotFound =>
        {
            make(&default, &data_dir.join(PUBLIC))
        }
        other => Ok(other?),
    }
}

fn make(path: &Path, public: &Path) -> Result<StatementKey, CliError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|reason| CliError::DataDir { path: folder.to_owned(), reason })?;
    }
    let key = match create_statement_key_file(path) {
        Ok(key) => key,
        // Another run of the same folder was first, this very moment.
        Err(StatementKeyFileError::Unwritable { reason, .. })
            if reason.kind() == io::ErrorKind::AlreadyExists =>
        {
            return Ok(read_statement_key_file(path)?);
        }
        Err(error) => return Err(error.into()),
    };
    fs::write(public, key.public().to_pem())
        .map_err(|reason| CliError::WriteFile { path: public.to_owned(), reason })?;
    tracing::info!(
        "made the statement key {}; keep its public key {} where the ledger's owner cannot change it",
        path.display(),
        public.display()
    );
    Ok(key)
}
