//! What proves that a lease was granted to its holder.

use sha2::{Digest, Sha256};

/// A random secret, made by the holder for one lease, one split of a source, or some deliveries. The ledger keeps its hash only. An id alone proves nothing: a
/// ledger that lost commits, was restored or was made anew gives the same ids out again, to others.
#[derive(Clone)]
pub(crate) struct Token([u8; 32]);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    pub(crate) fn random() -> Self {
        Self(rand::random())
    }

    /// What is shown with every call that the lease is needed for.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What the ledger keeps: SHA-256, 32 bytes.
    pub(crate) fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.0).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_tokens_are_alike_and_none_is_shown() {
        let (one, two) = (Token::random(), Token::random());
        assert_ne!(one.as_bytes(), two.as_bytes());
        assert_ne!(one.hash(), two.hash());
        assert_eq!(one.hash().len(), 32);
        assert_eq!(format!("{one:?}"), "Token");
    }
}
