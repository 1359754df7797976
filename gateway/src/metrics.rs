//! What a gateway counts; docs/reference/metrics.md lists it.

use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::Method;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tokio::time::Instant;

/// Upper bounds of the durations of requests, in seconds: a request may wait for signatures for a minute.
const DURATIONS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 10.0, 60.0];

/// What is asked of whoever knows tokens and rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Review {
    /// Whose a token is.
    Token,
    /// Whether an account may have an access.
    Access,
}

impl Review {
    const ALL: [Self; 2] = [Self::Token, Self::Access];

    const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Access => "access",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    route: String,
    method: String,
    status: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
    method: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reviewed {
    review: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reload {
    outcome: &'static str,
}

/// The counts of one gateway. Clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    requests: Family<Asked, Counter>,
    durations: Family<Route, Histogram, fn() -> Histogram>,
    connections: Gauge,
    reviews: Family<Reviewed, Counter>,
    reloads: Family<Reload, Counter>,
    database_up: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(DURATIONS)),
            connections: Gauge::default(),
            reviews: Family::default(),
            reloads: Family::default(),
            database_up: Gauge::default(),
        };
        // A count that appears with its first event has no rate for it.
        for review in Review::ALL {
            for outcome in ["yes", "no", "failed"] {
                let _shown = metrics.reviews.get_or_create(&Reviewed { review: review.name(), outcome });
            }
        }
        for outcome in ["loaded", "failed"] {
            let _shown = metrics.reloads.get_or_create(&Reload { outcome });
        }
        metrics
    }
}

impl Metrics {
    /// Counts from nothing, shown by `registry`.
    #[must_use]
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let Self { requests, durations, connections, reviews, reloads, database_up } = metrics.clone();
        registry.register("chancery_gateway_requests", "Requests that were answered", requests);
        registry.register_with_unit(
            "chancery_gateway_request_duration",
            "From the head of a request to its answer",
            Unit::Seconds,
            durations,
        );
        registry.register("chancery_gateway_connections", "Connections that are open", connections);
        registry.register(
            "chancery_gateway_reviews",
            "Tokens and rights that the API server was asked about, by its answer",
            reviews,
        );
        registry.register(
            "chancery_gateway_certificate_reloads",
            "Certificates that took the place of others, or could not",
            reloads,
        );
        registry.register(
            "chancery_gateway_database_up",
            "Whether the ledger's database answers",
            database_up,
        );
        metrics
    }

    pub(crate) fn reviewed(&self, review: Review, yes: bool) {
        self.count(review, if yes { "yes" } else { "no" });
    }

    pub(crate) fn review_failed(&self, review: Review) {
        self.count(review, "failed");
    }

    fn count(&self, review: Review, outcome: &'static str) {
        self.reviews.get_or_create(&Reviewed { review: review.name(), outcome }).inc();
    }

    /// Counts a certificate that was looked at since its files have changed.
    pub fn reloaded(&self, is_used: bool) {
        let outcome = if is_used { "loaded" } else { "failed" };
        self.reloads.get_or_create(&Reload { outcome }).inc();
    }

    /// Tells whether the database answers.
    pub fn database_up(&self, up: bool) {
        self.database_up.set(i64::from(up));
    }

    /// Counts a connection for as long as what is returned lives.
    pub(crate) fn connected(&self) -> Connected {
        self.connections.inc();
        Connected(self.connections.clone())
    }
}

/// A connection that is open.
pub(crate) struct Connected(Gauge);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Counts a request, under the path that it matches: there are as many as the API has.
pub(crate) async fn measure(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let path = request.extensions().get::<MatchedPath>();
    let route = path.map_or("none", MatchedPath::as_str).to_owned();
    let method = known(request.method()).to_owned();
    let response = next.run(request).await;
    let took: Duration = began.elapsed();
    let of = Route { route: route.clone(), method: method.clone() };
    metrics.durations.get_or_create(&of).observe(took.as_secs_f64());
    let status = response.status().as_u16().into();
    metrics.requests.get_or_create(&Asked { route, method, status }).inc();
    response
}

/// A method may be any word: each of those that nobody answers would be a count of its own.
fn known(method: &Method) -> &str {
    match *method {
        Method::GET | Method::HEAD | Method::POST => method.as_str(),
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prometheus_client::encoding::text::encode;

    use super::*;

    /// Names and types of the table under the heading of docs/reference/metrics.md.
    fn documented() -> BTreeSet<(String, String)> {
        let page = include_str!("../../docs/reference/metrics.md");
        let section =
            page.split("\n## ").find(|section| section.starts_with("Gateway\n")).expect("the section");
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
        rows.map(|(name, rest)| (name.to_owned(), rest.split(' ').next().unwrap_or_default().to_owned()))
            .collect()
    }

    #[test]
    fn every_metric_is_documented_and_everything_documented_is_shown() {
        let mut registry = Registry::default();
        let metrics = Metrics::new(&mut registry);
        metrics.reviewed(Review::Token, true);
        metrics.review_failed(Review::Access);
        metrics.reloaded(false);
        metrics.database_up(true);
        let connected = metrics.connected();
        let (route, method) = ("/openapi.json".to_owned(), "GET".to_owned());
        metrics
            .requests
            .get_or_create(&Asked { route: route.clone(), method: method.clone(), status: 200 })
            .inc();
        metrics.durations.get_or_create(&Route { route, method }).observe(0.1);
        let mut page = String::new();
        encode(&mut page, &registry).expect("memory takes any text");
        let shown = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        let shown: BTreeSet<_> = shown
            .map(|(name, kind)| {
                let total = if kind == "counter" { "_total" } else { "" };
                (format!("{name}{total}"), kind.to_owned())
            })
            .collect();
        assert_eq!(shown, documented());
        for line in [
            "chancery_gateway_reviews_total{review=\"token\",outcome=\"yes\"} 1\n",
            "chancery_gateway_reviews_total{review=\"access\",outcome=\"no\"} 0\n",
            "chancery_gateway_reviews_total{review=\"access\",outcome=\"failed\"} 1\n",
            "chancery_gateway_certificate_reloads_total{outcome=\"failed\"} 1\n",
            "chancery_gateway_connections 1\n",
            "chancery_gateway_database_up 1\n",
        ] {
            assert!(page.contains(line), "{line} in {page}");
        }
        drop(connected);
        assert_eq!(metrics.connections.get(), 0);
    }

    #[test]
    fn a_method_that_nobody_answers_is_no_count_of_its_own() {
        assert_eq!(known(&Method::from_bytes(b"ANYTHING").expect("a method")), "other");
        assert_eq!((known(&Method::GET), known(&Method::POST)), ("GET", "POST"));
    }
}
