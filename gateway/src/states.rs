//! From what the ledger says of some arrivals to what is said of each.

use chancery_store::pushing::{FormerPush, Taken};

use crate::model::RecordState;

/// The arrivals of one request among those of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    /// Place of its first.
    pub(crate) place: i64,
    /// How many it has.
    pub(crate) arrivals: i64,
}

/// What became of each arrival of a range; `dead` are those that cannot be records, by their places in the call, in order,
/// each with the step that gave it up and why.
pub(crate) fn of_range<'a>(
    taken: &Taken,
    range: Range,
    dead: impl IntoIterator<Item = (i64, &'a str, &'a str)>,
) -> Vec<RecordState> {
    let Taken { position: _, accounted, first_record, duplicates } = taken;
    let before = |place: i64| duplicates.partition_point(|duplicate| duplicate.place < place);
    let mut dead = dead.into_iter().peekable();
    let mut dead_before: i64 = 0;
    let mut states = Vec::with_capacity(usize::try_from(range.arrivals).unwrap_or_default());
    // All that is before the range has to be counted too.
    while dead.next_if(|(place, ..)| *place < range.place).is_some() {
        dead_before += 1;
    }
    let mut next_duplicate = before(range.place);
    for place in range.place..range.place + range.arrivals {
        let (state, is_dead) = if let Some((_, stage, reason)) = dead.next_if(|(at, ..)| *at == place) {
            (RecordState::Dead { stage: stage.to_owned(), reason: reason.to_owned() }, true)
        } else if let Some(duplicate) =
            duplicates.get(next_duplicate).filter(|duplicate| duplicate.place == place)
        {
            next_duplicate += 1;
            let of_run = Some(duplicate.run.clone()).filter(|run| !run.is_empty());
            (RecordState::Duplicate { of_run, of_record: duplicate.record, signed: None }, false)
        } else {
            let others = dead_before + i64::try_from(next_duplicate).unwrap_or(i64::MAX);
            (RecordState::Admitted { record: first_record + place - others, signed: None }, false)
        };
        states.push(if place >= *accounted { rejected() } else { state });
        dead_before += i64::from(is_dead);
    }
    states
}

/// What became of a request that was taken in before.
pub(crate) fn of_former(former: &FormerPush) -> Vec<RecordState> {
    let dead = former.dead.iter().map(|(place, stage, reason)| (*place, stage.as_str(), reason.as_str()));
    of_range(&former.taken, Range { place: 0, arrivals: former.arrivals }, dead)
}

fn rejected() -> RecordState {
    RecordState::Rejected {
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

    fn shown(states: &[RecordState]) -> Vec<String> {
        states
            .iter()
            .map(|state| match state {
                RecordState::Admitted { record, signed: _ } => record.to_string(),
                RecordState::Duplicate { of_run: _, of_record, signed: _ } => format!("={of_record}"),
                RecordState::Pending { record } => format!("?{record}"),
                RecordState::Dead { stage, reason: _ } => stage.clone(),
                RecordState::Rejected { reason: _ } => "-".to_owned(),
            })
            .collect()
    }

    #[test]
    fn records_have_the_numbers_that_duplicates_and_dead_letters_leave() {
        let taken = Taken {
            position: 40,
            accounted: 8,
            first_record: 11,
            duplicates: vec![duplicate(1, 3), duplicate(5, 11)],
        };
        let dead = [(2, "Parse", "no"), (6, "Frame", "no")];
        let range = |place, arrivals| shown(&of_range(&taken, Range { place, arrivals }, dead));
        assert_eq!(range(0, 8), ["11", "=3", "Parse", "12", "13", "=11", "Frame", "14"]);
        assert_eq!(range(3, 3), ["12", "13", "=11"]);
        assert_eq!(range(6, 1), ["Frame"]);
        assert_eq!(range(7, 1), ["14"]);
    }

    #[test]
    fn what_lies_beyond_the_most_records_is_rejected_whatever_it_is() {
        let taken = Taken { position: 0, accounted: 2, first_record: 1, duplicates: Vec::new() };
        let states = of_range(&taken, Range { place: 1, arrivals: 3 }, [(2, "Parse", "no")]);
        assert_eq!(shown(&states), ["2", "-", "-"]);
    }
}
