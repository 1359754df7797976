//! A small API server in memory: what the operator asks of a real one, and what that would answer.
//! Requests are kept, and each may be made to fail.

mod merge;
mod request;
mod verbs;

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::watch;
use tower::{BoxError, service_fn};

pub(crate) use request::{Place, Request};
use verbs::Refusal;

/// The API server. Clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct FakeApi {
    state: Arc<Mutex<State>>,
    /// How many requests were left without an answer.
    unanswered: Arc<watch::Sender<usize>>,
}

impl Default for FakeApi {
    /// One with the namespace `default`, and nothing in it.
    fn default() -> Self {
        let api = Self { state: Arc::default(), unanswered: Arc::default() };
        api.make_namespace();
        api
    }
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<Place, Value>,
    /// What the operator applied last, to an object or (true) to its status.
    applied: BTreeMap<(Place, bool), Value>,
    version: u64,
    requests: Vec<Request>,
    created: Vec<Place>,
    failures: Vec<Planned>,
}

/// How a request goes wrong.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// It is refused, with this code and sentence.
    Refused(u16, &'static str),
    /// It never arrives, and is never answered.
    Lost,
    /// It is carried out, and never answered.
    AnswerLost,
}

#[derive(Debug)]
struct Planned {
    requests: String,
    skipped: usize,
    times: usize,
    failure: Failure,
}

impl FakeApi {
    /// A client of it.
    pub(crate) fn client(&self) -> Client {
        let api = self.clone();
        Client::new(
            service_fn(move |request| {
                let api = api.clone();
                async move { api.answer(request).await }
            }),
            "default",
        )
    }

    /// Answers a request.
    pub(crate) async fn answer(
        &self,
        request: http::Request<Body>,
    ) -> Result<http::Response<Body>, BoxError> {
        let request = Request::read(request).await?;
        let answer = {
            let mut state = self.lock();
            let failure = state.failure_of(&request);
            state.requests.push(request.clone());
            match failure {
                None => Some(state.carry_out(&request)),
                Some(Failure::Refused(code, message)) => Some(Err(Refusal::new(code, message))),
                Some(Failure::Lost) => None,
                Some(Failure::AnswerLost) => state.carry_out(&request).err().map(Err),
            }
        };
        let Some(answer) = answer else {
            self.unanswered.send_modify(|count| *count += 1);
            return pending().await;
        };
        let (code, body) = match answer {
            Ok(object) => (200, object),
            Err(refusal) => (refusal.code, refusal.status()),
        };
        Ok(http::Response::builder().status(code).body(Body::from(serde_json::to_vec(&body)?))?)
    }

    /// Lets the next `times` requests fail whose description begins so.
    pub(crate) fn fail(&self, times: usize, requests: &str, failure: Failure) {
        self.fail_after(0, times, requests, failure);
    }

    /// The same, after so many others of that description.
    pub(crate) fn fail_after(&self, skipped: usize, times: usize, requests: &str, failure: Failure) {
        let requests = requests.to_owned();
        self.lock().failures.push(Planned { requests, skipped, times, failure });
    }

    /// Fails no more requests.
    pub(crate) fn mend(&self) {
        self.lock().failures.clear();
    }

    /// Waits for a request, from now on, that is left without an answer.
    pub(crate) fn unanswered(&self) -> impl Future<Output = ()> + use<> {
        let mut count = self.unanswered.subscribe();
        let before = *count.borrow_and_update();
        async move {
            count.wait_for(|now| *now > before).await.expect("the server is there");
        }
    }

    /// The requests since this was last asked.
    pub(crate) fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.lock().requests)
    }

    /// The same, described.
    pub(crate) fn told(&self) -> Vec<String> {
        self.requests().iter().map(ToString::to_string).collect()
    }

    /// Changes with every write that changes anything.
    pub(crate) fn version(&self) -> u64 {
        self.lock().version
    }

    /// How many objects of this kind were ever created.
    pub(crate) fn created(&self, plural: &str) -> usize {
        self.lock().created.iter().filter(|place| place.plural == plural).count()
    }

    /// What somebody else than the operator creates.
    pub(crate) fn create(&self, plural: &str, mut object: Value) -> Value {
        let place = Place::of(plural, object["metadata"]["name"].as_str().expect("a name"));
        object["metadata"]["name"] = json!(place.name);
        self.lock().create(&place, object).expect("the name is free")
    }

    /// Makes a namespace beside `default`.
    pub(crate) fn add_namespace(&self, name: &str) {
        let place = Place::of_namespace(name);
        self.lock().create(&place, json!({"metadata": {"name": name}})).expect("the name is free");
    }

    /// Makes the namespace `default`, with all that was in it gone: it has another uid than one that was there before.
    pub(crate) fn make_namespace(&self) {
        let mut state = self.lock();
        state.objects.clear();
        state.applied.clear();
        let place = Place::of_namespace("default");
        state.create(&place, json!({"metadata": {"name": "default"}})).expect("the name is free");
        state.created.clear();
    }

    /// The object, if it is there.
    pub(crate) fn get(&self, plural: &str, name: &str) -> Option<Value> {
        self.lock().objects.get(&Place::of(plural, name)).cloned()
    }

    /// All objects of a kind.
    pub(crate) fn all(&self, plural: &str) -> Vec<Value> {
        let state = self.lock();
        let of_kind = state.objects.iter().filter(|(place, _)| place.plural == plural);
        of_kind.map(|(_, object)| object.clone()).collect()
    }

    /// What somebody else than the operator changes.
    pub(crate) fn edit(&self, plural: &str, name: &str, change: Value) {
        let place = Place::of(plural, name);
        let mut state = self.lock();
        let mut object = state.live(&place).expect("it is there").clone();
        merge::merge(&mut object, &change);
        state.put(&place, object);
    }

    /// What somebody else than the operator deletes; it goes with its last finalizer.
    pub(crate) fn delete(&self, plural: &str, name: &str) {
        self.lock().delete(&Place::of(plural, name), &json!({})).expect("it is there");
    }

    /// As if it had been made at another time.
    pub(crate) fn set_made(&self, plural: &str, name: &str, made: k8s_openapi::jiff::Timestamp) {
        let mut state = self.lock();
        let object = state.objects.get_mut(&Place::of(plural, name)).expect("it is there");
        object["metadata"]["creationTimestamp"] = json!(made);
    }

    /// As if it had never been: a deletion that the operator does not see happen.
    pub(crate) fn remove(&self, plural: &str, name: &str) {
        self.lock().remove(&Place::of(plural, name));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn failure_of(&mut self, request: &Request) -> Option<Failure> {
        let description = request.to_string();
        let matches = |planned: &Planned| match planned.requests.as_str() {
            "" => request.is_write(),
            start => description.starts_with(start),
        };
        let mut failure = None;
        for planned in self.failures.iter_mut().filter(|planned| matches(planned)) {
            if planned.skipped > 0 {
                planned.skipped -= 1;
            } else if planned.times > 0 && failure.is_none() {
                planned.times -= 1;
                failure = Some(planned.failure.clone());
            }
        }
        failure
    }
}
