//! From a manifest to a run in the ledger.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::{fs, io};

use chancery_api::{ManifestError, RunFile, RunInput, RunSource, SigningRun, ValidatedRun, validate};
use chancery_data_keys::DataKeyAccessError;
use chancery_keyring::{DataKey, OpenDataKeyError};
use chancery_sources::access::Access;
use chancery_sources::asking::Asking;
use chancery_sources::objects::{for_ledger, look_at};
use chancery_sources::pin::pin;
use chancery_sources::replay::{Reader, may_be_read_again};
use chancery_sources::{Asks, differences, new_run, notifications, sinks};
use chancery_store::{Keyring, Limits, NewPolicy, Object, Run, StoreError};
use uuid::Uuid;

use crate::database::Database;
use crate::error::CliError;
use crate::kek_source::{FoundKeks, KekSource};

/// Dead letters whose bytes are removed in one transaction, of up to 1 MiB each.
const SWEPT_AT_ONCE: i64 = 100;

/// A manifest that passed every check.
pub(crate) struct Request {
    path: PathBuf,
    pub(crate) valid: ValidatedRun,
    /// The version of the policy that judges it, if it is made now.
    policy: Option<NewPolicy>,
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
    let RunFile { run, policy, config_maps } = RunFile::read(&text).map_err(invalid)?;
    let valid = validate(&run).map_err(invalid)?;
    let named = named_policy(&valid);
    let has = policy.as_ref().and_then(|policy| policy.metadata.name.as_deref());
    let policy = match (named, policy.as_ref()) {
        (None, None) => None,
        (Some(name), Some(policy)) if has == Some(name) => {
            let pinned = pin(policy, &config_maps);
            Some(pinned.map_err(|reason| CliError::Policy { path: path.to_owned(), reason })?)
        }
        (Some(name), _) => return Err(CliError::NoPolicy { path: path.to_owned(), policy: name.to_owned() }),
        (None, Some(_)) => {
            let policy = has.unwrap_or_default().to_owned();
            return Err(CliError::UnnamedPolicy { path: path.to_owned(), policy });
        }
    };
    Ok(Request { path: path.to_owned(), valid, policy })
}

fn named_policy(run: &ValidatedRun) -> Option<&str> {
    match &run.input {
        RunInput::Generated { .. } => None,
        RunInput::Sources(sources) => sources.policy.as_deref(),
    }
}

impl Request {
    /// A run that was put together here, under a name that messages call it by, and the version of the policy that it names.
    pub(crate) fn of(run: &SigningRun, policy: Option<NewPolicy>, name: PathBuf) -> Result<Self, CliError> {
        match validate(run) {
            Ok(valid) => Ok(Self { path: name, valid, policy }),
            Err(reason) => Err(CliError::Manifest { path: name, reason }),
        }
    }

    /// Looks at what the sources name, and whether those can be asked whom the policy asks, before a run is made of them.
    async fn look_at_sources(&self, database: &Database) -> Result<(), CliError> {
        let RunInput::Sources(sources) = &self.valid.input else { return Ok(()) };
        if let Some(policy) = &self.policy {
            let refused = |reason| CliError::Asking { path: self.path.clone(), reason: Box::new(reason) };
            let asking = Asking::of(Uuid::nil(), &policy.text, &Access::Environment).map_err(refused)?;
            if let Some(asking) = asking {
                asking.look().await.map_err(refused)?;
            }
        }
        for source in &sources.sources {
            let Some(RunSource { name, select }) = &source.run else { continue };
            let found = database.ledger.find_run(&self.valid.namespace, name).await?;
            may_be_read_again(&found, Reader::Command, *select)
                .map_err(|reason| CliError::NotReadAgain { name: source.name.clone(), reason })?;
        }
        Ok(look_at(&sources.sources, &Access::Environment).await?)
    }

    /// Creates the run in the ledger, or continues the one of this name, and opens the data key of its keyring. Refuses
    /// another spec under the same name, as an API server does, before anything is changed.
    pub(crate) async fn create_or_continue(
        &self,
        database: &Database,
        kek: KekSource,
        taken_over: TakenOver,
    ) -> Result<(Run, DataKey), CliError> {
        let ValidatedRun { namespace, name, .. } = &self.valid;
        let object = Object::without_cluster();
        let found = database.ledger.find_run(namespace, name).await;
        if matches!(found, Err(StoreError::NoRun(_))) {
            self.look_at_sources(database).await?;
            sinks::look_at(&self.valid, &Access::Environment)
                .map_err(|(name, reason)| CliError::BadSink { name, reason })?;
            notifications::check(&self.valid)
                .map_err(|(name, reason)| CliError::BadNotification { name, reason })?;
        }
        database.ledger.sweep_digests().await?;
        let keks = match found {
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
                        let keks = kek.get_existing()?;
                        self.open_data_key(database, &ring, &keks).await?;
                        keks
                    }
                    Err(StoreError::NoKeyring(_)) => kek.get()?,
                    Err(error) => return Err(error.into()),
                },
                None => kek.get()?,
            },
            Err(error) => return Err(error.into()),
        };
        let fresh = chancery_data_keys::fresh(keks.keks.current())?;
        // Whoever has this machine has its disk, so there are no limits.
        let asks = Asks {
            object,
            adopt_keyring: taken_over.keyring,
            limits: Limits::default(),
            policy: self.policy.clone(),
        };
        let (run, created) = database.ledger.create_run(&new_run(&self.valid, fresh, asks)).await?;
        // Somebody else may have created it since we looked.
        self.check_spec(&run)?;
        self.check_owner(&run)?;
        let data_key = self.open_data_key(database, &run.keyring, &keks).await?;
        if !created {
            database.ledger.set_mutable(&run, self.valid.suspend, self.valid.lease_duration).await?;
            if let RunInput::Sources(sources) = &self.valid.input {
                database.ledger.set_dead_letter(&run, for_ledger(sources).dead_letter).await?;
                while database.ledger.sweep_dead_letters(&run, SWEPT_AT_ONCE).await? == SWEPT_AT_ONCE {}
            }
        }
        Ok((run, data_key))
    }

    fn check_owner(&self, existing: &Run) -> Result<(), CliError> {
        if existing.owner.has_no_cluster() {
            return Ok(());
        }
        Err(CliError::OfCluster(format!("{}/{}", existing.namespace, existing.name)))
    }

    async fn open_data_key(
        &self,
        database: &Database,
        keyring: &Keyring,
        FoundKeks { keks, path }: &FoundKeks,
    ) -> Result<DataKey, CliError> {
        chancery_data_keys::open(&database.ledger, keyring, keks).await.map_err(|error| match error {
            DataKeyAccessError::Store(error) => error.into(),
            DataKeyAccessError::Open(OpenDataKeyError::OtherKek { wanted, given, .. }) => {
                let ValidatedRun { namespace, name, .. } = &self.valid;
                CliError::OtherKek { run: format!("{namespace}/{name}"), wanted, given, path: path.clone() }
            }
            DataKeyAccessError::Open(error) => error.into(),
        })
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
