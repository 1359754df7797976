//! Keys that the kernel is not made for.

/// Why the kernel cannot work with a key. AWS-LC may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Only these sizes are compiled.
    #[error("the modulus has not 2048, 3072 or 4096 bits")]
    Size,
    /// Signatures are verified with this exponent only.
    #[error("the public exponent is not 65537")]
    PublicExponent,
    /// A part is longer than half the modulus, or a prime is shorter.
    #[error("the primes have not half the bits of the modulus each")]
    Prime,
    /// A modulus that is even has no Montgomery form.
    #[error("the modulus or one of the primes is even")]
    Even,
    /// The parts are of different keys.
    #[error("the modulus is not the product of the primes")]
    Product,
}
