//! From a manifest to a run in the ledger.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use chancery_api::{ManifestError, ValidatedRun, parse, validate};
use chancery_keyring::Kek;
use chancery_process::{KekFileError, create_kek_file, read_kek_file, warn_if_exposed};
use chancery_sources::{Asks, differences, new_run};
use chancery_store::{Keyring, Limits, Object, Run, StoreError};
use uuid::Uuid;

use crate::database::Database;
use crate::error::CliError;

/// A manifest that passed every check.
pub(crate) struct Request {
    path: PathBuf,
    pub(crate) valid: ValidatedRun,
}

/// What of a cluster's is taken over, by the uids of the objects that it was made for.
#[derive(Clone, Copy)]
pub(crate) struct TakenOver {
    pub(crate) run: Option<Uuid>,
    pub(crate) keyring: Option<Uuid>,
}

/// Reads and checks a manifest; `-` stands for standard input.
pub(crate) fn read(path: &Path) -> Result<Request, CliError> {
    let unreadable = |reason| CliError::ManifestFile { path: path.to_owned(), reason };
    let text = if path == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map_err(unreadable)?;
        text
    } else {
        fs::read_to_string(path).map_err(unreadable)?
    };
    let invalid = |reason| CliError::Manifest { path: path.to_owned(), reason };
    let manifest = parse(&text).map_err(invalid)?;
    let valid = validate(&manifest).map_err(invalid)?;
    Ok(Request { path: path.to_owned(), valid })
}

/// Where the KEK comes from. One that is given must be there; the default one is made when the ledger
/// has no use for an older one.
pub(crate) enum KekSource {
    Given { kek: Kek, path: PathBuf },
    ToBeMade { path: PathBuf },
}

impl KekSource {
    pub(crate) fn find(given: Option<&Path>, data_dir: &Path) -> Result<Self, CliError> {
        let default = data_dir.join("kek");
        let path = given.unwrap_or(&default);
        match read_kek_file(path) {
            Ok(kek) => {
                warn_if_exposed(path);
                Ok(Self::Given { kek, path: path.to_owned() })
            }
            Err(KekFileError::Unreadable { reason, .. })
                if given.is_none() && reason.kind() == io::ErrorKind::NotFound =>
            {
                Ok(Self::ToBeMade { path: default })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The KEK of a run, or keyring, that is there already: a fresh one could not open its keys.
    fn get_existing(self) -> Result<(Kek, PathBuf), CliError> {
        match self {
            Self::Given { kek, path } => Ok((kek, path)),
            Self::ToBeMade { path } => Ok((read_kek_file(&path)?, path)),
        }
    }

    fn get(self) -> Result<(Kek, PathBuf), CliError> {
        match self {
            Self::Given { kek, path } => Ok((kek, path)),
            Self::ToBeMade { path } => {
                if let Some(folder) = path.parent() {
                    fs::create_dir_all(folder)
                        .map_err(|reason| CliError::DataDir { path: folder.to_owned(), reason })?;
                }
                let kek = match create_kek_file(&path) {
                    Ok(kek) => {
                        tracing::info!("made the KEK file {}; without it the keys are lost", path.display());
                        kek
                    }
                    // Another run of the same folder was first, this very moment.
                    Err(KekFileError::Unwritable { reason, .. })
                        if reason.kind() == io::ErrorKind::AlreadyExists =>
                    {
                        read_kek_file(&path)?
                    }
                    Err(error) => return Err(error.into()),
                };
                Ok((kek, path))
            }
        }
    }
}

impl Request {
    /// Creates the run in the ledger, or continues the one of this name. Refuses another spec under the
    /// same name, as an API server does, before anything is changed.
    pub(crate) async fn create_or_continue(
        &self,
        database: &Database,
        kek: KekSource,
        taken_over: TakenOver,
    ) -> Result<(Run, Arc<Kek>, PathBuf), CliError> {
        let ValidatedRun { namespace, name, .. } = &self.valid;
        let object = Object::without_cluster();
        let (kek, path) = match database.ledger.find_run(namespace, name).await {
            Ok(existing) => {
                self.check_spec(&existing)?;
                if taken_over.run == Some(existing.owner.object_uid) && !existing.owner.has_no_cluster() {
                    let former = existing.owner.object_uid;
                    database.ledger.adopt_run(&existing, former, &object, taken_over.keyring).await?;
                } else {
                    self.check_owner(&existing)?;
                }
                kek.get_existing()?
            }
            Err(StoreError::NoRun(_)) => match &self.valid.keyring.name {
                Some(keyring) => match database.ledger.find_keyring(namespace, keyring).await {
                    // Before the run is created: with another KEK it could never be signed.
                    Ok(ring) => {
                        let (kek, path) = kek.get_existing()?;
                        self.check_kek(&ring, &kek, &path)?;
                        (kek, path)
                    }
                    Err(StoreError::NoKeyring(_)) => kek.get()?,
                    Err(error) => return Err(error.into()),
                },
                None => kek.get()?,
            },
            Err(error) => return Err(error.into()),
        };
        // Whoever has this machine has its disk, so there are no limits.
        let asks = Asks { object, adopt_keyring: taken_over.keyring, limits: Limits::default() };
        let new = new_run(&self.valid, kek.fingerprint(), asks);
        let (run, created) = database.ledger.create_run(&new).await?;
        // Somebody else may have created it since we looked.
        self.check_spec(&run)?;
        self.check_owner(&run)?;
        self.check_kek(&run.keyring, &kek, &path)?;
        if !created {
            database.ledger.set_mutable(&run, self.valid.suspend, self.valid.lease_duration).await?;
        }
        Ok((run, Arc::new(kek), path))
    }

    fn check_owner(&self, existing: &Run) -> Result<(), CliError> {
        if existing.owner.has_no_cluster() {
            return Ok(());
        }
        Err(CliError::OfCluster(format!("{}/{}", existing.namespace, existing.name)))
    }

    fn check_kek(&self, keyring: &Keyring, kek: &Kek, path: &Path) -> Result<(), CliError> {
        let (given, wanted) = (kek.fingerprint(), keyring.kek_fingerprint.clone());
        if given == wanted {
            return Ok(());
        }
        let ValidatedRun { namespace, name, .. } = &self.valid;
        Err(CliError::OtherKek { run: format!("{namespace}/{name}"), wanted, given, path: path.to_owned() })
    }

    fn check_spec(&self, existing: &Run) -> Result<(), CliError> {
        if existing.deleted {
            return Err(CliError::BeingDeleted(format!("{}/{}", existing.namespace, existing.name)));
        }
        match differences(existing, &self.valid) {
            changes if changes.is_empty() => Ok(()),
            changes => {
                let reason = ManifestError::Immutable(changes);
                Err(CliError::Manifest { path: self.path.clone(), reason })
            }
        }
    }
}
