//! Whose a run or a keyring is, as commands show it.

use std::fmt;

use chancery_store::Owner;
use serde::Serialize;
use uuid::Uuid;

/// What a run or keyring was made for. As `-o json` shows it; in tables, the uid alone, by which it is taken over.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OwnerStatus {
    /// Nil for `chancery run`; null for what was made before it was kept.
    pub(crate) namespace_uid: Option<Uuid>,
    pub(crate) object_uid: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) adopted_from: Option<Uuid>,
}

impl OwnerStatus {
    pub(crate) fn of_run(owner: &Owner) -> Self {
        let Owner { namespace_uid, object_uid, adopted_from } = *owner;
        Self { namespace_uid, object_uid, adopted_from }
    }
}

impl fmt::Display for OwnerStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.object_uid.fmt(f)
    }
}
