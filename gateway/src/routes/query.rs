//! What stands behind the question mark.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use crate::problem::Problem;

/// Lines that an answer has at the most.
const MOST: u16 = 1_000;

/// Which lines of many are wanted.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    /// Behind which one: the cursor that the answer before gave.
    #[param(pattern = "^([0-9]{1,9}[.][0-9]{1,9}[.][0-9]{1,18})?$")]
    pub(crate) after: Option<String>,
    /// How many at the most, from 1 to 1000; 1000 unless given.
    #[param(minimum = 1, maximum = 1000)]
    pub(crate) limit: Option<u16>,
}

/// How many lines are wanted, of a limit that may be given.
pub(crate) fn most(limit: Option<u16>) -> Result<u16, Problem> {
    match limit {
        None => Ok(MOST),
        Some(limit) if (1..=MOST).contains(&limit) => Ok(limit),
        Some(limit) => Err(Problem::bad_request(format!("limit is {limit}; give one from 1 to {MOST}"))),
    }
}

/// What was given.
pub(crate) fn given<T: DeserializeOwned>(query: Result<Query<T>, QueryRejection>) -> Result<T, Problem> {
    query.map(|Query(given)| given).map_err(|rejection| Problem::bad_request(rejection.body_text()))
}
