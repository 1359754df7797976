//! One go of asking: webhooks and lookups side by side, each about those records that wait for it, until nobody is left to ask.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chancery_policy::{Answers, Wants, WebhookAnswer};
use chancery_reading::Looked;
use futures::future::{join, join_all};

use super::answer::id_of;
use super::hook::{Hook, NoAnswer};
use super::lookup::Lookup;
use super::{Asked, Asking, Waiting};
use crate::judge::{Judge, Seen};

/// The longest error of an attempt, in bytes.
const MOST_ERROR: usize = 1_000;

/// What is answered may lead to more that has to be asked: a key that another lookup gave, or enrichments after a webhook. No policy of
/// any use comes near to this.
const MOST_ROUNDS: usize = 16;

/// What is known of a record so far.
#[derive(Default)]
struct Known {
    answers: Answers,
    /// The first that failed, in the policy's order, and why.
    failed: Option<String>,
    /// For how long a webhook is left alone that was not asked.
    not_asked: Option<Duration>,
}

impl Known {
    /// Whether it goes on waiting: then nobody else needs to be asked about it now.
    fn waits(&self, asking: &Asking, waiting: &Waiting) -> bool {
        self.not_asked.is_some() || (self.failed.is_some() && !asking.retry.is_last(waiting.attempts))
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

pub(super) async fn ask(asking: &Asking, judge: &Judge, waiting: &[Waiting]) -> Vec<Asked> {
    let mut known: Vec<Known> = waiting.iter().map(|_| Known::default()).collect();
    for _ in 0..MOST_ROUNDS {
        let wanted = wanted(asking, judge, waiting, &known);
        if wanted.webhooks.is_empty() && wanted.keys.is_empty() {
            break;
        }
        // In the policy's order, so that of several that fail always the same one is named.
        let lookups =
            asking.lookups.iter().filter_map(|lookup| Some((lookup, wanted.keys.get(&lookup.name)?)));
        let lookups = lookups.map(|(lookup, keys)| look(lookup, keys));
        let hooks = asking.hooks.iter().filter_map(|hook| Some((hook, wanted.webhooks.get(&hook.name)?)));
        let calls = hooks.flat_map(|(hook, numbers)| {
            numbers.chunks(hook.batch).map(move |numbers| call(asking, hook, waiting, numbers))
        });
        let (looked, called) = join(join_all(lookups), join_all(calls)).await;
        for (lookup, looked) in looked {
            for (key, value) in looked {
                let by = wanted.by_key.get(&(lookup.name.clone(), key.clone()));
                for number in by.into_iter().flatten() {
                    note_value(asking, lookup, &key, &value, &mut known[*number], waiting[*number].attempts);
                }
            }
        }
        for (hook, numbers, answers) in called {
            for (number, answer) in numbers.iter().zip(answers) {
                note_answer(asking, hook, &mut known[*number], waiting[*number].attempts, answer);
            }
        }
    }
    waiting.iter().zip(known).map(|(one, known)| become_of(asking, judge, one, known)).collect()
}

fn wanted(asking: &Asking, judge: &Judge, waiting: &[Waiting], known: &[Known]) -> Wanted {
    let mut wanted = Wanted::default();
    for (number, (one, known)) in waiting.iter().zip(known).enumerate() {
        if known.waits(asking, one) {
            continue;
        }
        let Wants { webhooks, keys } = judge.wants(seen(one, &one.position.to_string()), &known.answers);
        for webhook in webhooks {
            wanted.webhooks.entry(webhook).or_default().push(number);
        }
        for (lookup, key) in keys {
            wanted.keys.entry(lookup.clone()).or_default().insert(key.clone());
            wanted.by_key.entry((lookup, key)).or_default().push(number);
        }
    }
    wanted
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
    let answers = hook.ask(&asking.policy, asking.run, &about).await;
    (hook, numbers, answers)
}

fn note_value(asking: &Asking, lookup: &Lookup, key: &str, value: &Looked, known: &mut Known, attempts: u32) {
    match value {
        Ok(value) => {
            let of_lookup = known.answers.keys.entry(lookup.name.clone()).or_default();
            of_lookup.insert(key.to_owned(), value.clone());
        }
        Err(why) => {
            let why = shown(why);
            known.failed.get_or_insert_with(|| format!("the lookup {}: {why}", lookup.name));
            if asking.retry.is_last(attempts) {
                let why = format!("the lookup {}: {}", lookup.name, after(attempts, &why));
                known.answers.failed.entry(lookup.name.clone()).or_insert(why);
            }
        }
    }
}

fn note_answer(
    asking: &Asking,
    hook: &Hook,
    known: &mut Known,
    attempts: u32,
    answer: Result<WebhookAnswer, NoAnswer>,
) {
    let answer = match answer {
        Ok(answer) => answer,
        Err(NoAnswer::NotAsked(pause)) => {
            known.not_asked = Some(known.not_asked.map_or(pause, |other| other.max(pause)));
            return;
        }
        Err(NoAnswer::Failed(why)) => {
            let why = shown(&why);
            known.failed.get_or_insert_with(|| format!("the webhook {}: {why}", hook.name));
            if !asking.retry.is_last(attempts) {
                return;
            }
            WebhookAnswer { failed: Some(after(attempts, &why)), ..WebhookAnswer::default() }
        }
    };
    known.answers.webhooks.insert(hook.name.clone(), answer);
}

/// Why somebody is given up who was asked that often before.
fn after(attempts: u32, why: &str) -> String {
    match attempts {
        0 => why.to_owned(),
        _ => format!("{why}; it was asked {} times", attempts + 1),
    }
}

fn become_of(asking: &Asking, judge: &Judge, waiting: &Waiting, known: Known) -> Asked {
    // Who was not asked is to be asked: until then nothing is given up.
    if let Some(pause) = known.not_asked {
        return Asked::Again { error: None, pause };
    }
    if known.waits(asking, waiting) {
        let pause = asking.retry.pause(waiting.attempts + 1, chance(asking, waiting));
        return Asked::Again { error: known.failed, pause };
    }
    let judged = judge.judge_with(seen(waiting, &waiting.position.to_string()), &known.answers);
    // Texts and numbers.
    let answers = serde_json::to_string(&known.answers).unwrap_or_default();
    Asked::Judged { judged, answers, attempts: waiting.attempts + 1 }
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
