//! Which requests of a call there is room for, in a run that may have so many records and in which something waits.

/// What a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    /// Room for so many records. What is dead, rejected or known to repeat a record needs none.
    pub(crate) records: i64,
    /// Others are asked about some of it.
    pub(crate) asks: bool,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// There is room for it.
    Now,
    /// There may be, once what waits is settled.
    Later,
    /// The run will never have room for all of it.
    Never,
}

/// Of requests in their order, where there is room for so many records beside so many that wait: each that still fits is taken.
pub(crate) fn fits(needs: &[Need], room: i64, waiting: i64) -> Vec<Fit> {
    let mut left = room;
    let of = |need: &Need| {
        if need.records <= left {
            left -= need.records;
            Fit::Now
        } else if need.asks && need.records > room + waiting {
            Fit::Never
        } else {
            Fit::Later
        }
    };
    let mut fits: Vec<Fit> = needs.iter().map(of).collect();
    let something_waits =
        waiting > 0 || needs.iter().zip(&fits).any(|(need, fit)| need.asks && *fit == Fit::Now);
    if !something_waits {
        // Where nothing waits, the ledger takes in what there is room for, and the run is full.
        for (need, fit) in needs.iter().zip(&mut fits) {
            if !need.asks {
                *fit = Fit::Now;
            }
        }
    }
    fits
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn asks(records: i64) -> Need {
        Need { records, asks: true }
    }

    const fn asks_nobody(records: i64) -> Need {
        Need { records, asks: false }
    }

    #[test]
    fn each_request_that_fits_is_taken_and_what_needs_no_room_always_does() {
        let needs = [asks(3), asks(4), asks_nobody(0), asks(2), asks_nobody(1)];
        assert_eq!(fits(&needs, 5, 9), [Fit::Now, Fit::Later, Fit::Now, Fit::Now, Fit::Later]);
        assert_eq!(fits(&needs, 0, 9), [Fit::Later, Fit::Later, Fit::Now, Fit::Later, Fit::Later]);
    }

    #[test]
    fn what_needs_more_than_will_ever_be_left_is_refused_for_good() {
        assert_eq!(fits(&[asks(10), asks(11)], 3, 7), [Fit::Later, Fit::Never]);
        assert_eq!(fits(&[asks(1_000)], 500, 0), [Fit::Never]);
        // It is cut off at the last record, once nothing waits.
        assert_eq!(fits(&[asks_nobody(1_000)], 500, 1), [Fit::Later]);
    }

    #[test]
    fn where_nothing_waits_what_asks_nobody_is_left_to_the_ledger() {
        assert_eq!(fits(&[asks_nobody(600), asks(600)], 500, 0), [Fit::Now, Fit::Never]);
        assert_eq!(fits(&[asks_nobody(600), asks(500)], 500, 0), [Fit::Later, Fit::Now]);
    }
}
