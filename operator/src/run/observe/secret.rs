//! The Secrets that the ledger names.

use chancery_store::RunSecret;

use crate::run::facts::{SecretStanding, SecretView};

/// A Secret that the ledger names, which belongs to the object of this uid; `known` is the one that this operator has made, or
/// looked at.
pub(super) fn secret(named: Option<RunSecret>, uid: &str, known: Option<&String>) -> Option<SecretView> {
    let RunSecret { owner, name, content, made } = named?;
    let standing = if !made || owner != uid {
        SecretStanding::Unusable
    } else if known == Some(&name) {
        SecretStanding::Right
    } else {
        SecretStanding::Unchecked
    };
    Some(SecretView { name, content, standing })
}
