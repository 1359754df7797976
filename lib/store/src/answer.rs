//! Waiting for the database's answers: not for ever, and each as a span of a trace.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use tracing::{Instrument, field};

use crate::connect::{Ledger, OWNER_STATEMENT_TIMEOUT};
use crate::error::StoreError;
use crate::lent::Lent;
use crate::query::Query;

/// How long an answer to a signer, or a look at one row, may take.
pub(crate) const SHORT: Duration = Duration::from_secs(20);

/// How long an answer to the owner may take: the server gives up first, unless it is out of reach.
pub(crate) const LONG: Duration = OWNER_STATEMENT_TIMEOUT.saturating_add(Duration::from_secs(10));

/// Waits for the answer to the query `what`, but not for ever: a half-open connection would never give
/// one. After [`StoreError::TimedOut`] the connection is of no more use.
///
/// The span carries the attributes of OpenTelemetry's conventions for database clients
/// (<https://opentelemetry.io/docs/specs/semconv/database/postgresql/>).
pub(crate) async fn answered<T>(
    what: &'static str,
    limit: Duration,
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, StoreError> {
    let span = tracing::debug_span!(
        "sql",
        otel.name = what,
        otel.kind = "client",
        db.system.name = "postgresql",
        db.operation.name = what,
        otel.status_code = field::Empty,
        otel.status_description = field::Empty,
    );
    let result = match tokio::time::timeout(limit, answer.instrument(span.clone())).await {
        Ok(result) => result.map_err(|error| StoreError::of(what, error)),
        Err(_) => Err(StoreError::TimedOut(limit)),
    };
    if let Err(error) = &result {
        span.record("otel.status_code", "ERROR").record("otel.status_description", field::display(error));
    }
    result
}

impl Ledger {
    /// Asks a query on a connection of the pool.
    pub(crate) async fn ask<T>(
        &self,
        query: Query,
        question: impl AsyncFnOnce(Query, &mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        self.lend(async |connection| answered(query.name, LONG, question(query, connection)).await).await
    }

    /// Lends a connection of the pool.
    pub(crate) async fn lend<T>(
        &self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut connection = Lent::from(&self.pool).await?;
        if let Err(other) = self.identity.check() {
            // The next one may lead to the right place again.
            connection.end();
            return Err(other);
        }
        let result = work(&mut connection).await;
        if matches!(result, Err(StoreError::TimedOut(_))) {
            connection.end();
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;
    use crate::run::Run;

    #[tokio::test]
    async fn an_answer_that_never_comes_is_not_waited_for_without_end() {
        let limit = Duration::from_millis(1);
        let never = answered::<()>("run_find", limit, pending()).await.expect_err("no answer");
        assert!(matches!(never, StoreError::TimedOut(_)) && never.is_transient(), "{never}");
    }

    #[tokio::test]
    async fn what_the_database_refuses_is_told_with_the_querys_name() {
        let refused = async { Err::<(), _>(sqlx::Error::RowNotFound) };
        let error = answered("run_find", SHORT, refused).await.expect_err("refused");
        assert!(error.to_string().contains("run_find"), "{error}");
    }

    /// Holds if it compiles.
    #[expect(dead_code, reason = "calls would need a database")]
    fn the_owners_calls_may_be_made_from_any_thread(ledger: &Ledger, run: &Run) {
        fn any_thread(_: impl Future + Send) {}
        any_thread(ledger.find_run("", ""));
        any_thread(ledger.progress(&[]));
        any_thread(ledger.generate_chunk(run, 1));
        any_thread(ledger.delete_run(run));
        any_thread(ledger.migrate());
        any_thread(ledger.check_version());
    }
}
