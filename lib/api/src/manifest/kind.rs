//! The kinds of objects that manifests hold.

use crate::names;

/// A kind of object that a manifest may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `SigningRun`.
    Run,
    /// `SigningPolicy`.
    Policy,
}

impl Kind {
    /// Its name, as in `kind: SigningRun`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Run => names::KIND,
            Self::Policy => names::POLICY_KIND,
        }
    }

    /// What people call such an object.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Policy => "policy",
        }
    }
}
