//! One lookup that is a query, as it is asked.

use std::collections::BTreeMap;

use chancery_api::QueryLookup;
use chancery_reading::{KeyLookup, Looked, ReadError};

use super::AskError;
use crate::access::{Access, AccessError};

/// A lookup.
#[derive(Debug)]
pub(super) struct Lookup {
    pub(super) name: String,
    asked: KeyLookup,
}

impl Lookup {
    pub(super) fn of(name: &str, query: &QueryLookup, access: &Access) -> Result<Self, AskError> {
        let failed = |reason| AskError::Lookup { lookup: name.to_owned(), reason };
        let url = access.lookup(name).map_err(failed)?;
        let url = url
            .ok_or_else(|| AskError::NoUrl { lookup: name.to_owned(), wanted: access.wanted_of_lookups() })?;
        let asked =
            KeyLookup::open(&url, &query.sql).map_err(|error| failed(AccessError::Read(error.into())))?;
        if access.is_for_others() && asked.is_by_socket() {
            return Err(failed(AccessError::BySocket));
        }
        Ok(Self { name: name.to_owned(), asked })
    }

    /// Makes sure that it can be asked. A database that is away may come back.
    pub(super) async fn look(&self) -> Result<(), AskError> {
        match self.asked.look().await {
            Ok(()) | Err(ReadError::Transient(_)) => Ok(()),
            Err(reason) => {
                Err(AskError::Lookup { lookup: self.name.clone(), reason: AccessError::Read(reason) })
            }
        }
    }

    pub(super) async fn ask(&self, keys: &[String]) -> BTreeMap<String, Looked> {
        self.asked.ask(keys).await
    }
}
