//! What whoever has the operator's login does to statements and to what they are made of, in SQL with that login.

use chancery_kit::{Manifest, TestRun};
use chancery_statement::StatementKey;
use chancery_stating::{Made, Step, step};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::World;

const PERMISSION_DENIED: &str = "42501";
const INVALID_PARAMETER_VALUE: &str = "22023";
const CHECK_VIOLATION: &str = "23514";

async fn thief(world: &World) -> anyhow::Result<PgConnection> {
    Ok(PgConnection::connect(&world.ledger.operator_url).await?)
}

/// The SQLSTATE with which a statement is refused; none when it is not.
async fn refusal(thief: &mut PgConnection, sql: &str) -> Option<String> {
    let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(thief).await;
    done.err()?.as_database_error()?.code().map(Into::into)
}

const LAST: &str = "(SELECT hash FROM chancery.statements ORDER BY number DESC LIMIT 1)";

/// A call that appends a statement of one's own about a run.
fn append(number: i64, previous: &str, run: &str, kind: &str, body: &str) -> String {
    format!(
        "SELECT chancery.statement_append({number}, {previous}, (SELECT uid FROM chancery.runs WHERE name = '{run}'), '{kind}',
             repeat('a', 64), {body}, decode(repeat('00', 64), 'hex'))"
    )
}

/// A call that has so many lies kept as roots of a run, from a batch on.
fn keep(run: i32, tree: &str, first: i64, roots: usize) -> String {
    format!(
        "SELECT chancery.batch_roots_keep({run}, '{tree}', {first}, array_fill(sha256('a lie'), ARRAY[{roots}]))"
    )
}

#[tokio::test]
async fn the_operators_login_writes_to_neither_table_and_appends_nothing_that_could_not_be_stated()
-> anyhow::Result<()> {
    let world = World::with(&Manifest::new()).await?;
    let sealed = TestRun::new().named("sealed").records(45).batch_size(10).seeded(&world.ledger).await?;
    let begun = TestRun::new().named("begun").created_beside(&sealed).await?;
    let mut thief = thief(&world).await?;
    let before = world.ledger.fingerprint().await?;
    for insert in [
        "INSERT INTO chancery.statements (number, hash, previous, run_uid, kind, key_id, body, signature)
         SELECT 9223372036854775807, sha256('x'), (SELECT hash FROM chancery.statements WHERE number = 2),
                gen_random_uuid(), 'Sealed', '', 'x', ''",
        "INSERT INTO chancery.batch_roots VALUES (1, 'Payloads', 1000000, sha256('a lie'))",
    ] {
        assert_eq!(refusal(&mut thief, insert).await.as_deref(), Some(PERMISSION_DENIED), "{insert}");
    }
    let first = "(SELECT hash FROM chancery.statements WHERE number = 1)";
    for call in [
        append(i64::MAX, LAST, "sealed", "Sealed", "'body'"),
        append(4, LAST, "sealed", "Sealed", "'body'"),
        append(2, LAST, "sealed", "Sealed", "'body'"),
        append(3, first, "sealed", "Sealed", "'body'"),
        append(3, "NULL", "sealed", "Sealed", "'body'"),
        append(3, LAST, "begun", "Sealed", "'body'"),
        append(3, LAST, "no such run", "Sealed", "'body'"),
        append(3, LAST, "sealed", "Signed", "'body'"),
        append(3, LAST, "demo", "Sealed", "'body'"),
        append(3, LAST, "demo", "Signed", "'body'"),
    ] {
        let appended: bool = sqlx::query_scalar(AssertSqlSafe(call.clone())).fetch_one(&mut thief).await?;
        assert!(!appended, "{call}");
    }
    let long = append(3, LAST, "sealed", "Sealed", "convert_to(repeat('x', 65537), 'UTF8')");
    let no_key = append(3, LAST, "sealed", "Sealed", "'body'").replace("repeat('a', 64)", "''");
    let short = append(3, LAST, "sealed", "Sealed", "'body'").replace("'00', 64", "'00', 63");
    let null = append(3, LAST, "sealed", "Sealed", "NULL");
    let (run, other) = (sealed.run.id, begun.run.id);
    for call in [
        long,
        no_key,
        short,
        null,
        // Before the first, beyond the last, not the next, too many at once, and of what is not signed.
        keep(run, "Payloads", 0, 1),
        keep(run, "Payloads", 1, 6),
        keep(run, "Payloads", 5, 1),
        keep(run, "Payloads", 1_000_000, 1),
        keep(run, "Payloads", 1, 1_001),
        keep(run, "Payloads", 1, 0),
        keep(run, "Signatures", 1, 1),
        keep(other, "Payloads", 1, 1),
    ] {
        assert_eq!(refusal(&mut thief, &call).await.as_deref(), Some(INVALID_PARAMETER_VALUE), "{call}");
    }
    let no_root = keep(run, "Payloads", 1, 1).replace("sha256('a lie')", "'a lie'::bytea");
    assert_eq!(refusal(&mut thief, &no_root).await.as_deref(), Some(CHECK_VIOLATION), "{no_root}");
    assert_eq!(world.ledger.fingerprint().await?, before);
    Ok(())
}

#[tokio::test]
async fn roots_that_somebody_else_had_kept_are_in_no_statement() -> anyhow::Result<()> {
    let world = World::new().await?;
    let run = TestRun::new().records(45).batch_size(10).seeded(&world.ledger).await?;
    let (key, _) = StatementKey::generate()?;
    std::fs::create_dir_all(world.chancery.folder().join("data"))?;
    std::fs::write(world.trusted(), key.public().to_pem())?;
    let mut thief = thief(&world).await?;
    assert_eq!(refusal(&mut thief, &keep(run.run.id, "Payloads", 1, 5)).await, None);
    run.finish().await?;
    assert_eq!(refusal(&mut thief, &keep(run.run.id, "Signatures", 1, 2)).await, None);

    let now = || "2030-01-02T03:04:05Z".to_owned();
    let mut made = Made::default();
    while step(&world.ledger.ledger, &run.run, &key, now, &mut made).await? != Step::Stated {}
    assert_eq!(made.kept_otherwise(), Some(1), "and whoever states it is told");
    world.assert_holds("demo", &[]).await?;
    let proof = world.chancery.run(&["prove", "demo", "17"]).await?.expect_code(1)?;
    assert!(proof.stderr.contains("cannot be proven"), "{}", proof.stderr);
    Ok(())
}

#[tokio::test]
async fn a_statement_of_somebody_else_spoils_the_run_that_it_is_about_and_no_other() -> anyhow::Result<()> {
    let world = World::with(&Manifest::new()).await?;
    let victim = TestRun::new().named("victim").seeded(&world.ledger).await?;
    let mut thief = thief(&world).await?;
    let call = append(3, LAST, "victim", "Sealed", "'body'");
    assert!(sqlx::query_scalar::<_, bool>(AssertSqlSafe(call)).fetch_one(&mut thief).await?);
    world.sign(&Manifest::new().named("later")).await?;
    for run in ["demo", "later"] {
        world.assert_holds(run, &[]).await?;
        let told = world.verify(run, &[]).await?.stdout;
        assert!(told.contains("about another run, so no matter for this one: statement 3: "), "{told}");
    }
    victim.finish().await?;
    let says = ["statement 3: it is signed with the key aaaa", "says that the run default/victim is sealed"];
    world.assert_broken("victim", &[], &says).await
}
