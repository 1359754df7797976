//! What the tests of several modules begin with.

use chancery_store::generated::GeneratedSource;
use chancery_store::owner::KeyringOwner;
use chancery_store::{Input, Keyring, Notifications, Owner, Run, Sinks};
use uuid::Uuid;

/// A sealed and complete run of ten records in batches of four, and its ring of two keys.
pub(crate) fn run() -> Run {
    Run {
        id: 1,
        uid: Uuid::nil(),
        namespace: "default".to_owned(),
        name: "demo".to_owned(),
        owner: Owner { namespace_uid: None, object_uid: Uuid::nil(), adopted_from: None },
        made_at: 0,
        keyring: keyring(),
        input: Input::Generated(GeneratedSource { record_count: 10, record_size: 8, chunk_size: 10 }),
        policy: None,
        sinks: Sinks::default(),
        notifications: Notifications::default(),
        batch_size: 4,
        sealed_records: Some(10),
        suspended: false,
        sealed: true,
        complete: true,
        deleted: false,
    }
}

pub(crate) fn keyring() -> Keyring {
    Keyring {
        id: 1,
        uid: Uuid::nil(),
        namespace: "default".to_owned(),
        name: None,
        algorithm: "EdDSA".to_owned(),
        key_size: None,
        key_count: 2,
        provider: "Local".to_owned(),
        envelope: "Raw".to_owned(),
        content_type: None,
        data_key_fingerprint: String::new(),
        forgotten_use: 0,
        filled: true,
        owner: KeyringOwner { namespace_uid: None, object_uid: Uuid::nil(), adopted_from: None },
    }
}
