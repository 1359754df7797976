//! Telling of signed records one by one: portions of those of the batches in hand. What was told is noted portion by portion, so that whoever
//! goes on after a death tells only the last one again, under the same ids.

use std::time::Duration;

use chancery_sinks::Notifier;
use chancery_store::DeliverySession;
use chancery_store::delivery::{Reached, RecordEvent, RefusedEvent};

use super::{HELD, InHand, Sent, Teller};
use crate::error::DeliveryError;
use crate::giving_way::GivingWay;
use crate::waiting::wait;

impl Teller {
    /// Tells of the records of the batches in hand, until one of them cannot be told: then it is returned why, and for how long the
    /// receiver is left alone. Once all are told, the batches are.
    pub(super) async fn confirm(
        &mut self,
        session: &mut DeliverySession,
        hand: &mut InHand,
    ) -> Result<Option<(String, Duration)>, DeliveryError> {
        while !self.delivering.stop.is_asked() {
            let most = self.notifier.as_ref().map_or(1, Notifier::records_at_a_time);
            let records = session.take_records(&hand.taken, i32::try_from(most).unwrap_or(1)).await?;
            if records.is_empty() {
                let batches = &hand.taken.batches;
                hand.left.retain(|left| !batches.contains(left));
                hand.told.extend(batches.iter().cloned());
                return Ok(None);
            }
            let giving_way = GivingWay::begin(self.delivering.signers_go_first && hand.taken.signing);
            let events: Vec<_> = records.iter().map(|record| record.event.clone()).collect();
            let sent = self.send(&events).await?;
            let (reached, refused) = progress(&hand.taken.batches, &records, &sent);
            self.given_up(session.note_records(&hand.taken, &reached, &refused, HELD).await?);
            if sent.unreachable.is_some() {
                return Ok(sent.unreachable);
            }
            wait(giving_way.pause(), &self.delivering.stop).await;
        }
        Ok(None)
    }
}

/// How far each batch is, and which of the records up to there were refused. Several are on their way at once: what is behind one that was
/// not told is told once more.
fn progress(batches: &[String], records: &[RecordEvent], sent: &Sent) -> (Vec<Reached>, Vec<RefusedEvent>) {
    let nothing = |batch: &String| Reached { batch: batch.clone(), record: 0, told: 0 };
    let mut reached: Vec<_> = batches.iter().map(nothing).collect();
    let mut refused = Vec::new();
    for RecordEvent { batch, record, event } in records {
        let Some(at) = reached.iter_mut().find(|one| one.batch == *batch) else { break };
        if sent.told.contains(&event.what) {
            at.told += 1;
        } else if let Some(answer) = sent.refused.iter().find(|one| one.what == event.what) {
            refused.push(answer.clone());
        } else {
            break;
        }
        at.record = *record;
    }
    (reached, refused)
}

#[cfg(test)]
mod tests {
    use chancery_store::delivery::Event;

    use super::*;

    fn of(batch: i64, record: i64) -> RecordEvent {
        let batch = format!("record.signed/{batch}");
        let what = format!("{batch}/{record}");
        let (happened_at, data, traceparent) = (String::new(), "{}".to_owned(), None);
        let event = Event { what, happened_at, data, traceparent, attempts: 0 };
        RecordEvent { batch, record, event }
    }

    #[test]
    fn a_batch_is_as_far_as_the_first_record_that_was_not_told() {
        let batches: Vec<_> = (1..=3).map(|batch| format!("record.signed/{batch}")).collect();
        let records = [of(1, 9), of(1, 10), of(2, 11), of(2, 12), of(2, 13)];
        let answer = |what: &str| RefusedEvent {
            what: what.to_owned(),
            error: "no".to_owned(),
            pause: Duration::ZERO,
        };
        let sent = Sent {
            told: ["1/9", "2/11", "2/13"].map(|of| format!("record.signed/{of}")).to_vec(),
            refused: vec![answer("record.signed/1/10")],
            unreachable: None,
        };
        let (reached, refused) = progress(&batches, &records, &sent);
        let at: Vec<_> = reached.iter().map(|one| (one.record, one.told)).collect();
        assert_eq!(at, [(10, 1), (11, 1), (0, 0)], "12 may not have come, and so 13 is told once more");
        assert_eq!(refused, [answer("record.signed/1/10")]);
    }
}
