//! How signers end, and which of their ends a person should hear of.

use chancery_process::Exit;

/// How one signer, with all its restarts, ended.
#[derive(Debug)]
pub(crate) enum SignerEnd {
    Done,
    GaveUp { restarts: u32, last: String, exit: Exit },
}

impl SignerEnd {
    /// What made a run end before it was complete: its restarts, its last words, and what to do. One that
    /// ended all the others goes before those that happened to end at the same time.
    pub(crate) fn failure_of(ends: Vec<Self>) -> Option<(u32, String, Exit)> {
        let failures = ends.into_iter().filter_map(|end| match end {
            Self::Done => None,
            Self::GaveUp { restarts, last, exit } => Some((restarts, last, exit)),
        });
        failures.max_by_key(|(_, _, exit)| match exit {
            Exit::NeverWorks => 2,
            Exit::NoRoom => 1,
            Exit::Done | Exit::Failed | Exit::BadInput | Exit::TryAgain | Exit::Interrupted => 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gave_up(exit: Exit) -> SignerEnd {
        SignerEnd::GaveUp { restarts: 0, last: String::new(), exit }
    }

    fn exit_of(ends: Vec<SignerEnd>) -> Option<Exit> {
        SignerEnd::failure_of(ends).map(|(_, _, exit)| exit)
    }

    #[test]
    fn a_full_disk_is_told_rather_than_the_signer_that_was_killed_beside_it() {
        assert_eq!(exit_of(vec![gave_up(Exit::Failed), gave_up(Exit::NoRoom)]), Some(Exit::NoRoom));
        assert_eq!(exit_of(vec![gave_up(Exit::NoRoom), gave_up(Exit::Failed)]), Some(Exit::NoRoom));
        assert_eq!(exit_of(vec![gave_up(Exit::NeverWorks), gave_up(Exit::NoRoom)]), Some(Exit::NeverWorks));
    }

    #[test]
    fn signers_that_are_done_are_no_failure() {
        assert_eq!(exit_of(vec![SignerEnd::Done, SignerEnd::Done]), None);
        assert_eq!(exit_of(vec![SignerEnd::Done, gave_up(Exit::TryAgain)]), Some(Exit::TryAgain));
    }
}
