//! Exit codes: what whoever started the program should do next.

use std::process::ExitCode;

/// How a program ends. The numbers are a contract with the operator, the supervisor and scripts;
/// those from 64 on are those of `sysexits.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done, or stopped as asked with nothing left in hand.
    Done,
    /// 1: a defect, or an audit that found violations.
    Failed,
    /// 2: what was given on the command line or in a file cannot be used; nothing was changed.
    BadInput,
    /// 74 (`EX_IOERR`): the database has no room left; the same command goes on once it has.
    NoRoom,
    /// 75 (`EX_TEMPFAIL`): the database is away; the same command may succeed later.
    TryAgain,
    /// 78 (`EX_CONFIG`): it will never work as it is set up; trying again is of no use.
    NeverWorks,
    /// 130: stopped by Ctrl-C or SIGTERM with work left, as a shell reports it.
    Interrupted,
}

impl Exit {
    /// The number that the operating system sees.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::BadInput => 2,
            Self::NoRoom => 74,
            Self::TryAgain => 75,
            Self::NeverWorks => 78,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
