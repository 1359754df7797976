//! Who may do what. On one machine, whoever has the token of a file; on a cluster, whoever the API server says.

mod access;
mod cache;
mod reviewed;

pub use access::{Access, Verb};
pub use reviewed::{Account, ReviewError, Reviewed, Reviewer};

use crate::problem::Problem;
use crate::token::Token;

/// Who decides.
#[derive(Clone, Debug)]
pub enum Authority {
    /// Whoever shows this token may do everything that the API does.
    Token(Token),
    /// Somebody else is asked whose a token is, and what that account may do.
    Reviewed(Reviewed),
}

impl From<Token> for Authority {
    fn from(token: Token) -> Self {
        Self::Token(token)
    }
}

impl From<Reviewed> for Authority {
    fn from(reviewed: Reviewed) -> Self {
        Self::Reviewed(reviewed)
    }
}

impl Authority {
    /// Whether somebody who is let in may be refused later.
    pub(crate) const fn may_change(&self) -> bool {
        matches!(self, Self::Reviewed(_))
    }

    /// Whoever shows this header `Authorization`, which was let in.
    pub(crate) async fn who(&self, authorization: &[u8]) -> Result<String, Problem> {
        match self {
            Self::Token(_) => Ok("the API's token".to_owned()),
            Self::Reviewed(reviewed) => reviewed.who(authorization).await,
        }
    }

    /// Refuses a request with this header `Authorization`, unless it may have this access; without one, unless its token is
    /// known.
    pub(crate) async fn admit(&self, authorization: &[u8], access: Option<&Access>) -> Result<(), Problem> {
        match self {
            Self::Token(token) if token.is_shown_by(authorization) => Ok(()),
            Self::Token(_) => Err(Problem::unauthorized()),
            Self::Reviewed(reviewed) => reviewed.admit(authorization, access).await,
        }
    }
}
