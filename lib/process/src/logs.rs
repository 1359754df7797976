//! Logs: to standard error, as text for people or as JSON for collectors.

use std::io::IsTerminal;

use tracing::Subscriber;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::standard_error::StandardError;

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One readable line per event.
    #[default]
    Text,
    /// One JSON object per event.
    Json,
}

impl LogFormat {
    /// The value of a `--log-format` flag that asks for it.
    #[must_use]
    pub const fn flag(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }

    /// The line that stands where lines are missing.
    pub(crate) fn dropped(self, count: u64) -> String {
        const WHY: &str = "log lines were dropped: standard error was not read as fast as they came";
        let mut now = String::new();
        // Without a clock there is no time to tell.
        let _told = SystemTime.format_time(&mut Writer::new(&mut now));
        match self {
            Self::Text => format!("{now}  WARN {count} {WHY}\n"),
            Self::Json => {
                format!(r#"{{"timestamp":"{now}","level":"WARN","message":"{WHY}","dropped":{count}}}"#)
                    + "\n"
            }
        }
    }
}

/// What `RUST_LOG` is added to. PostgreSQL's own notices ("already exists, skipping") are news to nobody; and what kube tells of
/// each request that fails, without its cause and as often as it is tried, the operator tells itself.
const SHOWN: &str = "info,kube_client=off,kube_runtime=off,sqlx::postgres::notice=warn";

/// Sends events to standard error. `RUST_LOG` sets what is shown (default: info); to be called once.
pub fn start_logs(format: LogFormat) {
    tracing_subscriber::registry().with(log_layer(format)).init();
}

/// What [`start_logs`] starts, for a program that listens to its events in other ways too: `RUST_LOG`
/// concerns this layer only.
#[must_use]
pub fn log_layer<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let filter = filter(&std::env::var("RUST_LOG").unwrap_or_default());
    let lines = tracing_subscriber::fmt::layer().with_writer(|| StandardError).log_internal_errors(false);
    match format {
        LogFormat::Text => {
            lines.with_target(false).with_ansi(std::io::stderr().is_terminal()).with_filter(filter).boxed()
        }
        LogFormat::Json => {
            // The innermost span is the last of the list.
            lines.json().flatten_event(true).with_current_span(false).with_filter(filter).boxed()
        }
    }
}

/// What is shown. What cannot be read as `RUST_LOG` changes nothing.
fn filter(asked: &str) -> EnvFilter {
    let with = if asked.trim().is_empty() { SHOWN.to_owned() } else { format!("{SHOWN},{asked}") };
    EnvFilter::builder().parse(with).unwrap_or_else(|_| EnvFilter::new(SHOWN))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Directives of a filter, in the order of their text.
    fn shown(asked: &str) -> Vec<String> {
        let mut directives: Vec<String> = filter(asked).to_string().split(',').map(str::to_owned).collect();
        directives.sort();
        directives
    }

    #[test]
    fn what_kube_tells_of_requests_is_shown_only_to_those_who_ask_for_it() {
        let quiet = ["kube_client=off", "kube_runtime=off", "sqlx::postgres::notice=warn"];
        let with = |first: &str| {
            let mut all: Vec<String> = quiet.iter().chain([&first]).map(|&text| text.to_owned()).collect();
            all.sort();
            all
        };
        assert_eq!(shown(""), with("info"));
        assert_eq!(shown("info"), with("info"));
        assert_eq!(shown("warn"), with("warn"));
        assert_eq!(shown("chancery=shout"), with("info"), "that is none");
        let asked = shown("debug,kube_client=debug");
        assert!(asked.contains(&"debug".to_owned()) && asked.contains(&"kube_client=debug".to_owned()));
        assert!(!asked.contains(&"kube_client=off".to_owned()), "{asked:?}");
    }
}
