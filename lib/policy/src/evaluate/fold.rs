//! Loops over lists and maps.

use super::{Evaluated, Evaluation, elements};
use crate::budget::Failure;
use crate::expression::{Loop, LoopKind};
use crate::value::Value;

impl<'a> Evaluation<'a> {
    pub(super) fn each(&mut self, each: &'a Loop) -> Evaluated<'a> {
        let range = self.value(&each.range)?;
        if let Value::Map(map) = &range {
            self.meter.hold(map.len())?;
        }
        let range = elements(range)?;
        let place = self.locals.len();
        self.locals.push(Value::Null);
        let result = self.all_of(each, place, &range);
        self.locals.truncate(place);
        result
    }

    fn all_of(&mut self, each: &'a Loop, place: usize, range: &crate::value::List<'a>) -> Evaluated<'a> {
        match each.kind {
            LoopKind::All => self.any(each, place, range, false).map(Value::Bool),
            LoopKind::Exists => self.any(each, place, range, true).map(Value::Bool),
            LoopKind::ExistsOne => {
                let (mut found, mut unanswered) = (0, None);
                for element in range.iter() {
                    self.at(place, element)?;
                    let truth = self.truth(&each.body);
                    found += usize::from(answered(truth, &mut unanswered)?.unwrap_or(false));
                }
                unanswered.map_or(Ok(Value::Bool(found == 1)), Err)
            }
            LoopKind::Map => {
                let (mut made, mut unanswered) = (Vec::new(), None);
                for element in range.iter() {
                    self.at(place, element)?;
                    let is_wanted = each.filter.as_ref().map_or(Ok(true), |filter| self.truth(filter));
                    if answered(is_wanted, &mut unanswered)?.unwrap_or(false) {
                        self.meter.hold(1)?;
                        let value = self.value(&each.body);
                        made.extend(answered(value, &mut unanswered)?);
                    }
                }
                unanswered.map_or(Ok(Value::list(made)), Err)
            }
        }
    }

    /// Whether the body is `decisive` for one element; if for none, whether it failed for one.
    fn any(
        &mut self,
        each: &'a Loop,
        place: usize,
        range: &crate::value::List<'a>,
        decisive: bool,
    ) -> Result<bool, Failure> {
        let mut failed = None;
        for element in range.iter() {
            self.at(place, element)?;
            match self.truth(&each.body) {
                Ok(value) if value == decisive => return Ok(decisive),
                Ok(_) => {}
                Err(Failure::OverBudget) => return Err(Failure::OverBudget),
                Err(failure) => failed = failed.or(Some(failure)),
            }
        }
        failed.map_or(Ok(!decisive), Err)
    }

    fn at(&mut self, place: usize, element: Value<'a>) -> Result<(), Failure> {
        self.meter.steps(1)?;
        if let Some(local) = self.locals.get_mut(place) {
            *local = element;
        }
        Ok(())
    }
}

/// None where an answer is missing, which is noted: what the other elements need is asked for with it, and not after it.
fn answered<T>(value: Result<T, Failure>, unanswered: &mut Option<Failure>) -> Result<Option<T>, Failure> {
    match value {
        Ok(value) => Ok(Some(value)),
        Err(failure @ Failure::Unanswered(_)) => {
            unanswered.get_or_insert(failure);
            Ok(None)
        }
        Err(failure) => Err(failure),
    }
}
