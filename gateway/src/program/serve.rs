//! From the start of a gateway to its end.

use std::sync::Arc;
use std::time::Duration;

use chancery_gateway::{Certificate, Gateway, Limits, Listener, Metrics, Reviewed};
use chancery_process::Stop;
use chancery_telemetry::{serve_metrics, serve_probes};
use prometheus_client::registry::Registry;
use tokio::sync::watch;

use crate::Arguments;
use crate::api_server::ApiServer;
use crate::database::{Standing, connect, keep};
use crate::error::GatewayError;

/// How long requests that are in hand may still take once no more connections are taken.
const GRACE: Duration = Duration::from_secs(10);

/// Serves until it is asked to stop.
pub(crate) async fn serve(arguments: Arguments) -> Result<(), GatewayError> {
    let stop = Stop::on_signals(GRACE).map_err(GatewayError::Signals)?;
    let url = arguments.database_url.read().map_err(GatewayError::Url)?.named("chancery-gateway");
    let certificate = Certificate::read(&arguments.certificate_file, &arguments.key_file)
        .map_err(GatewayError::Certificate)?;
    let reviewer = ApiServer::find(&arguments.audience).await?;
    let mut registry = Registry::default();
    let metrics = Metrics::new(&mut registry);
    let standing: Standing =
        Arc::new(watch::Sender::new(Err("the database has not answered yet".to_owned())));
    let at = arguments.listen_for_metrics;
    serve_metrics(at, Arc::new(registry)).await.map_err(|reason| GatewayError::Listen { at, reason })?;
    let at = arguments.listen_for_probes;
    let ready = readiness(Arc::clone(&standing), stop.clone());
    serve_probes(at, ready).await.map_err(|reason| GatewayError::Listen { at, reason })?;
    let ledger = tokio::select! {
        ledger = connect(&url, &standing) => ledger,
        () = stop.asked() => return Ok(()),
    };
    let at = arguments.listen;
    let listener = Listener::bind_tls(at, certificate.clone())
        .await
        .map_err(|reason| GatewayError::Listen { at, reason })?;
    tracing::info!(url = listener.url(), "the API is served");
    let reviewed = Reviewed::by(reviewer, Duration::from_secs(arguments.believe_for), metrics.clone());
    let gateway = Gateway::counted(ledger.clone(), reviewed, Limits::default(), metrics.clone());
    let late = after(&stop, Duration::from_secs(arguments.drain));
    tokio::select! {
        () = gateway.serve(&listener, &late) => {}
        () = certificate.keep(&metrics) => {}
        error = keep(&ledger, &standing, &metrics) => return Err(error),
    }
    ledger.close().await;
    Ok(())
}

/// A gateway that is asked to stop is not ready any more, so that no more connections are sent to it.
fn readiness(standing: Standing, stop: Stop) -> impl Fn() -> Result<(), String> + Send + Sync + 'static {
    move || {
        if stop.is_asked() {
            return Err("it was asked to stop".to_owned());
        }
        standing.borrow().clone()
    }
}

/// Asks to stop so long after this one does.
fn after(stop: &Stop, pause: Duration) -> Stop {
    let (stop, late) = (stop.clone(), Stop::never(GRACE));
    let asked = late.clone();
    tokio::spawn(async move {
        stop.asked().await;
        tokio::time::sleep(pause).await;
        asked.now();
    });
    late
}
