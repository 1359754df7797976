//! What an API server does with an object: versions, generations, preconditions, finalizers.

use chancery_api::names;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::State;
use super::merge::{apply, merge};
use super::request::{Place, Request, Verb};

/// What only the API server sets.
const ITS_OWN: [&str; 5] = ["uid", "creationTimestamp", "deletionTimestamp", "generation", "resourceVersion"];

/// Why a request is refused.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: u16,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(code: u16, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    fn not_found(place: &Place) -> Self {
        Self::new(404, format!("{} {:?} not found", place.plural, place.name))
    }

    pub(super) fn status(&self) -> Value {
        let reason = match self.code {
            404 => "NotFound",
            409 if self.message.ends_with("already exists") => "AlreadyExists",
            409 => "Conflict",
            422 => "Invalid",
            _ => "InternalError",
        };
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": reason, "code": self.code,
        })
    }
}

impl State {
    pub(super) fn carry_out(&mut self, request: &Request) -> Result<Value, Refusal> {
        let (place, body) = (&request.place, &request.body);
        match (request.verb, request.subresource.as_deref()) {
            (Verb::Get, None) if place.name.is_empty() => Ok(self.list(request)),
            (Verb::Get, None) => self.live(place).cloned(),
            (Verb::Create, None) => self.create(place, body.clone()),
            (Verb::Replace, None) => {
                checked(self.live(place)?, body)?;
                Ok(self.put(place, body.clone()))
            }
            (Verb::Apply, None) => self.apply(request),
            (Verb::Apply, Some("status")) => self.apply_status(request),
            (Verb::Merge, None) => {
                let mut object = self.live(place)?.clone();
                checked(&object, body)?;
                merge(&mut object, body);
                Ok(self.put(place, object))
            }
            (Verb::Delete, None) => self.delete(place, body),
            _ => Err(Refusal::new(405, format!("{request} is not served"))),
        }
    }

    pub(super) fn live(&self, place: &Place) -> Result<&Value, Refusal> {
        self.objects.get(place).ok_or_else(|| Refusal::not_found(place))
    }

    /// All objects of a kind; of Events, those that regard an object, if the request asks for them.
    fn list(&self, request: &Request) -> Value {
        let of_kind = self.objects.iter().filter(|(place, _)| place.plural == request.place.plural);
        let regards = |object: &Value| match request.query.split("regarding.uid%3D").nth(1) {
            Some(rest) => {
                let uid = rest.split('&').next().unwrap_or_default();
                object["regarding"]["uid"] == uid
            }
            None => true,
        };
        let items: Vec<Value> =
            of_kind.map(|(_, object)| object.clone()).filter(|object| regards(object)).collect();
        json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items})
    }

    pub(super) fn create(&mut self, place: &Place, mut object: Value) -> Result<Value, Refusal> {
        if self.objects.contains_key(place) {
            return Err(Refusal::new(409, format!("{} {:?} already exists", place.plural, place.name)));
        }
        self.created.push(place.clone());
        object["metadata"]["namespace"] = json!(place.namespace);
        object["metadata"]["uid"] = json!(Uuid::new_v4());
        // An API server keeps whole seconds.
        object["metadata"]["creationTimestamp"] =
            json!(Timestamp::from_second(Timestamp::now().as_second()).ok());
        object["metadata"]["generation"] = json!(1);
        Ok(self.store(place, object))
    }

    fn apply(&mut self, request: &Request) -> Result<Value, Refusal> {
        of_the_operator(request)?;
        let place = &request.place;
        let Ok(live) = self.live(place) else {
            self.applied.insert((place.clone(), false), request.body.clone());
            return self.create(place, request.body.clone());
        };
        checked(live, &request.body)?;
        let before = self.applied.get(&(place.clone(), false)).cloned().unwrap_or_default();
        let mut object = live.clone();
        apply(&mut object, &before, &request.body);
        if place.plural == "jobs" && object["spec"]["template"] != live["spec"]["template"] {
            return Err(Refusal::new(422, "spec.template: Invalid value: field is immutable"));
        }
        self.applied.insert((place.clone(), false), request.body.clone());
        Ok(self.put(place, object))
    }

    fn apply_status(&mut self, request: &Request) -> Result<Value, Refusal> {
        of_the_operator(request)?;
        let place = &request.place;
        let live = self.live(place)?;
        checked(live, &request.body)?;
        let before = self.applied.get(&(place.clone(), true)).cloned().unwrap_or_default();
        let mut object = live.clone();
        apply(&mut object["status"], &before, &request.body["status"]);
        self.applied.insert((place.clone(), true), request.body["status"].clone());
        Ok(self.put(place, object))
    }

    pub(super) fn delete(&mut self, place: &Place, how: &Value) -> Result<Value, Refusal> {
        let mut object = self.live(place)?.clone();
        let wanted = &how["preconditions"]["uid"];
        if !wanted.is_null() && *wanted != object["metadata"]["uid"] {
            return Err(Refusal::new(409, "Precondition failed: UID in precondition is another"));
        }
        if how["propagationPolicy"] == "Foreground" && !object["metadata"]["deletionTimestamp"].is_string() {
            merge(&mut object, &json!({"metadata": {"finalizers": ["foregroundDeletion"]}}));
        }
        if object["metadata"]["deletionTimestamp"].is_null() {
            object["metadata"]["deletionTimestamp"] = json!(Timestamp::now());
        }
        Ok(self.store(place, object))
    }

    /// Changes an object, and leaves what only the API server sets as it is.
    pub(super) fn put(&mut self, place: &Place, mut object: Value) -> Value {
        let Some(old) = self.objects.get(place) else { return object };
        for field in ITS_OWN {
            object["metadata"][field] = old["metadata"][field].clone();
        }
        if *old == object {
            return object;
        }
        if old["spec"] != object["spec"] {
            let generation = old["metadata"]["generation"].as_i64().unwrap_or_default();
            object["metadata"]["generation"] = json!(generation + 1);
        }
        self.store(place, object)
    }

    /// Stores an object under the next version. One that is being deleted goes with its last finalizer.
    fn store(&mut self, place: &Place, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        for field in ITS_OWN {
            // As it is compared later: there, and perhaps null.
            object["metadata"][field] = object["metadata"][field].clone();
        }
        let metadata = &object["metadata"];
        let held = metadata["finalizers"].as_array().is_some_and(|all| !all.is_empty());
        if metadata["deletionTimestamp"].is_string() && !held {
            self.remove(place);
        } else {
            self.objects.insert(place.clone(), object.clone());
        }
        object
    }

    pub(super) fn remove(&mut self, place: &Place) {
        self.objects.remove(place);
        self.applied.retain(|(of, _), _| of != place);
    }
}

/// Every apply is the operator's, and takes over what others have set.
fn of_the_operator(request: &Request) -> Result<(), Refusal> {
    let manager = format!("fieldManager={}", names::FIELD_MANAGER);
    if request.query.contains(&manager) && request.query.contains("force=true") {
        Ok(())
    } else {
        Err(Refusal::new(400, format!("{request} by {}", request.query)))
    }
}

/// A write that names a uid or a version means that object only, as it was then.
fn checked(live: &Value, body: &Value) -> Result<(), Refusal> {
    for field in ["uid", "resourceVersion"] {
        let wanted = &body["metadata"][field];
        if !wanted.is_null() && *wanted != live["metadata"][field] {
            return Err(Refusal::new(409, format!("the object has been modified: another {field}")));
        }
    }
    Ok(())
}
