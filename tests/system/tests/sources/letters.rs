//! Dead letters that are taken up again where they lie: the same arrivals, judged anew.

use std::time::Instant;

use chancery_kit::{SeededRun, TestLedger, TestRun, eventually};
use chancery_sources::judge::{Judge, Judged, Seen};
use chancery_sources::letters::{
    LettersError, Noted, Selection, Wanted, discard, goes_on, note_for, take_up,
};
use chancery_store::intake::{Payloads, Refusal};
use chancery_store::letters::{By, Ended, Ending, LetterPlace, TakenUp, TookUp};
use jiff::Timestamp;
use serde_json::json;
use sqlx::{Connection as _, PgConnection};

use crate::{counted, file, lines, payloads};

const BY: By<'static> = By { actor: "somebody", selection: "" };

fn all() -> Selection {
    Selection::of(Wanted::default()).expect("a selection")
}

fn selected(selector: &str) -> Selection {
    Selection::of(Wanted { selector: Some(selector.to_owned()), ..Wanted::default() }).expect(selector)
}

/// A run that is suspended by its dead letters: five lines, then these.
async fn suspended<'l>(
    ledger: &'l TestLedger,
    folder: &std::path::Path,
    dead: &[&str],
) -> anyhow::Result<SeededRun<'l>> {
    file(folder, "a.ndjson", lines(0, 5).chain(dead.iter().map(|line| (*line).to_owned())))?;
    let run = TestRun::new().keys(1).dead_limit(1);
    let run =
        run.reads_as("files", folder, &json!({"type": "NDJSON"})).created(ledger).await?.stocked().await?;
    run.start_intake("one").await?.ended().await?;
    Ok(run)
}

/// The letters of a run, in order.
async fn letters(run: &SeededRun<'_>) -> anyhow::Result<Vec<chancery_store::letters::Letter>> {
    Ok(run.ledger.ledger.letters_after(&run.run, LetterPlace::START, 100, false, true).await?)
}

/// Waits until so many redrives of this ledger wait for a lock.
async fn waiting(ledger: &TestLedger, wanted: i64) {
    let waiting = "SELECT count(*) FROM pg_stat_activity
                    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%letters_redrive%'";
    eventually("they wait", async || {
        let waiting = sqlx::query_scalar::<_, i64>(waiting).fetch_one(ledger.ledger.pool()).await;
        waiting.is_ok_and(|waiting| waiting == wanted)
    })
    .await;
}

#[tokio::test]
async fn a_letter_that_is_taken_up_is_the_same_arrival_and_its_run_goes_on() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let run = suspended(&ledger, folder.path(), &["no json", "no json", "nor this"]).await?;
    assert_eq!(counted(&run).await?, (8, 5, 0, 3));
    let suspended = "SELECT too_many_dead FROM chancery.runs";
    let is_suspended =
        async || sqlx::query_scalar::<_, bool>(suspended).fetch_one(ledger.ledger.pool()).await;
    assert!(is_suspended().await?);
    let took_up = take_up(&ledger.ledger, &run.run, &selected("bytes == 7"), "somebody").await?;
    assert_eq!((took_up.act, took_up.became.admitted, took_up.became.duplicates), (1, 1, 1), "{took_up:?}");
    assert_eq!(counted(&run).await?, (8, 6, 1, 1), "nothing more is received");
    assert!(!is_suspended().await?, "it has as many as it may have");
    assert_eq!(payloads(&run).await?.last().map(String::as_str), Some("no json"));
    let log = ledger.ledger.letter_log(&run.run).await?;
    assert_eq!((log.len(), log[0].letters, log[0].actor.as_str()), (1, 2, "somebody"), "{log:?}");
    assert_eq!(log[0].selection, "selector bytes == 7");
    run.take_in().await?;
    let refused = take_up(&ledger.ledger, &run.run, &all(), "somebody").await;
    assert!(matches!(&refused, Err(LettersError::Refused { refusal: Refusal::Sealed, .. })), "{refused:?}");
    run.finish().await
}

/// Whoever redrives is not believed: neither in what a letter is, nor that it is one.
#[tokio::test]
async fn other_bytes_than_were_kept_and_what_is_no_letter_are_refused() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let run = suspended(&ledger, folder.path(), &["no json", "nor this"]).await?;
    let before = ledger.fingerprint().await?;
    let first = letters(&run).await?.remove(0);
    for (position, payload) in
        [(first.position, &b"another"[..]), (first.position + 1, b"no json"), (0, b"{}")]
    {
        let mut payloads = Payloads::default();
        payloads.push(payload);
        let taken_up =
            TakenUp { source: 1, split: 1, payloads, positions: vec![position], ..TakenUp::default() };
        assert_eq!(ledger.ledger.redrive_letters(&run.run, None, BY, &taken_up).await?, TookUp::Lost);
    }
    assert_eq!(ledger.fingerprint().await?, before);
    take_up(&ledger.ledger, &run.run, &all(), "somebody").await?;
    let again = take_up(&ledger.ledger, &run.run, &all(), "somebody").await;
    assert!(matches!(again, Err(LettersError::Nothing { .. })), "{again:?}");
    run.take_in().await?;
    run.finish().await
}

#[tokio::test]
async fn a_letter_has_one_end_whoever_asks_for_another() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let run = suspended(&ledger, folder.path(), &["no json", "nor this"]).await?;
    let discarded = discard(&ledger.ledger, &run.run, &selected("bytes == 7"), "somebody").await?;
    assert_eq!((discarded.act, discarded.letters), (1, 1));
    assert_eq!(counted(&run).await?, (7, 5, 0, 2), "its counts stay");
    let found = letters(&run).await?;
    let [gone, kept] = &found[..] else { panic!("two letters") };
    assert_eq!((gone.ended.as_deref(), &gone.raw, kept.ended.as_deref()), (Some("Discarded"), &None, None));
    // All or none.
    let both = [gone.place(), kept.place()];
    assert_eq!(ledger.ledger.end_letters(&run.run, None, Ending::Discard, BY, &both).await?, Ended::Lost);
    assert_eq!(ledger.ledger.letter_log(&run.run).await?.len(), 1);
    let into = Ending::Into("later");
    assert_eq!(ledger.ledger.end_letters(&run.run, None, into, BY, &both[1..]).await?, Ended::Unsealed);
    take_up(&ledger.ledger, &run.run, &all(), "somebody").await?;
    assert_eq!(counted(&run).await?, (7, 6, 0, 1));
    run.take_in().await?;
    let taken = Ending::Into("demo");
    assert_eq!(ledger.ledger.end_letters(&run.run, None, taken, BY, &both[..1]).await?, Ended::Taken);
    assert_eq!(ledger.ledger.end_letters(&run.run, None, into, BY, &both[..1]).await?, Ended::Lost);
    run.finish().await
}

/// Of two that redrive the same letters at once, each letter is one's, and the other is told so.
#[tokio::test]
async fn two_that_redrive_at_once_take_up_each_letter_once() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let dead: Vec<String> = (0..40).map(|number| format!("no json {number}")).collect();
    let dead: Vec<&str> = dead.iter().map(String::as_str).collect();
    let run = suspended(&ledger, folder.path(), &dead).await?;
    let selection = all();
    let mut connection = PgConnection::connect(&ledger.url).await?;
    let mut turn = connection.begin().await?;
    sqlx::query("SELECT chancery.run_turn($1)").bind(run.run.id).execute(&mut *turn).await?;
    let one = take_up(&ledger.ledger, &run.run, &selection, "one");
    let other = take_up(&ledger.ledger, &run.run, &selection, "other");
    // Both have read what there is by then.
    let meeting = async {
        waiting(&ledger, 2).await;
        turn.rollback().await
    };
    let (one, other, met) = tokio::join!(one, other, meeting);
    met?;
    let (first, second) = if one.is_ok() { (one, other) } else { (other, one) };
    assert!(first.as_ref().is_ok_and(|first| first.became.admitted == 40), "{first:?} {second:?}");
    assert!(matches!(second, Err(LettersError::Lost(_))), "{second:?}");
    assert_eq!(counted(&run).await?, (45, 45, 0, 0));
    run.take_in().await?;
    run.finish().await
}

/// Whoever has no time left does nothing, and says so.
#[tokio::test]
async fn what_would_take_longer_than_it_may_is_left_for_another_request() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let run = suspended(&ledger, folder.path(), &["no json", "nor this"]).await?;
    let before = ledger.fingerprint().await?;
    let over = all().within(Instant::now());
    let late = take_up(&ledger.ledger, &run.run, &over, "somebody").await;
    assert!(matches!(late, Err(LettersError::Late { done: 0, .. })), "{late:?}");
    let late = discard(&ledger.ledger, &run.run, &over, "somebody").await;
    assert!(matches!(late, Err(LettersError::Late { done: 0, .. })), "{late:?}");
    assert_eq!(ledger.fingerprint().await?, before);
    take_up(&ledger.ledger, &run.run, &all(), "somebody").await?;
    run.take_in().await?;
    run.finish().await
}

/// The policy fails for six until an instant that only this test knows: an audit judges again by the same one.
#[tokio::test]
async fn a_letter_that_is_dead_again_is_no_new_arrival_and_its_attempts_go_on() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.ndjson", (0..12).map(|number| format!("{{\"n\": {number}}}")))?;
    let later = Timestamp::from_second(4_200_000_000)?;
    let policy = json!({
        "validations": [
            {"name": "of-six", "message": "six",
             "expression": "record.n != 6 || arrivedAt > timestamp('2100-01-01T00:00:00Z') || record.none == 1"},
            {"name": "small", "expression": "record.n < 6", "message": "a large number", "action": "Flag"},
        ],
        "enrichments": [{"field": "double", "expression": "record.n * 2"}],
    });
    let run = TestRun::new().keys(1).dead_limit(0).judged_by("numbers", &policy);
    let run = run.reads_as("files", folder.path(), &json!({"type": "NDJSON"})).created(&ledger).await?;
    let run = run.stocked().await?;
    run.start_intake("one").await?.ended().await?;
    assert_eq!(counted(&run).await?, (12, 11, 0, 1));
    let first = take_up(&ledger.ledger, &run.run, &all(), "somebody").await?;
    assert_eq!((first.became.admitted, first.became.dead), (0, 1), "the time has not come");
    assert_eq!(counted(&run).await?, (12, 11, 0, 1));
    let letter = letters(&run).await?.remove(0);
    assert_eq!((letter.attempts, letter.rule.as_deref()), (1, Some("of-six")), "{letter:?}");

    let text = ledger.ledger.policy_of(&run.run).await?.expect("a policy");
    let (judge, raw) = (Judge::by(&text)?, letter.raw.clone().expect("its bytes"));
    let (position, at) = (letter.position.to_string(), later.as_microsecond());
    let seen = Seen { payload: &raw, source: &letter.source, position: &position, at };
    let Judged::Admitted(Some(said)) = judge.judge(seen) else { panic!("it is enriched and flagged") };
    let (mut judgement, mut payloads_now) = (judge.judgement(), Payloads::default());
    judgement.starts_at(0, at);
    payloads_now.push(said.payload.as_deref().expect("enriched"));
    said.note(&mut judgement, letter.position, 1, &raw);
    let taken_up = TakenUp {
        source: 1,
        split: 1,
        payloads: payloads_now,
        positions: vec![letter.position],
        judgement: Some(judgement),
        ..TakenUp::default()
    };
    let answer = ledger.ledger.redrive_letters(&run.run, None, BY, &taken_up).await?;
    assert!(matches!(answer, TookUp::Done(2, became) if became.admitted == 1), "{answer:?}");
    let history = ledger.ledger.letter_history(&run.run, letter.place()).await?;
    let became: Vec<(i32, &str)> = history.iter().map(|one| (one.attempt, one.became.as_str())).collect();
    assert_eq!(became, [(1, "Dead"), (2, "Admitted")]);
    assert_eq!(payloads(&run).await?.last().map(String::as_str), Some("{\"double\":12,\"n\":6}"));
    // Found by what is signed, and by what came.
    for payload in ["{\"double\":12,\"n\":6}", "{\"n\": 6}"] {
        let digest: Vec<u8> = sqlx::query_scalar("SELECT sha256($1::text::bytea)")
            .bind(payload)
            .fetch_one(ledger.ledger.pool())
            .await?;
        assert_eq!(ledger.ledger.record_of_digest(&run.run, &digest).await?, Some(12), "{payload}");
    }
    run.take_in().await?;
    assert_eq!(counted(&run).await?, (12, 12, 0, 0));
    run.finish().await
}

#[tokio::test]
async fn what_dead_letters_take_counts_as_what_their_run_takes() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let taken = async || {
        sqlx::query_scalar::<_, i64>("SELECT sum(chancery.run_taken(id))::bigint FROM chancery.runs")
            .fetch_one(ledger.ledger.pool())
            .await
    };
    // Of what repeats itself, the database would store less.
    let dead =
        format!("no json {}", (0..20_000).map(|_| uuid::Uuid::new_v4().to_string()).collect::<String>());
    let run = suspended(&ledger, folder.path(), &[&dead, "no json"]).await?;
    assert_eq!(counted(&run).await?, (7, 5, 0, 2));
    let before = taken().await?;
    assert!(before > 500_000, "{before} for {} bytes", dead.len());
    take_up(&ledger.ledger, &run.run, &all(), "somebody").await?;
    run.take_in().await?;
    run.finish().await
}

/// Of those that have no room together, as many are taken up as have.
#[tokio::test]
async fn a_run_that_is_nearly_full_takes_up_as_many_as_have_room() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let dead = (0..4).map(|number| format!("no json {number}"));
    file(folder.path(), "a.ndjson", lines(0, 5).chain(dead))?;
    let run = TestRun::new().keys(1).dead_limit(2).record_limit(7);
    let run = run.reads_as("files", folder.path(), &json!({"type": "NDJSON"})).created(&ledger).await?;
    let run = run.stocked().await?;
    run.start_intake("one").await?.ended().await?;
    assert_eq!(counted(&run).await?, (9, 5, 0, 4));
    let refused = take_up(&ledger.ledger, &run.run, &all(), "somebody").await;
    // With the last for which there is room, the run has all its records.
    let Err(LettersError::Refused { refusal: Refusal::Sealed, done, .. }) = &refused else {
        panic!("{refused:?}")
    };
    assert_eq!(done.admitted, 2, "{refused:?}");
    assert_eq!(counted(&run).await?, (9, 7, 0, 2));
    assert_eq!(ledger.ledger.letter_log(&run.run).await?.len(), 1, "all of it is one act");
    run.take_in().await?;
    run.finish().await
}

/// One of them is discarded between the look at them and the turn: it alone is left out.
#[tokio::test]
async fn a_letter_that_is_gone_meanwhile_leaves_the_others_to_be_taken_up() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let run = suspended(&ledger, folder.path(), &["no json", "nor this", "nor that"]).await?;
    let (second, selection) = (letters(&run).await?.remove(1), all());
    let mut connection = PgConnection::connect(&ledger.url).await?;
    let mut turn = connection.begin().await?;
    sqlx::query("SELECT chancery.run_turn($1)").bind(run.run.id).execute(&mut *turn).await?;
    let taking_up = take_up(&ledger.ledger, &run.run, &selection, "one");
    let discarding = async {
        waiting(&ledger, 1).await;
        let discard = "SELECT answer FROM chancery.letters_end(
                           $1, $2, 0, 'Discard', NULL, 'other', '', ARRAY[$3::integer], ARRAY[$4::integer], ARRAY[$5::bigint])";
        let discard = sqlx::query_scalar::<_, String>(discard).bind(run.run.id).bind(run.run.uid);
        let discard = discard.bind(second.number).bind(second.split).bind(second.position);
        let answer = discard.fetch_one(&mut *turn).await?;
        turn.commit().await?;
        anyhow::Ok(answer)
    };
    let (took_up, discarded) = tokio::join!(taking_up, discarding);
    assert_eq!(discarded?, "done");
    let took_up = took_up?;
    assert_eq!((took_up.became.admitted, took_up.lost), (2, 1), "{took_up:?}");
    assert_eq!(counted(&run).await?, (8, 7, 0, 1));
    assert_eq!(payloads(&run).await?[5..], ["no json", "nor that"]);
    run.take_in().await?;
    run.finish().await
}

/// What another run was given is read by that alone, and it is given nothing else under its name.
#[tokio::test]
async fn a_run_reads_what_it_was_given_and_one_that_was_given_nothing_reads_the_rest() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let dead = ["no json", "nor this", "nor that"].map(str::to_owned);
    file(folder.path(), "a.ndjson", lines(0, 5).chain(dead))?;
    let first = TestRun::new().named("first").keys(1);
    let first = first.reads_as("files", folder.path(), &json!({"type": "NDJSON"})).created(&ledger).await?;
    let first = first.stocked().await?;
    first.take_in().await?;
    first.finish().await?;
    let (ledger, of) = (&ledger.ledger, &first.run);
    let (short, position) = (selected("bytes == 7"), selected("position >= 0 && bytes == 8"));
    let noted = note_for(ledger, of, "second", &short, "somebody").await?;
    assert!(matches!(noted, Noted { letters: 1, before: false, .. }), "{noted:?}");
    // Asked the same, or nothing, it goes on; asked for others, it would leave them unread.
    for selection in [&short, &all()] {
        let noted = note_for(ledger, of, "second", selection, "another").await?;
        assert!(matches!(noted, Noted { letters: 1, before: true, .. }), "{noted:?}");
    }
    let refused = note_for(ledger, of, "second", &position, "somebody").await.expect_err("others");
    assert!(matches!(refused, LettersError::Given { act: 1, .. }), "{refused:?}");
    assert!(refused.to_string().contains("`selector bytes == 7`, which is act 1"), "{refused}");
    let nothing = note_for(ledger, of, "fourth", &short, "somebody").await.expect_err("none is left");
    assert!(nothing.to_string().contains("; 1 are noted for the run second"), "{nothing}");
    assert_eq!(ledger.letter_log(of).await?.len(), 1);

    let third = TestRun::new().named("third").keys(1).replays("first", "DeadLetters");
    let third = third.created_beside(&first).await?.stocked().await?;
    third.take_in().await?;
    assert_eq!(payloads(&third).await?, ["nor this", "nor that"]);
    goes_on(ledger, of, "third", &all()).await?;
    let refused = goes_on(ledger, of, "third", &short).await;
    assert!(matches!(refused, Err(LettersError::Taken(_))), "{refused:?}");
    third.finish().await?;
    let second = TestRun::new().named("second").keys(1).replays("first", "DeadLetters");
    let second = second.created_beside(&first).await?.stocked().await?;
    second.take_in().await?;
    assert_eq!(payloads(&second).await?, ["no json"]);
    goes_on(ledger, of, "second", &short).await?;
    assert!(matches!(goes_on(ledger, of, "second", &position).await, Err(LettersError::Given { .. })));
    second.finish().await
}
