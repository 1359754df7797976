//! Keys that can be, and each way in which they cannot.

use super::*;
use crate::fixtures;

fn row(number: i32, last_use: i64) -> KeyRow {
    KeyRow {
        id: Uuid::from_u128(number.unsigned_abs().into()),
        number,
        state: "active".to_owned(),
        last_use,
        joined_use: 0,
        retired_use: None,
        has_retired_at: false,
        public_key: Some(vec![u8::try_from(number).expect("few")]),
    }
}

fn found(keyring: &Keyring, rows: &[KeyRow]) -> Vec<String> {
    let findings = check_keys(keyring, rows, 10);
    let texts = |law| findings.of(law).1.into_iter().map(str::to_owned).collect::<Vec<_>>();
    [texts(Law::NoSharedKey), texts(Law::LeastRecentlyUsed)].concat()
}

#[test]
fn a_ring_that_is_filled_has_all_its_keys_and_one_that_is_being_filled_some() {
    let filled = fixtures::keyring();
    let filling = Keyring { filled: false, ..fixtures::keyring() };
    assert_eq!(found(&filled, &[row(1, 5), row(2, 6)]), Vec::<String>::new());
    assert_eq!(found(&filling, &[row(2, 0)]), Vec::<String>::new());
    assert_eq!(
        found(&filled, &[row(2, 0)]),
        [
            "the ring has 1 keys, it declares 2",
            "key 00000000-0000-0000-0000-000000000002 has number 2, expected is 1"
        ]
    );
    assert_eq!(found(&filling, &[row(1, 0), row(2, 0), row(3, 0)]), ["the ring has 3 keys, it declares 2"]);
    let retired =
        KeyRow { state: "retired".to_owned(), retired_use: Some(5), has_retired_at: true, ..row(1, 5) };
    assert_eq!(
        found(&filled, &[retired, row(2, 6), row(3, 6)]),
        Vec::<String>::new(),
        "another took its place"
    );
}

#[test]
fn a_key_whose_row_contradicts_itself_or_the_ring_is_named() {
    type Spoil = fn(&mut Keyring, &mut KeyRow);
    let cases: [(Spoil, &str); 7] = [
        (|_, key| key.retired_use = Some(9), "is active, yet says when it left the ring"),
        (|_, key| key.state = "retired".to_owned(), "is retired, yet does not say when it left the ring"),
        (|_, key| key.state = "forged".to_owned(), "is in the unknown state forged"),
        (|_, key| key.joined_use = 6, "says that its last use was 5, before it joined after 6"),
        (|_, key| key.joined_use = -1, "says that its last use was 5, before it joined after -1"),
        (|ring, _| ring.forgotten_use = 5, "was last used at 5, but the log has forgotten all up to 5"),
        (|_, key| key.public_key = Some(vec![2]), "are one and the same"),
    ];
    for (spoil, expected) in cases {
        let (mut ring, mut key) = (fixtures::keyring(), row(1, 5));
        spoil(&mut ring, &mut key);
        let found = found(&ring, &[key, row(2, 6)]);
        assert!(matches!(found.as_slice(), [text] if text.ends_with(expected)), "{expected}: {found:?}");
    }
}

#[test]
fn an_unknown_provider_or_envelope_is_named() {
    let ring = Keyring { provider: "Forged".to_owned(), ..fixtures::keyring() };
    let rows = [row(1, 5), row(2, 6)];
    assert_eq!(found(&ring, &rows), ["the ring's keys are with the provider Forged, which is unknown"]);
    let ring = Keyring { envelope: "Forged".to_owned(), ..fixtures::keyring() };
    let findings = check_material(&rows, &Ring::new(&ring, &rows, 0), 10);
    assert_eq!(findings.of(Law::TrueSignatures).0, 2);
    assert!(
        findings.of(Law::TrueSignatures).1[0].ends_with("signs in the envelope Forged, which is unknown")
    );
}
