//! `chancery check-proof`: with no ledger, and nothing trusted but a public key.

use std::io::Read as _;
use std::path::Path;
use std::{fs, io};

use chancery_process::{Exit, grouped};
use chancery_statement::{Digest, Proof, Proven};
use serde_json::json;

use crate::arguments::{CheckProofArguments, Output};
use crate::error::CliError;
use crate::output::line;
use crate::trusted;

pub(crate) fn check_proof(arguments: &CheckProofArguments) -> Result<Exit, CliError> {
    let trusted = trusted::keys(&arguments.trusted_keys)?;
    let refused = |reason: String| CliError::Proof { path: arguments.proof.clone(), reason };
    let text = read(&arguments.proof).map_err(|reason| refused(reason.to_string()))?;
    let proof: Proof = serde_json::from_str(&text).map_err(|reason| refused(reason.to_string()))?;
    let checked = proof.check(&trusted);
    let exit = if checked.is_ok() { Exit::Done } else { Exit::Failed };
    match (arguments.output, &checked) {
        (Output::Table, Ok(proven)) => line(&text_of(proven))?,
        (Output::Table, Err(why)) => line(&format!("it proves nothing: {why}"))?,
        (Output::Json, Ok(proven)) => line(&json_of(proven).to_string())?,
        (Output::Json, Err(why)) => line(&json!({ "holds": false, "why": why.to_string() }).to_string())?,
    }
    Ok(exit)
}

fn read(path: &Path) -> io::Result<String> {
    if path != Path::new("-") {
        return fs::read_to_string(path);
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    Ok(text)
}

fn text_of(proven: &Proven) -> String {
    let Proven { record, payload, statement, statement_hash, statement_key } = proven;
    let run = statement.run_name();
    format!(
        "holds  record {record} of the run {run} ({uid}) of the ledger {ledger}\n\
         \x20      its payload of {bytes} bytes has the SHA-256 {digest}\n\
         \x20      so says statement {number} of {stated_at}, whose SHA-256 is {statement_hash}\n\
         \x20      signed with the key {statement_key}",
        uid = statement.run.uid,
        ledger = statement.ledger,
        bytes = grouped(payload.len() as u64),
        digest = Digest::of(payload),
        number = statement.number,
        stated_at = statement.stated_at,
    )
}

fn json_of(proven: &Proven) -> serde_json::Value {
    let Proven { record, payload, statement, statement_hash, statement_key } = proven;
    json!({
        "holds": true,
        "record": record,
        "payloadSha256": Digest::of(payload),
        "run": statement.run,
        "ledger": statement.ledger,
        "statement": {
            "number": statement.number,
            "hash": statement_hash,
            "key": statement_key,
            "statedAt": statement.stated_at,
        },
    })
}
