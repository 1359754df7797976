//! A login that was just made.

use sqlx::Row;
use sqlx::postgres::PgRow;
use sqlx::types::Uuid;
use zeroize::Zeroizing;

/// Bytes of chance in a password.
const PASSWORD_BYTES: usize = 32;

/// The login of one run, with its password, which is kept nowhere else.
#[derive(Clone)]
pub struct RunLogin {
    name: String,
    password: Zeroizing<String>,
}

impl std::fmt::Debug for RunLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunLogin").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a login is for; the letter before the run's number says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// It signs the run.
    Sign,
    /// It admits records to the run.
    Admit,
    /// It brings the run's signed batches to its sinks.
    Deliver,
}

impl Work {
    /// The word in the ledger.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sign => "Sign",
            Self::Admit => "Admit",
            Self::Deliver => "Deliver",
        }
    }

    fn of(name: &str) -> Option<Self> {
        [Self::Sign, Self::Admit, Self::Deliver].into_iter().find(|work| work.name() == name)
    }
}

impl<'r> sqlx::FromRow<'r, PgRow> for Work {
    fn from_row(row: &'r PgRow) -> sqlx::Result<Self> {
        let name: &str = row.try_get("work")?;
        Self::of(name).ok_or_else(|| sqlx::Error::Decode(format!("a login has the work {name}").into()))
    }
}

impl RunLogin {
    /// A new name and a new password. The name has 45 bytes at most; PostgreSQL takes 63.
    pub(crate) fn random(ledger: Uuid, run: i32, work: Work) -> Self {
        let ledger: String = ledger.simple().to_string().chars().take(12).collect();
        let letter = match work {
            Work::Sign => 'r',
            Work::Admit => 'i',
            Work::Deliver => 'd',
        };
        let name = format!("chancery_{ledger}_{letter}{run}_{:08x}", rand::random::<u32>());
        let mut password = Zeroizing::new(String::with_capacity(2 * PASSWORD_BYTES));
        for byte in rand::random::<[u8; PASSWORD_BYTES]>() {
            for digit in [byte >> 4, byte & 15] {
                password.push(char::from_digit(digit.into(), 16).unwrap_or_default());
            }
        }
        Self { name, password }
    }

    /// The name of its database role.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its password: 64 characters of ASCII, which need no preparation for SCRAM and no escape in a URL.
    pub(crate) fn password(&self) -> &str {
        &self.password
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_ledger_and_run_and_no_two_logins_are_alike() {
        let ledger = Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        let (one, two) =
            (RunLogin::random(ledger, i32::MAX, Work::Sign), RunLogin::random(ledger, i32::MAX, Work::Admit));
        assert!(one.name().starts_with("chancery_0123456789ab_r2147483647_"), "{one:?}");
        assert!(two.name().starts_with("chancery_0123456789ab_i2147483647_"), "{two:?}");
        let three = RunLogin::random(ledger, 7, Work::Deliver);
        assert!(three.name().starts_with("chancery_0123456789ab_d7_"), "{three:?}");
        assert_eq!(one.name().len(), 42);
        assert_ne!(one.name(), two.name());
        assert_eq!(one.password().len(), 64);
        assert_ne!(one.password(), two.password());
        assert!(!format!("{one:?}").contains(one.password()));
    }
}
