//! One dead letter, and what is done with them where they lie.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_sources::letters;
use chancery_store::letters::{Letter, LetterAct, LetterMove, LetterPlace};
use http::HeaderMap;

use super::dead_letters::place;
use crate::apart::with_letters;
use crate::gateway::Gateway;
use crate::letters::{DiscardRequest, Which, asked, problem};
use crate::model::{Discarded, LetterActs, LetterDone, LetterShown, LettersDone};
use crate::names::Names;
use crate::problem::Problem;
use crate::room::{self, Room};
use crate::runs::Name;
use crate::warrant::Warrant;

/// One dead letter with its bytes, and what was done with it.
#[utoipa::path(get, path = "/v1/namespaces/{namespace}/runs/{run}/dead-letters/{letter}", operation_id = "getDeadLetter", tag = "results",
    params(("namespace" = String, Path), ("run" = String, Path), ("letter" = String, Path, description = "Its cursor")),
    responses((status = 200, body = LetterShown)))]
pub(crate) async fn get_letter(
    State(gateway): State<Gateway>,
    Names((namespace, run, letter)): Names<(String, String, String)>,
) -> Result<Response, Problem> {
    let ledger = &gateway.0.ledger;
    let failed = |error| Problem::store(&error);
    let run = Name::of(namespace, run)?.find(ledger).await?;
    let (source, split, position) = Some(&letter)
        .filter(|letter| !letter.is_empty())
        .and_then(|letter| place(letter))
        .filter(|(_, _, position)| *position >= 0)
        .ok_or_else(|| Problem::bad_request("a dead letter is named by its cursor"))?;
    let (here, before) =
        (LetterPlace { source, split, position }, LetterPlace::before(source, split, position));
    let found = ledger.letters_after(&run, before, 1, false, true).await.map_err(failed)?;
    let found = found.into_iter().next().filter(|letter| letter.place() == here);
    let history = ledger.letter_history(&run, here).await.map_err(failed)?;
    if found.is_none() && history.is_empty() {
        return Err(Problem::not_found(format!("the run has no dead letter {letter}")));
    }
    // Itself, its text, and the text of the answer.
    let mut room = Room::new(&gateway.0.held);
    let bytes = found.as_ref().and_then(|letter| letter.raw.as_ref()).map_or(0, Vec::len);
    room.take(4 * bytes + history.len() * 8_192)?;
    Ok(room::json(&shown(letter, found, history), room))
}

/// What was done with dead letters of a run, by whom and when.
#[utoipa::path(get, path = "/v1/namespaces/{namespace}/runs/{run}/dead-letters/log", operation_id = "listLetterActs", tag = "results",
    params(("namespace" = String, Path), ("run" = String, Path)),
    responses((status = 200, body = LetterActs)))]
pub(crate) async fn log(
    State(gateway): State<Gateway>,
    Names((namespace, run)): Names<(String, String)>,
) -> Result<Response, Problem> {
    let ledger = &gateway.0.ledger;
    let run = Name::of(namespace, run)?.find(ledger).await?;
    let acts = ledger.letter_log(&run).await.map_err(|error| Problem::store(&error))?;
    let mut room = Room::new(&gateway.0.held);
    room.take(acts.len() * 8_192)?;
    Ok(room::json(&LetterActs { acts: acts.into_iter().map(act).collect() }, room))
}

/// Discards dead letters: their bytes are removed, and nothing reads them again. Their counts stay.
#[utoipa::path(post, path = "/v1/namespaces/{namespace}/runs/{run}/dead-letters/discard", operation_id = "discardDeadLetters", tag = "results",
    params(("namespace" = String, Path), ("run" = String, Path)),
    request_body = DiscardRequest,
    responses((status = 200, body = Discarded)))]
pub(crate) async fn discard(
    State(gateway): State<Gateway>,
    Names((namespace, run)): Names<(String, String)>,
    Extension(warrant): Extension<Warrant>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let shared = &gateway.0;
    let name = Name::of(namespace, run)?;
    let DiscardRequest { all, which } = asked(shared, &warrant, &headers, body).await?;
    if all && which.is_some() {
        return Err(Problem::bad_request(
            "`all` and `select` are both given; say `\"all\": true` to discard all dead letters, or `select` some of them",
        ));
    }
    let selection = Which::selection(which)?;
    if selection.words().is_empty() && !all {
        return Err(Problem::bad_request(
            "nothing says which dead letters are discarded; select some, or say `\"all\": true`",
        ));
    }
    let actor = warrant.who().await?;
    let run = name.find(&shared.ledger).await?;
    let ledger = shared.ledger.clone();
    let discarded = with_letters(move |until| async move {
        let selection = selection.within(until);
        let discarded = letters::discard(&ledger, &run, &selection, &actor).await;
        discarded.map_err(|error| problem(&error))
    });
    let letters::Discarded { act, letters, unsaid } = discarded.await??;
    let run = name.to_string();
    Ok(room::json(
        &Discarded { run, act, discarded: letters, left_out: unsaid.letters },
        Room::new(&shared.held),
    ))
}

fn shown(cursor: String, letter: Option<Letter>, history: Vec<LetterMove>) -> LetterShown {
    let history: Vec<LetterDone> = history.into_iter().map(done).collect();
    let mut shown = LetterShown { cursor, history, ..LetterShown::default() };
    let Some(letter) = letter else {
        shown.state = shown.history.last().map(|last| last.became.to_lowercase()).unwrap_or_default();
        return shown;
    };
    let Letter { source, stage, rule, reason, raw, whole, swept_at, arrived_at, ended, into, .. } = letter;
    shown.state = match (ended.as_deref(), &raw) {
        (Some("Moved"), _) => "redriven",
        (Some(_), _) => "discarded",
        (None, Some(_)) => "kept",
        (None, None) => "swept",
    }
    .to_owned();
    (shown.source, shown.into, shown.stage, shown.rule) = (Some(source), into, Some(stage), rule);
    (shown.reason, shown.arrived_at, shown.swept_at) = (Some(reason), Some(arrived_at), swept_at);
    (shown.whole, shown.raw) = (Some(whole), raw.map(|raw| STANDARD.encode(raw)));
    shown
}

fn done(one: LetterMove) -> LetterDone {
    let LetterMove { attempt: _, act, kind, became, into, stage, rule, reason, actor, login: _, acted_at } =
        one;
    LetterDone { act, kind, became, into, by: actor, at: acted_at, stage, rule, reason }
}

fn act(one: LetterAct) -> LettersDone {
    let LetterAct { act, kind, into, letters, selection, actor, login: _, acted_at, became } = one;
    let chancery_store::letters::Became { admitted, duplicates, rejected, dead, pending } = became;
    LettersDone {
        act,
        kind,
        into,
        letters,
        admitted,
        duplicates,
        rejected,
        dead,
        pending,
        selection,
        by: actor,
        at: acted_at,
    }
}
