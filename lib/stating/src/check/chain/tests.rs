use chancery_statement::statement::{Claim, KeyringOfStatement, Keys, RunOfStatement, Sealed, Source};
use chancery_statement::{Digest, Envelope, StatementKey};

use super::*;

const LEDGER: Uuid = Uuid::from_u128(1);

fn claim(records: i64) -> Claim {
    Claim::Sealed(Box::new(Sealed {
        records,
        batches: 1,
        payload_bytes: 0,
        batch_size: 10,
        source: Source::Generated { record_count: records, record_size: 0 },
        keyring: KeyringOfStatement {
            uid: Uuid::from_u128(3),
            name: None,
            algorithm: "EdDSA".to_owned(),
            key_size: None,
            envelope: "Raw".to_owned(),
            content_type: None,
        },
        keys: Keys { count: 1, root: Digest::of(b"keys") },
        payloads: Digest::of(b"payloads"),
    }))
}

/// A chain of statements about so many runs, and the key that signed it.
fn chain(length: i64) -> (Vec<StatementRow>, StatementKey) {
    let (key, _) = StatementKey::generate().expect("a key");
    let mut rows = Vec::new();
    for number in 1..=length {
        rows.push(row(number, rows.last(), &key, claim(number)));
    }
    (rows, key)
}

fn row(number: i64, before: Option<&StatementRow>, key: &StatementKey, claim: Claim) -> StatementRow {
    let previous = before.map(|row| row.hash.clone());
    let statement = Statement {
        number,
        previous: previous.as_deref().map(|hash| hash.try_into().expect("a digest")),
        stated_at: "2030-01-02T03:04:05Z".to_owned(),
        ledger: LEDGER,
        run: RunOfStatement {
            uid: Uuid::from_u128(number.unsigned_abs().into()),
            namespace: "default".to_owned(),
            name: format!("run-{number}"),
        },
        claim,
    };
    let envelope = Envelope::sign(&statement, key);
    StatementRow {
        number,
        hash: envelope.hash().0.to_vec(),
        previous,
        run_uid: statement.run.uid,
        kind: "Sealed".to_owned(),
        key_id: envelope.key_id,
        body: envelope.body,
        signature: envelope.signature,
    }
}

fn trusting(key: &StatementKey) -> TrustedKeys {
    let mut trusted = TrustedKeys::default();
    trusted.trust(&key.public().to_pem()).expect("a public key");
    trusted
}

fn violations(rows: &[StatementRow], trusted: &TrustedKeys, kept: &[StatementRow]) -> Vec<String> {
    let mut report = StatementReport::default();
    let kept: Vec<_> = kept
        .iter()
        .map(|row| KeptStatement { place: "kept.jsonl, line 1".to_owned(), envelope: envelope(row) })
        .collect();
    check(rows, LEDGER, trusted, &kept, &mut report);
    report.violations
}

/// The statements that nobody who is trusted has signed.
fn foreign(rows: &[StatementRow], trusted: &TrustedKeys) -> Vec<(Uuid, String)> {
    let mut report = StatementReport::default();
    let found = check(rows, LEDGER, trusted, &[], &mut report).foreign;
    found.into_iter().map(|foreign| (foreign.run_uid, foreign.why)).collect()
}

#[test]
fn a_chain_that_is_whole_is_believed_with_the_statements_that_were_kept_of_it() {
    let (rows, key) = chain(4);
    assert_eq!(violations(&rows, &trusting(&key), &rows), Vec::<String>::new());
    assert_eq!(violations(&[], &trusting(&key), &[]), Vec::<String>::new());
}

#[test]
fn a_statement_that_is_removed_leaves_a_hole_unless_it_was_the_last_and_then_a_kept_one_tells() {
    let (rows, key) = chain(4);
    let trusted = trusting(&key);
    for (gone, wanted) in
        [(0, "statement 1 is missing"), (1, "statement 2 is missing"), (2, "statement 3 is missing")]
    {
        let mut rows = rows.clone();
        rows.remove(gone);
        let found = violations(&rows, &trusted, &[]);
        assert!(matches!(found.as_slice(), [one] if one.starts_with(wanted)), "{found:?}");
    }
    let found = violations(&rows[..1], &trusted, &[]);
    assert_eq!(found, Vec::<String>::new(), "of the end of a chain the ledger itself says nothing");
    let found = violations(&rows[..1], &trusted, &rows[3..]);
    assert!(
        matches!(found.as_slice(), [one] if one.contains("statement 4") && one.contains("not in the ledger")),
        "{found:?}"
    );
    let mut holes = rows;
    holes.drain(1..3);
    let found = violations(&holes, &trusted, &[]);
    assert!(
        matches!(found.as_slice(), [one] if one.starts_with("the statements 2 to 3 are missing")),
        "{found:?}"
    );
}

#[test]
fn a_statement_that_is_rewritten_is_not_believed_whatever_else_is_rewritten_with_it() {
    let (rows, key) = chain(3);
    let trusted = trusting(&key);
    // The body alone, with its hash.
    let mut altered = rows.clone();
    let body = String::from_utf8(altered[1].body.clone()).expect("text").replace("run-2", "run-9");
    altered[1].body = body.into_bytes();
    altered[1].hash = Digest::of(&altered[1].body).0.to_vec();
    let found = foreign(&altered, &trusted);
    assert!(
        matches!(found.as_slice(), [(_, one)] if one.contains("statement 2") && one.contains("altered")),
        "{found:?}"
    );
    let found = violations(&altered, &trusted, &[]);
    assert!(found.iter().any(|one| one.contains("statement 3 does not follow")), "{found:?}");
    // Signed anew with another key, and the whole chain after it.
    let (other, _) = StatementKey::generate().expect("a key");
    let second = row(2, Some(&rows[0]), &other, claim(7));
    let third = row(3, Some(&second), &other, claim(3));
    let found = foreign(&[rows[0].clone(), second, third], &trusted);
    assert_eq!(found.iter().filter(|(_, one)| one.contains("not trusted")).count(), 2, "{found:?}");
    // The body alone, without its hash.
    altered[1].hash.clone_from(&rows[1].hash);
    let found = violations(&altered, &trusted, &[]);
    assert_eq!(found, ["statement 2 says something else than its row"]);
    // Signed anew with the very key, by who should not: a kept statement tells.
    let second = row(2, Some(&rows[0]), &key, claim(7));
    let found = violations(&[rows[0].clone(), second], &trusted, &rows[1..2]);
    assert!(found.iter().any(|one| one.contains("is another one in the ledger")), "{found:?}");
}

#[test]
fn a_row_that_says_something_else_than_its_statement_is_a_violation() {
    let (rows, key) = chain(1);
    let alterations: [fn(&mut StatementRow); 3] = [
        |row| row.run_uid = Uuid::from_u128(99),
        |row| row.kind = "Signed".to_owned(),
        |row| row.hash[0] ^= 1,
    ];
    for alter in alterations {
        let mut rows = rows.clone();
        alter(&mut rows[0]);
        let found = violations(&rows, &trusting(&key), &[]);
        assert_eq!(found, ["statement 1 says something else than its row"]);
    }
}

#[test]
fn a_statement_of_another_ledger_is_not_one_of_this() {
    let (rows, key) = chain(1);
    let mut report = StatementReport::default();
    let kept = [KeptStatement { place: "kept".to_owned(), envelope: envelope(&rows[0]) }];
    let other = Uuid::from_u128(2);
    check(&rows, other, &trusting(&key), &kept, &mut report);
    assert_eq!(report.violations.iter().filter(|one| one.contains("is of the ledger")).count(), 2);
}

#[test]
fn two_keys_are_trusted_across_a_rotation() {
    let (mut rows, old) = chain(1);
    let (new, _) = StatementKey::generate().expect("a key");
    rows.push(row(2, rows.last(), &new, claim(2)));
    let mut both = trusting(&old);
    both.trust(&new.public().to_pem()).expect("a public key");
    assert_eq!(violations(&rows, &both, &[]), Vec::<String>::new());
    assert_eq!(foreign(&rows, &trusting(&new)).len(), 1, "the old one has to be trusted too");
}

#[test]
fn a_statement_of_somebody_else_is_told_apart_and_takes_no_place_of_one_that_is_trusted() {
    let (mut rows, key) = chain(2);
    let trusted = trusting(&key);
    let (thief, _) = StatementKey::generate().expect("a key");
    rows.push(row(3, rows.last(), &thief, claim(3)));
    rows.push(row(4, rows.last(), &key, claim(4)));
    assert_eq!(violations(&rows, &trusted, &rows[..2]), Vec::<String>::new());
    let found = foreign(&rows, &trusted);
    assert!(
        matches!(found.as_slice(), [(run, why)] if *run == rows[2].run_uid && why.contains("statement 3")),
        "{found:?}"
    );
    // It does not cover what is taken away, nor stands for one that was there.
    let in_its_place = row(2, rows.first(), &thief, claim(7));
    let found = violations(&[rows[0].clone(), in_its_place, rows[2].clone(), rows[3].clone()], &trusted, &[]);
    assert_eq!(found, ["statement 3 does not follow the one before it"]);
    rows.remove(1);
    let found = violations(&rows, &trusted, &[]);
    assert!(matches!(found.as_slice(), [one] if one.starts_with("statement 2 is missing")), "{found:?}");
}
