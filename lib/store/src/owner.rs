//! Whose a run or a keyring is. A name says nothing of that: it is free again for others once an object is deleted, a
//! namespace made anew, or another cluster given the same ledger.

use uuid::Uuid;

use crate::row::from_row;

/// What asks for a run: an object of a cluster, or a command without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    /// Uid of its namespace; nil without a cluster.
    pub namespace_uid: Uuid,
    /// Its own uid. Whoever knows it may take over what was made for it, so it is told to nobody who does not see the object.
    pub object_uid: Uuid,
    /// When its namespace was made, in seconds since 1970; none without a cluster.
    pub namespace_made: Option<i64>,
}

impl Object {
    /// A command that has the owner's login and no cluster. Each has a uid of its own, and all are one in what is theirs:
    /// see [`Owner::has_no_cluster`].
    #[must_use]
    pub fn without_cluster() -> Self {
        Self { namespace_uid: Uuid::nil(), object_uid: Uuid::new_v4(), namespace_made: None }
    }

    /// When its namespace was made, as the database takes it.
    pub(crate) fn namespace_made_seconds(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a date is far below 2^52 seconds")]
        self.namespace_made.map(|seconds| seconds as f64)
    }
}

/// What a run was made for, or was taken over by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Uid of the namespace; nil for `chancery run`, none for a run of the time before this was kept.
    pub namespace_uid: Option<Uuid>,
    /// Uid of the object.
    pub object_uid: Uuid,
    /// Uid of the object that it was taken over from.
    pub adopted_from: Option<Uuid>,
}

from_row!(Owner { namespace_uid, object_uid, adopted_from });

impl Owner {
    /// Whether it was made by a command without a cluster, or before it was kept what for: whoever has the owner's login
    /// and no cluster goes on with it.
    #[must_use]
    pub fn has_no_cluster(&self) -> bool {
        self.namespace_uid.is_none_or(|uid| uid.is_nil())
    }
}

/// The same of a keyring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyringOwner {
    /// Uid of the namespace; nil for `chancery run`, none for a ring of the time before this was kept.
    pub namespace_uid: Option<Uuid>,
    /// Uid of the object whose run made it, or took it over.
    pub object_uid: Uuid,
    /// Uid of the object that it was taken over from.
    pub adopted_from: Option<Uuid>,
}

from_row!(KeyringOwner {
    namespace_uid: "keyring_namespace_uid",
    object_uid: "keyring_object_uid",
    adopted_from: "keyring_adopted_from"
});

/// What one run, and the runs of a namespace, may have in the ledger. None is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that a run may take in the database.
    pub run_bytes: Option<i64>,
    /// Bits of the keys that a run may have made: the modulus of an RSA key, 256 for each other key.
    pub key_bits: Option<i64>,
    /// Runs that a namespace may have in the ledger.
    pub namespace_runs: Option<i64>,
    /// Bytes that the runs of a namespace may take in the database.
    pub namespace_bytes: Option<i64>,
}
