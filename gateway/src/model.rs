//! What is answered, as JSON.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What became of the records of a request, in their order.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Pushed {
    /// The run, as NAMESPACE/NAME.
    pub(crate) run: String,
    /// Whether a request of this Idempotency-Key was taken in before, which this answer is about.
    pub(crate) repeated: bool,
    /// One for each record.
    pub(crate) records: Vec<RecordState>,
}

/// What became of one record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "state", rename_all = "camelCase")]
pub(crate) enum RecordState {
    /// It is a record of the run, on disk, and will be signed.
    Admitted {
        /// Its number.
        record: i64,
        /// Its signature, if the request waits for it and it is there.
        #[serde(skip_serializing_if = "Option::is_none")]
        signed: Option<Box<Signed>>,
        /// The rules of the run's policy that hit, if they flag it.
        #[serde(skip_serializing_if = "Option::is_none")]
        flags: Option<Vec<Flag>>,
    },
    /// It is a record of the run, on disk, and was not signed yet when the request had waited for as long as it said.
    Pending {
        /// Its number.
        record: i64,
        /// The rules of the run's policy that hit, if they flag it.
        #[serde(skip_serializing_if = "Option::is_none")]
        flags: Option<Vec<Flag>>,
    },
    /// It is kept, on disk, and waits until others, such as a webhook, have said what the run's policy asks them. It becomes admitted, a duplicate, dead or
    /// rejected then: sent again under the same Idempotency-Key, the request is answered with that.
    Waiting {
        /// Where it is in its source.
        #[serde(skip)]
        position: i64,
    },
    /// It repeats a record of the run's keyring, and is not signed again.
    Duplicate {
        /// The run of that record, in the same namespace; none if the run is gone.
        #[serde(rename = "ofRun", skip_serializing_if = "Option::is_none")]
        of_run: Option<String>,
        /// The number of that record.
        #[serde(rename = "ofRecord")]
        of_record: i64,
        /// The signature of that record, if it is of this run, the request waits for it and it is there.
        #[serde(skip_serializing_if = "Option::is_none")]
        signed: Option<Box<Signed>>,
    },
    /// It cannot become a record, and is kept as a dead letter.
    Dead {
        /// Which step gave it up.
        stage: String,
        /// The rule of the run's policy that failed for it.
        #[serde(skip_serializing_if = "Option::is_none")]
        rule: Option<String>,
        /// Why.
        reason: String,
    },
    /// It is no record, and is not signed. Where a rule is named, the run's policy rejected it, and it is kept for a while. Else it was
    /// not taken in, and nothing of it is kept: the run has all the records that it may have.
    Rejected {
        /// The rule of the run's policy that rejected it.
        #[serde(skip_serializing_if = "Option::is_none")]
        rule: Option<String>,
        /// Why.
        reason: String,
    },
}

impl RecordState {
    /// Bytes of what is said beside what it is: why, and by which rules.
    pub(crate) fn said_bytes(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        match self {
            Self::Admitted { flags, .. } | Self::Pending { flags, .. } => {
                flags.iter().flatten().map(Flag::bytes).sum()
            }
            Self::Dead { stage, rule, reason } => stage.len() + text(rule) + reason.len(),
            Self::Rejected { rule, reason } => text(rule) + reason.len(),
            Self::Waiting { .. } => 0,
            Self::Duplicate { of_run, .. } => text(of_run),
        }
    }
}

/// A rule of a policy that hit a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Flag {
    /// Its name.
    pub(crate) rule: String,
    /// What it does: Flag, Alert, Score.
    pub(crate) action: String,
    /// Its message.
    pub(crate) message: String,
}

impl Flag {
    fn bytes(&self) -> usize {
        let Self { rule, action, message } = self;
        size_of::<Self>() + rule.len() + action.len() + message.len()
    }
}

/// A signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Signed {
    /// SHA-256 of the payload, in hexadecimal.
    pub(crate) digest: String,
    /// JOSE name of the algorithm.
    pub(crate) algorithm: String,
    /// The key, by its thumbprint (RFC 7638), as in the JWK set of the keyring.
    pub(crate) key_id: String,
    /// The signature over the payload in its envelope, in base64url; of ECDSA the bytes r‖s, of EIP191 r‖s‖v.
    pub(crate) signature: String,
    /// When it was stored.
    pub(crate) signed_at: String,
    /// The finished envelope: a JWS, DSSE, or EIP191 as text, a COSE_Sign1 in base64. Left out for Raw; and in the answer to a push, if payloads
    /// are in envelopes, behind the first MiB of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) envelope: Option<String>,
    /// The address of an Ethereum key (ERC-55).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<String>,
}

/// A record.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    /// Its number.
    pub(crate) record: i64,
    /// Its payload, in base64.
    pub(crate) payload: String,
    /// SHA-256 of the payload, in hexadecimal.
    pub(crate) payload_digest: String,
    /// Its signature, once it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signed: Option<Signed>,
    /// The rules of the run's policy that hit, if they flag it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) flags: Option<Vec<Flag>>,
}

/// A record that is signed: a line of the results.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignedLine {
    /// Its number.
    pub(crate) record: i64,
    /// Its signature.
    pub(crate) signed: Signed,
    /// The rules of the run's policy that hit, if they flag it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) flags: Option<Vec<Flag>>,
}

/// What could not become a record: a line of the dead letters.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeadLetter {
    /// Name of the source.
    pub(crate) source: String,
    /// Where it was: give it as `after` to go on behind it.
    pub(crate) cursor: String,
    /// Which step gave it up.
    pub(crate) stage: String,
    /// The rule of the run's policy that failed for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rule: Option<String>,
    /// Why.
    pub(crate) reason: String,
    /// When.
    pub(crate) arrived_at: String,
}

/// A run that was sealed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sealed {
    /// The run, as NAMESPACE/NAME.
    pub(crate) run: String,
    /// How many records it has.
    pub(crate) records: i64,
}

/// A run to which nothing more is pushed, and in which something waits.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Closed {
    /// The run, as NAMESPACE/NAME. It is sealed once nothing waits any more, which its events tell.
    pub(crate) run: String,
}

/// What became of dead letters that were redriven.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Redriven {
    /// The run that has them now, as NAMESPACE/NAME. If that is another one, its events tell the rest.
    pub(crate) run: String,
    /// The number under which it is written down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) act: Option<i32>,
    /// Became records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) admitted: Option<i64>,
    /// Repeat a record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) duplicates: Option<i64>,
    /// Were rejected by a rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rejected: Option<i64>,
    /// Are dead again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dead: Option<i64>,
    /// Wait until others have said what the run's policy asks them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pending: Option<i64>,
    /// Were left out: their bytes are not there to their end, the selector fails for them, or somebody else was faster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) left_out: Option<u64>,
}

/// What was discarded.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Discarded {
    /// The run, as NAMESPACE/NAME.
    pub(crate) run: String,
    /// The number under which it is written down.
    pub(crate) act: i32,
    /// How many.
    pub(crate) discarded: u64,
    /// How many the selector fails for.
    pub(crate) left_out: u64,
}

/// A dead letter, or what it became.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LetterShown {
    /// Where it is.
    pub(crate) cursor: String,
    /// `kept`, `swept`, `redriven` or `discarded`; of what its own run has taken up, `admitted`, `duplicate` or `rejected`, or `pending` while others are
    /// asked about it.
    pub(crate) state: String,
    /// Name of the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    /// The run that reads it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) into: Option<String>,
    /// Which step gave it up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stage: Option<String>,
    /// The rule of the run's policy that failed for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rule: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) arrived_at: Option<String>,
    /// When its bytes were removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) swept_at: Option<String>,
    /// Whether its bytes are all that its source gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) whole: Option<bool>,
    /// Its bytes, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) raw: Option<String>,
    /// What was done with it, in order.
    pub(crate) history: Vec<LetterDone>,
}

/// What was done with one dead letter, and what was said of it before.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LetterDone {
    /// The number under which it is written down.
    pub(crate) act: i32,
    /// `Redrive` or `Discard`.
    pub(crate) kind: String,
    /// `Admitted`, `Duplicate`, `Rejected`, `Dead`, `Moved` or `Discarded`; `Pending` while others are asked about it.
    pub(crate) became: String,
    /// The run that reads it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) into: Option<String>,
    /// Who did it.
    pub(crate) by: String,
    /// When.
    pub(crate) at: String,
    /// Which step had given it up.
    pub(crate) stage: String,
    /// The rule that had failed for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rule: Option<String>,
    /// Why.
    pub(crate) reason: String,
}

/// What was done with dead letters of a run, in order.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct LetterActs {
    /// Each.
    pub(crate) acts: Vec<LettersDone>,
}

/// What somebody did with dead letters.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LettersDone {
    /// Its number.
    pub(crate) act: i32,
    /// `Redrive` or `Discard`.
    pub(crate) kind: String,
    /// The run that reads them, if that is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) into: Option<String>,
    /// How many.
    pub(crate) letters: i64,
    /// Became records of their own run.
    pub(crate) admitted: i64,
    /// Repeat a record.
    pub(crate) duplicates: i64,
    /// Were rejected by a rule.
    pub(crate) rejected: i64,
    /// Were dead again.
    pub(crate) dead: i64,
    /// Wait until others have said what the run's policy asks them.
    pub(crate) pending: i64,
    /// Which were meant; empty: all.
    pub(crate) selection: String,
    /// Who.
    pub(crate) by: String,
    /// When.
    pub(crate) at: String,
}

/// Public keys (RFC 7517).
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct JwkSet {
    /// One for each key of the ring.
    #[schema(value_type = Vec<Object>)]
    pub(crate) keys: Vec<serde_json::Value>,
}
