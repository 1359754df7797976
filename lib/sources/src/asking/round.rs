//! One go of asking: webhooks and lookups side by side, each about those records that wait for it, until nobody is left to ask. What needs
//! nobody any more leaves it after each round.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chancery_policy::{Answers, Wants, WebhookAnswer};
use chancery_reading::Looked;
use futures::future::{join, join_all};
use tokio::time::Instant;

use super::answer::id_of;
use super::hook::{Hook, NoAnswer};
use super::lookup::Lookup;
use super::{Asked, Asking, Waiting};
use crate::judge::{Judge, Seen};

/// The longest error of an attempt, in bytes.
const MOST_ERROR: usize = 1_000;

/// What is answered may lead to more that has to be asked: a key that another lookup gave, or enrichments after a webhook.
const MOST_ROUNDS: usize = 16;

/// Keys of one lookup that one record may ask for.
const MOST_KEYS: usize = 1_000;

/// Bytes of keys and their values that are kept for one record. With the answers of all webhooks of a policy, they fit into what the
/// ledger keeps.
const MOST_BYTES: usize = 262_144;

/// What is known of a record so far.
#[derive(Default)]
struct Known {
    answers: Answers,
    /// Bytes of keys and values in these.
    bytes: usize,
    /// The first that failed, in the policy's order, and why.
    failed: Option<String>,
}

impl Known {
    /// Whether it goes on waiting: then nobody else needs to be asked about it now.
    fn waits(&self, asking: &Asking, waiting: &Waiting) -> bool {
        self.failed.is_some() && !asking.retry.is_last(waiting.attempts)
    }
}

/// Who has to be asked about which records.
#[derive(Default)]
struct Wanted {
    webhooks: BTreeMap<String, Vec<usize>>,
    keys: BTreeMap<String, BTreeSet<String>>,
    /// Which records want a key.
    by_key: BTreeMap<(String, String), Vec<usize>>,
}

impl Wanted {
    fn add(&mut self, number: usize, Wants { webhooks, keys }: Wants) {
        for webhook in webhooks {
            self.webhooks.entry(webhook).or_default().push(number);
        }
        for (lookup, key) in keys {
            self.keys.entry(lookup.clone()).or_default().insert(key.clone());
            self.by_key.entry((lookup, key)).or_default().push(number);
        }
    }
}

/// One go of asking about some arrivals. It is over before its time is, whatever others do: what they have not answered by then is an
/// attempt that failed.
pub struct Go<'a> {
    asking: &'a Asking,
    judge: &'a Judge,
    waiting: &'a [Waiting],
    /// Of each; none of what has left.
    known: Vec<Option<Known>>,
    wanted: Wanted,
    /// What leaves next.
    ready: Vec<(usize, Asked)>,
    rounds: usize,
    ends: Instant,
}

impl fmt::Debug for Go<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Go").field("rounds", &self.rounds).finish_non_exhaustive()
    }
}

impl<'a> Go<'a> {
    pub(super) fn begin(asking: &'a Asking, judge: &'a Judge, waiting: &'a [Waiting], ends: Instant) -> Self {
        let known = waiting.iter().map(|_| Some(Known::default())).collect();
        let (wanted, ready) = (Wanted::default(), Vec::new());
        Self { asking, judge, waiting, known, wanted, ready, rounds: 0, ends }
    }

    /// Whether all of them have left.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.known.iter().all(Option::is_none)
    }

    /// Asks for what is wanted, once, and gives those about which nobody else has to be asked now, in their order, by their number. The
    /// first time, nobody is asked.
    pub async fn ask(&mut self) -> Vec<(usize, Asked)> {
        let given_up = match tokio::time::timeout_at(self.ends, self.round()).await {
            Ok(true) => None,
            Ok(false) => Some(format!("one question led to the next, more than {MOST_ROUNDS} times")),
            Err(_) => {
                let time = self.asking.time();
                Some(format!("not all was answered within {time:?}, which is the time for these records"))
            }
        };
        if let Some(why) = given_up {
            self.give_up(&why).await;
        }
        let mut ready = std::mem::take(&mut self.ready);
        ready.sort_by_key(|(number, _)| *number);
        ready
    }

    /// False when there were too many of them already.
    async fn round(&mut self) -> bool {
        let (asking, waiting) = (self.asking, self.waiting);
        let wanted = std::mem::take(&mut self.wanted);
        if !wanted.webhooks.is_empty() || !wanted.keys.is_empty() {
            if self.rounds == MOST_ROUNDS {
                return false;
            }
            self.rounds += 1;
            let (looked, called) = heard(asking, waiting, &wanted).await;
            // In the policy's order, so that of several that fail always the same one is named.
            for (lookup, looked) in looked {
                for (key, value) in looked {
                    let by = wanted.by_key.get(&(lookup.name.clone(), key.clone()));
                    for number in by.into_iter().flatten() {
                        if let Some((one, known)) = self.of(*number) {
                            note_value(asking, lookup, (key.as_str(), &value), known, one.attempts);
                        }
                    }
                }
            }
            for (hook, numbers, answers) in called {
                for (number, answer) in numbers.iter().zip(answers) {
                    if let Some((one, known)) = self.of(*number) {
                        note_answer(asking, hook, known, one.attempts, answer);
                    }
                }
            }
        }
        self.evaluate().await;
        true
    }

    fn of(&mut self, number: usize) -> Option<(&'a Waiting, &mut Known)> {
        Some((self.waiting.get(number)?, self.known.get_mut(number)?.as_mut()?))
    }

    async fn evaluate(&mut self) {
        let (asking, judge) = (self.asking, self.judge);
        for (number, (one, known)) in self.waiting.iter().zip(&mut self.known).enumerate() {
            let Some(of_one) = known else { continue };
            let wants = wants_of(asking, judge, one, of_one);
            if !wants.is_empty() {
                self.wanted.add(number, wants);
            } else if let Some(known) = known.take() {
                self.ready.push((number, become_of(asking, judge, one, known)));
            }
            // A policy may take its time, and is not the only one to be evaluated.
            tokio::task::yield_now().await;
        }
    }

    /// What is left has had an attempt, which failed.
    async fn give_up(&mut self, why: &str) {
        let (asking, judge) = (self.asking, self.judge);
        self.wanted = Wanted::default();
        for (number, (one, known)) in self.waiting.iter().zip(&mut self.known).enumerate() {
            let Some(mut known) = known.take() else { continue };
            if asking.retry.is_last(one.attempts) {
                give_up_what_is_wanted(asking, judge, one, &mut known, why);
                tokio::task::yield_now().await;
            } else {
                known.failed.get_or_insert_with(|| why.to_owned());
            }
            self.ready.push((number, become_of(asking, judge, one, known)));
        }
    }
}

/// What lookups and webhooks say.
type Heard<'a, 'w> = (
    Vec<(&'a Lookup, BTreeMap<String, Looked>)>,
    Vec<(&'a Hook, &'w [usize], Vec<Result<WebhookAnswer, NoAnswer>>)>,
);

async fn heard<'a, 'w>(asking: &'a Asking, waiting: &[Waiting], wanted: &'w Wanted) -> Heard<'a, 'w> {
    let lookups = asking.lookups.iter().filter_map(|lookup| Some((lookup, wanted.keys.get(&lookup.name)?)));
    let lookups = lookups.map(|(lookup, keys)| look(lookup, keys));
    let hooks = asking.hooks.iter().filter_map(|hook| Some((hook, wanted.webhooks.get(&hook.name)?)));
    let calls = hooks.flat_map(|(hook, numbers)| {
        numbers.chunks(hook.batch).map(move |numbers| call(asking, hook, waiting, numbers))
    });
    join(join_all(lookups), join_all(calls)).await
}

/// Who has to be asked about it now: nobody if it goes on waiting, and no lookup that would be asked for too much.
fn wants_of(asking: &Asking, judge: &Judge, waiting: &Waiting, known: &mut Known) -> Wants {
    loop {
        if known.waits(asking, waiting) {
            return Wants::default();
        }
        let wants = judge.wants(seen(waiting, &place_of(waiting)), &known.answers);
        let Some(lookup) = asked_for_too_much(&known.answers, &wants) else { return wants };
        let why = format!("the record asks for more than {MOST_KEYS} keys");
        note_no_value(asking, &lookup, &why, known, waiting.attempts);
    }
}

fn asked_for_too_much(answers: &Answers, wants: &Wants) -> Option<String> {
    let mut keys: BTreeMap<&str, usize> = BTreeMap::new();
    for (lookup, _) in &wants.keys {
        *keys.entry(lookup.as_str()).or_default() += 1;
    }
    let known = |lookup: &str| answers.keys.get(lookup).map_or(0, BTreeMap::len);
    let beyond = keys.into_iter().find(|&(lookup, wanted)| wanted + known(lookup) > MOST_KEYS);
    beyond.map(|(lookup, _)| lookup.to_owned())
}

/// On the last attempt: nothing is judged while somebody is still to be asked.
fn give_up_what_is_wanted(asking: &Asking, judge: &Judge, waiting: &Waiting, known: &mut Known, why: &str) {
    loop {
        let wants = wants_of(asking, judge, waiting, known);
        if wants.is_empty() {
            return;
        }
        let Wants { webhooks, keys } = wants;
        for webhook in webhooks {
            note_no_answer(asking, &webhook, why, known, waiting.attempts);
        }
        for (lookup, _) in keys {
            note_no_value(asking, &lookup, why, known, waiting.attempts);
        }
    }
}

async fn look<'a>(lookup: &'a Lookup, keys: &BTreeSet<String>) -> (&'a Lookup, BTreeMap<String, Looked>) {
    let keys: Vec<String> = keys.iter().cloned().collect();
    (lookup, lookup.ask(&keys).await)
}

async fn call<'a, 'n>(
    asking: &Asking,
    hook: &'a Hook,
    waiting: &[Waiting],
    numbers: &'n [usize],
) -> (&'a Hook, &'n [usize], Vec<Result<WebhookAnswer, NoAnswer>>) {
    let about: Vec<&Waiting> = numbers.iter().map(|number| &waiting[*number]).collect();
    let answers = hook.ask(asking, &about).await;
    (hook, numbers, answers)
}

fn note_value(
    asking: &Asking,
    lookup: &Lookup,
    (key, value): (&str, &Looked),
    known: &mut Known,
    attempts: u32,
) {
    let value = match value {
        Ok(value) => value,
        Err(why) => return note_no_value(asking, &lookup.name, why, known, attempts),
    };
    let bytes = serde_json::to_string(&(key, value)).map_or(MOST_BYTES, |text| text.len());
    if known.bytes + bytes > MOST_BYTES {
        let why = format!("the keys of the record and their values have more than {MOST_BYTES} bytes");
        return note_no_value(asking, &lookup.name, &why, known, attempts);
    }
    known.bytes += bytes;
    let of_lookup = known.answers.keys.entry(lookup.name.clone()).or_default();
    of_lookup.insert(key.to_owned(), value.clone());
}

fn note_no_value(asking: &Asking, lookup: &str, why: &str, known: &mut Known, attempts: u32) {
    let why = shown(why);
    known.failed.get_or_insert_with(|| format!("the lookup {lookup}: {why}"));
    if asking.retry.is_last(attempts) {
        let why = format!("the lookup {lookup}: {}", after(attempts, &why));
        known.answers.failed.entry(lookup.to_owned()).or_insert(why);
    }
}

fn note_answer(
    asking: &Asking,
    hook: &Hook,
    known: &mut Known,
    attempts: u32,
    answer: Result<WebhookAnswer, NoAnswer>,
) {
    match answer {
        Ok(answer) => {
            known.answers.webhooks.insert(hook.name.clone(), answer);
        }
        // It is as if it were not there, so nothing has to wait until it is again.
        Err(NoAnswer::LeftAlone(why)) if hook.is_ignored => {
            let failed = WebhookAnswer { failed: Some(why), ..WebhookAnswer::default() };
            known.answers.webhooks.insert(hook.name.clone(), failed);
        }
        Err(NoAnswer::LeftAlone(why) | NoAnswer::Failed(why)) => {
            note_no_answer(asking, &hook.name, &why, known, attempts);
        }
    }
}

fn note_no_answer(asking: &Asking, webhook: &str, why: &str, known: &mut Known, attempts: u32) {
    let why = shown(why);
    known.failed.get_or_insert_with(|| format!("the webhook {webhook}: {why}"));
    if asking.retry.is_last(attempts) {
        let failed = WebhookAnswer { failed: Some(after(attempts, &why)), ..WebhookAnswer::default() };
        known.answers.webhooks.insert(webhook.to_owned(), failed);
    }
}

/// Why somebody is given up who was asked that often before.
fn after(attempts: u32, why: &str) -> String {
    match attempts {
        0 => why.to_owned(),
        _ => format!("{why}; it was asked {} times", attempts + 1),
    }
}

fn become_of(asking: &Asking, judge: &Judge, waiting: &Waiting, known: Known) -> Asked {
    if known.waits(asking, waiting) {
        let pause = asking.retry.pause(waiting.attempts + 1, chance(asking, waiting));
        return Asked::Again { error: known.failed.unwrap_or_default(), pause };
    }
    let judged = judge.judge_with(seen(waiting, &place_of(waiting)), &known.answers);
    // Texts and numbers.
    let answers = serde_json::to_string(&known.answers).unwrap_or_default();
    Asked::Judged { judged, answers }
}

/// Where it is, as far as a policy is told.
fn place_of(waiting: &Waiting) -> String {
    if waiting.pushed { String::new() } else { waiting.position.to_string() }
}

fn seen<'a>(waiting: &'a Waiting, position: &'a str) -> Seen<'a> {
    Seen { payload: &waiting.payload, source: &waiting.source, position, at: waiting.judged_at }
}

/// Another for each record and each attempt, so that what failed together does not come again together.
fn chance(asking: &Asking, waiting: &Waiting) -> f64 {
    let id = id_of(asking.run, waiting);
    let place = usize::try_from(waiting.attempts % 8).unwrap_or(0) * 4;
    let part = id.get(place..place + 4).and_then(|hex| u16::from_str_radix(hex, 16).ok());
    f64::from(part.unwrap_or(0)) / f64::from(u16::MAX)
}

/// It may be what somebody else wrote.
fn shown(why: &str) -> String {
    why[..why.floor_char_boundary(MOST_ERROR)].replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chancery_policy::{Pinned, Tables};
    use chancery_store::PolicyText;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::access::Access;
    use crate::judge::Judged;

    /// By a policy that asks a webhook where nobody listens.
    fn made() -> (Asking, Judge) {
        let policy = json!({
            "matchConditions": [{"name": "asked", "expression": "!has(record.skip)"}],
            "webhooks": [{"name": "model", "url": "http://127.0.0.1:1/score", "adds": "score"}],
            "retryStrategy": {"limit": 1},
        });
        let spec = serde_json::from_value(policy).expect("a policy");
        let pinned = Pinned::new(spec, Tables::default()).expect("a version");
        let text = PolicyText { hash: pinned.hash().to_vec(), text: pinned.text().to_owned() };
        let asking = Asking::of(Uuid::nil(), pinned.text(), &Access::Environment).expect("access");
        (asking.expect("somebody to ask"), Judge::by(&text).expect("a judge"))
    }

    fn waiting(position: i64, attempts: u32, payload: &str) -> Waiting {
        let payload = payload.as_bytes().to_vec();
        let source = "files".to_owned();
        Waiting { source, pushed: false, split: 1, position, payload, attempts, judged_at: 0 }
    }

    #[tokio::test]
    async fn what_needs_nobody_leaves_before_anybody_is_asked() {
        let (asking, judge) = made();
        let waiting = [waiting(0, 0, "{}"), waiting(1, 0, r#"{"skip": 1}"#)];
        let mut go = asking.go(&judge, &waiting);
        let left = go.ask().await;
        assert_eq!(left.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1]);
        assert!(!go.is_done());
        let left = go.ask().await;
        let [(0, Asked::Again { error, .. })] = &left[..] else { panic!("{left:?}") };
        assert!(error.starts_with("the webhook model: no connection"), "{error}");
        assert!(go.is_done());
    }

    #[tokio::test]
    async fn what_is_not_answered_in_time_has_had_an_attempt_and_after_the_last_one_is_given_up_by_name() {
        let (asking, judge) = made();
        let waiting = [waiting(0, 0, "{}"), waiting(1, 1, "{}")];
        let over = Instant::now().checked_sub(Duration::from_secs(1)).expect("a while ago");
        let mut go = Go::begin(&asking, &judge, &waiting, over);
        let mut left = Vec::new();
        while !go.is_done() {
            left.extend(go.ask().await);
        }
        let [(0, Asked::Again { error, .. }), (1, Asked::Judged { judged, answers })] = &left[..] else {
            panic!("{left:?}")
        };
        assert!(error.starts_with("not all was answered within"), "{error}");
        let Judged::Refused(refused) = judged else { panic!("{judged:?}") };
        assert_eq!(refused.rule.as_deref(), Some("model"));
        assert!(answers.contains("it was asked 2 times"), "{answers}");
    }

    #[test]
    fn a_go_is_about_no_more_than_there_is_room_for_answers() {
        let of = |adds: &str| {
            let hook = |name: &str| json!({"name": name, "url": "http://127.0.0.1:1/", "adds": adds, "batch": 100, "concurrency": 64});
            let spec = serde_json::from_value(json!({"webhooks": [hook("one"), hook("other")]}));
            let pinned = Pinned::new(spec.expect("a policy"), Tables::default()).expect("a version");
            let asking = Asking::of(Uuid::nil(), pinned.text(), &Access::Environment).expect("access");
            asking.expect("somebody to ask").at_a_time()
        };
        assert_eq!((of("score"), of("fields")), (1_900, 200));
    }

    #[test]
    fn a_lookup_may_be_asked_for_so_many_keys_of_one_record_and_no_more() {
        let wants = |count: usize| {
            let keys = (0..count).map(|key| ("markets".to_owned(), key.to_string())).collect();
            Wants { webhooks: Vec::new(), keys }
        };
        let mut answers = Answers::default();
        assert_eq!(asked_for_too_much(&answers, &wants(MOST_KEYS)), None);
        assert_eq!(asked_for_too_much(&answers, &wants(MOST_KEYS + 1)), Some("markets".to_owned()));
        let known = answers.keys.entry("markets".to_owned()).or_default();
        known.insert("known".to_owned(), None);
        assert_eq!(asked_for_too_much(&answers, &wants(MOST_KEYS)), Some("markets".to_owned()));
    }
}
