//! A database of somebody else: where it is, and a connection to it. What is asked of it is for the caller to say.

use sqlx::postgres::PgConnection;

use crate::error::ReadError;
use crate::table::connect::connect;
use crate::table::failure;
use crate::table::place::{Place, Route, TableLogin};
use crate::table_error::TableError;

/// A database, by the rules of a table: the server is verified, or the network is trusted; no password goes to whoever asks for it in
/// clear text; nothing of the environment has a say.
#[derive(Clone)]
pub struct Database {
    pub(super) place: Place,
}

/// Not what is within: the place holds a password.
impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Database").field(&self.place.shown).finish()
    }
}

impl Database {
    /// That of a `postgres://` URL. Nothing is asked of it yet.
    ///
    /// # Errors
    ///
    /// What the URL has wrong. It is never repeated.
    pub fn open(url: &str) -> Result<Self, TableError> {
        Ok(Self { place: Place::parse(url)? })
    }

    /// The same for a program that calls itself this.
    #[must_use]
    pub fn named(mut self, program: &str) -> Self {
        self.place.options = self.place.options.application_name(program);
        self
    }

    /// The same with a password, which comes from elsewhere than the URL.
    #[must_use]
    pub fn with_password(mut self, password: &str) -> Self {
        self.place = self.place.with_password(password);
        self
    }

    /// Where the URL leads, and as whom.
    #[must_use]
    pub const fn login(&self) -> &TableLogin {
        &self.place.login
    }

    /// As a message may name it.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.place.shown
    }

    /// Whether the URL leads to a Unix socket: see [`crate::TableSource::is_by_socket`].
    #[must_use]
    pub const fn is_by_socket(&self) -> bool {
        matches!(self.place.route, Route::Socket)
    }

    /// Logs in.
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    pub async fn connect(&self) -> Result<PgConnection, ReadError> {
        connect(&self.place).await
    }

    /// What an error of a connection means that is not the server's answer to what was asked.
    #[must_use]
    pub fn failed(&self, error: &sqlx::Error) -> ReadError {
        failure::of(&self.place, error)
    }
}
