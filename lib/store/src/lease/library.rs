//! What made the signatures of a batch.

use sqlx::error::BoxDynError;
use sqlx::postgres::{PgTypeInfo, PgValueRef, Postgres};

/// A library that signs. The ledger keeps it for each batch, so that signatures are checked with another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// The crate `aws-lc-rs`.
    AwsLcRs,
    /// The crate `chancery-kernel`.
    Kernel,
    /// The crate `k256`, in former versions.
    K256,
    /// The crate `secp256k1`.
    Secp256k1,
}

impl Library {
    const ALL: [Self; 4] = [Self::AwsLcRs, Self::Kernel, Self::K256, Self::Secp256k1];

    /// Its name in the ledger, of the type `chancery.signing_library`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AwsLcRs => "aws-lc-rs",
            Self::Kernel => "chancery-kernel",
            Self::K256 => "k256",
            Self::Secp256k1 => "secp256k1",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|library| library.name() == name)
    }
}

impl std::fmt::Display for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// As text: queries cast it.
impl sqlx::Type<Postgres> for Library {
    fn type_info() -> PgTypeInfo {
        <str as sqlx::Type<Postgres>>::type_info()
    }
}

impl<'r> sqlx::Decode<'r, Postgres> for Library {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        let name = <&str as sqlx::Decode<Postgres>>::decode(value)?;
        Self::named(name).ok_or_else(|| format!("no library that signs is called {name:?}").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_found_by_its_name_and_another_name_is_none() {
        for library in Library::ALL {
            assert_eq!(Library::named(library.name()), Some(library));
        }
        assert_eq!(Library::named("rsa"), None);
    }
}
