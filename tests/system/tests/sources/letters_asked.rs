//! Dead letters of a run whose policy asks a webhook, taken up again where they lie: they wait, and an intake settles them.

use chancery_kit::{Conduct, TestLedger, TestRun, WebhookServer};
use chancery_sources::letters::{LettersError, Selection, TookUp, Wanted, discard, take_up};
use chancery_store::Ledger;
use chancery_store::Run;
use chancery_store::letters::{LetterMove, LetterPlace};

use crate::webhooks::{judged, kept, law_7_holds, reading, retried};
use crate::{counts, file, holds, lines};

fn all() -> Selection {
    Selection::of(Wanted::default()).expect("a selection")
}

async fn took_up(ledger: &Ledger, run: &Run, actor: &str) -> anyhow::Result<TookUp> {
    Ok(take_up(ledger, run, &all(), actor).await?)
}

/// What each of them became, in the order of its attempts.
fn became(moves: &[LetterMove]) -> Vec<&str> {
    moves.iter().map(|one| one.became.as_str()).collect()
}

#[tokio::test]
async fn letters_that_a_webhook_left_wait_again_and_one_that_fails_again_is_not_new() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(0, 4))?;
    let webhook = WebhookServer::scoring().await?;
    webhook.conduct(Conduct::Status(500));
    let run = reading(&ledger, folder.path(), TestRun::new().dead_limit(3), &retried(&webhook, 1)).await?;
    let (store, found) = (&ledger.ledger, &run.run);
    run.start_intake("one").await?.ended().await?;
    assert_eq!((counts(&run).await?.dead, counts(&run).await?.received), (4, 4));
    let place = store.letters_after(found, LetterPlace::START, 1, false, true).await?[0].place();

    let first = took_up(store, found, "somebody").await?;
    assert_eq!((first.act, first.became.pending, first.became.all()), (1, 4, 4));
    assert_eq!((counts(&run).await?.dead, counts(&run).await?.pending), (0, 4));
    law_7_holds(&run).await?;
    let log = store.letter_log(found).await?;
    assert_eq!((log[0].became.pending, log[0].actor.as_str()), (4, "somebody"));
    assert_eq!(became(&store.letter_history(found, place).await?), ["Pending"]);
    // Nobody else has them meanwhile.
    let again = took_up(store, found, "somebody else").await.map_err(|error| error.to_string());
    assert!(again.is_err_and(|error| error.contains("no dead letter of the run")));
    let discarded = discard(store, found, &all(), "somebody else").await;
    assert!(matches!(discarded, Err(LettersError::Nothing { .. })), "{discarded:?}");

    run.start_intake("two").await?.ended().await?;
    assert_eq!((counts(&run).await?.dead, counts(&run).await?.received), (4, 4), "they have failed again");
    assert_eq!(kept(&run).await?, (8, 2), "each time, it is asked as often as the policy has it");
    law_7_holds(&run).await?;

    webhook.conduct(Conduct::Answers);
    assert_eq!(took_up(store, found, "somebody").await?.became.pending, 4);
    run.take_in().await?;
    assert_eq!(became(&store.letter_history(found, place).await?), ["Dead", "Admitted"]);
    let log = store.letter_log(found).await?;
    let of = |act: usize| (log[act].became.dead, log[act].became.admitted, log[act].became.pending);
    assert_eq!((of(0), of(1)), ((4, 0, 0), (0, 4, 0)));
    let ids = webhook.asked_about();
    assert_eq!(ids.iter().collect::<std::collections::BTreeSet<_>>().len(), 4, "under the same ids");
    holds(&run, &judged(0..4)).await
}

/// When a letter arrived does not change by it, and so not for how long it is kept.
#[tokio::test]
async fn a_letter_that_waited_again_keeps_when_it_arrived() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(0, 2))?;
    let webhook = WebhookServer::scoring().await?;
    webhook.conduct(Conduct::Status(500));
    let run = reading(&ledger, folder.path(), TestRun::new().dead_limit(1), &retried(&webhook, 0)).await?;
    let (store, found) = (&ledger.ledger, &run.run);
    run.start_intake("one").await?.ended().await?;
    let arrived = async || {
        let letters = store.letters_after(found, LetterPlace::START, 10, false, true).await?;
        anyhow::Ok(letters.into_iter().map(|letter| letter.arrived_micros).collect::<Vec<_>>())
    };
    let before = arrived().await?;
    assert_eq!(before.len(), 2);
    took_up(store, found, "somebody").await?;
    // Nothing is left that would be swept.
    ledger.execute("UPDATE chancery.intakes SET sweep_at = NULL").await?;
    run.start_intake("two").await?.ended().await?;
    assert_eq!(arrived().await?, before);
    let kept = "SELECT (extract(epoch FROM i.sweep_at - i.dead_retention) * 1000000)::bigint FROM chancery.intakes i";
    let kept: i64 = sqlx::query_scalar(kept).fetch_one(store.pool()).await?;
    assert_eq!(before.iter().min(), Some(&kept), "it is swept as it would have been");
    law_7_holds(&run).await
}
