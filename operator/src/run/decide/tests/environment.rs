//! What others do in the world: the Job controller, the kubelets with their signers, Kueue, and the
//! garbage collector.

use k8s_openapi::jiff::Timestamp;

use super::situation::{RUNNING, STARTING};
use super::world::{Signers, World, is_active, secret_name};
use crate::run::facts::{JobEnd, PodState, PodView};

/// Pods that have ended and are still to be seen, at the most.
const REMAINS: usize = 6;

impl World {
    /// One step of one of the others, who take turns. False when nobody has anything to do.
    pub(super) fn step(&mut self, turn: &mut usize) -> bool {
        let actors = 3 + self.pods.len();
        for _ in 0..actors {
            *turn = (*turn + 1) % actors;
            let acted = match *turn {
                0 => self.collect_garbage(),
                1 => self.control_job(),
                2 => self.admit(),
                pod => self.run_pod(pod - 3),
            };
            if acted {
                return true;
            }
        }
        false
    }

    /// When a lease runs out, if somebody waits for it.
    pub(super) fn next_expiry(&self) -> Option<Timestamp> {
        self.active().next()?;
        let leases = &self.stored.as_ref()?.leases;
        leases.iter().map(|lease| lease.expires).filter(|expires| *expires > self.now).min()
    }

    fn collect_garbage(&mut self) -> bool {
        let orphaned = self.object.is_none() && (self.job.is_some() || !self.pods.is_empty());
        // Whoever has a Job of the signers' name besides the operator takes it away in the end.
        let foreign = self.job.as_ref().is_some_and(|job| !job.ours);
        if orphaned || foreign {
            self.job = None;
            self.end_pods(0);
            self.pods.clear();
        }
        orphaned || foreign
    }

    /// <https://kubernetes.io/docs/concepts/workloads/controllers/job/>
    fn control_job(&mut self) -> bool {
        let before = (self.job.clone(), self.pods.len());
        let (now, active) = (self.now, self.active().count());
        let Some(job) = self.job.as_mut().filter(|job| job.ours) else { return false };
        let wanted = usize::try_from(job.parallelism).expect("few");
        if job.deleting {
            self.job = None;
            self.end_pods(0);
            self.pods.clear();
        } else if job.end.is_some() || job.suspended {
            self.end_pods(0);
        } else if job.counted > job.backoff_limit.into() {
            let (reason, message) = ("BackoffLimitExceeded".to_owned(), "too many failed".to_owned());
            job.end = Some(JobEnd::Failed { reason, message, at: now });
        } else if job.succeeded > 0 {
            // The first that succeeds ends the others.
            job.end = Some(JobEnd::Complete { at: now });
            self.end_pods(0);
        } else if active > wanted {
            self.end_pods(wanted);
        } else if active < wanted {
            self.born += 1;
            let holder = format!("pod-{}/uid-{}", self.born, self.born);
            self.pods.push(PodView { holder, state: STARTING, failed: false });
            let remains: Vec<_> = self.pods.iter().filter(|pod| !is_active(pod)).cloned().collect();
            if let Some(oldest) = remains.first().filter(|_| remains.len() > REMAINS) {
                self.pods.retain(|pod| pod != oldest);
            }
        }
        before != (self.job.clone(), self.pods.len())
    }

    /// Stops pods until no more than `left` are active; each gives back what it has in hand.
    fn end_pods(&mut self, left: usize) {
        let stopped: Vec<String> = self.active().skip(left).map(|pod| pod.holder.clone()).collect();
        self.pods.retain(|pod| !stopped.contains(&pod.holder));
        if let Some(stored) = self.stored.as_mut().filter(|_| self.up) {
            stored.release(&stopped);
        }
    }

    /// Kueue starts every Job of its queue that is suspended, whoever suspended it.
    fn admit(&mut self) -> bool {
        let queued = self.object.as_ref().is_some_and(|object| object.queued);
        match &mut self.job {
            Some(job) if queued && job.ours && job.suspended && job.end.is_none() && !job.deleting => {
                job.suspended = false;
                true
            }
            _ => false,
        }
    }

    fn run_pod(&mut self, number: usize) -> bool {
        let Some(pod) = self.pods.get(number) else { return false };
        match pod.state {
            PodState::Ended { .. } | PodState::Lost => false,
            PodState::Starting { .. } | PodState::Stuck { .. } => {
                let state = self.missing_secret().unwrap_or(RUNNING);
                let changed = self.pods[number].state != state;
                self.pods[number].state = state;
                changed
            }
            PodState::Running { .. } => self.run_signer(number),
        }
    }

    /// What a kubelet says when the Secret that the Job names is not there.
    fn missing_secret(&self) -> Option<PodState> {
        let wanted = self.job.as_ref().filter(|job| job.ours)?.secret.clone()?;
        (self.secret.map(secret_name).as_ref() != Some(&wanted)).then(|| PodState::Stuck {
            reason: "CreateContainerConfigError".to_owned(),
            message: format!("secret \"{wanted}\" not found"),
        })
    }

    fn run_signer(&mut self, number: usize) -> bool {
        let holder = self.pods[number].holder.clone();
        let (now, up) = (self.now, self.up);
        let keys = usize::try_from(self.keys()).expect("few");
        let stored = match (self.signers, &mut self.stored) {
            (Signers::Misconfigured, _) => Err(78),
            (Signers::Crashing, _) => Err(1),
            _ if !up => Err(75),
            (Signers::Good, Some(stored)) if !stored.deleted => Ok(stored),
            (Signers::Good, _) => Err(78),
        };
        let exit = match stored {
            Err(exit) => exit,
            Ok(stored) if stored.has(&holder) => {
                stored.sign(&holder);
                return true;
            }
            Ok(stored) if stored.complete => 0,
            Ok(stored) if stored.suspended => 130,
            Ok(stored) if stored.filled && stored.sealed && stored.signed == stored.made => {
                // The signer that finds nothing left says so.
                stored.complete = true;
                0
            }
            Ok(stored) => {
                // One key, one batch; and what there is to do, when there is nothing of the other.
                let key_first = !stored.filled && i64::try_from(stored.joined).expect("few") <= stored.signed;
                let leased = !key_first && stored.lease(&holder, now);
                if !leased && !stored.filled {
                    stored.join(keys);
                    return true;
                }
                return leased;
            }
        };
        self.end_pod(number, exit);
        true
    }

    /// A container ends, with whatever it has in hand.
    pub(super) fn end_pod(&mut self, number: usize, exit: i32) {
        let message = (exit != 0).then(|| format!("ended with {exit}"));
        self.pods[number].state = PodState::Ended { exit, message, at: Some(self.now) };
        let Some(job) = self.job.as_mut().filter(|job| job.ours) else { return };
        // One that is stopped by whoever evicts it counts, though it did not fail.
        job.counted += i64::from(!matches!(exit, 0 | 74 | 75));
        job.failed += i64::from(!matches!(exit, 0 | 74 | 75 | 130));
        match exit {
            0 => job.succeeded += 1,
            78 if job.end.is_none() => {
                let (reason, message) = ("PodFailurePolicy".to_owned(), "a rule says so".to_owned());
                job.end = Some(JobEnd::Failed { reason, message, at: self.now });
            }
            _ => {}
        }
    }
}
