//! Alerts of a policy: one Event per rule, with how often; and a metric.

use serde_json::{Value, json};

use super::judged::{POLICIES, judged, policy};
use super::test_operator::{TestOperator, let_time_pass};
use super::world::{RUN, World};

/// Two rules alert, and one flags.
fn alerting() -> Value {
    policy(json!({"validations": [
        {"name": "sanctions", "expression": "record.country != 'XX'", "action": "Alert"},
        {"name": "large", "expression": "record.amount < 100", "action": "Flag"},
        {"name": "round", "expression": "record.amount % 10 != 0", "action": "Alert"},
    ]}))
}

/// Records that differ, of these countries and amounts.
fn records(given: &[(&str, i64)]) -> Vec<Value> {
    let id = |_: &(&str, i64)| rand::random::<u64>().to_string();
    given.iter().map(|each| json!({"id": id(each), "country": each.0, "amount": each.1})).collect()
}

/// The Events about alerts, each by its rule, with how often it was told.
fn told(world: &World) -> Vec<(String, u64)> {
    let events = world.api.all("events").into_iter().filter(|event| event["reason"] == "PolicyAlert");
    let mut told: Vec<_> = events
        .map(|event| {
            let note = event["note"].as_str().unwrap_or_default();
            assert!(note.contains("of the policy payments raises alerts"), "{note}");
            assert_eq!((&event["type"], &event["regarding"]["name"]), (&json!("Warning"), &json!(RUN)));
            let rule = note.split_whitespace().nth(2).unwrap_or_default().to_owned();
            (rule, event["series"]["count"].as_u64().unwrap_or(1))
        })
        .collect();
    told.sort();
    told
}

fn is(told: &[(&str, u64)]) -> Vec<(String, u64)> {
    told.iter().map(|(rule, count)| ((*rule).to_owned(), *count)).collect()
}

/// Pushes, and waits until the operator has counted the alerts, and told of them.
async fn push(world: &World, operator: &mut TestOperator, given: &[(&str, i64)]) -> anyhow::Result<()> {
    while operator.woken.try_recv().is_ok() {}
    world.push(RUN, &records(given)).await?;
    operator.look(RUN).await?;
    operator.is_woken().await;
    operator.settle(RUN).await?;
    Ok(())
}

/// What is shown of alerts: rule and count.
fn metric(operator: &TestOperator) -> anyhow::Result<Vec<String>> {
    let mut lines = operator.shown("chancery_policy_alerts_total")?;
    lines.sort();
    Ok(lines)
}

fn line(rule: &str, count: u64) -> String {
    format!(
        r#"chancery_policy_alerts_total{{policy_namespace="default",policy="payments",rule="{rule}"}} {count}"#
    )
}

#[tokio::test]
async fn the_alerts_of_a_rule_are_one_event_that_counts_them() -> anyhow::Result<()> {
    let world = World::with_run(judged()).await?;
    world.api.create(POLICIES, alerting());
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    operator.keep_alerts();
    world.push(RUN, &records(&[("DE", 5), ("DE", 101)])).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(told(&world), is(&[]), "what is only flagged raises none");

    push(&world, &mut operator, &[("XX", 1), ("DE", 10), ("XX", 2), ("XX", 303), ("DE", 7)]).await?;
    assert_eq!(told(&world), is(&[("round", 1), ("sanctions", 3)]));
    let shown = world.run(RUN)["status"]["policy"].clone();
    assert_eq!((&shown["flagged"], &shown["alerts"]), (&json!(2), &json!(4)));
    assert_eq!(metric(&operator)?, [line("round", 1), line("sanctions", 3)]);

    push(&world, &mut operator, &[("XX", 20), ("XX", 3)]).await?;
    assert_eq!(told(&world), is(&[("round", 2), ("sanctions", 5)]));
    assert_eq!(world.run(RUN)["status"]["policy"]["alerts"], 7);
    assert_eq!(metric(&operator)?, [line("round", 2), line("sanctions", 5)]);
    Ok(())
}

#[tokio::test]
async fn the_next_leader_tells_what_was_not_told_and_nothing_again() -> anyhow::Result<()> {
    let world = World::with_run(judged()).await?;
    world.api.create(POLICIES, alerting());
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    operator.keep_alerts();
    push(&world, &mut operator, &[("XX", 1), ("XX", 10)]).await?;
    drop(operator);
    // Raised while nobody leads.
    world.push(RUN, &records(&[("DE", 20), ("XX", 2), ("DE", 30)])).await?;

    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    assert_eq!(told(&world), is(&[("round", 1), ("sanctions", 2)]));
    operator.keep_alerts();
    operator.is_woken().await;
    operator.settle(RUN).await?;
    // An Event of a process that is gone is counted on by nobody: there is another.
    assert_eq!(told(&world), is(&[("round", 1), ("round", 2), ("sanctions", 1), ("sanctions", 2)]));
    assert_eq!(world.run(RUN)["status"]["policy"]["alerts"], 6);
    assert_eq!(metric(&operator)?, [line("round", 2), line("sanctions", 1)]);
    drop(operator);

    let mut idle = world.operator().await;
    idle.settle(RUN).await?;
    idle.keep_alerts();
    world.push(RUN, &records(&[("DE", 1)])).await?;
    idle.look(RUN).await?;
    // More than it waits between two looks.
    for _ in 0..40 {
        let_time_pass().await;
    }
    idle.settle(RUN).await?;
    assert_eq!(told(&world).len(), 4, "nothing is told again");
    Ok(())
}
