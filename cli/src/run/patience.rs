//! Bearing with a database that is away.

use std::time::Instant;

use crate::error::CliError;
use crate::run::supervisor::RECONNECT_FOR;

/// Bears with a database that is away for a while.
#[derive(Default)]
pub(super) struct Patience {
    away_since: Option<Instant>,
}

impl Patience {
    /// None while it is away.
    pub(super) fn with<T>(&mut self, answer: Result<T, CliError>) -> Result<Option<T>, CliError> {
        match answer {
            Ok(answer) => {
                self.away_since = None;
                Ok(Some(answer))
            }
            Err(CliError::Store(error)) if error.is_transient() => {
                let since = *self.away_since.get_or_insert_with(Instant::now);
                if since.elapsed() > RECONNECT_FOR {
                    return Err(CliError::LostWhileSigning(error));
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
