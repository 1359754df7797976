use std::time::Duration;

use chancery_api::ReplaySelect::{self, All, DeadLetters, Rejected};
use chancery_store::generated::GeneratedSource;
use chancery_store::owner::KeyringOwner;
use chancery_store::{DeadLetter, Idempotency, Input, Keyring, Notifications, Owner, Run, Sinks, Sources};
use uuid::Uuid;

use super::NotReadAgain::{Deleted, Generated, OfCluster, OfCommand, Unsealed};
use super::Reader::{Command, SigningRun};
use super::{NotReadAgain, Reader, may_be_read_again};

const GENERATED: Input =
    Input::Generated(GeneratedSource { record_count: 10, record_size: 4, chunk_size: 10 });

const SOURCES: Input = Input::Sources(Sources {
    sources: Vec::new(),
    idempotency: Idempotency::Content,
    digest_window: Duration::ZERO,
    record_limit: None,
    dead_letter: DeadLetter { limit: 0, retention: Duration::ZERO },
});

/// A run that is sealed, of a namespace with this uid.
fn run(namespace_uid: Option<Uuid>, input: Input) -> Run {
    let owner = Owner { namespace_uid, object_uid: Uuid::from_u128(2), adopted_from: None };
    let ring = KeyringOwner { namespace_uid, object_uid: Uuid::from_u128(2), adopted_from: None };
    Run {
        id: 1,
        uid: Uuid::from_u128(3),
        namespace: "default".to_owned(),
        name: "first".to_owned(),
        owner,
        made_at: 0,
        keyring: Keyring {
            id: 1,
            uid: Uuid::from_u128(4),
            namespace: "default".to_owned(),
            name: None,
            algorithm: "EdDSA".to_owned(),
            key_size: None,
            key_count: 1,
            provider: "Local".to_owned(),
            envelope: "Raw".to_owned(),
            content_type: None,
            data_key_fingerprint: String::new(),
            forgotten_use: 0,
            filled: true,
            owner: ring,
        },
        policy: None,
        sinks: Sinks::default(),
        notifications: Notifications::default(),
        input,
        batch_size: 10,
        sealed_records: Some(10),
        suspended: false,
        sealed: true,
        complete: true,
        deleted: false,
    }
}

#[test]
fn a_run_is_read_again_by_whoever_may_once_it_is_sealed_and_has_what_is_asked_for() {
    let (command, cluster) = (Some(Uuid::nil()), Some(Uuid::from_u128(1)));
    let deleted = |run: Run| Run { deleted: true, ..run };
    let unsealed = |run: Run| Run { sealed: false, sealed_records: None, ..run };
    type Case = (Run, Reader, ReplaySelect, Option<fn(String) -> NotReadAgain>);
    let cases: [Case; 18] = [
        (run(command, SOURCES), Command, All, None),
        (run(command, SOURCES), Command, DeadLetters, None),
        (run(command, GENERATED), Command, All, None),
        (run(command, SOURCES), Command, Rejected, None),
        (run(cluster, SOURCES), SigningRun, DeadLetters, None),
        (run(cluster, GENERATED), SigningRun, All, None),
        (deleted(run(command, SOURCES)), Command, All, Some(Deleted)),
        (deleted(unsealed(run(cluster, GENERATED))), SigningRun, DeadLetters, Some(Deleted)),
        (run(command, GENERATED), Command, DeadLetters, Some(Generated)),
        (run(command, GENERATED), Command, Rejected, Some(Generated)),
        (unsealed(run(cluster, GENERATED)), SigningRun, DeadLetters, Some(Generated)),
        (unsealed(run(command, SOURCES)), Command, DeadLetters, Some(Unsealed)),
        (unsealed(run(command, SOURCES)), Command, Rejected, Some(Unsealed)),
        (unsealed(run(cluster, GENERATED)), SigningRun, All, Some(Unsealed)),
        (run(cluster, SOURCES), Command, All, Some(OfCluster)),
        (run(command, SOURCES), SigningRun, All, Some(OfCommand)),
        // One of the time before it was kept whose a run is.
        (run(None, GENERATED), Command, All, Some(OfCluster)),
        (run(None, GENERATED), SigningRun, All, Some(OfCommand)),
    ];
    for (number, (run, reader, select, why)) in cases.into_iter().enumerate() {
        let expected = why.map_or(Ok(()), |why| Err(why("first".to_owned())));
        assert_eq!(may_be_read_again(&run, reader, select), expected, "case {number}");
    }
}

#[test]
fn each_refusal_says_which_run_and_what_to_do() {
    for (why, words) in [
        (Deleted("a".to_owned()), "name another"),
        (Generated("a".to_owned()), "run.select: All"),
        (OfCluster("a".to_owned()), "apply one"),
        (OfCommand("a".to_owned()), "name a run"),
        (Unsealed("a".to_owned()), "once it is"),
    ] {
        let said = why.to_string();
        assert!(said.starts_with("the run a ") && said.contains(words), "{said}");
    }
}
