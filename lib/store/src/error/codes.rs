//! SQLSTATEs of Chancery's own: PostgreSQL has no class `CH`. Each has one meaning, wherever it is raised.

/// `batch_store`: the lease is no longer the caller's.
pub(crate) const LEASE_LOST: &str = "CH001";

/// `keyring_find_or_create`: the keyring is another one than the run asks for.
pub(crate) const KEYRING_DIFFERS: &str = "CH003";

/// `keyring_find_or_create`: there is no keyring of the name, and the run does not say how to make it.
pub(crate) const KEYRING_UNKNOWN: &str = "CH004";

/// `keyring_own`: the keyring is another namespace's.
pub(crate) const KEYRING_OF_ANOTHER: &str = "CH020";

/// `run_admit`: the run is beyond what it may have.
pub(crate) const BEYOND_LIMITS: &str = "CH021";
/// The fifth migration: keyrings have keys that the KEK itself has wrapped.
pub(crate) const NO_DATA_KEYS: &str = "CH005";

/// `login_bind`: the run is gone, or being deleted.
pub(crate) const RUN_GETS_NO_LOGIN: &str = "CH006";

/// Said by the guard of logins, and by no function of the ledger.
pub(crate) const UNSAFE_LOGIN: &str = "CH100";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_has_two_meanings_and_the_guards_is_none_of_the_ledgers() {
        let codes = [
            LEASE_LOST,
            KEYRING_DIFFERS,
            KEYRING_UNKNOWN,
            NO_DATA_KEYS,
            KEYRING_OF_ANOTHER,
            BEYOND_LIMITS,
            RUN_GETS_NO_LOGIN,
            UNSAFE_LOGIN,
        ];
        let distinct: std::collections::BTreeSet<_> = codes.into_iter().collect();
        assert_eq!(distinct.len(), codes.len());
        assert!(!include_str!("../../../../migrations/schema.sql").contains(UNSAFE_LOGIN));
    }
}
