//! With which statuses each operation refuses, and what they mean: the same problem document with all of them.

use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Content, Header, OpenApi, Ref, Response, ResponseBuilder};
use utoipa::{Modify, ToSchema as _};

use crate::problem::Problem;

/// What anything may be refused with that has a path of a run or a keyring.
const OF_ALL: [u16; 5] = [401, 403, 404, 500, 503];

/// What else each operation is refused with.
const OF_EACH: [(&str, &[u16]); 13] = [
    ("pushRecords", &[400, 408, 409, 413, 415, 422, 429]),
    ("sealRun", &[409]),
    ("getRecord", &[400, 429]),
    ("findRecord", &[400, 409, 429]),
    ("listResults", &[400, 429]),
    ("listDeadLetters", &[400, 429]),
    ("getDeadLetter", &[400, 429]),
    ("listLetterActs", &[429]),
    ("discardDeadLetters", &[400, 408, 409, 413, 415, 429]),
    ("redriveDeadLetters", &[400, 408, 409, 413, 415, 429]),
    ("watchRun", &[429]),
    ("getKeysOfRun", &[429]),
    ("getKeysOfKeyring", &[429]),
];

const fn meaning(status: u16) -> &'static str {
    match status {
        400 => "The request cannot be understood",
        401 => "The token is missing or wrong, whatever was asked for",
        403 => "On a cluster, the token may not do this, whether there is what it asks for or not",
        404 => "There is no such run, record or keyring",
        408 => "The body came too slowly; nothing of it was taken in",
        409 => "The run does not take this, or not any more",
        413 => "The request is larger than may be; nothing of it was taken in",
        415 => "The type or the encoding of the body is unknown",
        422 => {
            "The Idempotency-Key is another request's, too much of the request cannot become records, or it has more than the run takes; nothing of it was taken in"
        }
        429 => "More is under way than may be; nothing of the request was taken in",
        503 => "The database or the API server is away, or has no room; the request can be sent again",
        _ => "The database refuses; the log of the gateway says why",
    }
}

/// Writes them into the document.
pub(super) struct Refusals;

impl Modify for Refusals {
    fn modify(&self, document: &mut OpenApi) {
        let paths = document.paths.paths.values_mut();
        for operation in paths.flat_map(|path| [&mut path.get, &mut path.post]).flatten() {
            let id = operation.operation_id.as_deref().unwrap_or_default();
            let of_it = OF_EACH.iter().find(|(of, _)| *of == id).map_or(&[][..], |(_, statuses)| statuses);
            for status in OF_ALL.iter().chain(of_it) {
                operation.responses.responses.insert(status.to_string(), refused(*status).into());
            }
        }
    }
}

fn refused(status: u16) -> Response {
    let problem = Content::new(Some(Ref::from_schema_name(Problem::name())));
    let refused =
        ResponseBuilder::new().description(meaning(status)).content("application/problem+json", problem);
    let header = |kind, says: &str| {
        let mut header = Header::new(ObjectBuilder::new().schema_type(kind));
        header.description = Some(says.to_owned());
        header
    };
    match status {
        401 => refused.header("WWW-Authenticate", header(Type::String, "Bearer: a token is wanted")),
        429 | 503 => {
            refused.header("Retry-After", header(Type::Integer, "After how many seconds to send it again"))
        }
        _ => refused,
    }
    .build()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn every_operation_names_with_what_it_refuses_and_nothing_stands_for_all_others() {
        let document: Value = serde_json::from_str(super::super::document()).expect("JSON");
        let paths = document["paths"].as_object().expect("paths");
        let operations = paths.values().flat_map(|path| path.as_object().expect("methods").values());
        let mut named = BTreeSet::new();
        for operation in operations {
            let id = operation["operationId"].as_str().expect("a name");
            named.insert(id.to_owned());
            let responses = operation["responses"].as_object().expect("responses");
            assert!(!responses.contains_key("default"), "{id}");
            for (status, response) in responses.iter().filter(|(status, _)| status.as_str() >= "400") {
                let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/Problem", "{id}, {status}");
                let says_when = response["headers"]["Retry-After"].is_object();
                assert_eq!(says_when, ["429", "503"].contains(&status.as_str()), "{id}, {status}");
            }
        }
        assert_eq!(named, OF_EACH.iter().map(|(id, _)| (*id).to_owned()).collect());
    }
}
