//! Who leads. Time passes by itself here, from one timer to the next.

use std::cell::Cell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chancery_process::Stop;
use kube::Client;
use serde_json::json;
use tokio::time::{Instant, sleep};
use tower::service_fn;

use super::fake::{Failure, FakeApi};
use chancery_operator::host::Candidate;

const LEASE: &str = "chancery-operator";

/// The line between a candidate and the API server.
#[derive(Clone, Debug, Default)]
struct Line(Arc<Mutex<State>>);

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// How long an answer takes.
    delay: Duration,
    is_cut: bool,
}

impl Line {
    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn candidate(&self, api: &FakeApi, identity: &str) -> Candidate {
        let (line, api) = (self.clone(), api.clone());
        let service = service_fn(move |request| {
            let (line, api) = (line.clone(), api.clone());
            async move {
                let State { delay, is_cut } = *line.0.lock().unwrap_or_else(PoisonError::into_inner);
                if is_cut {
                    std::future::pending::<()>().await;
                }
                let answer = api.answer(request).await;
                sleep(delay).await;
                answer
            }
        });
        Candidate::new(Client::new(service, "default"), "default", LEASE, identity.to_owned())
    }
}

fn candidate(api: &FakeApi, identity: &str) -> Candidate {
    Line::default().candidate(api, identity)
}

fn never() -> Stop {
    Stop::never(Duration::ZERO)
}

fn holder(api: &FakeApi) -> String {
    let lease = api.get("leases", LEASE).expect("the Lease");
    lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(start_paused = true)]
async fn the_first_candidate_makes_the_lease_and_leads_at_once() {
    let api = FakeApi::default();
    let began = Instant::now();
    assert!(candidate(&api, "one").win(&never()).await.is_some());
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(holder(&api), "one");
    assert_eq!(api.told(), ["GET leases/chancery-operator", "CREATE leases/chancery-operator"]);
}

#[tokio::test(start_paused = true)]
async fn of_two_candidates_at_once_one_leads() {
    let api = FakeApi::default();
    let (one, other) = (candidate(&api, "one"), candidate(&api, "other"));
    let stop = never();
    tokio::select! {
        _ = async { tokio::join!(one.win(&stop), other.win(&stop)) } => panic!("both lead"),
        () = sleep(Duration::from_secs(11)) => {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_renews_leads_on_and_the_other_waits() {
    let api = FakeApi::default();
    let (one, other) = (candidate(&api, "one"), candidate(&api, "other"));
    let stop = never();
    let lead = one.win(&stop).await.expect("it leads");
    tokio::select! {
        () = one.hold(lead) => panic!("nobody took it"),
        _ = other.win(&stop) => panic!("two lead"),
        () = sleep(Duration::from_secs(3_600)) => {}
    }
    assert_eq!(holder(&api), "one");
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_lost_is_followed_within_15_seconds_whatever_the_clocks_say() {
    for renewed in ["1970-01-01T00:00:00.000000Z", "2999-01-01T00:00:00.000000Z"] {
        let api = FakeApi::default();
        candidate(&api, "lost").win(&never()).await.expect("it leads");
        api.edit("leases", LEASE, json!({"spec": {"renewTime": renewed}}));
        let began = Instant::now();
        candidate(&api, "next").win(&never()).await.expect("it follows");
        assert!((12..15).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
        assert_eq!(holder(&api), "next");
        assert_eq!(api.get("leases", LEASE).expect("the Lease")["spec"]["leaseTransitions"], 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_resigns_is_followed_at_the_next_look() {
    let api = FakeApi::default();
    let (one, other) = (candidate(&api, "one"), candidate(&api, "other"));
    one.win(&never()).await.expect("it leads");
    let resigns = async {
        sleep(Duration::from_secs(1)).await;
        one.resign().await;
        Instant::now()
    };
    let follows = async {
        other.win(&never()).await.expect("it follows");
        Instant::now()
    };
    let (resigned, followed) = tokio::join!(resigns, follows);
    assert!(followed.duration_since(resigned) <= Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn who_does_not_lead_has_nothing_to_resign() {
    let api = FakeApi::default();
    candidate(&api, "one").win(&never()).await.expect("it leads");
    candidate(&api, "other").resign().await;
    assert_eq!(holder(&api), "one");
}

#[tokio::test(start_paused = true)]
async fn a_conflict_means_that_another_was_faster() {
    let api = FakeApi::default();
    let one = candidate(&api, "one");
    let lead = one.win(&never()).await.expect("it leads");
    api.fail(2, "REPLACE leases", Failure::Refused(409, "the object has been modified"));
    let began = Instant::now();
    one.hold(lead).await;
    assert_eq!(began.elapsed(), Duration::from_secs(5), "at the first renewal");

    one.resign().await;
    api.fail(1, "REPLACE leases", Failure::Refused(409, "the object has been modified"));
    one.win(&never()).await.expect("on the second attempt");
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_lease_somebody_else_writes_to_leads_on() {
    let api = FakeApi::default();
    let one = candidate(&api, "one");
    let lead = one.win(&never()).await.expect("it leads");
    let touches = async {
        for touch in 0..10 {
            sleep(Duration::from_secs(3)).await;
            api.edit("leases", LEASE, json!({"metadata": {"annotations": {"touch": touch.to_string()}}}));
        }
    };
    tokio::select! {
        () = one.hold(lead) => panic!("nobody took it"),
        () = touches => {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_renewal_whose_answer_was_lost_is_found_to_have_been_made() {
    let api = FakeApi::default();
    let one = candidate(&api, "one");
    let lead = one.win(&never()).await.expect("it leads");
    api.fail(1, "REPLACE leases", Failure::AnswerLost);
    tokio::select! {
        () = one.hold(lead) => panic!("nobody took it"),
        () = sleep(Duration::from_secs(60)) => {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_lease_was_taken_stops_at_its_next_renewal() {
    let api = FakeApi::default();
    let one = candidate(&api, "one");
    let lead = one.win(&never()).await.expect("it leads");
    api.edit("leases", LEASE, json!({"spec": {"holderIdentity": "other"}}));
    one.hold(lead).await;
    assert_eq!(holder(&api), "other");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_deleted_is_made_again() {
    let api = FakeApi::default();
    let one = candidate(&api, "one");
    let lead = one.win(&never()).await.expect("it leads");
    api.remove("leases", LEASE);
    tokio::select! {
        () = one.hold(lead) => panic!("nobody took it"),
        () = sleep(Duration::from_secs(20)) => {}
    }
    assert_eq!(holder(&api), "one");
}

/// When the line is cut, how long answers take before, how many renewals are refused; times in tenths
/// of a second.
fn cuts() -> impl Iterator<Item = (u64, u64, usize)> {
    let cuts = (0..120).step_by(7);
    cuts.flat_map(|cut| [0, 10, 19].into_iter().flat_map(move |delay| (0..3).map(move |n| (cut, delay, n))))
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_cannot_renew_stops_before_another_begins() {
    let tenths = |tenths: u64| Duration::from_millis(100 * tenths);
    for (cut_after, delay, refused) in cuts() {
        let (api, line) = (FakeApi::default(), Line::default());
        line.set(|line| line.delay = tenths(delay));
        let (one, other) = (line.candidate(&api, "one"), candidate(&api, "other"));
        let is_leading = Cell::new(false);
        let leads = async {
            while let Some(lead) = one.win(&never()).await {
                is_leading.set(true);
                api.fail(refused, "REPLACE leases", Failure::Refused(500, "etcd has no leader"));
                one.hold(lead).await;
                is_leading.set(false);
            }
        };
        let follows = async {
            // As soon as the Lease is there, before the leader knows that it leads.
            while api.get("leases", LEASE).is_none() {
                sleep(tenths(1)).await;
            }
            let cut = async {
                sleep(tenths(cut_after)).await;
                line.set(|line| line.is_cut = true);
            };
            let stop = never();
            tokio::join!(other.win(&stop), cut)
        };
        tokio::select! {
            () = leads => panic!("nobody asked it to stop"),
            (followed, ()) = follows => assert!(followed.is_some()),
        }
        assert!(
            !is_leading.get(),
            "cut {cut_after} tenths of a second after the Lease was made, answers in {delay}, {refused} refused"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_is_asked_to_stop_no_longer_wants_to_lead() {
    let api = FakeApi::default();
    candidate(&api, "one").win(&never()).await.expect("it leads");
    let (other, stop) = (candidate(&api, "other"), never());
    let asks = async {
        sleep(Duration::from_secs(3)).await;
        stop.now();
    };
    let (won, ()) = tokio::join!(other.win(&stop), asks);
    assert!(won.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_candidate_knows_whether_the_api_server_answers() {
    let (api, line) = (FakeApi::default(), Line::default());
    let one = line.candidate(&api, "one");
    assert!(!one.api_answers());
    one.win(&never()).await.expect("it leads");
    assert!(one.api_answers());
    line.set(|line| line.is_cut = true);
    one.resign().await;
    sleep(Duration::from_secs(12)).await;
    assert!(!one.api_answers());
}
