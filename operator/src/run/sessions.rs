//! Sessions of signers and of gateways that go too far, and logins that nobody needs any more.
//!
//! A signer has the turn of a ring for milliseconds, within one statement. Whoever has the login of a run can open a
//! transaction, take the turn in it, and keep it; or hold what it locked for ever. PostgreSQL's own limits do not help: a
//! session may lift them for itself. So such sessions are ended here.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use chancery_store::logins::{LoginSession, LoginTransaction};
use chancery_store::{Ledger, StoreError};
use tokio::time::Instant;

use crate::host::database::Database;
use crate::run::metrics::RunMetrics;
use crate::run::too_far::TooFar;

/// How often the sessions are looked at.
const INTERVAL: Duration = Duration::from_secs(2);

/// How long a transaction may hold a ring's turn. Others of the ring wait meanwhile, and take their own statements back
/// after 20 s.
const LONGEST_TURN: Duration = Duration::from_secs(5);

/// How long a transaction may last. The longest is the store of a batch in parts, over a slow connection.
const LONGEST_TRANSACTION: Duration = Duration::from_secs(600);

/// How many looks in a row may find an advisory lock in one session, whatever transactions they find: signers have one for
/// a small part of their time, so that so many are no chance.
const MOST_LOOKS: u32 = 20;

/// For how long a transaction holds a ring's turn that is slow. Signers hold it for milliseconds, and a disk at its limit makes a part of
/// this of them.
const SLOW_TURN: Duration = Duration::from_millis(500);

/// How many slow turns of a login, by whichever of its sessions, are an offence within [`OFFENCES_WINDOW`]. Sessions that take
/// turns with each other keep all others of the ring from theirs, though none of them has it for long.
const MOST_SLOW_TURNS: usize = 20;

/// How often sessions of a login are ended within [`OFFENCES_WINDOW`] before the login is dropped. Whoever takes the turn again as
/// soon as it is lost would keep it for most of the time.
const MOST_OFFENCES: usize = 3;
const OFFENCES_WINDOW: Duration = Duration::from_secs(600);

/// How often logins are looked for that nobody needs, or that waste leases.
const LOGINS_INTERVAL: Duration = Duration::from_secs(60);

/// How many leases may end unsigned within [`LOGINS_INTERVAL`] for each session that a run's logins may have. Signers that all
/// stop at once give two back for each. Whoever leases and gives back in a loop fills the disk: every lease stays in the log of
/// its ring.
const MOST_LEASES: i64 = 4;

/// What was found at the looks before.
#[derive(Debug, Default)]
struct Seen {
    /// Each transaction by its session and its own number, and since when it is known, and known to hold a turn.
    transactions: HashMap<(i32, String), (Instant, Option<Instant>)>,
    /// In how many looks in a row each session held an advisory lock.
    holders: HashMap<(i32, String), u32>,
    /// Somebody was told that sessions of gateways cannot be ended.
    is_left_told: bool,
}

impl Seen {
    /// Takes up what is open `now`; tells which sessions have to be ended.
    fn look(&mut self, open: &[LoginTransaction], now: Instant) -> Vec<(LoginTransaction, TooFar)> {
        let is_left_told = self.is_left_told;
        let mut before = std::mem::replace(self, Self { is_left_told, ..Self::default() });
        let mut too_far = Vec::new();
        for found in open {
            let LoginTransaction { login, is_gateway, pid, transaction, holds_turn, holds_ring: _ } = found;
            let key = (*pid, transaction.clone());
            let (since, held_since) = before.transactions.remove(&key).unwrap_or((now, None));
            let held_since = holds_turn.then(|| held_since.unwrap_or(now));
            self.transactions.insert(key, (since, held_since));
            let session = (*pid, login.clone());
            // A gateway takes in for all runs at once, and is found so at most looks where much is pushed.
            let counts = *holds_turn && !is_gateway;
            let looks = if counts { before.holders.remove(&session).unwrap_or_default() + 1 } else { 0 };
            if looks > 0 {
                self.holders.insert(session, looks);
            }
            let lasts = |since: Instant, longest| now.duration_since(since) >= longest;
            if held_since.is_some_and(|since| lasts(since, LONGEST_TURN)) || looks > MOST_LOOKS {
                too_far.push((found.clone(), TooFar::Turn));
            } else if lasts(since, LONGEST_TRANSACTION) {
                too_far.push((found.clone(), TooFar::Transaction));
            }
        }
        too_far
    }

    /// Whether a session of a gateway was ended. An administrator's part of a former version ends none: that is told once, and must not
    /// keep other sessions from being ended.
    fn unless_left(&mut self, ended: Result<bool, StoreError>, login: &str) -> Result<bool, StoreError> {
        match ended {
            Err(error) if !error.is_transient() => {
                if !std::mem::replace(&mut self.is_left_told, true) {
                    tracing::warn!(
                        login,
                        %error,
                        "a session of a gateway's login holds others up and cannot be ended: have a superuser run \
                         `chancery roles-sql | psql` in the ledger's database once more"
                    );
                }
                Ok(false)
            }
            ended => ended,
        }
    }
}

/// When something was found of each login, within [`OFFENCES_WINDOW`].
#[derive(Debug, Default)]
struct Recent(HashMap<String, Vec<Instant>>);

impl Recent {
    /// Takes up that it was found `now`. How often it was by then.
    fn add(&mut self, login: &str, now: Instant) -> usize {
        for found in self.0.values_mut() {
            found.retain(|at| now.duration_since(*at) < OFFENCES_WINDOW);
        }
        self.0.retain(|_, found| !found.is_empty());
        let found = self.0.entry(login.to_owned()).or_default();
        found.push(now);
        found.len()
    }
}

/// When sessions of each login were ended.
#[derive(Debug, Default)]
struct Offences(Recent);

impl Offences {
    /// Takes up that a session of the login was ended `now`. True when the login has to go.
    fn add(&mut self, login: &str, now: Instant) -> bool {
        self.0.add(login, now) >= MOST_OFFENCES
    }
}

/// When each login was found with a slow turn.
#[derive(Debug, Default)]
struct SlowTurns(Recent);

impl SlowTurns {
    /// Takes up what was open at a look, and what is [`SLOW_TURN`] later, `now`; tells which sessions have to be ended.
    ///
    /// That a login has a ring's turn at many looks tells nothing: where batches are small, its signers have it all the time, one
    /// behind the other. But no transaction of theirs has it for long.
    fn look(
        &mut self,
        before: &[LoginTransaction],
        open: &[LoginTransaction],
        now: Instant,
    ) -> Vec<(LoginTransaction, TooFar)> {
        let mut too_far = Vec::new();
        for found in open.iter().filter(|found| found.holds_ring) {
            let is_it = |earlier: &LoginTransaction| {
                earlier.holds_ring && (earlier.pid, &earlier.transaction) == (found.pid, &found.transaction)
            };
            if before.iter().any(is_it) && self.0.add(&found.login, now) >= MOST_SLOW_TURNS {
                self.0.0.remove(&found.login);
                too_far.push((found.clone(), TooFar::Turn));
            }
        }
        too_far
    }
}

/// Looks at the sessions of signers, for ever.
pub(crate) async fn keep(database: &Database, metrics: &RunMetrics) {
    let (mut seen, mut slow, mut offences) = (Seen::default(), SlowTurns::default(), Offences::default());
    let mut logins_looked_at = Instant::now();
    loop {
        tokio::time::sleep(INTERVAL).await;
        let Ok(ledger) = database.get() else { continue };
        let looked = async {
            let open = ledger.login_transactions().await?;
            let too_far = seen.look(&open, Instant::now());
            end_sessions(&ledger, too_far, &mut seen, &mut offences, metrics).await?;
            if open.iter().any(|found| found.holds_ring) {
                tokio::time::sleep(SLOW_TURN).await;
                let later = ledger.login_transactions().await?;
                let too_far = slow.look(&open, &later, Instant::now());
                end_sessions(&ledger, too_far, &mut seen, &mut offences, metrics).await?;
            }
            if logins_looked_at.elapsed() >= LOGINS_INTERVAL {
                logins_looked_at = Instant::now();
                drop_unneeded(&ledger).await?;
                end_wasters(&ledger, &mut offences, metrics).await?;
            }
            Ok::<_, StoreError>(())
        };
        if let Err(error) = looked.await {
            tracing::debug!(%error, "the sessions of signers cannot be looked at");
            database.check_after(&error);
        }
    }
}

async fn end_sessions(
    ledger: &Ledger,
    too_far: Vec<(LoginTransaction, TooFar)>,
    seen: &mut Seen,
    offences: &mut Offences,
    metrics: &RunMetrics,
) -> Result<(), StoreError> {
    for (found, why) in too_far {
        let LoginTransaction { login, is_gateway, pid, .. } = found;
        let ended = ledger.end_session(&login, pid).await;
        let ended = if is_gateway { seen.unless_left(ended, &login)? } else { ended? };
        if !ended {
            continue;
        }
        metrics.session_ended(why);
        let why = why.label();
        if is_gateway {
            // It is every run's way in, and an administrator's: it is not dropped.
            tracing::warn!(login, pid, why, "ended a session of a gateway's login that held others up");
            continue;
        }
        tracing::warn!(login, pid, why, "ended a session of a run's login that held others up");
        count_offence(ledger, offences, &login).await?;
    }
    Ok(())
}

async fn count_offence(ledger: &Ledger, offences: &mut Offences, login: &str) -> Result<(), StoreError> {
    if offences.add(login, Instant::now()) {
        ledger.drop_login(login).await?;
        tracing::warn!(login, "dropped a login whose sessions went too far again and again");
    }
    Ok(())
}

/// Ends the sessions of logins that lease and do not sign. Which of a run's logins it was, the log of leases does not tell.
async fn end_wasters(
    ledger: &Ledger,
    offences: &mut Offences,
    metrics: &RunMetrics,
) -> Result<(), StoreError> {
    let mut logins = BTreeSet::new();
    for LoginSession { login, pid } in ledger.logins_wasting_leases(LOGINS_INTERVAL, MOST_LEASES).await? {
        if let Some(pid) = pid
            && ledger.end_session(&login, pid).await?
        {
            tracing::warn!(
                login,
                pid,
                "ended a session of a run's login that leased again and again, or for hours, and signed nothing"
            );
            metrics.session_ended(TooFar::Leases);
        }
        logins.insert(login);
    }
    for login in logins {
        count_offence(ledger, offences, &login).await?;
    }
    Ok(())
}

async fn drop_unneeded(ledger: &Ledger) -> Result<(), StoreError> {
    for login in ledger.unneeded_logins().await? {
        match ledger.drop_login(&login).await {
            Ok(()) => tracing::info!(login, "dropped the login of a run that is complete or gone"),
            Err(error) if error.is_transient() => return Err(error),
            // It is barred, and looked at again in a minute.
            Err(error) => tracing::warn!(login, %error, "a login that nobody needs cannot be dropped"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(pid: i32, transaction: &str, holds_turn: bool) -> LoginTransaction {
        LoginTransaction {
            login: "login".to_owned(),
            is_gateway: false,
            pid,
            transaction: transaction.to_owned(),
            holds_turn,
            holds_ring: holds_turn,
        }
    }

    #[test]
    fn a_gateway_is_ended_for_what_it_keeps_and_not_for_what_it_does_often() {
        let (mut seen, began) = (Seen::default(), Instant::now());
        let of_gateway = |transaction: &str| LoginTransaction {
            is_gateway: true,
            holds_ring: false,
            ..open(1, transaction, true)
        };
        for look in 0..=2 * MOST_LOOKS {
            assert_eq!(seen.look(&[of_gateway(&format!("3/{look}"))], began + INTERVAL * look), []);
        }
        let kept = of_gateway("3/99");
        let later = began + INTERVAL * 100;
        assert_eq!(seen.look(std::slice::from_ref(&kept), later), []);
        assert_eq!(seen.look(std::slice::from_ref(&kept), later + LONGEST_TURN), [(kept, TooFar::Turn)]);
    }

    #[test]
    fn a_transaction_that_holds_a_turn_for_seconds_is_ended_and_one_that_just_took_it_is_not() {
        let (mut seen, began) = (Seen::default(), Instant::now());
        let (held, fresh) = (open(1, "3/7", true), open(2, "4/1", true));
        assert_eq!(seen.look(std::slice::from_ref(&held), began), []);
        let later = began + LONGEST_TURN - Duration::from_millis(1);
        assert_eq!(seen.look(&[held.clone(), fresh.clone()], later), []);
        let later = began + LONGEST_TURN;
        assert_eq!(seen.look(&[held.clone(), fresh], later), [(held, TooFar::Turn)]);
    }

    #[test]
    fn the_time_that_a_transaction_waited_for_its_turn_does_not_count() {
        let (mut seen, began) = (Seen::default(), Instant::now());
        assert_eq!(seen.look(&[open(1, "3/7", false)], began), []);
        let later = began + LONGEST_TURN * 3;
        assert_eq!(seen.look(&[open(1, "3/7", true)], later), []);
    }

    #[test]
    fn one_turn_after_the_other_is_what_signers_take() {
        let (mut seen, began) = (Seen::default(), Instant::now());
        for look in 0..MOST_LOOKS {
            assert_eq!(seen.look(&[open(1, &format!("3/{look}"), true)], began + INTERVAL * look), []);
        }
        // Now and then it is found without.
        let later = began + INTERVAL * MOST_LOOKS;
        assert_eq!(seen.look(&[], later), []);
        assert_eq!(seen.look(&[open(1, "3/99", true)], later + INTERVAL), []);
    }

    #[test]
    fn a_session_that_has_a_lock_at_every_look_is_ended_whatever_transactions_it_makes() {
        let (mut seen, began) = (Seen::default(), Instant::now());
        let ended = (0..=MOST_LOOKS)
            .map(|look| seen.look(&[open(1, &format!("3/{look}"), true)], began + INTERVAL * look))
            .find(|ended| !ended.is_empty());
        assert_eq!(ended, Some(vec![(open(1, &format!("3/{MOST_LOOKS}"), true), TooFar::Turn)]));
    }

    #[test]
    fn sessions_that_take_slow_turns_with_each_other_are_ended_though_none_has_it_for_long() {
        let (mut slow, began) = (SlowTurns::default(), Instant::now());
        let mut ended = Vec::new();
        for look in 0..40_u32 {
            let held = [open(1 + (look % 2).cast_signed(), &format!("3/{look}"), true)];
            ended.extend(slow.look(&held, &held, began + INTERVAL * look).into_iter().map(|_| look));
        }
        assert_eq!(ended, [19, 39]);
    }

    #[test]
    fn a_login_that_has_a_turn_at_every_look_is_no_offender_while_each_is_soon_anothers() {
        let (mut slow, began) = (SlowTurns::default(), Instant::now());
        let of_other = LoginTransaction { login: "other".to_owned(), ..open(7, "4/1", false) };
        for look in 0..1_000_u32 {
            let before = [open(1, &format!("3/{look}"), true), of_other.clone()];
            let later =
                [open(1, &format!("3/{look}b"), true), open(2, &format!("4/{look}"), true), of_other.clone()];
            assert_eq!(slow.look(&before, &later, began + INTERVAL * look), []);
        }
    }

    #[test]
    fn slow_turns_now_and_then_are_no_offence() {
        let (mut slow, began) = (SlowTurns::default(), Instant::now());
        for look in 0..100_u32 {
            let held = [open(1, &format!("3/{look}"), true)];
            assert_eq!(slow.look(&held, &held, began + Duration::from_secs(35) * look), []);
        }
    }

    #[test]
    fn a_login_goes_with_its_third_offence_within_ten_minutes() {
        let (mut offences, began) = (Offences::default(), Instant::now());
        let after = |minutes: u64| began + Duration::from_secs(60 * minutes);
        assert!(!offences.add("login", after(0)));
        assert!(!offences.add("login", after(9)));
        assert!(!offences.add("other", after(9)));
        assert!(!offences.add("login", after(11)), "the first is long ago");
        assert!(offences.add("login", after(12)));
    }

    #[test]
    fn a_transaction_without_a_turn_has_ten_minutes() {
        let (mut seen, began) = (Seen::default(), Instant::now());
        let long = open(1, "3/7", false);
        assert_eq!(seen.look(std::slice::from_ref(&long), began), []);
        let later = began + LONGEST_TRANSACTION;
        assert_eq!(seen.look(std::slice::from_ref(&long), later), [(long, TooFar::Transaction)]);
    }
}
