//! Connecting to the database of a table.

use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnection;
use tokio::net::TcpStream;

use crate::error::{ReadError, TransientError};
use crate::resolve::{forbidden_in, resolve};
use crate::table::failure;
use crate::table::place::{Place, Route};
use crate::table::relay;
use crate::table_error::TableError;

/// How long connecting and logging in may take.
const CONNECT: Duration = Duration::from_secs(10);

pub(crate) async fn connect(place: &Place) -> Result<PgConnection, ReadError> {
    tokio::time::timeout(CONNECT, open(place)).await.unwrap_or_else(|_| Err(away(place, "no answer in 10s")))
}

async fn open(place: &Place) -> Result<PgConnection, ReadError> {
    let options = match &place.route {
        Route::Socket => place.options.clone(),
        Route::Tcp { host, port, verified } => {
            let io = |error: std::io::Error| match forbidden_in(&error) {
                Some(forbidden) => TableError::ForbiddenDestination {
                    place: place.shown.clone(),
                    why: forbidden.to_string(),
                }
                .into(),
                None => away(place, &error.to_string()),
            };
            let addresses = resolve(host, *port).await.map_err(io)?;
            let server = TcpStream::connect(&*addresses).await.map_err(io)?;
            server.set_nodelay(true).map_err(io)?;
            relay::start(&place.options, server, *verified).map_err(io)?
        }
    };
    options.connect().await.map_err(|error| failure::of(place, &error))
}

fn away(place: &Place, why: &str) -> ReadError {
    TransientError::Unavailable { source_url: place.shown.clone(), why: why.to_owned() }.into()
}
