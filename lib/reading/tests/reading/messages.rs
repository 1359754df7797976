//! Whoever has to change something before a source can be read is told what to do.

use std::collections::BTreeSet;

use chancery_reading::{FinalError, TableError};

/// One of each. Whoever adds a variant adds it to both of these functions: the compiler wants the first, the test the second.
const fn number(error: &FinalError) -> usize {
    match error {
        FinalError::BadUrl { .. } => 0,
        FinalError::UnknownScheme { .. } => 1,
        FinalError::BadEndpoint { .. } => 2,
        FinalError::ForbiddenDestination { .. } => 3,
        FinalError::BadPattern { .. } => 4,
        FinalError::WrongCredentials { .. } => 5,
        FinalError::UnreadableCredentials { .. } => 6,
        FinalError::BadAuthorities { .. } => 7,
        FinalError::Untrusted { .. } => 8,
        FinalError::NoAccount { .. } => 9,
        FinalError::BadFormat { .. } => 10,
        FinalError::NotThere { .. } => 11,
        FinalError::Refused { .. } => 12,
        FinalError::BadCredentials { .. } => 13,
        FinalError::NothingMatches { .. } => 14,
        FinalError::TooManyObjects { .. } => 15,
        FinalError::NoVersion { .. } => 16,
        FinalError::OutsideFolder { .. } => 17,
        FinalError::Other { .. } => 18,
        FinalError::Table(table) => {
            19 + match table {
                TableError::BadUrl { .. } => 0,
                TableError::UnsafeUrl { .. } => 1,
                TableError::Environment { .. } => 2,
                TableError::UnsafeLogin { .. } => 3,
                TableError::Tls { .. } => 4,
                TableError::ForbiddenDestination { .. } => 5,
                TableError::LoginRefused { .. } => 6,
                TableError::NoDatabase { .. } => 7,
                TableError::Refused { .. } => 8,
                TableError::BadQuery { .. } => 9,
                TableError::BadField { .. } => 10,
                TableError::NoColumn { .. } => 11,
                TableError::TwiceNamed { .. } => 12,
                TableError::BadPayload { .. } => 13,
                TableError::NoUniqueOrder { .. } => 14,
                TableError::NullInOrder { .. } => 15,
                TableError::NotText { .. } => 16,
                TableError::KeyTooLong { .. } => 17,
                TableError::BadKey { .. } => 18,
                TableError::Pooler { .. } => 19,
                TableError::Other { .. } => 20,
                TableError::NotOneColumn { .. } => 21,
            }
        }
    }
}

const ALL: usize = 41;

fn of_objects() -> [FinalError; 19] {
    let (source_url, why, given) = ("s3://b/in".to_owned(), "no".to_owned(), "x".to_owned());
    let (key, wanted) = ("a.txt".to_owned(), "that");
    [
        FinalError::BadUrl { given: given.clone(), why: why.clone() },
        FinalError::UnknownScheme { given: given.clone() },
        FinalError::BadEndpoint { given: given.clone(), why: why.clone() },
        FinalError::ForbiddenDestination { source_url: source_url.clone(), why: why.clone() },
        FinalError::BadPattern { field: "include", given: given.clone(), why: why.clone() },
        FinalError::WrongCredentials { source_url: source_url.clone(), wanted },
        FinalError::UnreadableCredentials { source_url: source_url.clone() },
        FinalError::BadAuthorities { source_url: source_url.clone(), why: why.clone() },
        FinalError::Untrusted { source_url: source_url.clone(), why: why.clone() },
        FinalError::NoAccount { source_url: source_url.clone() },
        FinalError::BadFormat { field: "type", given, wanted },
        FinalError::NotThere { source_url: source_url.clone(), why: why.clone() },
        FinalError::Refused { source_url: source_url.clone(), why: why.clone() },
        FinalError::BadCredentials { source_url: source_url.clone(), why: why.clone() },
        FinalError::NothingMatches { source_url: source_url.clone(), seen: 1 },
        FinalError::TooManyObjects { source_url: source_url.clone(), limit: 1 },
        FinalError::NoVersion { source_url: source_url.clone(), key: key.clone() },
        FinalError::OutsideFolder { source_url: source_url.clone(), key },
        FinalError::Other { source_url, why },
    ]
}

fn of_tables() -> [TableError; 22] {
    let (place, why, column) = ("host".to_owned(), "no".to_owned(), "id".to_owned());
    let columns = "id".to_owned();
    [
        TableError::BadUrl { why: why.clone() },
        TableError::UnsafeUrl { why: why.clone() },
        TableError::Environment { name: "PGHOST" },
        TableError::UnsafeLogin { place: place.clone(), why: why.clone() },
        TableError::Tls { place: place.clone(), why: why.clone() },
        TableError::ForbiddenDestination { place: place.clone(), why: why.clone() },
        TableError::LoginRefused { place: place.clone(), why: why.clone() },
        TableError::NoDatabase { place: place.clone(), why: why.clone() },
        TableError::Refused { place: place.clone(), why: why.clone() },
        TableError::BadQuery { place: place.clone(), why: why.clone() },
        TableError::BadField { field: "url", given: "x".to_owned(), wanted: "that" },
        TableError::NoColumn { field: "orderBy", column: column.clone(), columns: columns.clone() },
        TableError::TwiceNamed { column: column.clone() },
        TableError::BadPayload { column: column.clone() },
        TableError::NoUniqueOrder { row: 1, columns },
        TableError::NullInOrder { column: column.clone() },
        TableError::NotText { column },
        TableError::KeyTooLong { limit: 1 },
        TableError::BadKey { wanted: 1 },
        TableError::Pooler { place: place.clone(), why: why.clone() },
        TableError::Other { place, why },
        TableError::NotOneColumn { columns: 2 },
    ]
}

#[test]
fn every_reason_says_what_to_do() {
    let all: Vec<FinalError> =
        of_objects().into_iter().chain(of_tables().into_iter().map(FinalError::from)).collect();
    assert_eq!(all.iter().map(number).collect::<BTreeSet<_>>(), (0..ALL).collect());
    for error in all {
        let said = error.to_string();
        let advice = said.rsplit_once("; ").map(|(_, advice)| advice).unwrap_or_default();
        assert!(advice.split(' ').count() > 2, "{said}");
    }
}
