//! The client of the API server.

use std::sync::Arc;

use kube::client::ClientBuilder;
use kube::{Client, Config};
use tower::util::MapRequestLayer;

use crate::host::complaints::Complaints;
use crate::host::metrics::Metrics;

/// A client that counts its requests, and what says what goes wrong with them.
///
/// # Errors
///
/// No kubeconfig and no service account, or one that cannot be used.
pub(crate) async fn client(metrics: Arc<Metrics>) -> anyhow::Result<(Client, Arc<Complaints>)> {
    let config = Config::infer().await?;
    let complaints = Arc::new(Complaints::about(config.cluster_url.to_string()));
    let counting = MapRequestLayer::new(move |request: http::Request<kube::client::Body>| {
        metrics.requested(verb(&request));
        request
    });
    Ok((ClientBuilder::try_from(config)?.with_layer(&counting).build(), complaints))
}

/// A watch is a request that lasts: it is told apart, because an idle operator still makes some.
fn verb(request: &http::Request<kube::client::Body>) -> &str {
    let is_watch = request.uri().query().is_some_and(|query| query.contains("watch=true"));
    if is_watch { "WATCH" } else { request.method().as_str() }
}
