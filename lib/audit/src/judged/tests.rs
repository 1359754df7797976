//! What is compared with a policy that is evaluated again.

use super::*;

fn again(in_the_same_words: bool) -> Again {
    let text = r#"{"spec": {"validations": [{"name": "small", "expression": "record.n < 8", "message": "large"}]}, "tables": {}}"#;
    let policy = Policy::compile(&Pinned::from_text(text).expect("a version")).expect("a policy");
    Again { policy, retries: 3, ignored: BTreeSet::new(), in_the_same_words }
}

fn refused(rule: &str, reason: &str) -> RefusedRow {
    let place = JudgedPlace {
        source: "files".to_owned(),
        pushed: false,
        split: 1,
        position: 0,
        judged_at: Some(0),
        answers: None,
        attempts: None,
    };
    let [state, rule, reason] = ["Rejected", rule, reason].map(str::to_owned);
    RefusedRow { place, state, rule, reason, raw: br#"{"n": 9}"#.to_vec() }
}

#[test]
fn a_verdict_of_another_evaluator_is_compared_but_for_its_words() {
    assert_eq!(again(true).refusal(&refused("small", "large")), None);
    assert!(again(true).refusal(&refused("small", "too large")).is_some());
    assert_eq!(again(false).refusal(&refused("small", "too large")), None);
    assert!(again(false).refusal(&refused("tiny", "too large")).is_some(), "another rule is another verdict");
}
