//! What is told of a run to whoever watches it: where it is, each time that changes.

use chancery_store::Run;
use chancery_store::standing::Standing;
use serde::Serialize;
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// How far a run is: the data of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Progress {
    /// The run, as NAMESPACE/NAME.
    pub(crate) run: String,
    /// What was offered so far.
    pub(crate) received: i64,
    /// Became records.
    pub(crate) admitted: i64,
    /// Repeat a record.
    pub(crate) duplicates: i64,
    /// Could not become records.
    pub(crate) dead: i64,
    /// Were kept out by the run's policy.
    pub(crate) rejected: i64,
    /// Records that are signed.
    pub(crate) signed: i64,
    /// Whether nothing is taken in or signed for now.
    pub(crate) suspended: bool,
    /// Whether it has all its records.
    pub(crate) sealed: bool,
    /// Whether all is signed.
    pub(crate) complete: bool,
}

/// An event as a client reads it, for the document of the API.
pub(crate) struct RunEvent;

impl PartialSchema for RunEvent {
    fn schema() -> RefOr<Schema> {
        let text = || ObjectBuilder::new().schema_type(Type::String);
        // That a run is gone is all that is said of it.
        let nothing = ObjectBuilder::new().additional_properties(Some(AdditionalProperties::FreeForm(false)));
        let content = OneOfBuilder::new().item(Ref::from_schema_name(Progress::name())).item(nothing);
        let data = text().content_media_type("application/json").content_schema(Some(content));
        ObjectBuilder::new()
            .property("event", text().enum_values(Some(["progress", "sealed", "complete", "gone"])))
            .property("id", text())
            .property("data", data)
            .required("event")
            .required("data")
            .into()
    }
}

impl ToSchema for RunEvent {}

/// An event: its name, its id, and how far the run was.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct News {
    pub(crate) name: &'static str,
    pub(crate) id: String,
    pub(crate) progress: Progress,
}

/// What a listener was told of a run, and is told next.
#[derive(Debug)]
pub(crate) struct Told {
    run: String,
    /// What the ids of this run's events begin with: one that is made anew under its name has another.
    prefix: String,
    last: Option<String>,
}

impl Told {
    /// A listener that heard the event of this id last, if any; that of another run is none.
    pub(crate) fn from(run: &Run, last: Option<&str>) -> Self {
        let prefix = format!("{:08x}.", run.uid.as_fields().0);
        let last = last.filter(|last| last.starts_with(&prefix)).map(str::to_owned);
        Self { run: format!("{}/{}", run.namespace, run.name), prefix, last }
    }

    /// Whether it knows that the run is complete.
    pub(crate) fn knows_the_end(&self) -> bool {
        self.knows("complete")
    }

    fn knows(&self, stage: &str) -> bool {
        let rest = self.last.as_deref().and_then(|last| last.strip_prefix(&self.prefix));
        rest.and_then(|rest| rest.split('.').next()) == Some(stage)
    }

    /// What there is to tell, if anything changed.
    pub(crate) fn news(&mut self, now: &Standing) -> Option<News> {
        let Standing {
            id: _,
            received,
            admitted,
            duplicates,
            dead,
            rejected,
            signed,
            suspended,
            sealed,
            complete,
        } = *now;
        let stage = match (complete, sealed, suspended) {
            (true, _, _) => "complete",
            (false, true, _) => "sealed",
            (false, false, true) => "suspended",
            (false, false, false) => "open",
        };
        let id =
            format!("{}{stage}.{received}.{duplicates}.{dead}.{rejected}.{signed}.{suspended}", self.prefix);
        if self.last.as_deref() == Some(&id) {
            return None;
        }
        let name = match stage {
            "complete" => "complete",
            "sealed" if !self.knows("sealed") => "sealed",
            _ => "progress",
        };
        self.last = Some(id.clone());
        let run = self.run.clone();
        let progress = Progress {
            run,
            received,
            admitted,
            duplicates,
            dead,
            rejected,
            signed,
            suspended,
            sealed,
            complete,
        };
        Some(News { name, id, progress })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(last: Option<&str>) -> Told {
        Told { run: "default/demo".to_owned(), prefix: "0a0b0c0d.".to_owned(), last: last.map(str::to_owned) }
    }

    fn standing(signed: i64, sealed: bool, complete: bool) -> Standing {
        let (received, admitted, duplicates, dead, rejected) = (10, 7, 1, 1, 1);
        Standing {
            id: 1,
            received,
            admitted,
            duplicates,
            dead,
            rejected,
            signed,
            suspended: false,
            sealed,
            complete,
        }
    }

    #[test]
    fn what_did_not_change_is_not_told_again_also_to_one_who_comes_back() {
        let mut first = told(None);
        let news = first.news(&standing(1, false, false)).expect("news");
        assert_eq!((news.name, news.id.as_str()), ("progress", "0a0b0c0d.open.10.1.1.1.1.false"));
        assert_eq!(first.news(&standing(1, false, false)), None);
        let mut back = told(Some(&news.id));
        assert_eq!(back.news(&standing(1, false, false)), None);
        assert_eq!(back.news(&standing(2, false, false)).map(|news| news.progress.signed), Some(2));
    }

    #[test]
    fn it_is_told_once_that_a_run_is_sealed_and_complete() {
        let mut told = told(None);
        let mut names = Vec::new();
        for now in [
            standing(1, false, false),
            standing(1, true, false),
            standing(5, true, false),
            standing(7, true, true),
            standing(7, true, true),
        ] {
            names.extend(told.news(&now).map(|news| news.name));
        }
        assert_eq!(names, ["progress", "sealed", "progress", "complete"]);
        assert!(told.knows_the_end());
    }
}
