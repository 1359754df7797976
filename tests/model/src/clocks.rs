//! How clocks move, and are set.

use crate::expiry::By;
use crate::model::LeaseModel;
use crate::moments::LAST;
use crate::state::{Assumptions, Phase, Signer, State};
use crate::steps;

/// Half the duration of a lease passes.
pub(crate) fn tick(model: &LeaseModel, state: &mut State) {
    state.ledgers_mut().for_each(|ledger| ledger.move_clock(|expiry| expiry.tick()));
    for index in 0..model.size.signers_in_all() {
        let signer = &mut state.signers[usize::from(index)];
        let most = match signer.phase {
            Phase::Signing => LAST,
            _ if signer.is_counting() => model.moments.useless(),
            _ => continue,
        };
        signer.elapsed = (signer.elapsed + 1).min(most);
        if signer.assumptions == Assumptions::HoldIfRenewed {
            signer.assumptions = Assumptions::Broken;
        }
        if signer.phase == Phase::Signing && model.moments.fenced(signer.elapsed, signer.slow) {
            steps::dies(state, index);
            steps::rest(state, index);
        }
    }
}

/// A lease counts as renewed in time if it is renewed before half its duration has passed.
pub(crate) fn set_forward(state: &mut State, by: By) {
    state.ledgers_mut().for_each(|ledger| ledger.move_clock(|expiry| expiry.set_forward(by)));
    for signer in state.signers.iter_mut().filter(|signer| signer.is_counting()) {
        let in_time = signer.elapsed == 0 && signer.assumptions == Assumptions::Hold;
        signer.assumptions = if in_time { Assumptions::HoldIfRenewed } else { Assumptions::Broken };
    }
}

pub(crate) fn set_back(state: &mut State, by: By, undone: bool) {
    state.ledgers_mut().for_each(|ledger| ledger.move_clock(|expiry| expiry.set_back(by, undone)));
}

/// The term of a lease begins anew, for a request that was sent so long ago.
pub(crate) fn renew(signer: &mut Signer, late: u8) {
    *signer = Signer { elapsed: late, slow: false, assumptions: Assumptions::Hold, ..*signer };
}
