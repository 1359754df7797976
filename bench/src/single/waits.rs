//! How long signers wait for a lease, by the histogram that each of them shows.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const BUCKET: &str = "chancery_lease_wait_seconds_bucket{le=\"";

/// Waits of all signers: so many of at most so many microseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waits {
    at_most: BTreeMap<u64, f64>,
}

impl Waits {
    /// Adds those of the signer at this address, if it still answers.
    pub(crate) async fn add(&mut self, signer: SocketAddr) {
        if let Ok(text) = metrics(signer).await {
            self.read(&text);
        }
    }

    fn read(&mut self, metrics: &str) {
        for line in metrics.lines() {
            let Some((bound, count)) = line.strip_prefix(BUCKET).and_then(|it| it.split_once("\"} ")) else {
                continue;
            };
            // The last bucket has no bound.
            if let (Ok(bound), Ok(count)) = (bound.parse::<f64>(), count.parse::<f64>())
                && bound.is_finite()
            {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "at most minutes"
                )]
                let micros = (bound * 1e6).round() as u64;
                *self.at_most.entry(micros).or_default() += count;
            }
        }
    }

    /// Milliseconds that this share of waits did not exceed, in between the buckets' bounds by the straight
    /// line that Prometheus draws too. None when nothing was counted.
    pub(crate) fn quantile(&self, share: f64) -> Option<f64> {
        let wanted = self.at_most.values().last()? * share;
        let (mut below, mut count_below) = (0.0, 0.0);
        for (micros, count) in &self.at_most {
            #[expect(clippy::cast_precision_loss, reason = "at most minutes")]
            let bound = *micros as f64 / 1e3;
            if *count >= wanted && *count > 0.0 {
                return Some(below + (bound - below) * (wanted - count_below) / (count - count_below));
            }
            (below, count_below) = (bound, *count);
        }
        None
    }
}

async fn metrics(signer: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(signer).await?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: signer\r\nConnection: close\r\n\r\n").await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_found_between_the_bounds_of_buckets() {
        let mut waits = Waits::default();
        assert_eq!(waits.quantile(0.5), None);
        let text = "chancery_lease_wait_seconds_bucket{le=\"0.001\"} 10\n\
                    chancery_lease_wait_seconds_bucket{le=\"0.002\"} 30\n\
                    chancery_lease_wait_seconds_bucket{le=\"+Inf\"} 30\nchancery_other 5\n";
        waits.read(text);
        waits.read(text);
        assert_eq!(waits.quantile(0.5), Some(1.25));
        assert_eq!(waits.quantile(1.0), Some(2.0));
    }
}
