use super::*;
use crate::merkle::{Tree, path};
use crate::statement::{LeaseLog, Signed, tests as statements};
use crate::{StatementKey, leaf};

const BATCH_SIZE: i64 = 5;
const RECORDS: i64 = 13;

/// A run of three batches, signed with one EdDSA key; any of its records can be proven.
struct World {
    records: StatementKey,
    trusted: TrustedKeys,
    batches: Vec<(Span, SignedUnder)>,
    statement: Envelope,
    /// A record whose signature is false.
    spoiled: Option<i64>,
}

fn payload(record: i64) -> Vec<u8> {
    vec![7; usize::try_from(record % 3).expect("small")]
}

impl World {
    fn new() -> Self {
        Self::spoiled(None)
    }

    fn spoiled(spoiled: Option<i64>) -> Self {
        let ((signer, _), (records, _)) =
            (StatementKey::generate().expect("a key"), StatementKey::generate().expect("a key"));
        let mut trusted = TrustedKeys::default();
        trusted.trust(&signer.public().to_pem()).expect("a public key");
        let batches: Vec<_> = (1..=3)
            .map(|batch| {
                let first_record = (batch - 1) * BATCH_SIZE + 1;
                let last_record = (batch * BATCH_SIZE).min(RECORDS);
                let under = SignedUnder {
                    lease: batch + 100,
                    use_sequence: batch,
                    key: Uuid::from_u128(9),
                    public_key: records.public().id(),
                    holder: "signer".to_owned(),
                    acquired_at: 1,
                    signed_at: 2,
                };
                (Span { batch, first_record, last_record }, under)
            })
            .collect();
        let mut world = Self {
            records,
            trusted,
            batches,
            statement: Envelope::sign(&statements::sealed(), &signer),
            spoiled,
        };
        let signed = Signed {
            sealing: Digest::of(b"sealing"),
            records: RECORDS,
            batches: 3,
            keyring: statements::keyring("EdDSA"),
            lease_log: LeaseLog { first_use: 1, last_use: 3, root: Digest::of(b"log") },
            signatures: world.batch_leaves().into_iter().collect::<Tree>().root(),
        };
        world.statement = Envelope::sign(&statements::of(2, Claim::Signed(Box::new(signed))), &signer);
        world
    }

    fn signature(&self, record: i64) -> Vec<u8> {
        if self.spoiled == Some(record) { vec![0; 64] } else { self.records.sign(&payload(record)) }
    }

    fn payloads(&self, batch: usize) -> Vec<Digest> {
        let (span, _) = &self.batches[batch];
        (span.first_record..=span.last_record).map(|record| leaf::payload(record, &payload(record))).collect()
    }

    fn signatures(&self, batch: usize) -> Vec<Digest> {
        let (span, under) = &self.batches[batch];
        let leaf = |record| leaf::signature(record, &self.signature(record), under.lease);
        (span.first_record..=span.last_record).map(leaf).collect()
    }

    fn batch_leaves(&self) -> Vec<Digest> {
        let leaf = |place: usize| {
            let (span, under) = &self.batches[place];
            let root = |leaves: Vec<Digest>| leaves.into_iter().collect::<Tree>().root();
            let payloads = leaf::batch_of_payloads(span, &root(self.payloads(place)));
            leaf::batch_of_signatures(span, &payloads, under, &root(self.signatures(place)))
        };
        (0..self.batches.len()).map(leaf).collect()
    }

    fn proof(&self, record: i64) -> Proof {
        let place = usize::try_from((record - 1) / BATCH_SIZE).expect("a batch");
        let (span, under) = &self.batches[place];
        let in_batch = usize::try_from(record - span.first_record).expect("a place");
        let spki = crate::pem::blocks("PUBLIC KEY", &self.records.public().to_pem()).expect("PEM");
        Proof {
            record,
            signature: STANDARD.encode(self.signature(record)),
            payload: STANDARD.encode(payload(record)),
            batch: BatchOfProof {
                batch: span.batch,
                first_record: span.first_record,
                last_record: span.last_record,
                lease: under.lease,
                use_sequence: under.use_sequence,
                key: under.key,
                public_key: STANDARD.encode(&*spki[0]),
                holder: under.holder.clone(),
                acquired_at: under.acquired_at,
                signed_at: under.signed_at,
            },
            path_in_payloads: path(&self.payloads(place), in_batch).expect("a path"),
            path_in_signatures: path(&self.signatures(place), in_batch).expect("a path"),
            path_in_run: path(&self.batch_leaves(), place).expect("a path"),
            statement: self.statement.clone(),
        }
    }
}

#[test]
fn every_record_of_a_run_is_proven_also_those_without_a_byte() {
    let world = World::new();
    for record in 1..=RECORDS {
        let json = serde_json::to_string(&world.proof(record)).expect("JSON");
        let proof: Proof = serde_json::from_str(&json).expect("it reads back");
        let proven = proof.check(&world.trusted).expect("it is proven");
        assert_eq!((proven.record, proven.payload), (record, payload(record)));
        assert_eq!(proven.statement.number, 2);
    }
}

#[test]
fn whatever_is_altered_in_a_proof_it_proves_nothing() {
    let world = World::new();
    type Alteration = fn(&mut Proof);
    let alterations: [(&str, Alteration); 15] = [
        ("record", |proof| proof.record += 1),
        ("payload", |proof| proof.payload = STANDARD.encode(b"another")),
        ("signature", |proof| proof.signature = STANDARD.encode([0; 64])),
        ("batch", |proof| proof.batch.batch += 1),
        ("first record", |proof| proof.batch.first_record -= 1),
        ("last record", |proof| proof.batch.last_record += 1),
        ("lease", |proof| proof.batch.lease += 1),
        ("use sequence", |proof| proof.batch.use_sequence += 1),
        ("key", |proof| proof.batch.key = Uuid::from_u128(8)),
        ("holder", |proof| proof.batch.holder.push('x')),
        ("acquired", |proof| proof.batch.acquired_at += 1),
        ("signed", |proof| proof.batch.signed_at += 1),
        ("path in the payloads", |proof| proof.path_in_payloads[0] = Digest::of(b"")),
        ("path in the signatures", |proof| proof.path_in_signatures[0] = Digest::of(b"")),
        ("path in the run", |proof| proof.path_in_run.reverse()),
    ];
    for (what, alter) in alterations {
        let mut proof = world.proof(7);
        alter(&mut proof);
        let error = proof.check(&world.trusted).expect_err(what);
        assert!(matches!(error, ProofError::OtherRoot | ProofError::Outside { .. }), "{what}: {error}");
    }
    let mut proof = world.proof(7);
    let other = StatementKey::generate().expect("a key").0;
    let spki = crate::pem::blocks("PUBLIC KEY", &other.public().to_pem()).expect("PEM");
    proof.batch.public_key = STANDARD.encode(&*spki[0]);
    assert_eq!(proof.check(&world.trusted).expect_err("another key"), ProofError::OtherRoot);
}

#[test]
fn a_proof_with_a_statement_that_is_not_trusted_altered_or_of_another_kind_proves_nothing() {
    let world = World::new();
    let proof = world.proof(1);
    assert!(matches!(
        proof.check(&TrustedKeys::default()),
        Err(ProofError::Statement(EnvelopeError::NotTrusted(_)))
    ));
    let mut altered = proof.clone();
    altered.statement.body[10] ^= 1;
    assert!(matches!(altered.check(&world.trusted), Err(ProofError::Statement(EnvelopeError::Altered(_)))));
    let (key, _) = StatementKey::generate().expect("a key");
    let mut trusted = TrustedKeys::default();
    trusted.trust(&key.public().to_pem()).expect("a public key");
    let other = Proof { statement: Envelope::sign(&statements::sealed(), &key), ..proof };
    assert_eq!(other.check(&trusted).expect_err("a sealing"), ProofError::OtherKind);
}

#[test]
fn a_signature_that_is_false_is_not_proven_although_it_was_stated() {
    let world = World::spoiled(Some(4));
    assert_eq!(world.proof(4).check(&world.trusted).expect_err("false"), ProofError::FalseSignature);
    world.proof(5).check(&world.trusted).expect("the one beside it is true");
}

#[test]
fn a_key_that_is_none_of_the_stated_algorithm_proves_nothing() {
    let mut world = World::new();
    let Claim::Signed(mut signed) = world.statement.statement().expect("a statement").claim else {
        panic!("a statement about signatures")
    };
    signed.keyring.algorithm = "ES256".to_owned();
    let (key, _) = StatementKey::generate().expect("a key");
    world.trusted.trust(&key.public().to_pem()).expect("a public key");
    world.statement = Envelope::sign(&statements::of(2, Claim::Signed(signed)), &key);
    let error = world.proof(1).check(&world.trusted).expect_err("no key of the algorithm");
    assert!(matches!(error, ProofError::Key(_)), "{error}");
}
