//! Claims that are true, and each way in which one is not.

use chancery_keyring::{Algorithm, DataKey, GeneratedKey, KeySpec, SigningKey, generate};
use chancery_store::Keyring;
use chancery_store::audit::KeyRow;

use super::*;
use crate::fixtures;

const RING: Uuid = Uuid::from_u128(7);

fn row(key: &GeneratedKey, number: i32, public_key: Option<Vec<u8>>) -> KeyRow {
    KeyRow {
        id: key.id,
        number,
        state: "active".to_owned(),
        last_use: 0,
        joined_use: 0,
        retired_use: None,
        has_retired_at: false,
        public_key,
    }
}

fn keyring(algorithm: Algorithm) -> Keyring {
    let key_size = algorithm.is_rsa().then_some(2048);
    Keyring { algorithm: algorithm.name().to_owned(), key_size, ..fixtures::keyring() }
}

fn payload(record: i64) -> Vec<u8> {
    format!("record {record}").into_bytes()
}

#[test]
fn claims_of_several_keys_and_libraries_are_told_apart() {
    let kernel = [Library::Kernel, Library::AwsLcRs];
    for (algorithm, libraries) in [
        (Algorithm::Rs256, kernel),
        (Algorithm::Es256, kernel),
        (Algorithm::EdDsa, kernel),
        (Algorithm::Es256k, [Library::K256, Library::Secp256k1]),
    ] {
        let data_key = DataKey::from_bytes([7; 32]);
        let keys = [(); 3].map(|()| {
            generate(KeySpec::new(algorithm, None).expect("a kind of key"), RING, &data_key).expect("a key")
        });
        let rows = [
            row(&keys[0], 1, Some(keys[0].public_key.clone())),
            row(&keys[1], 2, Some(keys[1].public_key.clone())),
            row(&keys[2], 3, None),
        ];
        let signing = [0, 1].map(|key: usize| {
            SigningKey::open(&data_key, RING, keys[key].id, algorithm, &keys[key].wrapped).expect("it opens")
        });
        let (mut payloads, mut signatures): (Vec<_>, Vec<_>) = (1..=20)
            .map(|record| {
                let mut signature = Vec::new();
                let key = usize::from(record % 8 < 4);
                signing[key].sign(&payload(record), &mut signature).expect("a signature");
                (payload(record), signature)
            })
            .unzip();
        payloads[2].push(0);
        signatures[5][10] ^= 1;
        signatures[17].pop();

        // Too few for a table of multiples, and enough.
        for records in [20, 20_000] {
            let ring = Ring::new(&keyring(algorithm), &rows, records);
            let mut claims = Claims::default();
            for (record, (payload, signature)) in (1..=20).zip(payloads.iter().zip(&signatures)) {
                let key = match record {
                    4 => Uuid::max(),
                    7 => keys[2].id,
                    _ => keys[usize::from(record % 8 < 4)].id,
                };
                let made_by = libraries[usize::from(record % 2 == 1)];
                claims.add(Claim { record, key, made_by, payload, signature });
            }
            let mut findings = Findings::new(10);
            claims.check("demo", &ring, &mut findings);
            assert_eq!(findings.counts.verified, 15);
            let [one, two, three] = [0, 1, 2].map(|key: usize| keys[key].id);
            let other = Uuid::max();
            let wrong =
                |record: i64, why: String| format!("the signature of record {record} is not true: {why}");
            assert_eq!(
                findings.of(Law::TrueSignatures).1,
                [
                    wrong(3, format!("it does not verify with key {two}")),
                    wrong(4, format!("key {other} is not in the ring of demo")),
                    wrong(6, format!("it does not verify with key {one}")),
                    wrong(7, format!("key {three} has no material")),
                    wrong(18, format!("it does not verify with key {two}")),
                ]
            );
        }
    }
}
