//! What a gateway pushes to a run that a policy judges.

use anyhow::{Context as _, ensure};
use chancery_policy::Answers;
use chancery_sources::judge::{Judge, Judged, Seen, now};
use chancery_store::pushing::{Push, PushAnswer};
use chancery_store::{Ledger, Run};
use serde_json::Value;

/// Pushes records as a gateway does, judged by the version that the ledger has.
///
/// # Errors
///
/// Nothing judges the run, or it takes nothing in.
pub async fn push_judged(ledger: &Ledger, run: &Run, records: &[Value]) -> anyhow::Result<()> {
    let judge = Judge::by(&ledger.policy_of(run).await?.context("nothing judges the run")?)?;
    let (mut judgement, at) = (judge.judgement(), now());
    judgement.starts_at(0, at);
    let mut push = Push { arrivals: records.len().try_into()?, ..Push::default() };
    for (place, record) in (0..).zip(records) {
        let payload = record.to_string().into_bytes();
        let seen = Seen { payload: &payload, source: "push", position: "", at };
        if judge.asks() && !judge.wants(seen, &Answers::default()).is_empty() {
            judgement.waits(place, &payload, None);
            continue;
        }
        match judge.judge(seen) {
            Judged::Admitted(said) => {
                push.payloads.push(&payload);
                push.places.push(place);
                if let Some(said) = said {
                    said.note(&mut judgement, place, push.payloads.len(), &payload);
                }
            }
            Judged::Refused(refused) => push.dead.push(refused.at(place, payload)),
        }
    }
    push.judgement = Some(judgement);
    let answer = ledger.push(run, &push).await?;
    ensure!(matches!(answer, PushAnswer::Taken(_)), "{answer:?}");
    Ok(())
}
