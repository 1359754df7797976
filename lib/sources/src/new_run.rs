//! What a run is created with in the ledger.

use chancery_api::{RunInput, ValidatedRun};
use chancery_store::{KeyringWanted, Limits, NewDataKey, NewInput, NewPolicy, NewRun, Object};
use uuid::Uuid;

use crate::{notifications, objects, sinks};

/// What a run is asked for with, beside its spec.
#[derive(Clone, Debug)]
pub struct Asks {
    /// Who asks.
    pub object: Object,
    /// The object that its keyring was made for, if that is another namespace's and to be taken over.
    pub adopt_keyring: Option<Uuid>,
    /// What it, and its namespace, may have.
    pub limits: Limits,
    /// The version of the policy that judges it, if its spec names one.
    pub policy: Option<NewPolicy>,
}

/// The run to create in the ledger; a keyring that is made for it has this data key.
#[must_use]
pub fn new_run(run: &ValidatedRun, data_key: NewDataKey, asks: Asks) -> NewRun {
    let Asks { object, adopt_keyring, limits, policy } = asks;
    // The bounds of the schema are far below what these types hold.
    let int = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let keyring = &run.keyring;
    NewRun {
        namespace: run.namespace.clone(),
        name: run.name.clone(),
        keyring: KeyringWanted {
            name: keyring.name.clone(),
            algorithm: keyring.algorithm.map(|algorithm| algorithm.to_string()),
            key_size: keyring.key_size.map(int),
            key_count: keyring.key_count.map(int),
            envelope: keyring.envelope.map(|envelope| envelope.to_string()),
            content_type: keyring.content_type.clone(),
            default_algorithm: keyring.algorithm_to_make().to_string(),
            default_key_size: keyring.key_size_to_make().map(int),
        },
        data_key,
        input: match &run.input {
            RunInput::Generated { record_count, record_size } => NewInput::Generated {
                record_count: i64::try_from(*record_count).unwrap_or(i64::MAX),
                record_size: int(*record_size),
            },
            RunInput::Sources(sources) => NewInput::Sources(objects::for_ledger(sources)),
        },
        policy,
        sinks: sinks::for_ledger(&run.sinks),
        notifications: notifications::for_ledger(&run.notifications),
        batch_size: i64::from(run.batch_size),
        lease_duration: run.lease_duration,
        suspended: run.suspend,
        object,
        adopt_keyring,
        limits,
    }
}
