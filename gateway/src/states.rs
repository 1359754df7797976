//! From what the ledger says of some arrivals to what is said of each.

use chancery_store::pushing::{FormerDead, FormerPush, Push, SettledPush, Taken};
use serde::Deserialize;

use crate::model::{Flag, RecordState};
use crate::problem::Problem;

/// The arrivals of one request among those of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    /// Place of its first.
    pub(crate) place: i64,
    /// How many it has.
    pub(crate) arrivals: i64,
}

/// What is known of the arrivals of a call beside what the ledger answers.
pub(crate) struct Known<'a> {
    /// Those that are no records with a number in the order of the call, in order.
    apart: Vec<Apart<'a>>,
    /// The places of those that a rule flagged, in order, with the rules that hit.
    flags: Vec<(i64, Vec<Flag>)>,
}

/// An arrival that has no number in the order of the call.
struct Apart<'a> {
    place: i64,
    what: What<'a>,
}

/// What it is.
enum What<'a> {
    /// A dead letter, or rejected if no stage is said.
    Refused { stage: Option<&'a str>, rule: Option<&'a str>, reason: &'a str },
    /// It waits for what others say of it.
    Waits,
    /// It waited, and is this record.
    Settled(i64),
}

/// What is said of a payload that a rule hit.
#[derive(Deserialize)]
struct Mark {
    flagged: bool,
    hits: Vec<Flag>,
}

impl<'a> Known<'a> {
    /// By whoever judged them.
    ///
    /// # Errors
    ///
    /// What was said of one cannot be read: no answer that leaves it out would be right.
    pub(crate) fn of_push(push: &'a Push) -> Result<Self, Problem> {
        let refused = push.dead.iter().map(|dead| Apart {
            place: dead.position,
            what: What::Refused {
                stage: dead.stage.as_deref(),
                rule: dead.rule.as_deref(),
                reason: &dead.reason,
            },
        });
        let waiting = push.judgement.iter().flat_map(|judgement| &judgement.pending);
        let waiting = waiting.map(|place| Apart { place: *place, what: What::Waits });
        let mut flags = Vec::new();
        for (place, mark) in push.judgement.iter().flat_map(|judgement| &judgement.marks) {
            let mark: Mark = serde_json::from_str(mark).map_err(|error| Problem::flags_unreadable(&error))?;
            if mark.flagged {
                flags.push((*place, mark.hits));
            }
        }
        Ok(Self { apart: in_order(refused.chain(waiting)), flags })
    }

    /// As the ledger has it.
    fn of_former(former: &'a FormerPush) -> Result<Self, Problem> {
        let refused = former.dead.iter().map(|FormerDead { place, stage, rule, reason }| Apart {
            place: *place,
            what: What::Refused { stage: stage.as_deref(), rule: rule.as_deref(), reason },
        });
        let waiting = former.waiting.iter().map(|place| Apart { place: *place, what: What::Waits });
        let settled = former.settled.iter();
        let settled = settled.map(|(place, record)| Apart { place: *place, what: What::Settled(*record) });
        let flags = former.flags.iter().map(|(place, hits)| Ok((*place, flags_of(hits)?)));
        let apart = in_order(refused.chain(waiting).chain(settled));
        Ok(Self { apart, flags: flags.collect::<Result<_, Problem>>()? })
    }
}

fn in_order<'a>(apart: impl Iterator<Item = Apart<'a>>) -> Vec<Apart<'a>> {
    let mut apart: Vec<_> = apart.collect();
    apart.sort_unstable_by_key(|one| one.place);
    apart
}

/// The rules that flagged a record, as the ledger has them.
///
/// # Errors
///
/// They are written otherwise than this program writes them.
pub(crate) fn flags_of(hits: &str) -> Result<Vec<Flag>, Problem> {
    serde_json::from_str(hits).map_err(|error| Problem::flags_unreadable(&error))
}

/// What became of each arrival of a range.
pub(crate) fn of_range(taken: &Taken, range: Range, known: &Known<'_>) -> Vec<RecordState> {
    let Taken { position, accounted, first_record, duplicates } = taken;
    let Known { apart, flags } = known;
    let mut states = Vec::with_capacity(usize::try_from(range.arrivals).unwrap_or_default());
    // All that is before the range has to be counted too.
    let mut next_apart = apart.partition_point(|one| one.place < range.place);
    let mut next_duplicate = duplicates.partition_point(|duplicate| duplicate.place < range.place);
    let mut next_flag = flags.partition_point(|(place, _)| *place < range.place);
    for place in range.place..range.place + range.arrivals {
        let flagged = flags.get(next_flag).filter(|(at, _)| *at == place);
        next_flag += usize::from(flagged.is_some());
        let others = next_apart + next_duplicate;
        let flags = flagged.map(|(_, flags)| flags.clone());
        let state = if let Some(one) = apart.get(next_apart).filter(|one| one.place == place) {
            next_apart += 1;
            one.state(position + place, flags)
        } else if let Some(duplicate) = duplicates.get(next_duplicate).filter(|other| other.place == place) {
            next_duplicate += 1;
            let of_run = Some(duplicate.run.clone()).filter(|run| !run.is_empty());
            RecordState::Duplicate { of_run, of_record: duplicate.record, signed: None }
        } else {
            let record = first_record + place - i64::try_from(others).unwrap_or(i64::MAX);
            RecordState::Admitted { record, signed: None, flags }
        };
        states.push(if place >= *accounted { beyond() } else { state });
    }
    states
}

impl Apart<'_> {
    fn state(&self, position: i64, flags: Option<Vec<Flag>>) -> RecordState {
        match self.what {
            What::Refused { stage, rule, reason } => {
                refused(stage.map(str::to_owned), rule.map(str::to_owned), reason.to_owned())
            }
            What::Waits => RecordState::Waiting { position },
            What::Settled(record) => RecordState::Admitted { record, signed: None, flags },
        }
    }
}

fn refused(stage: Option<String>, rule: Option<String>, reason: String) -> RecordState {
    match stage {
        Some(stage) => RecordState::Dead { stage, rule, reason },
        None => RecordState::Rejected { rule, reason },
    }
}

/// What became of an arrival that waited.
///
/// # Errors
///
/// What the ledger has of it cannot be read.
pub(crate) fn of_settled(settled: SettledPush) -> Result<RecordState, Problem> {
    Ok(match settled {
        SettledPush::Admitted { record, hits } => {
            RecordState::Admitted { record, signed: None, flags: hits.as_deref().map(flags_of).transpose()? }
        }
        SettledPush::Duplicate { run, record } => RecordState::Duplicate {
            of_run: Some(run).filter(|run| !run.is_empty()),
            of_record: record,
            signed: None,
        },
        SettledPush::Refused { stage, rule, reason } => refused(stage, rule, reason),
    })
}

/// What became of a request that was taken in before.
///
/// # Errors
///
/// What the ledger has of it cannot be read.
pub(crate) fn of_former(former: &FormerPush) -> Result<Vec<RecordState>, Problem> {
    let range = Range { place: 0, arrivals: former.arrivals };
    Ok(of_range(&former.taken, range, &Known::of_former(former)?))
}

fn beyond() -> RecordState {
    RecordState::Rejected {
        rule: None,
        reason: "the run has as many records as spec.recordCount allows; push it to another run".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use chancery_store::pushing::Duplicate;

    use super::*;

    fn duplicate(place: i64, record: i64) -> Duplicate {
        Duplicate { place, run: "demo".to_owned(), record }
    }

    fn gone(place: i64, stage: Option<&'static str>) -> Apart<'static> {
        let rule = stage.is_none().then_some("positive");
        Apart { place, what: What::Refused { stage, rule, reason: "no" } }
    }

    fn shown(states: &[RecordState]) -> Vec<String> {
        states
            .iter()
            .map(|state| match state {
                RecordState::Admitted { record, signed: _, flags: None } => record.to_string(),
                RecordState::Admitted { record, signed: _, flags: Some(flags) } => {
                    format!("{record} {}", flags[0].rule)
                }
                RecordState::Duplicate { of_run: _, of_record, signed: _ } => format!("={of_record}"),
                RecordState::Pending { record, flags: _ } => format!("?{record}"),
                RecordState::Waiting { position } => format!("...{position}"),
                RecordState::Dead { stage, rule: _, reason: _ } => stage.clone(),
                RecordState::Rejected { rule, reason: _ } => rule.clone().unwrap_or_else(|| "-".to_owned()),
            })
            .collect()
    }

    #[test]
    fn records_have_the_numbers_that_duplicates_and_what_is_refused_leave() {
        let taken = Taken {
            position: 40,
            accounted: 9,
            first_record: 11,
            duplicates: vec![duplicate(1, 3), duplicate(5, 11)],
        };
        let large =
            Flag { rule: "large".to_owned(), action: "Flag".to_owned(), message: "so much".to_owned() };
        let known = Known {
            apart: vec![gone(2, Some("Parse")), gone(6, Some("Frame")), gone(7, None)],
            flags: vec![(1, vec![large.clone()]), (4, vec![large])],
        };
        let range = |place, arrivals| shown(&of_range(&taken, Range { place, arrivals }, &known));
        assert_eq!(range(0, 9), ["11", "=3", "Parse", "12", "13 large", "=11", "Frame", "positive", "14"]);
        assert_eq!(range(3, 3), ["12", "13 large", "=11"]);
        assert_eq!(range(6, 2), ["Frame", "positive"]);
        assert_eq!(range(8, 1), ["14"]);
    }

    #[test]
    fn what_cannot_be_read_of_a_mark_or_of_flags_is_a_problem_and_no_record_without_them() {
        let mut judgement = chancery_store::intake::Judgement::by(vec![7; 32]);
        judgement.marked(0, r#"{"flagged":true,"score":0,"hits":[]}"#.to_owned());
        let mut push = Push { judgement: Some(judgement), ..Push::default() };
        assert!(Known::of_push(&push).is_ok_and(|known| known.flags.len() == 1));
        if let Some(judgement) = &mut push.judgement {
            judgement.marked(1, r#"{"flagged":"yes"}"#.to_owned());
        }
        let problem = Known::of_push(&push).err().expect("a problem");
        assert_eq!(problem.status, 500);
        assert!(problem.detail.contains("cannot be read"), "{}", problem.detail);

        let mut former = FormerPush {
            key: Vec::new(),
            digest: Vec::new(),
            arrivals: 1,
            taken: Taken { position: 0, accounted: 1, first_record: 1, duplicates: Vec::new() },
            dead: Vec::new(),
            flags: vec![(0, r#"[{"rule":"large","action":"Flag","message":"so much"}]"#.to_owned())],
            settled: Vec::new(),
            waiting: Vec::new(),
        };
        assert_eq!(of_former(&former).map(|states| shown(&states)).ok(), Some(vec!["1 large".to_owned()]));
        former.flags[0].1 = r#"[{"rule":"large"}]"#.to_owned();
        assert_eq!(of_former(&former).err().map(|problem| problem.status), Some(500));
    }

    #[test]
    fn what_waits_has_no_number_and_what_waited_has_its_own() {
        let mut former = FormerPush {
            key: Vec::new(),
            digest: Vec::new(),
            arrivals: 6,
            taken: Taken { position: 40, accounted: 6, first_record: 11, duplicates: vec![duplicate(4, 3)] },
            dead: vec![FormerDead {
                place: 3,
                stage: None,
                rule: Some("model".to_owned()),
                reason: "no".to_owned(),
            }],
            flags: vec![(1, r#"[{"rule":"large","action":"Flag","message":"so much"}]"#.to_owned())],
            settled: vec![(1, 17)],
            waiting: vec![2],
        };
        let states = of_former(&former).map(|states| shown(&states)).ok();
        assert_eq!(states.expect("states"), ["11", "17 large", "...42", "model", "=3", "12"]);
        former.waiting.clear();
        former.settled.push((2, 18));
        let states = of_former(&former).map(|states| shown(&states)).ok();
        assert_eq!(states.expect("states"), ["11", "17 large", "18", "model", "=3", "12"]);
    }

    #[test]
    fn what_lies_beyond_the_most_records_is_rejected_whatever_it_is() {
        let taken = Taken { position: 0, accounted: 2, first_record: 1, duplicates: Vec::new() };
        let known = Known { apart: vec![gone(2, Some("Parse"))], flags: Vec::new() };
        let states = of_range(&taken, Range { place: 1, arrivals: 3 }, &known);
        assert_eq!(shown(&states), ["2", "-", "-"]);
    }
}
