//! What is asked of a reviewer, how often, and what comes of its answers.

use std::sync::Mutex;

use super::*;
use crate::authority::Verb;

const BELIEVED: Duration = Duration::from_secs(10);

/// Knows the tokens `good` and `poor`; the one may push to `a/run`. Tells what it was asked.
#[derive(Clone, Default)]
struct Known {
    asked: Arc<Mutex<Vec<String>>>,
    is_away: Arc<Mutex<bool>>,
}

impl Known {
    fn note(&self, question: String) -> Result<(), ReviewError> {
        self.asked.lock().expect("questions").push(question);
        if *self.is_away.lock().expect("a word") { Err(ReviewError("no route".to_owned())) } else { Ok(()) }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().expect("questions"))
    }
}

#[async_trait::async_trait]
impl Reviewer for Known {
    async fn account_of(&self, token: &str) -> Result<Option<Account>, ReviewError> {
        self.note(token.to_owned())?;
        let known = ["good", "poor"].contains(&token);
        Ok(known.then(|| Account { username: token.to_owned(), ..Account::default() }))
    }

    async fn may(&self, account: &Account, access: &Access) -> Result<bool, ReviewError> {
        self.note(format!(
            "{} {} {}/{}",
            account.username,
            access.verb.name(),
            access.namespace,
            access.name
        ))?;
        Ok(account.username == "good" && access.verb == Verb::Create && access.namespace == "a")
    }
}

fn access(verb: Verb, namespace: &str, name: &str) -> Access {
    Access {
        verb,
        resource: "signingruns",
        subresource: "records",
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

async fn status(reviewed: &Reviewed, header: &str, access: Option<&Access>) -> u16 {
    reviewed.admit(header.as_bytes(), access).await.map_or_else(|problem| problem.status, |()| 200)
}

#[tokio::test]
async fn a_request_is_admitted_by_its_token_and_what_its_account_may_do() {
    let known = Known::default();
    let reviewed = Reviewed::by(known.clone(), BELIEVED, Metrics::default());
    let push = access(Verb::Create, "a", "run");
    for (header, access, expected) in [
        ("Bearer good", Some(&push), 200),
        ("bearer  good ", Some(&push), 200),
        ("Bearer good", None, 200),
        ("Bearer poor", Some(&push), 403),
        ("Bearer poor", None, 200),
        ("Bearer good", Some(&access(Verb::Get, "a", "run")), 403),
        ("Bearer good", Some(&access(Verb::Create, "b", "run")), 403),
        ("Bearer none", Some(&push), 401),
        ("Basic good", Some(&push), 401),
        ("Bearer ", Some(&push), 401),
        ("", None, 401),
        ("good", None, 401),
    ] {
        assert_eq!(status(&reviewed, header, access).await, expected, "{header} {access:?}");
    }
    assert!(!known.asked().contains(&String::new()), "what is no token is asked of nobody");
}

#[tokio::test]
async fn what_is_said_to_one_without_rights_is_the_same_whatever_there_is() {
    let reviewed = Reviewed::by(Known::default(), BELIEVED, Metrics::default());
    let said = async |name: &str| {
        let refused = reviewed.admit(b"Bearer poor", Some(&access(Verb::Create, "a", name))).await;
        let said = refused.expect_err("it is refused");
        (said.status, said.kind, said.detail.replace(name, "NAME"))
    };
    assert_eq!(said("there").await, said("absent").await);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_believed_for_some_seconds_for_one_token_and_one_access() {
    let known = Known::default();
    let reviewed = Reviewed::by(known.clone(), BELIEVED, Metrics::default());
    let (push, other) = (access(Verb::Create, "a", "run"), access(Verb::Create, "a", "other"));
    for _ in 0..3 {
        assert_eq!(status(&reviewed, "Bearer good", Some(&push)).await, 200);
    }
    assert_eq!(known.asked(), ["good", "good create a/run"]);
    assert_eq!(status(&reviewed, "Bearer good", Some(&other)).await, 200);
    assert_eq!(status(&reviewed, "Bearer poor", Some(&push)).await, 403);
    assert_eq!(known.asked(), ["good create a/other", "poor", "poor create a/run"]);
    tokio::time::advance(BELIEVED).await;
    assert_eq!(status(&reviewed, "Bearer good", Some(&push)).await, 200);
    assert_eq!(known.asked(), ["good", "good create a/run"]);
}

#[tokio::test]
async fn while_nobody_can_be_asked_nothing_is_let_in_and_what_is_known_still_is() {
    let known = Known::default();
    let reviewed = Reviewed::by(known.clone(), BELIEVED, Metrics::default());
    let push = access(Verb::Create, "a", "run");
    assert_eq!(status(&reviewed, "Bearer good", Some(&push)).await, 200);
    *known.is_away.lock().expect("a word") = true;
    assert_eq!(status(&reviewed, "Bearer good", Some(&push)).await, 200);
    assert_eq!(status(&reviewed, "Bearer good", Some(&access(Verb::Create, "a", "other"))).await, 503);
    assert_eq!(status(&reviewed, "Bearer poor", None).await, 503);
    *known.is_away.lock().expect("a word") = false;
    assert_eq!(status(&reviewed, "Bearer poor", None).await, 200, "a failure is not remembered");
}
