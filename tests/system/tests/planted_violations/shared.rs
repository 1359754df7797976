//! A ring that two runs sign with, and that outlived a third; made lease by lease, so that its log is always the
//! same.
//!
//! Its keys are A, B, C and D, numbered from 1 on; the runs `one` (number 3) and `two` (4) have three batches of
//! two records, and `gone` (5) had. The first lease was forgotten when `gone` was deleted; its second, number 4, is
//! still open, and holds A. B left the ring after use 6, and D joined.
//!
//! | use | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 |
//! |---|---|---|---|---|---|---|---|---|
//! | run, batch | gone 1 | one 1 | two 1 | gone 2 | one 2 | two 2 | two 3 | one 3 |
//! | key | A | B | C | A | B | C | C | D |
//! | lease | 18 | 19 | 20 | 21 | 22 | 23 | 24 | 25 |

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use chancery_keyring::{Algorithm, DataKey, Kek, KeySpec, SigningKey, generate};
use chancery_kit::data_key_of;
use chancery_store::keyring::NewKey;
use chancery_store::lease::{Acquired, Lease, Library, Payloads};
use chancery_store::logins::sessions_for;
use chancery_store::{Keyring, KeyringWanted, Ledger, LedgerUrl, NewRun, Run, SignerSession};

const NAMESPACE: &str = "default";
const RING: &str = "shared";

/// Makes the ring and its runs.
pub(crate) async fn make(ledger: &Ledger, url: &LedgerUrl) -> anyhow::Result<()> {
    let kek = Kek::generate();
    let mut runs = Vec::new();
    for name in ["one", "two", "gone"] {
        runs.push(ledger.create_run(&run_named(name, &kek)?).await?.0);
    }
    let ring = ledger.find_keyring(NAMESPACE, RING).await?;
    let data_key = data_key_of(ledger, &ring, &kek).await?;
    for number in 1..=3 {
        join(ledger, &ring, &data_key, number).await?;
    }
    ensure!(ledger.find_keyring(NAMESPACE, RING).await?.filled, "the ring has its keys");
    for run in &runs {
        ledger.generate_chunk(run, 1).await?;
        ensure!(ledger.seal(run).await?, "{} has its records", run.name);
    }
    let mut signers = Vec::new();
    for run in &runs {
        let login = ledger.make_login(run, sessions_for(1)).await?;
        signers.push(Signer::of(&url.for_login(&login)?.parse()?, run, &data_key).await?);
    }
    let [one, two, gone] = signers.as_mut_slice() else { bail!("three runs") };

    for signer in [&mut *gone, &mut *one, &mut *two] {
        signer.sign().await?;
    }
    gone.acquire().await?;
    ledger.delete_run(&runs[2]).await?;
    one.sign().await?;
    two.sign().await?;
    let second: uuid::Uuid =
        sqlx::query_scalar("SELECT id FROM chancery.keys WHERE keyring_id = $1 AND number = 2")
            .bind(ring.id)
            .fetch_one(ledger.pool())
            .await?;
    ensure!(ledger.retire_key(second).await?, "the second key is active");
    join(ledger, &ring, &data_key, 4).await?;
    // Both at once, so that the second lease takes another key than the first.
    let held = two.acquire().await?;
    let also_held = one.acquire().await?;
    two.store(&held).await?;
    one.store(&also_held).await?;
    for signer in [one, two] {
        ensure!(matches!(signer.session.acquire().await?.0, Acquired::Complete), "a run has batches left");
    }
    let found: (i64, i64, i64, i64) = sqlx::query_as(
        "SELECT k.forgotten_use, min(l.id), max(l.id), max(l.use_sequence)
           FROM chancery.keyrings k JOIN chancery.leases l ON l.keyring_id = k.id
          WHERE k.id = $1 GROUP BY k.id",
    )
    .bind(ring.id)
    .fetch_one(ledger.pool())
    .await?;
    ensure!(found == (1, 19, 25, 8), "the log of the shared ring is another one: {found:?}");
    Ok(())
}

fn run_named(name: &str, kek: &Kek) -> anyhow::Result<NewRun> {
    Ok(NewRun {
        namespace: NAMESPACE.to_owned(),
        name: name.to_owned(),
        keyring: KeyringWanted {
            name: Some(RING.to_owned()),
            algorithm: Some("EdDSA".to_owned()),
            key_size: None,
            key_count: Some(3),
            envelope: None,
            content_type: None,
            default_algorithm: "EdDSA".to_owned(),
            default_key_size: None,
        },
        data_key: chancery_data_keys::fresh(kek)?,
        input: chancery_store::NewInput::Generated { record_count: 6, record_size: 8 },
        policy: None,
        sinks: chancery_store::Sinks::default(),
        notifications: chancery_store::Notifications::default(),
        batch_size: 2,
        lease_duration: Duration::from_secs(3600),
        suspended: false,
        object: chancery_store::Object::without_cluster(),
        adopt_keyring: None,
        limits: chancery_store::Limits::default(),
    })
}

async fn join(ledger: &Ledger, ring: &Keyring, data_key: &DataKey, number: i32) -> anyhow::Result<()> {
    let key = generate(KeySpec::new(Algorithm::EdDsa, None)?, ring.uid, data_key)?;
    let key = NewKey { id: key.id, number, public_key: key.public_key, wrapped_key: key.wrapped };
    ensure!(ledger.join_key(ring, &key).await?, "key {number} is there already");
    Ok(())
}

/// A signer that does one thing at a time.
struct Signer {
    session: SignerSession,
    ring: uuid::Uuid,
    data_key: DataKey,
}

impl Signer {
    async fn of(url: &LedgerUrl, run: &Run, data_key: &DataKey) -> anyhow::Result<Self> {
        let (session, _) = SignerSession::connect(url, &run.namespace, &run.name, "by hand").await?;
        let data_key = DataKey::parse(data_key.to_base64().as_bytes())?;
        Ok(Self { session, ring: run.keyring.uid, data_key })
    }

    async fn acquire(&mut self) -> anyhow::Result<Lease> {
        match self.session.acquire().await?.0 {
            Acquired::Leased(lease) => Ok(lease),
            other => bail!("no lease: {other:?}"),
        }
    }

    async fn store(&mut self, lease: &Lease) -> anyhow::Result<()> {
        let mut payloads = Payloads::default();
        self.session.fetch(lease.first_record, lease.last_record, &mut payloads).await?;
        let wrapped = self.session.key(lease).await?.wrapped;
        let key = SigningKey::open(&self.data_key, self.ring, lease.key, Algorithm::EdDsa, &wrapped)?;
        let mut signatures = Vec::new();
        for payload in payloads.iter() {
            let mut signature = Vec::new();
            key.sign(payload, &mut signature).context("signing")?;
            signatures.push(signature);
        }
        let signatures: Vec<&[u8]> = signatures.iter().map(Vec::as_slice).collect();
        Ok(self.session.store(lease, &signatures, Library::AwsLcRs).await?)
    }

    async fn sign(&mut self) -> anyhow::Result<()> {
        let lease = self.acquire().await?;
        self.store(&lease).await
    }
}
