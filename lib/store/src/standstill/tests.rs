use super::*;

const RUN: i32 = 7;

/// A run with two batches left, whose ring has three keys.
fn progress(records_signed: i64) -> Progress {
    Progress {
        id: RUN,
        record_count: 100,
        key_count: 3,
        records_admitted: 100,
        batches_closed: 10,
        keys_joined: 3,
        batches_signed: 8,
        records_signed,
        bytes_to_come: 0,
        batches_leased: 0,
        keys_leased: 0,
        lease_seconds: 30.0,
        suspended: false,
        too_many_dead: false,
        held: None,
        arrivals: None,
        filled: true,
        sealed: true,
        complete: false,
        created_micros: 0,
        completed_micros: None,
        deleted: false,
        kek_fingerprint: String::new(),
        secret_owner: None,
        secret_name: None,
        secret_content: None,
        secret_made: false,
        intake_secret_owner: None,
        intake_secret_name: None,
        intake_secret_content: None,
        intake_secret_made: false,
        delivery_secret_owner: None,
        delivery_secret_name: None,
        delivery_secret_content: None,
        delivery_secret_made: false,
    }
}

fn lease(run_id: i32, holder: &str, is_silent: bool) -> OpenLease {
    OpenLease {
        keyring: 1,
        keys_in_ring: 3,
        lease: 1,
        run_id,
        namespace: "default".to_owned(),
        run: "demo".to_owned(),
        holder: holder.to_owned(),
        key: 1,
        batch: 1,
        use_sequence: 1,
        seconds_left: 12.0,
        is_silent,
        held_seconds: 20.0,
        lease_seconds: 30.0,
        batch_size: 10,
    }
}

fn silent(scarce: Scarce, held: usize, holders: &[&str]) -> Option<Standstill> {
    let holders = holders.iter().map(|&holder| holder.to_owned()).collect();
    Some(Standstill::Silent { scarce, held, holders, seconds_left: 12.0 })
}

#[test]
fn a_run_that_gets_on_or_has_only_begun_does_not_stand_still() {
    let began = Instant::now();
    let after = |seconds| began + Duration::from_secs(seconds);
    let mut stillness = Stillness::new(&progress(80), began);
    assert!(!stillness.is_standstill(after(2)));
    assert!(stillness.is_standstill(after(3)));
    stillness.look(&progress(90), after(4));
    assert!(!stillness.is_standstill(after(6)));
    assert!(stillness.is_standstill(after(7)));
}

#[test]
fn a_run_of_which_nothing_can_be_signed_does_not_stand_still() {
    let changes: [fn(&mut Progress); 4] = [
        |progress| progress.suspended = true,
        |progress| progress.keys_joined = 0,
        |progress| progress.batches_signed = progress.batches_closed,
        |progress| progress.deleted = true,
    ];
    for change in changes {
        let began = Instant::now();
        let later = began + PATIENCE;
        let mut now = progress(80);
        let mut stillness = Stillness::new(&now, began);
        change(&mut now);
        stillness.look(&now, later);
        assert!(!stillness.is_standstill(later), "{now:?}");
    }
}

#[test]
fn a_run_is_held_up_by_those_that_do_not_renew_if_no_key_is_free() {
    let gone = [lease(RUN, "a", true), lease(8, "b", true), lease(8, "b", true)];
    assert_eq!(Standstill::of(&progress(80), &gone), silent(Scarce::Keys, 3, &["a", "b"]));
    let others = [lease(8, "a", true), lease(8, "b", false), lease(8, "c", false)];
    assert_eq!(Standstill::of(&progress(80), &others), silent(Scarce::Keys, 1, &["a"]));
}

#[test]
fn a_run_is_held_up_by_those_that_do_not_renew_if_they_have_its_last_batches() {
    let last = [lease(RUN, "a", true), lease(RUN, "a", true)];
    assert_eq!(Standstill::of(&progress(80), &last), silent(Scarce::Batches, 2, &["a"]));
    assert_eq!(Standstill::of(&progress(80), &last[..1]), None, "a batch and two keys are free");
}

#[test]
fn a_run_waits_for_other_runs_that_are_at_work_with_every_key() {
    let busy = [lease(8, "a", false), lease(8, "b", false), lease(9, "c", false)];
    assert_eq!(Standstill::of(&progress(80), &busy), Some(Standstill::Busy));
    assert_eq!(Standstill::of(&progress(80), &busy[1..]), None, "a key is free");
}

#[test]
fn a_run_that_a_signer_is_at_work_on_is_not_held_up() {
    let at_work = [lease(RUN, "a", true), lease(RUN, "b", true), lease(RUN, "c", false)];
    assert_eq!(Standstill::of(&progress(80), &at_work), None);
    assert_eq!(Standstill::of(&progress(80), &[]), None, "nobody has anything");
}

#[test]
fn the_sentence_names_holders_and_what_to_do() {
    let holders = ["a", "b", "c", "d", "e", "f", "g"];
    let said = silent(Scarce::Keys, 9, &holders).expect("one").sentence("demo", "within 12 s");
    for words in [
        "9 of the ring's keys are leased to signers that do not renew their leases (a, b, c, d, e and 2 more)",
        "they are taken back within 12 s",
        "`chancery lease release demo HOLDER`",
    ] {
        assert!(said.contains(words), "{words:?} is not in: {said}");
    }
}

#[test]
fn whoever_renews_for_longer_than_a_batch_takes_is_named() {
    let held = |run_id, holder, held_seconds| OpenLease { held_seconds, ..lease(run_id, holder, false) };
    let kept = |holders: &[&str], seconds| {
        let holders = holders.iter().map(|&holder| holder.to_owned()).collect();
        Some(Standstill::Kept { holders, seconds })
    };
    // Three times a lease of 30 s.
    assert_eq!(Standstill::of(&progress(80), &[held(RUN, "a", 89.0)]), None);
    assert_eq!(Standstill::of(&progress(80), &[held(RUN, "a", 90.0)]), kept(&["a"], 90.0));
    let beside = [held(RUN, "a", 900.0), held(RUN, "b", 20.0)];
    assert_eq!(Standstill::of(&progress(80), &beside), None, "another is at work");
    let gone = [held(RUN, "a", 900.0), lease(RUN, "b", true)];
    assert_eq!(Standstill::of(&progress(80), &gone), kept(&["a"], 900.0));
    // By those of another run, who have every key.
    let others = [held(8, "a", 100.0), held(8, "b", 95.0), held(8, "b", 91.0)];
    assert_eq!(
        Standstill::of(&progress(80), &others),
        kept(&["a of default/demo", "b of default/demo"], 100.0)
    );
    let busy = [held(8, "a", 100.0), held(8, "b", 95.0), held(8, "b", 20.0)];
    assert_eq!(Standstill::of(&progress(80), &busy), Some(Standstill::Busy));
}

#[test]
fn a_large_batch_may_be_held_for_as_long_as_it_takes() {
    let large = |held_seconds| OpenLease { held_seconds, batch_size: 50_000, ..lease(RUN, "a", false) };
    assert!(!large(999.0).is_held_too_long());
    assert!(large(1_000.0).is_held_too_long());
    let short = OpenLease { held_seconds: 59.0, lease_seconds: 5.0, ..lease(RUN, "a", false) };
    assert!(!short.is_held_too_long());
}
