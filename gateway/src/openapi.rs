//! What the API is, in its own words: OpenAPI 3.1.

mod refusals;

use std::sync::OnceLock;

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use self::refusals::Refusals;
use crate::{letters, model, problem, progress, routes};

#[derive(OpenApi)]
#[openapi(
    info(title = "Chancery", description = "Records in, signatures out."),
    paths(
        routes::records::push_records,
        routes::record::find_record,
        routes::record::get_record,
        routes::seal::seal,
        routes::results::results,
        routes::dead_letters::dead_letters,
        routes::redrive::redrive,
        routes::letters::get_letter,
        routes::letters::log,
        routes::letters::discard,
        routes::events::events,
        routes::jwks::jwks_of_run,
        routes::jwks::jwks_of_keyring,
    ),
    components(schemas(
        model::Pushed,
        model::RecordState,
        model::Signed,
        model::Record,
        model::SignedLine,
        model::Flag,
        model::DeadLetter,
        model::Sealed,
        model::Closed,
        model::Redriven,
        progress::Progress,
        progress::RunEvent,
        letters::Which,
        letters::RedriveRequest,
        letters::DiscardRequest,
        model::Discarded,
        model::LetterShown,
        model::LetterDone,
        model::LetterActs,
        model::LettersDone,
        model::JwkSet,
        problem::Problem,
    )),
    security(("token" = [])),
    modifiers(&Bearer, &Refusals)
)]
struct Api;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        openapi.components.get_or_insert_default().add_security_scheme("token", scheme);
    }
}

/// The document, as JSON.
#[must_use]
pub fn document() -> &'static str {
    // Whoever has no token may ask for it as well: it is made once.
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    DOCUMENT.get_or_init(|| Api::openapi().to_pretty_json().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_of_openapi_3_1_and_names_every_path() {
        let document: serde_json::Value = serde_json::from_str(document()).expect("JSON");
        assert!(document["openapi"].as_str().expect("a version").starts_with("3.1"));
        let run = "/v1/namespaces/{namespace}/runs/{run}";
        for (path, method) in [
            (format!("{run}/records"), "post"),
            (format!("{run}/records"), "get"),
            (format!("{run}/records/{{record}}"), "get"),
            (format!("{run}/seal"), "post"),
            (format!("{run}/results"), "get"),
            (format!("{run}/dead-letters"), "get"),
            (format!("{run}/dead-letters/redrive"), "post"),
            (format!("{run}/dead-letters/discard"), "post"),
            (format!("{run}/dead-letters/log"), "get"),
            (format!("{run}/dead-letters/{{letter}}"), "get"),
            (format!("{run}/events"), "get"),
            (format!("{run}/jwks.json"), "get"),
            ("/v1/namespaces/{namespace}/keyrings/{keyring}/jwks.json".to_owned(), "get"),
        ] {
            assert!(document["paths"][&path][method].is_object(), "{method} {path}");
        }
        // By the names that they have in answers.
        let states = document["components"]["schemas"]["RecordState"].to_string();
        assert!(states.contains("\"ofRecord\"") && states.contains("\"ofRun\""), "{states}");
        // What an event says is named, and so is what can be asked for next.
        let event = document["components"]["schemas"]["RunEvent"].to_string();
        assert!(event.contains("#/components/schemas/Progress"), "{event}");
        let pushed = &document["paths"][format!("{run}/records")]["post"]["responses"]["200"]["links"];
        assert_eq!(pushed["record"]["parameters"]["record"], "$response.body#/records/0/record", "{pushed}");
    }
}
