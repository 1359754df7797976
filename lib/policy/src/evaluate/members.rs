//! What is within something else: members of maps, elements of lists, values of tables.

use super::{Evaluated, Evaluation, equal};
use crate::budget::Failure;
use crate::expression::{Expr, Lookup};
use crate::tables::Holds;
use crate::value::{Map, Text, Value};

impl<'a> Evaluation<'a> {
    pub(super) fn index(&mut self, operand: &Value<'a>, index: &Value<'a>) -> Evaluated<'a> {
        match (operand, index) {
            (Value::Map(map), Value::Text(name)) => map.named(name).ok_or_else(|| no_such(name)),
            (Value::Map(Map::Made(entries)), key) => {
                for (known, value) in entries.iter() {
                    if equal(known, key, &mut self.meter)? {
                        return Ok(value.clone());
                    }
                }
                Err(Failure::says("the map has no such key"))
            }
            (Value::Map(Map::Lent(_)), _) => Err(Failure::says("the map has no such key")),
            (Value::List(list), index) => {
                let place = match index {
                    Value::Int(place) => usize::try_from(*place).ok(),
                    Value::Uint(place) => usize::try_from(*place).ok(),
                    other => {
                        return Err(Failure::says(format!("{} is no place in a list", other.kind())));
                    }
                };
                let length = list.len();
                let found = place.and_then(|place| list.get(place));
                found.ok_or_else(|| Failure::says(format!("the list of {length} has no such place")))
            }
            (other, _) => Err(Failure::says(format!("{} has no members", other.kind()))),
        }
    }

    pub(super) fn map(&mut self, entries: &'a [(Expr, Expr)]) -> Evaluated<'a> {
        self.meter.hold(2 * entries.len())?;
        let mut all: Vec<(Value<'a>, Value<'a>)> = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let (key, value) = (self.value(key)?, self.value(value)?);
            if !matches!(key, Value::Text(_) | Value::Int(_) | Value::Uint(_) | Value::Bool(_)) {
                return Err(Failure::says(format!("{} is no key of a map", key.kind())));
            }
            for (known, _) in &all {
                if equal(known, &key, &mut self.meter)? {
                    return Err(Failure::says("a map has a key twice"));
                }
            }
            all.push((key, value));
        }
        Ok(Value::Map(Map::Made(all.into())))
    }

    pub(super) fn lookup(&mut self, lookup: &'a Lookup) -> Evaluated<'a> {
        let Some(table) = self.tables.get(lookup.table) else { return Ok(Value::Null) };
        let key = match self.value(&lookup.key)? {
            Value::Text(key) => key,
            Value::Int(number) => Text::Made(number.to_string().into()),
            other => return Err(Failure::says(format!("{} is no key of a table", other.kind()))),
        };
        let found = match &table.holds {
            Holds::Values(values) => values.get(&*key),
            Holds::Asked => match self.answers.keys.get(&table.name).and_then(|known| known.get(&*key)) {
                Some(answer) => answer.as_ref(),
                None if self.answers.failed.contains_key(&table.name) => {
                    return Err(Failure::says(self.answers.failed[&table.name].as_str()));
                }
                None => {
                    self.unanswered.insert((lookup.table, key.to_string()));
                    return Err(Failure::Unanswered(
                        format!("the table `{}` was not asked for `{}`", table.name, shown(&key)).into(),
                    ));
                }
            },
        };
        match (found, &lookup.otherwise) {
            (Some(found), _) => Ok(Value::of(found)),
            (None, Some(otherwise)) => self.value(otherwise),
            (None, None) => {
                Err(Failure::says(format!("the table `{}` has no `{}`", table.name, shown(&key))))
            }
        }
    }
}

pub(super) fn no_such(name: &str) -> Failure {
    Failure::says(format!("there is no `{}`", shown(name)))
}

/// What is said of a record may repeat a name of it, but no more than this.
fn shown(name: &str) -> &str {
    &name[..name.floor_char_boundary(80)]
}
