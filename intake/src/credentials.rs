//! With which rights a source is read. They come from files or the environment of this process, never from the ledger.

use std::path::PathBuf;
use std::{fs, io};

use chancery_reading::Credentials;
use chancery_sources::objects::{ACCESS_KEY, credentials_of_environment};

use crate::error::IntakeError;

const ID: &str = ACCESS_KEY[0];
const SECRET: &str = ACCESS_KEY[1];
const TOKEN: &str = ACCESS_KEY[2];

/// Finds the credentials of each source.
#[derive(Debug)]
pub(crate) struct CredentialsOf {
    folder: Option<PathBuf>,
}

impl CredentialsOf {
    pub(crate) const fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// Those of a source: of its folder, if there are folders, and none if it has none; else of the environment.
    pub(crate) fn of(&self, source: &str) -> Result<Credentials, IntakeError> {
        let Some(folder) = self.folder.as_ref().map(|folder| folder.join(source)) else {
            return Ok(credentials_of_environment());
        };
        if !folder.exists() {
            return Ok(Credentials::Anonymous);
        }
        let read = |name: &str| {
            let file = folder.join(name);
            fs::read_to_string(&file).map(|text| text.trim_end().to_owned()).map_err(|reason| {
                IntakeError::Credentials { name: source.to_owned(), file: file.display().to_string(), reason }
            })
        };
        let token = match read(TOKEN) {
            Err(IntakeError::Credentials { reason, .. }) if reason.kind() == io::ErrorKind::NotFound => None,
            other => Some(other?),
        };
        Ok(Credentials::AccessKey { id: read(ID)?, secret: read(SECRET)?, token })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_has_the_credentials_of_its_own_folder_or_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let one = folder.path().join("one");
        fs::create_dir(&one).expect("a folder");
        fs::write(one.join(ID), "id\n").expect("a file");
        let credentials = CredentialsOf::new(Some(folder.path().to_owned()));
        let missing = credentials.of("one").expect_err("no secret").to_string();
        assert!(missing.contains("source one") && missing.contains(SECRET), "{missing}");
        fs::write(one.join(SECRET), "secret\n").expect("a file");
        let found = credentials.of("one").expect("credentials");
        assert!(
            matches!(&found, Credentials::AccessKey { id, secret, token: None } if id == "id" && secret == "secret")
        );
        assert!(matches!(credentials.of("other").expect("none"), Credentials::Anonymous));
    }
}
