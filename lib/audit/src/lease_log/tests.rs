//! The replay against logs that are right by construction, and against each way to spoil one.

use proptest::prelude::*;

use super::*;

/// A key of number `n`.
fn key(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

/// A log as signers write it: `steps` chooses at each step between acquiring and the release of one of
/// the held keys.
fn log_of(keys: u128, steps: &[u8]) -> Vec<LeaseRow> {
    let mut free: BTreeSet<(i64, Uuid)> = (1..=keys).map(|n| (0, key(n))).collect();
    let mut open: Vec<usize> = Vec::new();
    let mut log: Vec<LeaseRow> = Vec::new();
    let mut clock = 0;
    for step in steps {
        clock += 10;
        let release = free.is_empty() || (*step % 2 == 0 && !open.is_empty());
        if release {
            let lease = &mut log[open.remove(usize::from(*step) % open.len())];
            lease.released_at = Some(clock);
            lease.has_signed_at = true;
            lease.outcome = Some("signed".to_owned());
            free.insert((lease.use_sequence, lease.key_id));
        } else {
            let (last_use, chosen) = *free.first().expect("a free key");
            free.remove(&(last_use, chosen));
            let sequence = i64::try_from(log.len()).expect("few") + 1;
            open.push(log.len());
            log.push(LeaseRow {
                id: 100 + sequence,
                run_complete: false,
                key_id: chosen,
                use_sequence: sequence,
                acquired_at: clock,
                expires_at: clock + 1_000_000,
                doubted_until: None,
                released_at: None,
                has_signed_at: false,
                outcome: None,
            });
        }
    }
    log
}

/// A key that was in the ring from the beginning on.
fn row(n: u128, last_use: i64) -> KeyRow {
    KeyRow {
        id: key(n),
        number: i32::try_from(n).expect("few"),
        state: "active".to_owned(),
        last_use,
        joined_use: 0,
        retired_use: None,
        has_retired_at: false,
        public_key: None,
    }
}

/// A log of a ring that keys join and leave: at each step a key is leased, given back, joins or leaves.
fn log_of_changing_ring(keys: u128, steps: &[u8]) -> (Vec<KeyRow>, Vec<LeaseRow>) {
    let mut rows: Vec<KeyRow> = (1..=keys).map(|n| row(n, 0)).collect();
    let mut log: Vec<LeaseRow> = Vec::new();
    let mut clock = 0;
    for step in steps {
        clock += 10;
        let newest = i64::try_from(log.len()).expect("few");
        let held = |id| log.iter().any(|lease| lease.key_id == id && lease.released_at.is_none());
        match step % 16 {
            0 => {
                let number = rows.len() as u128 + 1;
                rows.push(KeyRow { joined_use: newest, ..row(number, newest) });
            }
            1 => {
                let chosen = usize::from(*step) % rows.len();
                rows[chosen].retired_use.get_or_insert(newest);
            }
            2..9 => {
                let chosen = rows
                    .iter_mut()
                    .filter(|row| row.retired_use.is_none() && !held(row.id))
                    .min_by_key(|row| (row.last_use, row.number));
                if let Some(chosen) = chosen {
                    chosen.last_use = newest + 1;
                    log.push(LeaseRow {
                        id: 101 + newest,
                        run_complete: false,
                        key_id: chosen.id,
                        use_sequence: newest + 1,
                        acquired_at: clock,
                        expires_at: clock + 1_000_000,
                        doubted_until: None,
                        released_at: None,
                        has_signed_at: false,
                        outcome: None,
                    });
                }
            }
            _ => {
                let mut open: Vec<_> = log.iter_mut().filter(|lease| lease.released_at.is_none()).collect();
                if !open.is_empty() {
                    let chosen = usize::from(*step) % open.len();
                    let lease = &mut open[chosen];
                    lease.released_at = Some(clock);
                    lease.outcome = Some("abandoned".to_owned());
                }
            }
        }
    }
    (rows, log)
}

fn last_uses(keys: u128, log: &[LeaseRow]) -> Vec<KeyRow> {
    let last = |id| log.iter().filter(|lease| lease.key_id == id).map(|lease| lease.use_sequence).max();
    (1..=keys).map(|n| row(n, last(key(n)).unwrap_or(0))).collect()
}

fn replay(keys: Vec<KeyRow>, log: &[LeaseRow]) -> Findings {
    replay_after(0, &keys, log)
}

fn replay_after(forgotten: i64, keys: &[KeyRow], log: &[LeaseRow]) -> Findings {
    let mut releases: Vec<_> = log
        .iter()
        .filter_map(|lease| {
            let released_at = lease.released_at?;
            Some((lease.use_sequence, ReleaseRow { id: lease.id, key_id: lease.key_id, released_at }))
        })
        .collect();
    releases.sort_by_key(|(sequence, release)| (release.released_at, *sequence));
    let mut releases = releases.into_iter().map(|(_, release)| release).peekable();
    let mut replay = LeaseLog::after(forgotten, keys, 10);
    for lease in log {
        while let Some(release) = releases.next_if(|release| release.released_at <= lease.acquired_at) {
            replay.released(&release);
        }
        replay.acquired(lease);
    }
    releases.for_each(|release| replay.released(&release));
    replay.finish()
}

/// Violations of law 4 and of law 5.
fn violations(findings: &Findings) -> (u64, u64) {
    (findings.of(Law::NoSharedKey).0, findings.of(Law::LeastRecentlyUsed).0)
}

/// A log of three keys, twelve leases, all released.
fn good() -> Vec<LeaseRow> {
    log_of(3, &[1, 1, 2, 1, 2, 4, 1, 1, 2, 2, 1, 2, 1, 1, 2, 2, 1, 2, 1, 2, 1, 1, 2, 2])
}

#[test]
fn a_log_that_follows_the_protocol_has_no_violation() {
    let log = good();
    assert!(log.len() >= 10);
    let findings = replay(last_uses(3, &log), &log);
    assert_eq!(violations(&findings), (0, 0), "{findings:?}");
    assert_eq!(findings.counts.leases, log.len() as u64);
    assert_eq!(findings.counts.choices, log.len() as u64);
}

#[test]
fn a_key_taken_while_it_is_held_is_a_shared_key() {
    let mut log = good();
    let uses = last_uses(3, &log);
    // The next lease of the first lease's key begins before that one ends.
    let next = (1..log.len()).find(|n| log[*n].key_id == log[0].key_id).expect("used again");
    log[0].released_at = Some(log[next].acquired_at + 1);
    let findings = replay(uses, &log);
    assert_eq!(violations(&findings), (1, 0), "{findings:?}");
    let expected = format!("lease {} took key {} while lease 101 held it", log[next].id, log[0].key_id);
    assert_eq!(findings.of(Law::NoSharedKey).1, [expected]);
}

#[test]
fn a_key_other_than_the_least_recently_used_is_named_once() {
    let mut log = log_of(3, &[1, 2, 1, 2, 1, 2, 1, 2]);
    // Keys 1, 2, 3, then 1 again: make the last take key 2.
    log[3].key_id = key(2);
    let findings = replay(last_uses(3, &log), &log);
    assert_eq!(violations(&findings), (0, 1), "{findings:?}");
    assert!(findings.of(Law::LeastRecentlyUsed).1[0].starts_with("lease 104 took key"));
}

#[test]
fn a_lease_deleted_from_the_log_leaves_a_gap_and_accuses_nobody_else() {
    let mut log = good();
    let uses = last_uses(3, &log);
    let gone = log.remove(4);
    let findings = replay(uses, &log);
    assert_eq!(violations(&findings), (0, 1), "{findings:?}");
    let text = findings.of(Law::LeastRecentlyUsed).1[0].to_owned();
    assert!(text.contains(&format!("expected is {}", gone.use_sequence)), "{text}");
}

#[test]
fn a_lease_taken_over_before_it_ran_out_is_named() {
    let mut log = good();
    log[2].outcome = Some("expired".to_owned());
    log[2].has_signed_at = false;
    let uses = last_uses(3, &log);
    let findings = replay(last_uses(3, &log), &log);
    assert_eq!(findings.of(Law::NoSharedKey).1, ["lease 103 was taken over before it had run out"]);
    log[2].expires_at = log[2].released_at.expect("released");
    let findings = replay(last_uses(3, &log), &log);
    let hasty = "lease 103 was taken back before its holder had the time to renew it";
    assert_eq!(findings.of(Law::NoSharedKey).1, [hasty]);
    log[2].doubted_until = log[2].released_at.map(|released| released + 1);
    assert_eq!(replay(last_uses(3, &log), &log).of(Law::NoSharedKey).1, [hasty]);
    log[2].doubted_until = log[2].released_at;
    assert_eq!(violations(&replay(uses, &log)), (0, 0), "at the instant at which it runs out it is free");
}

#[test]
fn a_lease_that_ends_before_it_begins_is_named() {
    let mut log = good();
    let uses = last_uses(3, &log);
    log[5].released_at = Some(log[5].acquired_at - 1);
    let findings = replay(uses, &log);
    assert!(findings.of(Law::NoSharedKey).1.contains(&"lease 106 ends before it begins"), "{findings:?}");
}

#[test]
fn instants_that_do_not_go_on_and_keys_of_no_ring_are_named() {
    let mut log = good();
    let uses = last_uses(3, &log);
    log[1].acquired_at = log[0].acquired_at;
    let findings = replay(last_uses(3, &log), &log);
    assert!(findings.of(Law::LeastRecentlyUsed).1[0].contains("lease 102 was not acquired later"));
    let mut log = good();
    log[1].key_id = key(99);
    let findings = replay(uses, &log);
    assert!(findings.of(Law::LeastRecentlyUsed).1[0].contains("is not in the ring"), "{findings:?}");
}

#[test]
fn a_last_use_that_the_log_does_not_know_is_named() {
    let log = good();
    let mut uses = last_uses(3, &log);
    uses[0].last_use += 1;
    let findings = replay(uses, &log);
    assert_eq!(violations(&findings), (0, 1));
    assert!(findings.of(Law::LeastRecentlyUsed).1[0].contains("says that its last use was"));
}

#[test]
fn endings_that_contradict_themselves_are_named() {
    for (outcome, released, text) in [
        (Some("abandoned"), false, "was never given back"),
        (Some("expired"), false, "was never given back"),
        (None, true, "yet has not ended"),
    ] {
        let mut log = good();
        let last = log.len() - 1;
        let uses = last_uses(3, &log);
        log[last].outcome = outcome.map(str::to_owned);
        log[last].has_signed_at = false;
        log[last].released_at = released.then_some(log[last].acquired_at + 1);
        let findings = replay(uses, &log);
        assert!(findings.of(Law::NoSharedKey).1[0].contains(text), "{findings:?}");
    }
}

#[test]
fn an_open_lease_of_a_complete_run_is_named() {
    let mut log = log_of(3, &[1]);
    assert_eq!(violations(&replay(last_uses(3, &log), &log)), (0, 0));
    log[0].run_complete = true;
    let findings = replay(last_uses(3, &log), &log);
    assert_eq!(findings.of(Law::NoSharedKey).1, ["lease 101 is open although its run is complete"]);
}

#[test]
fn a_key_counts_from_the_use_after_which_it_joined() {
    // The keys 1 and 2 are used in turn; key 3 joins after use 4 and is then not chosen, though it is free.
    let log = log_of(2, &[1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2]);
    assert_eq!(log.len(), 7);
    let mut keys = last_uses(2, &log);
    keys.push(KeyRow { joined_use: 7, ..row(3, 7) });
    assert_eq!(violations(&replay_after(0, &keys, &log)), (0, 0), "it joined after the last use");
    // At use 6 the keys that are free were last used at 3 and 4: it joined later than that. At use 7 at 4 and 5.
    keys[2] = KeyRow { joined_use: 3, ..row(3, 3) };
    let findings = replay_after(0, &keys, &log);
    assert_eq!(violations(&findings), (0, 1), "{findings:?}");
    let text = findings.of(Law::LeastRecentlyUsed).1[0].to_owned();
    assert!(text.starts_with("lease 106 took key") && text.contains("(last use 3) was free"), "{text}");
}

#[test]
fn a_key_that_is_used_outside_of_its_time_is_named() {
    let log = good();
    let mut keys = last_uses(3, &log);
    let newest = keys.iter().map(|key| key.last_use).max().expect("keys");
    let of_newest = keys.iter().position(|key| key.last_use == newest).expect("a key");
    keys[of_newest].retired_use = Some(newest);
    assert_eq!(violations(&replay_after(0, &keys, &log)), (0, 0), "it left after its last use");
    keys[of_newest].retired_use = Some(newest - 1);
    let findings = replay_after(0, &keys, &log);
    assert!(
        findings.of(Law::LeastRecentlyUsed).1.iter().any(|text| text.contains("after it had left the ring")),
        "{findings:?}"
    );
    keys[of_newest].retired_use = Some(newest + 1);
    let findings = replay_after(0, &keys, &log);
    assert!(findings.of(Law::LeastRecentlyUsed).1[0].contains("says that it left after use"), "{findings:?}");
    keys[of_newest].retired_use = None;
    keys[of_newest].joined_use = newest;
    let findings = replay_after(0, &keys, &log);
    assert!(
        findings.of(Law::LeastRecentlyUsed).1.iter().any(|text| text.contains("before it joined the ring"))
    );
}

#[test]
fn a_log_without_its_forgotten_beginning_holds_and_has_to_begin_right_after_it() {
    let log = good();
    let keys = last_uses(3, &log);
    let forgotten = 4;
    assert!(keys.iter().all(|key| key.last_use > forgotten));
    assert_eq!(violations(&replay_after(forgotten, &keys, &log[4..])), (0, 0));
    for (forgotten, begins) in [(3, 4), (5, 4), (0, 4)] {
        let findings = replay_after(forgotten, &keys, &log[begins..]);
        let expected = format!("lease 105 has use sequence 5, expected is {}", forgotten + 1);
        assert_eq!(findings.of(Law::LeastRecentlyUsed).1[0], expected);
    }
    // All leases of one key are gone, with all that came before its last.
    let last = keys.iter().map(|key| key.last_use).min().expect("keys");
    let begins = usize::try_from(last).expect("few");
    let findings = replay_after(last - 1, &keys, &log[begins - 1..]);
    assert_eq!(violations(&findings), (0, 0), "{findings:?}");
    let mut keys = keys;
    let least = keys.iter().position(|key| key.last_use == last).expect("a key");
    keys[least].last_use = last + 1;
    keys[least].joined_use = 0;
    let findings = replay_after(last, &keys, &log[begins..]);
    assert!(findings.of(Law::LeastRecentlyUsed).1[0].ends_with("the log has no such lease"), "{findings:?}");
}

/// The law in its own words, checked without any cleverness: at each acquisition, look at all keys.
fn naive(keys: u128, log: &[LeaseRow]) -> (u64, u64) {
    let (mut shared, mut not_oldest) = (0, 0);
    for (n, lease) in log.iter().enumerate() {
        let newest = |id| log[..n].iter().rev().find(|earlier| earlier.key_id == id);
        let held = |id| {
            log[..n].iter().any(|earlier| {
                earlier.key_id == id
                    && earlier.released_at.is_none_or(|released| released > lease.acquired_at)
            })
        };
        let last_use = |id| newest(id).map_or(0, |earlier| earlier.use_sequence);
        if held(lease.key_id) {
            shared += 1;
        } else if (1..=keys).map(key).any(|other| !held(other) && last_use(other) < last_use(lease.key_id)) {
            not_oldest += 1;
        }
    }
    (shared, not_oldest)
}

proptest! {
    #[test]
    fn no_violation_is_invented(keys in 1_u128..8, steps in proptest::collection::vec(any::<u8>(), 0..200)) {
        let log = log_of(keys, &steps);
        prop_assert_eq!(violations(&replay(last_uses(keys, &log), &log)), (0, 0));
        prop_assert_eq!(naive(keys, &log), (0, 0));
    }

    #[test]
    fn no_violation_is_invented_when_keys_come_and_go_and_leases_are_forgotten(
        keys in 1_u128..6,
        steps in proptest::collection::vec(any::<u8>(), 0..200),
        forget in any::<prop::sample::Index>(),
    ) {
        let (keys, log) = log_of_changing_ring(keys, &steps);
        prop_assert_eq!(violations(&replay_after(0, &keys, &log)), (0, 0));
        let open = log.iter().filter(|lease| lease.released_at.is_none()).map(|lease| lease.use_sequence);
        let needed = keys.iter().map(|key| key.last_use).chain(open).min().unwrap_or(0);
        let may_forget = usize::try_from(needed - 1).unwrap_or(0);
        let forgotten = forget.index(may_forget + 1);
        let findings = replay_after(i64::try_from(forgotten).unwrap_or(0), &keys, &log[forgotten..]);
        prop_assert_eq!(violations(&findings), (0, 0), "{:?}", findings);
    }

    #[test]
    fn no_violation_is_missed(
        keys in 2_u128..6,
        steps in proptest::collection::vec(any::<u8>(), 20..120),
        which in any::<prop::sample::Index>(),
        other in 1_u128..6,
    ) {
        let mut log = log_of(keys, &steps);
        prop_assume!(!log.is_empty());
        let spoiled = which.index(log.len());
        log[spoiled].key_id = key(other.min(keys));
        let found = violations(&replay(last_uses(keys, &log), &log));
        let expected = naive(keys, &log);
        // The replay says of each key once what the naive check says at every choice.
        prop_assert_eq!(found.0 + found.1 > 0, expected.0 + expected.1 > 0, "{:?} {:?}", found, expected);
        prop_assert!(found.1 <= expected.1 + expected.0);
    }
}
