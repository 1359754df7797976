//! Starting logs and traces, and ending them so that nothing is lost.

use std::time::Duration;

use chancery_process::{LastLines, LogFormat, log_layer, queue_lines};
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Level;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterFn, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::otlp;

/// How long the last spans may take to reach the collector when a program ends.
const LAST_EXPORT: Duration = Duration::from_secs(5);

/// A program's logs and traces. Dropped, it waits for the last spans to be sent, five seconds at the most, and then
/// for the last lines, one second at the most: drop it last, after every span has ended.
#[derive(Debug)]
#[must_use = "spans are sent until it is dropped"]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
    _last_lines: LastLines,
}

impl Telemetry {
    /// Starts logs, for whose reader nothing waits, and traces if `OTEL_EXPORTER_OTLP_ENDPOINT`
    /// or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` is set. `service` is the program's `service.name`,
    /// unless `OTEL_SERVICE_NAME` sets another. To be called once, before any span is made.
    ///
    /// Traces are for people who look for the cause of something: settings that cannot be used cost a
    /// line in the log, not the program.
    pub fn start(format: LogFormat, service: &'static str) -> Self {
        let last_lines = queue_lines(format);
        let (traces, trouble) = match otlp::provider(service) {
            Ok(traces) => (traces, None),
            Err(trouble) => (None, Some(trouble)),
        };
        let spans = traces.as_ref().map(|provider| {
            tracing_opentelemetry::layer()
                .with_tracer(provider.tracer("chancery"))
                // Nothing here asks OpenTelemetry for its own notion of the current span.
                .with_context_activation(false)
                .with_threads(false)
                .with_location(false)
                .with_filter(exported())
        });
        tracing_subscriber::registry().with(log_layer(format)).with(spans).init();
        if let Some(trouble) = trouble {
            tracing::warn!("no traces are sent: {trouble}");
        }
        Self { traces, _last_lines: last_lines }
    }

    /// Whether spans are sent anywhere.
    #[must_use]
    pub fn sends_traces(&self) -> bool {
        self.traces.is_some()
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(traces) = self.traces.take()
            && let Err(error) = traces.shutdown_with_timeout(LAST_EXPORT)
        {
            tracing::warn!(%error, "the last spans could not be sent");
        }
    }
}

/// What becomes a span, or an event of one, whatever `RUST_LOG` says: what Chancery does, down to its
/// queries, and its requests to the Kubernetes API.
fn exported() -> FilterFn<impl Fn(&tracing::Metadata<'_>) -> bool> {
    filter_fn(|metadata| {
        let ours = metadata.target().starts_with("chancery");
        let kubernetes = metadata.target().starts_with("kube_client") && metadata.is_span();
        let most = if metadata.is_span() { Level::DEBUG } else { Level::INFO };
        (ours || kubernetes) && *metadata.level() <= most
    })
}
