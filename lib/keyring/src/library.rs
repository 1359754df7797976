//! What makes signatures.

/// A library that signs. Whoever checks a signature takes another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Library {
    /// AWS-LC, by the crate `aws-lc-rs`.
    AwsLcRs,
    /// The crate `chancery-kernel`.
    Kernel,
}

impl Library {
    /// The one that checks what this one made.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::AwsLcRs => Self::Kernel,
            Self::Kernel => Self::AwsLcRs,
        }
    }

    /// The name of its crate.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AwsLcRs => "aws-lc-rs",
            Self::Kernel => "chancery-kernel",
        }
    }
}

impl std::fmt::Display for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_library_checks_what_it_made() {
        for made_by in [Library::AwsLcRs, Library::Kernel] {
            assert_ne!(made_by.other(), made_by);
            assert_eq!(made_by.other().other(), made_by);
        }
    }
}
