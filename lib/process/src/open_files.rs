//! How many files a program may have open.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Lets this program have so many files open, or as many as it may let itself have. Returns how many it may have.
#[must_use]
pub fn allow_open_files(wanted: u64) -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return 1_024 };
    let most = wanted.min(hard);
    if soft >= most {
        return soft;
    }
    match setrlimit(Resource::RLIMIT_NOFILE, most, hard) {
        Ok(()) => most,
        Err(error) => {
            tracing::warn!(%error, soft, wanted, "more files cannot be open");
            soft
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_may_have_as_many_as_it_says_and_no_fewer_than_before() {
        let before = allow_open_files(0);
        assert!(allow_open_files(before + 1) >= before);
        assert!(allow_open_files(u64::MAX) >= before);
    }
}
