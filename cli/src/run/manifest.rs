//! From a manifest to a run in the ledger.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use chancery_api::{LeaseDuration, SigningRun, SigningRunSpec, ValidatedRun, check_update, parse, validate};
use chancery_keyring::Kek;
use chancery_process::{KekFileError, create_kek_file, read_kek_file, warn_if_exposed};
use chancery_seeding::new_run;
use chancery_store::{Run, StoreError};

use crate::database::Database;
use crate::error::CliError;

/// A manifest that passed every check.
pub(crate) struct Request {
    path: PathBuf,
    manifest: SigningRun,
    pub(crate) valid: ValidatedRun,
}

/// Reads and checks a manifest; `-` stands for standard input.
pub(crate) fn read(path: &Path) -> Result<Request, CliError> {
    let unreadable = |source| CliError::ManifestFile { path: path.to_owned(), source };
    let text = if path == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map_err(unreadable)?;
        text
    } else {
        fs::read_to_string(path).map_err(unreadable)?
    };
    let invalid = |source| CliError::Manifest { path: path.to_owned(), source };
    let manifest = parse(&text).map_err(invalid)?;
    let valid = validate(&manifest).map_err(invalid)?;
    Ok(Request { path: path.to_owned(), manifest, valid })
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
            Err(KekFileError::Unreadable { source, .. })
                if given.is_none() && source.kind() == io::ErrorKind::NotFound =>
            {
                Ok(Self::ToBeMade { path: default })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The KEK of a run that is there already: a fresh one could not open its keys.
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
                        .map_err(|source| CliError::DataDir { path: folder.to_owned(), source })?;
                }
                let kek = match create_kek_file(&path) {
                    Ok(kek) => {
                        tracing::info!("made the KEK file {}; without it the keys are lost", path.display());
                        kek
                    }
                    // Another run of the same folder was first, this very moment.
                    Err(KekFileError::Unwritable { source, .. })
                        if source.kind() == io::ErrorKind::AlreadyExists =>
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
    /// As many signers as the manifest asks for and as can have a key and a batch at the same time.
    pub(crate) fn signers(&self) -> u32 {
        let batches = u32::try_from(self.valid.batches()).unwrap_or(u32::MAX);
        self.valid.parallelism.min(self.valid.key_count).min(batches)
    }

    /// Creates the run in the ledger, or continues the one of this name. Refuses another spec under the
    /// same name, as an API server does, before anything is changed.
    pub(crate) async fn create_or_continue(
        &self,
        database: &Database,
        kek: KekSource,
    ) -> Result<(Run, Arc<Kek>, PathBuf), CliError> {
        let ValidatedRun { namespace, name, .. } = &self.valid;
        let (kek, path) = match database.ledger.find_run(namespace, name).await {
            Ok(existing) => {
                self.check_spec(&existing)?;
                kek.get_existing()?
            }
            Err(StoreError::NoRun(_)) => kek.get()?,
            Err(error) => return Err(error.into()),
        };
        let (run, created) = database.ledger.create_run(&new_run(&self.valid, kek.fingerprint())).await?;
        // Somebody else may have created it since we looked.
        self.check_spec(&run)?;
        let given = kek.fingerprint();
        if run.kek_fingerprint != given {
            let run_name = format!("{namespace}/{name}");
            return Err(CliError::OtherKek { run: run_name, wanted: run.kek_fingerprint, given, path });
        }
        if !created {
            database.ledger.set_mutable(&run, self.valid.suspend, self.valid.lease_duration).await?;
        }
        Ok((run, Arc::new(kek), path))
    }

    fn check_spec(&self, existing: &Run) -> Result<(), CliError> {
        if existing.deleted {
            return Err(CliError::BeingDeleted(format!("{}/{}", existing.namespace, existing.name)));
        }
        // A key size that is left out means the same as its default, which the ledger holds.
        let mut new = self.manifest.clone();
        new.spec.key_size = self.valid.key_size.and_then(|bits| bits.try_into().ok());
        let old = SigningRun { spec: self.spec_of(existing), ..new.clone() };
        check_update(&old, &new).map_err(|source| CliError::Manifest { path: self.path.clone(), source })
    }

    /// The spec that made the existing run; what may change is taken from ours.
    fn spec_of(&self, existing: &Run) -> SigningRunSpec {
        let ours = &self.manifest.spec;
        SigningRunSpec {
            record_count: existing.record_count,
            record_size: existing.record_size,
            key_count: existing.key_count,
            batch_size: i32::try_from(existing.batch_size).unwrap_or(i32::MAX),
            parallelism: ours.parallelism,
            algorithm: existing.algorithm.parse().unwrap_or(ours.algorithm),
            key_size: existing.key_size,
            lease_duration: LeaseDuration::clone(&ours.lease_duration),
            suspend: ours.suspend,
            active_deadline_seconds: ours.active_deadline_seconds,
            ttl_seconds_after_finished: ours.ttl_seconds_after_finished,
            backoff_limit: ours.backoff_limit,
            signer_template: ours.signer_template.clone(),
            deletion_policy: ours.deletion_policy,
        }
    }
}
