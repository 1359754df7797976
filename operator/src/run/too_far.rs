//! Why a session of a signer is ended.

/// Why a session is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TooFar {
    /// It holds a ring's turn.
    Turn,
    /// Its transaction does not end.
    Transaction,
    /// Its login has leased again and again, and signed nothing.
    Leases,
}

impl TooFar {
    /// For a metric.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Turn => "turn",
            Self::Transaction => "transaction",
            Self::Leases => "leases",
        }
    }
}
