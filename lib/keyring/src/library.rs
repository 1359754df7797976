//! What makes signatures.

/// A library that signs. Whoever checks a signature takes another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Library {
    /// AWS-LC, by the crate `aws-lc-rs`.
    AwsLcRs,
    /// The crate `chancery-kernel`.
    Kernel,
    /// The crate `k256`, in former versions.
    K256,
    /// libsecp256k1, by the crate `secp256k1`.
    Secp256k1,
}

impl Library {
    /// Every library that signs or has signed.
    pub const ALL: [Self; 4] = [Self::AwsLcRs, Self::Kernel, Self::K256, Self::Secp256k1];

    /// The name of its crate.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AwsLcRs => "aws-lc-rs",
            Self::Kernel => "chancery-kernel",
            Self::K256 => "k256",
            Self::Secp256k1 => "secp256k1",
        }
    }
}

impl std::fmt::Display for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
