//! What kind of key to make: the algorithm and, for RSA, the size.

use crate::Algorithm;

/// The length of an RSA modulus. Nothing below 2048 bits is safe
/// ([RFC 7518, section 3.3](https://www.rfc-editor.org/rfc/rfc7518#section-3.3)), and
/// above 4096 bits the verifying library refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RsaKeySize {
    /// 2048 bits: signatures of 256 bytes.
    Bits2048,
    /// 3072 bits: signatures of 384 bytes.
    Bits3072,
    /// 4096 bits: signatures of 512 bytes.
    Bits4096,
}

impl RsaKeySize {
    /// The length of the modulus in bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        match self {
            Self::Bits2048 => 2048,
            Self::Bits3072 => 3072,
            Self::Bits4096 => 4096,
        }
    }
}

impl TryFrom<u32> for RsaKeySize {
    type Error = KeySpecError;

    /// Takes the length of the modulus in bits.
    fn try_from(bits: u32) -> Result<Self, Self::Error> {
        match bits {
            2048 => Ok(Self::Bits2048),
            3072 => Ok(Self::Bits3072),
            4096 => Ok(Self::Bits4096),
            _ => Err(KeySpecError::UnsupportedRsaKeySize { bits }),
        }
    }
}

/// A kind of key that can be made: the size is there exactly if the algorithm is RSA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeySpec {
    algorithm: Algorithm,
    rsa_key_size: Option<RsaKeySize>,
}

impl KeySpec {
    /// An RSA algorithm without a size means 2048 bits.
    ///
    /// # Errors
    ///
    /// [`KeySpecError::SizeWithoutRsa`] when a size comes with another algorithm.
    pub fn new(algorithm: Algorithm, rsa_key_size: Option<RsaKeySize>) -> Result<Self, KeySpecError> {
        let rsa_key_size = match (algorithm.is_rsa(), rsa_key_size) {
            (true, size) => Some(size.unwrap_or(RsaKeySize::Bits2048)),
            (false, None) => None,
            (false, Some(size)) => {
                return Err(KeySpecError::SizeWithoutRsa { algorithm, bits: size.bits() });
            }
        };
        Ok(Self { algorithm, rsa_key_size })
    }

    /// The algorithm that the key signs with.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The size of an RSA key; `None` for the others.
    #[must_use]
    pub const fn rsa_key_size(&self) -> Option<RsaKeySize> {
        self.rsa_key_size
    }
}

/// Why there is no such kind of key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySpecError {
    /// A modulus of another length than those of [`RsaKeySize`].
    #[error("an RSA key has 2048, 3072 or 4096 bits, not {bits}")]
    UnsupportedRsaKeySize {
        /// The length that was asked for, in bits.
        bits: u32,
    },
    /// A size for an algorithm whose keys have only one.
    #[error("{algorithm} keys come in one size: {bits} bits can be asked of RS256 and PS256 only")]
    SizeWithoutRsa {
        /// The algorithm that was asked for.
        algorithm: Algorithm,
        /// The length that was asked for, in bits.
        bits: u32,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_rsa_key_without_a_size_has_2048_bits() {
        for algorithm in [Algorithm::Rs256, Algorithm::Ps256] {
            let spec = KeySpec::new(algorithm, None).unwrap();
            assert_eq!(spec.algorithm(), algorithm);
            assert_eq!(spec.rsa_key_size(), Some(RsaKeySize::Bits2048));
        }
    }

    #[test]
    fn an_rsa_key_keeps_the_size_that_was_asked_for() {
        for bits in [2048, 3072, 4096] {
            let size = RsaKeySize::try_from(bits).unwrap();
            assert_eq!(size.bits(), bits);
            let spec = KeySpec::new(Algorithm::Ps256, Some(size)).unwrap();
            assert_eq!(spec.rsa_key_size(), Some(size));
        }
    }

    #[test]
    fn a_size_for_another_key_than_rsa_is_refused_with_both_named() {
        for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| !algorithm.is_rsa()) {
            assert_eq!(KeySpec::new(algorithm, None).unwrap().rsa_key_size(), None);
            let message = KeySpec::new(algorithm, Some(RsaKeySize::Bits3072)).unwrap_err().to_string();
            assert!(message.contains(algorithm.name()), "{message}");
            assert!(message.contains("3072"), "{message}");
        }
    }

    #[test]
    fn a_modulus_of_any_other_length_is_refused_with_the_length_named() {
        for bits in [0, 1, 256, 1024, 2047, 2049, 8192, u32::MAX] {
            let message = RsaKeySize::try_from(bits).unwrap_err().to_string();
            assert!(message.contains(&format!("not {bits}")), "{message}");
        }
    }
}
