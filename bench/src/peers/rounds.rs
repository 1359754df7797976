//! The order of things: a sweep for each peer's best setting, then Chancery and the peers in turns.

use anyhow::Context;
use serde::Serialize;

use super::chancery::Chancery;
use super::peer::{Peer, Setting};
use super::server::Server;
use super::trial::{Trial, Until};
use super::work::{Template, Work};

/// How much is measured.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Extent {
    /// How often each peer is compared.
    pub rounds: usize,
    /// How long a trial takes, about.
    pub seconds: f64,
    /// How long each setting is tried; 0 takes the first.
    pub sweep_seconds: f64,
}

/// One peer against Chancery, for one algorithm.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// Its JOSE name.
    pub algorithm: &'static str,
    /// Who.
    pub peer: Peer,
    /// The best that was found.
    pub best: Setting,
    /// All that was tried for it, for a short while each.
    pub sweep: Vec<Trial>,
    /// Chancery's records per second beside the trial next to it.
    pub pairs: Vec<(f64, Trial)>,
}

/// Tells how far it is.
pub type Tell<'a> = &'a dyn Fn(String);

/// Measures all for one algorithm; `work` is the most of it.
///
/// # Errors
///
/// Something cannot be run, or Chancery's audit fails.
pub async fn measure(
    server: &Server,
    chancery: &Chancery,
    work: Work,
    peers: &[Peer],
    extent: Extent,
    tell: Tell<'_>,
) -> anyhow::Result<Vec<Comparison>> {
    let algorithm = work.algorithm.name();
    tell(format!("{algorithm}: seeding {} records", work.records));
    let template = Template::seed(server, work).await?;
    let mut comparisons = Vec::new();
    for &peer in peers {
        let sweep = sweep(server, &template, peer, extent, tell).await?;
        let right = sweep.iter().filter(|trial| trial.wrong.is_none());
        let best = right.max_by(|one, other| one.rate().total_cmp(&other.rate()));
        let best = best.with_context(|| format!("no setting of {} works: {sweep:?}", peer.name()))?.setting;
        comparisons.push(Comparison { algorithm, peer, best, sweep, pairs: Vec::new() });
    }
    // How fast it is, to know how many records it takes; with the audit, which is not timed.
    let small = work.lasting(extent.seconds / 5.0, work.records as f64 / extent.seconds);
    let mut rate = chancery.run(server, small, true).await?;
    tell(format!("{algorithm}: Chancery, audited: {rate:.0}/s"));
    for round in 1..=extent.rounds {
        // Chancery between two peers, so that each has it right before or after: B A C, D A E, …
        for neighbours in comparisons.chunks_mut(2) {
            let mut trials = Vec::new();
            for (place, comparison) in neighbours.iter().enumerate() {
                if place == 1 {
                    rate = ours(server, chancery, work.lasting(extent.seconds, rate), tell).await?;
                }
                trials.push(theirs(server, &template, comparison, extent, tell).await?);
            }
            if neighbours.len() == 1 {
                rate = ours(server, chancery, work.lasting(extent.seconds, rate), tell).await?;
            }
            for (comparison, trial) in neighbours.iter_mut().zip(trials) {
                comparison.pairs.push((rate, trial));
            }
        }
        tell(format!("{algorithm}: round {round} of {} is done", extent.rounds));
    }
    Ok(comparisons)
}

async fn sweep(
    server: &Server,
    template: &Template,
    peer: Peer,
    extent: Extent,
    tell: Tell<'_>,
) -> anyhow::Result<Vec<Trial>> {
    let (settings, seconds) = match peer.settings() {
        [first, ..] if extent.sweep_seconds == 0.0 => (std::slice::from_ref(first), extent.seconds / 2.0),
        all => (all, extent.sweep_seconds),
    };
    let mut trials = Vec::new();
    for &setting in settings {
        let trial =
            Trial::of(server, template, template.work, peer, setting, Until::Seconds(seconds)).await?;
        let (rate, how) = (trial.rate(), peer.describe(setting));
        tell(format!("{}: {} with {how}: {rate:.0}/s", template.work.algorithm, peer.name()));
        trials.push(trial);
    }
    Ok(trials)
}

async fn ours(server: &Server, chancery: &Chancery, work: Work, tell: Tell<'_>) -> anyhow::Result<f64> {
    let rate = chancery.run(server, work, false).await?;
    tell(format!("{}: Chancery: {rate:.0}/s, {} records", work.algorithm, work.records));
    Ok(rate)
}

async fn theirs(
    server: &Server,
    template: &Template,
    comparison: &Comparison,
    extent: Extent,
    tell: Tell<'_>,
) -> anyhow::Result<Trial> {
    let Comparison { algorithm, peer, best, sweep, pairs } = comparison;
    let known =
        pairs.last().map(|(_, trial)| trial).or_else(|| sweep.iter().find(|trial| trial.setting == *best));
    let work = template.work.lasting(extent.seconds, known.map_or(1_000.0, Trial::rate));
    let trial = Trial::of(server, template, work, *peer, *best, Until::Stored).await?;
    let verdict = trial.wrong.as_deref().unwrap_or("checked");
    tell(format!(
        "{algorithm}: {}: {:.0}/s, {} records, {verdict}",
        peer.name(),
        trial.rate(),
        trial.records
    ));
    Ok(trial)
}
